"""MarkUs' custom tester, run in a folder in which its files lie beside the student's."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hosts import INTEGRATIONS, SUBMISSION, environment

SCRIPT = INTEGRATIONS / "markus" / "custom_tester.py"


def results_in(folder: Path, *, python: list[str] | None = None, **more: str) -> list[dict[str, Any]]:
    """The results that MarkUs takes from standard output, checked by its rules."""
    script = folder / SCRIPT.name
    shutil.copy2(SCRIPT, script)
    run = subprocess.run(
        [*(python or [sys.executable]), f"./{script.name}"],
        env=environment(**more),
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    results = [json.loads(line) for line in run.stdout.splitlines()]
    assert len({result["name"] for result in results}) == len(results)
    for result in results:
        assert set(result) == {"name", "output", "marks_earned", "marks_total", "status", "time"}
        earned, total, time = result["marks_earned"], result["marks_total"], result["time"]
        assert type(earned) is int and type(total) is int and earned >= 0 and total >= 0
        assert time is None or (type(time) is int and time >= 0)
        assert result["status"] in ("pass", "partial", "fail", "error", "error_all")
        if result["status"] == "partial":
            assert 0 < earned < total
    return results


@pytest.mark.slow
@pytest.mark.bubblewrap
def test_every_examined_criterion_has_a_line_in_hundredths(tmp_path: Path) -> None:
    shutil.copytree(SUBMISSION, tmp_path / "work")
    (tmp_path / "secret").write_text("class PoolUpsampleNet: pass\n")
    (tmp_path / "work" / "linked.py").symlink_to(tmp_path / "secret")
    results = results_in(tmp_path / "work")
    passed = {result["name"].partition(":")[0]: result for result in results if result["status"] == "pass"}
    assert passed["unet.architecture"]["marks_earned"] == passed["unet.architecture"]["marks_total"] == 20
    assert not any(name.startswith("manual.") for name in passed)
    assert (tmp_path / "work" / SCRIPT.name).exists()


@pytest.mark.slow
def test_a_grader_that_fails_is_an_error_of_all_tests(tmp_path: Path) -> None:
    shutil.copytree(SUBMISSION, tmp_path / "work")
    (result,) = results_in(tmp_path / "work", ASSIGNMENT="csc999")
    assert result["status"] == "error_all" and "not your fault" in result["output"]


def test_a_python_without_the_grader_is_named(tmp_path: Path) -> None:
    (tmp_path / "a2.py").write_text("x = 1\n")
    (result,) = results_in(tmp_path, python=[sys.executable, "-I", "-S"])
    assert result["status"] == "error_all" and sys.executable in result["output"]
