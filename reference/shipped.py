"""Where files that travel with the code lie: in their own folders in a checkout, in ``grader/shipped`` in a wheel."""

from __future__ import annotations

from pathlib import Path

__all__ = ["shipped"]

# Name → place in a checkout, relative to its root; a wheel holds each as grader/shipped/<name>
# (pyproject.toml, force-include). "/" is understood by Path everywhere.
_IN_A_CHECKOUT = {
    "horses.npz": "fixtures/data/horses.npz",
    "rubric.yaml": "rubric.yaml",
    "student_template": "student_template",
}


def shipped(name: str) -> Path:
    """The file or folder ``name``: ``horses.npz``, ``rubric.yaml`` or ``student_template``.

    Raises ValueError for another name, FileNotFoundError where the installation lacks it.
    """
    if name not in _IN_A_CHECKOUT:
        raise ValueError(f"nothing named '{name}' is shipped: there are {', '.join(_IN_A_CHECKOUT)}")
    root = Path(__file__).resolve().parent.parent
    places = (root / "grader" / "shipped" / name, root / _IN_A_CHECKOUT[name])
    for place in places:
        if place.exists():
            return place
    raise FileNotFoundError(
        f"{name} is missing from this installation (neither {places[0]} nor {places[1]} exists): install it again"
    )
