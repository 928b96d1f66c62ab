"""With a built-in dilation nothing of its question counts, and what was found stays to be read and to be undone."""

from __future__ import annotations

from fractions import Fraction

import pytest

from grader.marking.credit import as_examined, credited
from grader.marking.rubric import Assignment, Criterion, Part
from grader.marking.sheet import mark, verdict_of
from grader.marking.verdicts import Outcome, Verdict, failed, partial, passed

HALF = Fraction(1, 2)
NATIVE = partial("dilated.handmade", Fraction(0), "It gives a dilation.", mistake="native-dilation")
FOUND = {
    verdict.criterion: verdict
    for verdict in (
        NATIVE,
        partial("dilated.values", HALF, "One. Two. Three. Four.", mistake="padding-unscaled"),
        passed("dilated-unet.training", "It learns."),
        failed("dilated-unet.device", "It is tied."),
        passed("cnn.training", "It learns."),
    )
}


def assignment(*, question: str = "g1", hidden: bool = False, share: Fraction | None = None) -> Assignment:
    criteria = tuple(
        Criterion(
            id,
            f"Title of {id}",
            Fraction(1),
            id.rpartition(".")[2],
            "",
            (),
            hidden=hidden and id == NATIVE.criterion,
            question="b1" if question and id.startswith("cnn") else question,
        )
        for id in FOUND
    )
    part = Part("g", "G", Fraction(len(criteria)), True, criteria)
    shares = {} if share is None else {"native-dilation": share}
    return Assignment("csc321-2018", "Horses", ("a.py",), ("a.pdf",), ("pool-first",), (part,), shares)


def test_nothing_of_the_question_counts_and_what_was_found_is_shown() -> None:
    verdicts = credited(assignment(), FOUND)
    beginning = "With a built-in dilation, this question earns nothing; see dilated.handmade. "
    values = verdicts["dilated.values"]
    assert (values.outcome, values.share, values.mistake) == (Outcome.SKIPPED, 0, "padding-unscaled")
    assert values.feedback == f"{beginning}One. Two. Three."
    assert verdicts["dilated-unet.training"].feedback == f"{beginning}It learns."


def test_what_failed_and_what_belongs_to_another_question_stays() -> None:
    verdicts = credited(assignment(), FOUND)
    for id in ("dilated.handmade", "dilated-unet.device", "cnn.training"):
        assert verdicts[id] is FOUND[id]


def test_without_questions_the_layer_alone_counts_as_the_question() -> None:
    verdicts = credited(assignment(question=""), FOUND)
    assert verdicts["dilated.values"].share == 0 and verdicts["dilated-unet.training"].share == 1


def test_another_mistake_takes_nothing_from_the_rest() -> None:
    ignored = failed(NATIVE.criterion, "Nothing is spread.", mistake="dilation-ignored")
    assert credited(assignment(), {**FOUND, NATIVE.criterion: ignored})["dilated.values"].share == HALF


@pytest.mark.parametrize(("share", "points"), [("0", (0, 0, 0)), ("1/2", ("1/2", "1/4", "1/2")), ("1", (1, "1/2", 1))])
def test_each_criterion_keeps_the_share_that_the_rubric_sets(share: str, points: tuple[str, ...]) -> None:
    sheet = mark(assignment(share=Fraction(share)), FOUND.values())
    marks = {each.id: each.points for each in sheet.marks}
    ids = ("dilated.handmade", "dilated.values", "dilated-unet.training")
    assert tuple(marks[id] for id in ids) == tuple(map(Fraction, points))


@pytest.mark.parametrize("first", [None, HALF, Fraction(1)])
def test_a_changed_share_gives_what_an_examination_would_give(first: Fraction | None) -> None:
    recorded = [verdict_of(each) for each in mark(assignment(share=first), FOUND.values()).marks]
    for share in (None, HALF, Fraction(1)):
        expected = mark(assignment(share=share), FOUND.values())
        actual = mark(assignment(share=share), recorded)
        assert [(each.id, each.outcome, each.points) for each in actual.marks] == [
            (each.id, each.outcome, each.points) for each in expected.marks
        ]


def test_a_hidden_criterion_is_not_betrayed_and_counts_again_in_a_second_marking() -> None:
    rubric = assignment(hidden=True)
    sheet = mark(rubric, FOUND.values())
    assert all("dilation" not in each.feedback for each in sheet.marks)
    again = mark(rubric, map(verdict_of, sheet.marks))
    assert again.score == sheet.score == 1


def test_only_what_was_put_before_a_feedback_is_taken_away() -> None:
    assert as_examined("The values are right. See that.") == "The values are right. See that."
    verdict: Verdict = credited(assignment(share=HALF), FOUND)["dilated-unet.training"]
    assert verdict.feedback.startswith("With a built-in dilation, 50 % of the points of this question count")
    assert as_examined(verdict.feedback) == "It learns."
