"""From submission to report: dependencies between criteria, and our failures that are never the student's."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from places import ROOT

from grader.intake import find
from grader.marking.rubric_file import load
from grader.marking.verdicts import Flag, Outcome, Verdict
from grader.pipeline import Grading, Options
from grader.sandbox.terms import SandboxError
from grader.worker.protocol import (
    Definitions,
    OutlineSource,
    probe_from_json,
    reply_to_json,
)
from reference.data import load_horses

RUBRIC = load(ROOT / "rubric.yaml")
RIGHT = ROOT / "fixtures" / "submissions" / "csc321-2018" / "right" / "submission"


class NoSandbox:
    """Stands where the sandbox stands; its sessions know the outline and answer nothing else."""

    isolation = "none"
    layers: dict[str, str] = {}  # noqa: RUF012

    def open(self):
        return self

    output = ""
    dropped = 0
    spent = 0.0

    def close(self):
        pass

    def ask(self, message, tensors=None, *, seconds, reply_bytes=None):
        from grader.worker.source.outline import outline

        probe = probe_from_json(message)
        if isinstance(probe, OutlineSource):
            return reply_to_json(outline(probe.files)), {}
        classes = ("CNN", "UNet", "DilatedUNet", "MyConv2d", "MyDilatedConv2d", "RegressionCNN")
        return reply_to_json(Definitions(classes=classes)), {}


def _verdict(id: str, outcome: Outcome) -> Verdict:
    share = {Outcome.PASS: Fraction(1), Outcome.PARTIAL: Fraction(1, 2)}.get(outcome, Fraction(0))
    return Verdict(id, outcome, "said", share)


def _graded(outcomes, **options):
    def check(name, sitting, criterion):
        outcome = outcomes.get(criterion, Outcome.PASS)
        if isinstance(outcome, Exception):
            raise outcome
        return _verdict(criterion, outcome)

    grading = Grading(RUBRIC, load_horses(), NoSandbox(), Options(assignment="csc321-2018", **options), check=check)
    report = grading.grade(find([RIGHT], mode="one").found[0])
    return {mark.id: mark for mark in report.sheet.marks}, report


def test_what_depends_on_a_failed_criterion_is_skipped_and_names_it():
    marks, _ = _graded({"dilated.values": Outcome.FAIL})
    assert marks["dilated-unet.architecture"].outcome is Outcome.SKIPPED
    assert "dilated.values" in marks["dilated-unet.architecture"].feedback
    assert marks["dilated-unet.shapes"].outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("need", "dependent", "skipped"),
    [("dilated.values", "dilated-unet.device", True), ("cnn.shapes", "my-conv2d.values", False)],
)
def test_a_part_of_the_values_holds_up_what_depends_on_it_and_a_part_of_the_shapes_does_not(need, dependent, skipped):
    marks, _ = _graded({need: Outcome.PARTIAL})
    assert (marks[dependent].outcome is Outcome.SKIPPED) == skipped


def test_a_defect_of_ours_is_an_error_that_costs_nothing_and_takes_nothing_with_it():
    marks, report = _graded({"unet.training": ZeroDivisionError("ours")})
    assert marks["unet.training"].outcome is Outcome.ERROR
    assert "the grader itself failed" in marks["unet.training"].feedback.lower()
    assert "Traceback" not in marks["unet.training"].feedback
    assert marks["cnn.training"].outcome is Outcome.PASS and report.sheet.status == "needs_review"
    assert report.sheet.pending_points >= marks["unet.training"].max_points


def test_a_session_that_fails_by_our_fault_ends_the_grading_so_that_the_submission_is_tried_again():
    with pytest.raises(SandboxError, match="cannot be killed"):
        _graded({"unet.training": SandboxError("a session's processes cannot be killed")})


def test_without_training_those_criteria_are_pending():
    marks, _ = _graded({}, quick=True)
    assert {marks[id].outcome for id in ("cnn.training", "unet.training", "dilated-unet.training")} == {Outcome.PENDING}


def test_every_criterion_of_the_rubric_has_a_mark():
    marks, report = _graded({})
    assert list(marks) == [criterion.id for criterion in RUBRIC.assignments["csc321-2018"].criteria]
    assert report.sheet.score + report.sheet.pending_points == report.sheet.max_score + 1  # the bonus


def _asked(flag: Flag | None, **second: Outcome):
    """The criteria of the check ``device`` that were judged, each with its exam's seed, and the report.

    ``second`` are outcomes of the second session.
    """
    asked = []

    def check(name, sitting, criterion):
        asked.append((criterion, sitting.exam.seed))
        outcome = second.get(name, Outcome.PASS) if sitting.exam.seed != 5 else Outcome.PASS
        return replace(_verdict(criterion, outcome), flags=(flag,) if flag and criterion == "cnn.shapes" else ())

    options = Options(assignment="csc321-2018", seed=5)
    grading = Grading(RUBRIC, load_horses(), NoSandbox(), options, check=check)
    report = grading.grade(find([RIGHT], mode="one").found[0])
    return [(criterion, seed) for criterion, seed in asked if criterion.endswith(".device")], report


def test_without_a_doubt_each_criterion_is_judged_once():
    asked, report = _asked(None, device=Outcome.FAIL)
    assert len(asked) == len(dict(asked)) and not report.flags


def test_with_a_doubt_a_second_session_is_asked_in_another_order_under_other_numbers():
    asked, report = _asked(Flag("untrusted-evidence", "Read it."))
    half = len(asked) // 2
    first, second = asked[:half], asked[half:]
    assert [criterion for criterion, _ in second] == [criterion for criterion, _ in first][::-1]
    assert {seed for _, seed in first} == {5} and len({seed for _, seed in second} - {5}) == 1
    assert [flag.detail for flag in report.flags] == ["Read it."]


def test_where_the_second_session_differs_the_first_verdict_stands_and_a_person_decides():
    _, report = _asked(Flag("untrusted-evidence", "Read it."), device=Outcome.FAIL)
    marks = {mark.id: mark for mark in report.sheet.marks}
    assert marks["cnn.device"].outcome is Outcome.PASS and report.sheet.status == "needs_review"
    assert any(flag.detail.startswith("cnn.device: the first session says 'pass'") for flag in report.flags)


def test_reports_of_one_run_share_one_exam():
    grading = Grading(RUBRIC, load_horses(), NoSandbox(), Options())
    assert grading.exam("csc321-2018") is grading.exam("csc321-2018")
    assert replace(grading.options, seed=5).seed == 5
