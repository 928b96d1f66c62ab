"""Every fixture, graded through the real command line, has the marks that its expected.yaml says."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest
import yaml
from places import ROOT

from grader.marking.verdicts import sentences

FOLDERS = sorted(path.parent for path in (ROOT / "fixtures" / "submissions").glob("*/*/expected.yaml"))
ASSIGNMENTS = ("csc321-2018", "cse891-2018", "csc2516-2019", "csc413-2020", "csc413-2023")


def graded(test):
    """A test of the reports, for which all fixtures are graded once."""
    return pytest.mark.slow(pytest.mark.bubblewrap(test))


def _name(folder: Path) -> str:
    return f"{folder.parent.name}/{folder.name}"


def _our_failures(out: Path) -> list[str]:
    """The criteria on which the grader itself failed, with the reason that the evidence gives."""
    criteria = [
        (path.parent.name, criterion)
        for path in sorted(out.glob("*/report.json"))
        for criterion in json.loads(path.read_text("utf-8"))["criteria"]
    ]
    return [f"{id}, {each['id']}: {each['evidence']}" for id, each in criteria if each["outcome"] == "error"]


@pytest.fixture(scope="session")
def reports(tmp_path_factory):
    """Reports by name of the fixture; the fixtures of each assignment are graded as one cohort, as a TA would."""
    place = tmp_path_factory.mktemp("fixtures")
    reports = {}
    for assignment in ASSIGNMENTS:
        folders = [folder for folder in FOLDERS if folder.parent.name == assignment]
        for folder in folders:
            shutil.copytree(folder / "submission", place / assignment / folder.name)
        out = place / f"{assignment}-reports"
        options = ["--many", "--out", str(out), "--seed", "1", "--timeout", "60"]
        command = [sys.executable, "-m", "grader", str(place / assignment), *options]
        ran = subprocess.run(command, capture_output=True, text=True, cwd=place, check=False)
        assert ran.returncode == 0, "\n".join([ran.stderr, ran.stdout, *_our_failures(out)])
        for folder in folders:
            reports[_name(folder)] = json.loads((out / folder.name / "report.json").read_text("utf-8"))
    return reports


@graded
@pytest.mark.parametrize("folder", FOLDERS, ids=_name)
def test_a_fixture_gets_the_marks_that_its_expected_yaml_says(folder, reports):
    expected = yaml.safe_load((folder / "expected.yaml").read_text("utf-8"))
    report = reports[_name(folder)]
    assert report["assignment"]["id"] == expected["assignment"]
    actual = {criterion["id"]: criterion for criterion in report["criteria"]}
    automatic = {id for id in actual if not id.startswith("manual.")}
    assert set(expected["criteria"]) == automatic
    differences = []
    for id, wanted in expected["criteria"].items():
        marked = {
            "outcome": actual[id]["outcome"],
            "points": Fraction(str(actual[id]["points"])),
            "mistake": actual[id]["mistake"],
        }
        due = {
            "outcome": wanted["outcome"],
            "points": Fraction(str(wanted["points"])),
            "mistake": wanted.get("mistake", marked["mistake"]),
        }
        if marked != due:
            differences.append(f"{id}: expected {due}, actual {marked}: {actual[id]['feedback']}")
    assert not differences, "\n".join(differences)


@graded
@pytest.mark.parametrize("folder", FOLDERS, ids=_name)
def test_feedback_is_at_most_four_sentences_and_holds_no_traceback(folder, reports):
    for criterion in reports[_name(folder)]["criteria"]:
        assert "Traceback" not in criterion["feedback"]
        assert len(sentences(criterion["feedback"])) <= 4, criterion["feedback"]


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_every_assignment_has_a_right_fixture_a_starter_and_four_faults(assignment):
    names = {folder.name for folder in FOLDERS if folder.parent.name == assignment}
    assert {"right", "starter"} <= names
    assert len([name for name in names if not name.startswith(("right", "starter"))]) >= 4


@graded
@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_the_starter_earns_nothing_and_its_feedback_says_what_to_do(assignment, reports):
    for criterion in reports[f"{assignment}/starter"]["criteria"]:
        assert criterion["points"] == 0 and criterion["outcome"] not in ("pass", "partial", "error")
    feedback = " ".join(criterion["feedback"] for criterion in reports[f"{assignment}/starter"]["criteria"])
    assert "still to be completed" in feedback.lower()


@graded
@pytest.mark.parametrize("folder", [folder for folder in FOLDERS if folder.name.startswith("trivial-")], ids=_name)
def test_a_network_that_does_next_to_nothing_earns_nothing(folder, reports):
    assert reports[_name(folder)]["score"] == 0


def test_the_starter_is_the_template_unchanged():
    for assignment in ASSIGNMENTS:
        template = ROOT / "student_template" / assignment
        starter = ROOT / "fixtures" / "submissions" / assignment / "starter" / "submission"
        handed_in = {path.name: path.read_bytes() for path in starter.iterdir() if path.suffix in (".py", ".ipynb")}
        assert handed_in == {
            path.name: path.read_bytes() for path in template.iterdir() if path.suffix in (".py", ".ipynb")
        }
