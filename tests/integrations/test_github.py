"""The workflow of GitHub Actions: its own steps, run in a checkout as a runner does."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import fastjsonschema
import pytest
import yaml
from hosts import INTEGRATIONS, SUBMISSION, commands, environment
from places import TESTS

from grader.export.actions import workflow_commands

VALID = fastjsonschema.compile(json.loads((TESTS / "export" / "github.schema.json").read_text()))
WORKFLOW = INTEGRATIONS / "github" / "grade.yml"


def runner(folder: Path, **more: str) -> tuple[subprocess.CompletedProcess[str], Path]:
    """Run the step that grades, in a checkout of a student's repository. The run, and the folder of its files."""
    workflow: dict[Any, Any] = yaml.safe_load(WORKFLOW.read_text("utf-8"))
    step = next(step for step in workflow["jobs"]["grade"]["steps"] if step.get("id") == "grade")
    checkout = folder / "checkout"
    shutil.copytree(SUBMISSION, checkout)
    (checkout / ".git").mkdir()
    (checkout / ".github" / "workflows").mkdir(parents=True)
    shutil.copy(WORKFLOW, checkout / ".github" / "workflows" / "grade.yml")
    (folder / "temp").mkdir()
    settings = {name: str(value) for name, value in workflow["env"].items()}
    path = f"{commands(folder / 'bin')}:{environment()['PATH']}"
    files = {"GITHUB_OUTPUT": str(folder / "output"), "GITHUB_STEP_SUMMARY": str(folder / "summary")}
    env = environment(**{**settings, **files, "RUNNER_TEMP": str(folder / "temp"), **more, "PATH": path})
    run = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
        env=env,
        cwd=checkout,
        capture_output=True,
        text=True,
        check=False,
    )
    return run, folder


@pytest.mark.slow
@pytest.mark.bubblewrap
def test_a_push_is_graded_for_the_reporter_the_summary_and_the_files(tmp_path: Path) -> None:
    run, folder = runner(tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    name, _, result = (folder / "output").read_text().strip().partition("=")
    results = VALID(json.loads(base64.b64decode(result)))
    assert name == "result" and any(test["status"] == "pass" for test in results["tests"])
    assert (folder / "summary").read_text("utf-8").startswith("# ")
    token = re.search(r"^::stop-commands::([0-9a-f]{32})$", run.stdout, re.MULTILINE)
    assert token and f"::{token[1]}::" in run.stdout.splitlines()


@pytest.mark.slow
def test_a_grader_that_fails_fails_the_job_and_gives_no_result(tmp_path: Path) -> None:
    run, folder = runner(tmp_path, ASSIGNMENT="csc999")
    assert run.returncode == 1 and "::error title=The grader failed::" in run.stdout
    assert not (folder / "output").exists()


def test_the_reporter_is_given_what_the_step_puts_out() -> None:
    workflow = yaml.safe_load(WORKFLOW.read_text("utf-8"))
    steps = workflow["jobs"]["grade"]["steps"]
    report = next(step for step in steps if "autograding-grading-reporter" in step.get("uses", ""))
    for name in report["with"]["runners"].split(","):
        assert report["env"][f"{name.upper()}_RESULTS"] == f"${{{{ steps.{name}.outputs.result }}}}"


def test_an_annotation_is_one_command_whatever_its_text_says() -> None:
    text = "100%\n::error::forged\r\n"
    test = {"name": "a, b: c", "status": "fail", "message": text, "filename": "x,y:z.py", "line_no": 0}
    (command,) = workflow_commands({"tests": [test, {**test, "status": "pass"}]})
    assert command == ("::warning file=x%2Cy%3Az.py,line=1,title=a%2C b%3A c::100%25%0A::error::forged%0D%0A")
    *_, last = workflow_commands({"tests": [test] * 12})
    assert last == "::notice::2 more are in the job's summary"
