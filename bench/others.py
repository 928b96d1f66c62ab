"""The same checks of the same submissions by nbgrader, if it is installed (``pip install nbgrader``).

nbgrader runs a test cell below the student's cell, in the student's own kernel. The test cell here runs the code that
gives ``grade``'s verdicts in that kernel. So only the work around the checks differs.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

from bench.submissions import ASSIGNMENT

__all__ = ["by_nbgrader"]

ROOT = Path(__file__).resolve().parent.parent
_TEST = f"""\
import sys
sys.path.insert(0, {str(ROOT)!r})
from accuracy.examining import Examiner
verdicts = Examiner(1, sandboxed=False).verdicts({ASSIGNMENT!r}, In[1])
assert all(verdict.share == 1 for verdict in verdicts.values())
"""


def by_nbgrader(scripts: list[Path]) -> float | None:
    """Seconds per submission that ``nbgrader autograde`` takes for these scripts; None if it is not installed.

    Raises CalledProcessError if it fails.
    """
    if importlib.util.find_spec("nbgrader") is None:
        return None
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        course = Path(name)
        (course / "nbgrader_config.py").write_text("c = get_config()\nc.CourseDirectory.course_id = 'bench'\n")
        _write(course / "source" / "a" / "a.ipynb", "# To be filled in.")
        _nbgrader(course, "generate_assignment", "a")
        for number, script in enumerate(scripts):
            _write(course / "submitted" / f"student{number:03}" / "a" / "a.ipynb", script.read_text("utf-8"))
        begin = time.perf_counter()
        _nbgrader(course, "autograde", "a")
        return (time.perf_counter() - begin) / len(scripts)


def _write(path: Path, source: str) -> None:
    """Write a notebook with a cell for the student's code and a test cell."""
    path.parent.mkdir(parents=True)
    theirs = {"grade": False, "grade_id": "code", "locked": False, "schema_version": 3, "solution": True, "task": False}
    ours = {**theirs, "grade": True, "grade_id": "test", "locked": True, "solution": False, "points": 1}
    cells = [new_code_cell(source, metadata={"nbgrader": theirs}), new_code_cell(_TEST, metadata={"nbgrader": ours})]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(new_notebook(cells=cells, metadata=kernel), path)


def _nbgrader(course: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "nbgrader", *arguments]
    # nbgrader calls programs of its environment by name.
    programs = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    subprocess.run(command, cwd=course, env=programs, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
