"""What loading reports is bounded, and each thing is said once."""

from __future__ import annotations

from pathlib import Path

from sources import script

from grader.worker.loading.files import File, Unit
from grader.worker.loading.findings import Findings


def _unit(text: str) -> Unit:
    return File(script(text), Path("scratch")).units[0]


def test_a_statement_is_skipped_once_for_each_reason() -> None:
    findings = Findings()
    for reason in ("it trains", "it trains", "it prints"):
        findings.skip("models.py, line 3", "train()", reason)
    assert [remark.reason for remark in findings.skipped] == ["it trains", "it prints"]


def test_a_unit_is_skipped_with_its_place_and_its_first_line() -> None:
    findings = Findings()
    findings.skip_unit(_unit("\n\nclass CNN:\n    pass\n"), "nothing needs it")
    (remark,) = findings.skipped
    assert (remark.place, remark.text) == ("models.py, line 3", "class CNN:")


def test_a_failure_names_what_is_not_defined_and_what_was_raised() -> None:
    findings = Findings()
    findings.fail(_unit("b, a = None\n"), TypeError("cannot unpack"))
    (failure,) = findings.failures
    assert (failure.names, failure.text) == (("a", "b"), "b, a = None")
    assert (failure.trouble.type, failure.trouble.text) == ("TypeError", "cannot unpack")
    findings.fail(_unit(", ".join(f"a{number:02}" for number in range(50)) + " = None"), TypeError())
    assert len(findings.failures[1].names) == 20


def test_of_several_reasons_to_replace_a_module_the_first_counts() -> None:
    findings = Findings()
    for module, reason in (("cv2", "it is absent"), ("cv2", "another"), ("x" * 5000, "it is long")):
        findings.replace(module, reason)
    assert [(each.module[:3], each.reason) for each in findings.replacements] == [
        ("cv2", "it is absent"),
        ("xxx", "it is long"),
    ]
    assert len(findings.replacements[1].module) == 200


def test_no_submission_can_make_the_findings_endless() -> None:
    findings, unit = Findings(), _unit("x = 1")
    for number in range(600):
        findings.skip("a.py, line 1", "x", f"reason {number}")
        findings.note("a.py, line 1", "x", f"reason {number}")
        findings.replace(f"module{number}", "it is absent")
        findings.fail(unit, ValueError())
    lists = (findings.skipped, findings.notes, findings.replacements, findings.failures)
    assert [len(entries) for entries in lists] == [500] * 4
    findings.replace("module3", "another")
    assert findings.replacements[3].reason == "it is absent"
