"""Files and folders whose names claim to be another student's, as a learning platform would name them."""

from __future__ import annotations

from pathlib import Path

from .cases import HONEST, Case

__all__ = ["CASES"]

_ALL = ("cnn.architecture", "dilated.values")


def _file(name: str) -> Case:
    """A student calls the own file so. It counts, and it is the student's."""

    def make(folder: Path) -> None:
        (folder / name).write_text(HONEST, "utf-8")

    number = sum(map(ord, name))
    return Case(f"owners-file-{number}", "owners", make, kept=_ALL)


def _folder(name: str) -> Case:
    """A hand-in lies in a folder of that name, and no platform named the others so."""

    def make(folder: Path) -> None:
        (folder / "colourization.py").write_text(HONEST, "utf-8")

    return Case(name, "owners", make, kept=_ALL)


CASES = [
    _file("honest-neighbour_22345_678_colourization.py"),
    _file("honest-neighbour_LATE_22345_678_colourization-1.py"),
    _file("x_22345_assignsubmission_file_colourization.py"),
    _file("Honest Neighbour_22345_assignsubmission_file_colourization.py"),
    _file("Assignment 2_honest-neighbour_attempt_2026-03-01-10-00-00_colourization.py"),
    _file("honest-neighbour - colourization.py"),
    _file("colorization-honest-neighbour.py"),
    _file("submission_22345.py"),
    _file("anon_22345_678_colourization.py"),
    _file("honest-neighbour+owners.py"),
    _folder("honest-neighbour_22345_678_colourization"),
    _folder("Honest Neighbour_22345_assignsubmission_file_"),
    _folder("Assignment 2_honest-neighbour_attempt_2026-03-01-10-00-00_a2"),
    _folder("honest-neighbour - a2"),
    _folder("honest-neighbour@example.org"),
    _folder("submission_22345"),
    _folder("honest-neighbour+owners"),
    _folder("HONEST-NEIGHBOUR"),
]
