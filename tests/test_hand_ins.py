"""A right solution has its points in whatever form it is handed in; what cannot be examined is one sentence."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hand_ins import GRADED, REFUSED, lay_out

from grader.cli.grade import main

pytestmark = pytest.mark.slow

Reports = dict[str, dict[str, Any]]


def _folder(name: str) -> str:
    return re.sub(r"\W+", "-", name)


@pytest.fixture(scope="module")
def reports(tmp_path_factory) -> Reports:
    """The reports of all the hand-ins, graded as one cohort without training."""
    top, out = tmp_path_factory.mktemp("hand-ins"), tmp_path_factory.mktemp("reports")
    for name, make in [*GRADED.items(), *((name, make) for name, (make, _) in REFUSED.items())]:
        lay_out(make(), top / _folder(name))
    assert main([str(top), "--many", "--quick", "--seed", "3", "--device", "cpu", "--out", str(out)]) == 0
    return {path.parent.name: json.loads(path.read_text("utf-8")) for path in out.glob("*/report.json")}


@pytest.mark.parametrize("name", GRADED)
def test_a_right_solution_has_all_its_points_in_whatever_form_it_is_handed_in(reports, name):
    report = reports[_folder(name)]
    ended = {criterion["id"]: criterion["outcome"] for criterion in report["criteria"]}
    lost = {id: outcome for id, outcome in ended.items() if outcome not in ("pass", "pending")}
    assert not lost, [criterion["feedback"] for criterion in report["criteria"] if criterion["id"] in lost]
    assert {ended[id] for id in ("cnn.architecture", "unet.architecture", "files.code")} == {"pass"}
    assert report["status"] != "ungradable"


@pytest.mark.parametrize("name", REFUSED)
def test_the_report_says_why_a_submission_cannot_be_examined(reports, name):
    report = reports[_folder(name)]
    (code,) = (criterion for criterion in report["criteria"] if criterion["id"] == "files.code")
    assert (report["status"], code["outcome"]) == ("ungradable", "fail")
    assert REFUSED[name][1] in code["feedback"]


def test_no_two_hand_ins_share_a_folder():
    names = [_folder(name) for name in (*GRADED, *REFUSED)]
    assert len(names) == len(set(names))
