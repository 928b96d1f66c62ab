"""Gradescope's two scripts, run in a folder that is laid out like Gradescope's container."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import fastjsonschema
import pytest
from hosts import INTEGRATIONS, SUBMISSION, commands, environment
from places import TESTS

VALID = fastjsonschema.compile(json.loads((TESTS / "export" / "gradescope.schema.json").read_text()))


def container(root: Path) -> Path:
    """``/autograder`` before the first submission."""
    for name in ("source", "submission", "results"):
        (root / name).mkdir(parents=True)
    for name in ("setup.sh", "run_autograder"):
        shutil.copy2(INTEGRATIONS / "gradescope" / name, root / "source" / name)
    return root


def script(root: Path, name: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(root / "source" / name)],
        env=environment(AUTOGRADER_ROOT=str(root), **more),
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )


def test_setup_installs_bubblewrap_and_the_wheel_of_the_zip(tmp_path: Path) -> None:
    root = container(tmp_path / "autograder")
    (root / "source" / "colour_grade-1-py3-none-any.whl").write_bytes(b"")
    tools, log = tmp_path / "tools", tmp_path / "log"
    tools.mkdir()
    (tools / "apt-get").write_text(f'#!/bin/sh\necho "apt-get $*" >> "{log}"\n')
    # `python3 -m venv FOLDER` makes a Python that says what it is asked for.
    (tools / "python3").write_text(
        f'#!/bin/sh\nmkdir -p "$3/bin"\nprintf \'#!/bin/sh\\necho "python $*" >> "{log}"\\n\' > "$3/bin/python"\n'
        'chmod +x "$3/bin/python"\n'
    )
    for tool in tools.iterdir():
        tool.chmod(0o755)
    assert script(root, "setup.sh", PATH=f"{tools}:{environment()['PATH']}").returncode == 0
    said = log.read_text()
    assert "apt-get install" in said and "bubblewrap" in said
    assert "python -m pip install" in said and "colour_grade-1-py3-none-any.whl" in said


def test_setup_without_a_grader_says_what_is_missing(tmp_path: Path) -> None:
    root = container(tmp_path / "autograder")
    (tmp_path / "apt-get").write_text("#!/bin/sh\n")
    (tmp_path / "apt-get").chmod(0o755)
    run = script(root, "setup.sh", PATH=f"{tmp_path}:{environment()['PATH']}")
    assert run.returncode == 1 and "neither a wheel" in run.stderr


@pytest.mark.slow
@pytest.mark.bubblewrap
def test_a_submission_becomes_valid_results(tmp_path: Path) -> None:
    root = container(tmp_path / "autograder")
    commands(root / "venv" / "bin")
    shutil.copytree(SUBMISSION, root / "submission", dirs_exist_ok=True)
    (root / "submission_metadata.json").write_text("{}")
    run = script(root, "run_autograder")
    assert run.returncode == 0, run.stdout + run.stderr
    results = VALID(json.loads((root / "results" / "results.json").read_text()))
    assert [path.name for path in (root / "results").iterdir()] == ["results.json"]
    assert results["score"] > 0 and results["extra_data"]["assignment"] == "csc413-2023"
    assert any(test.get("status") == "passed" for test in results["tests"])


@pytest.mark.slow
def test_a_grader_that_fails_leaves_no_results_and_says_why(tmp_path: Path) -> None:
    root = container(tmp_path / "autograder")
    commands(root / "venv" / "bin")
    shutil.copytree(SUBMISSION, root / "submission", dirs_exist_ok=True)
    run = script(root, "run_autograder", ASSIGNMENT="csc999")
    assert run.returncode == 1
    assert "csc999" in run.stderr and "there is no report" in run.stderr
    assert list((root / "results").iterdir()) == []
