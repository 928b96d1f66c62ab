"""Marks are exact, complete and fair: what the grader could not decide is never held against the student."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from places import ROOT

from grader.marking.basis import bases
from grader.marking.evidence import Evidence
from grader.marking.rubric import Assignment, Criterion, Part
from grader.marking.rubric_file import load
from grader.marking.sheet import Mark, MarkSheet, mark
from grader.marking.verdicts import Flag, Outcome, Verdict, failed, partial

F = Fraction


def criterion(id: str, points: str, *, needs: tuple[str, ...] = (), hidden: bool = False) -> Criterion:
    manual = id.startswith("manual.")
    return Criterion(
        id=id,
        title=f"Title of {id}",
        points=F(points),
        check=None if manual else id.rpartition(".")[2],
        look_for="two reasons" if manual else "",
        needs=needs,
        hidden=hidden,
    )


def assignment(*criteria: Criterion, bonus: tuple[Criterion, ...] = ()) -> Assignment:
    parts = [Part("a", "A", sum((c.points for c in criteria), F(0)), False, criteria)]
    if bonus:
        parts.append(Part("b", "B", sum((c.points for c in bonus), F(0)), True, bonus))
    return Assignment("csc413-2020", "Horses", ("a.ipynb",), ("a.pdf",), ("pool-first",), tuple(parts), {})


def passed(id: str) -> Verdict:
    return Verdict(id, Outcome.PASS, "Right.", F(1))


def ended(id: str, outcome: Outcome) -> Verdict:
    return Verdict(
        id, outcome, f"It is {outcome.value}.", {Outcome.PASS: F(1), Outcome.PARTIAL: F(1, 2)}.get(outcome, F(0))
    )


def by_id(sheet: MarkSheet) -> dict[str, Mark]:
    return {mark.id: mark for mark in sheet.marks}


def test_a_verdict_becomes_a_mark_with_all_that_it_says() -> None:
    rubric = assignment(criterion("cnn.shapes", "0.75"))
    sheet = mark(
        rubric,
        [
            Verdict(
                "cnn.shapes",
                Outcome.PARTIAL,
                "Three is fixed.",
                F(2, 3),
                "three-colours",
                Evidence(facts={"expected": [1, 24]}),
                0.5,
            )
        ],
    )
    assert sheet.marks == (
        Mark(
            id="cnn.shapes",
            part="a",
            title="Title of cnn.shapes",
            outcome=Outcome.PARTIAL,
            points=F("0.5"),
            max_points=F("0.75"),
            bonus=False,
            feedback="Three is fixed.",
            mistake="three-colours",
            evidence=Evidence(facts={"expected": [1, 24]}),
            seconds=0.5,
            share=F(2, 3),
            basis=bases(rubric)["cnn.shapes"],
        ),
    )
    assert (sheet.score, sheet.max_score, sheet.pending_points, sheet.status) == (F("0.5"), F("0.75"), 0, "graded")


def test_marks_stand_in_the_rubrics_order_whatever_the_verdicts() -> None:
    sheet = mark(
        assignment(
            criterion("cnn.shapes", "1"), criterion("manual.a2", "1"), bonus=(criterion("dilated.values", "1"),)
        ),
        [passed("dilated.values"), passed("cnn.shapes")],
    )
    assert [(m.id, m.part, m.bonus) for m in sheet.marks] == [
        ("cnn.shapes", "a", False),
        ("manual.a2", "a", False),
        ("dilated.values", "b", True),
    ]


def test_bonus_counts_in_the_score_and_not_in_the_maximum() -> None:
    sheet = mark(
        assignment(criterion("cnn.shapes", "2"), bonus=(criterion("dilated.values", "0.25"),)),
        [passed("cnn.shapes"), passed("dilated.values")],
    )
    assert (sheet.score, sheet.max_score) == (F("2.25"), 2)


def test_a_manual_criterion_waits_for_a_person_and_its_points_with_it() -> None:
    sheet = mark(assignment(criterion("manual.a2", "0.40")), [])
    [waiting] = sheet.marks
    assert (waiting.outcome, waiting.points, waiting.max_points) == (Outcome.PENDING, 0, F("0.4"))
    assert waiting.feedback == "A person marks this."
    assert (sheet.score, sheet.pending_points, sheet.status) == (0, F("0.4"), "graded")


def test_a_manual_criterion_that_a_person_has_marked_counts() -> None:
    sheet = mark(
        assignment(criterion("manual.a2", "0.40")), [Verdict("manual.a2", Outcome.PARTIAL, "One reason.", F(1, 2))]
    )
    assert (sheet.score, sheet.pending_points) == (F("0.2"), 0)


def test_an_automatic_criterion_without_a_verdict_is_the_graders_fault() -> None:
    sheet = mark(assignment(criterion("cnn.shapes", "0.40")), [])
    [broken] = sheet.marks
    assert (broken.outcome, broken.points) == (Outcome.ERROR, 0)
    assert "The grader failed" in broken.feedback
    assert "a person must look" in broken.feedback
    assert (sheet.pending_points, sheet.status) == (F("0.4"), "needs_review")


@pytest.mark.parametrize(
    ("share", "points", "earned"),
    [("1/2", "0.05", "1/40"), ("1/3", "1", "1/3"), ("2/3", "0.01", "1/150"), ("1/10", "0", "0")],
)
def test_points_are_exact_and_not_rounded(share: str, points: str, earned: str) -> None:
    sheet = mark(
        assignment(criterion("cnn.shapes", points)), [Verdict("cnn.shapes", Outcome.PARTIAL, "Partly.", F(share))]
    )
    assert sheet.marks[0].points == sheet.score == F(earned)


FLAG = Flag("two-files", "There are two files.")


@pytest.mark.parametrize(
    ("outcome", "flags", "own_flags", "gradable", "status"),
    [
        (Outcome.PASS, (), (), True, "graded"),
        (Outcome.FAIL, (), (), True, "graded"),
        (Outcome.SKIPPED, (), (), True, "graded"),
        (Outcome.ERROR, (), (), True, "needs_review"),
        (Outcome.PASS, (FLAG,), (), True, "needs_review"),
        (Outcome.PASS, (), (FLAG,), True, "needs_review"),
        (Outcome.FAIL, (), (), False, "ungradable"),
        (Outcome.ERROR, (FLAG,), (FLAG,), False, "ungradable"),
    ],
)
def test_errors_and_flags_ask_for_a_person(
    outcome: Outcome, flags: tuple[Flag, ...], own_flags: tuple[Flag, ...], gradable: bool, status: str
) -> None:
    verdict = replace(ended("cnn.shapes", outcome), flags=own_flags)
    assert mark(assignment(criterion("cnn.shapes", "1")), [verdict], iter(flags), gradable=gradable).status == status


def test_needs_are_not_applied_here() -> None:
    needing = assignment(criterion("cnn.shapes", "1"), criterion("cnn.training", "1", needs=("cnn.shapes",)))
    sheet = mark(needing, [ended("cnn.shapes", Outcome.FAIL), passed("cnn.training")])
    assert sheet.score == 1


@pytest.mark.parametrize(
    ("shapes", "other", "pending"),
    [
        (Outcome.ERROR, Outcome.PASS, "1.75"),  # held up by an error, and what needs it as well
        (Outcome.ERROR, Outcome.FAIL, "1"),  # would have been skipped all the same
        (Outcome.FAIL, Outcome.PASS, "0"),
        (Outcome.SKIPPED, Outcome.PASS, "0"),
    ],
)
def test_what_is_skipped_for_an_error_alone_stays_open(shapes: Outcome, other: Outcome, pending: str) -> None:
    chain = assignment(
        criterion("dilated-unet.device", "0.25", needs=("dilated-unet.training",)),
        criterion("dilated-unet.training", "0.5", needs=("unet.shapes", "dilated.values")),
        criterion("unet.shapes", "1"),
        criterion("dilated.values", "1"),
    )
    sheet = mark(
        chain,
        [
            ended("unet.shapes", shapes),
            ended("dilated.values", other),
            ended("dilated-unet.training", Outcome.SKIPPED),
            ended("dilated-unet.device", Outcome.SKIPPED),
        ],
    )
    assert sheet.pending_points == F(pending)


@pytest.mark.parametrize("outcome", Outcome)
def test_a_hidden_criterion_shows_no_expected_values(outcome: Outcome) -> None:
    verdict = replace(
        ended("cnn.shapes", outcome),
        feedback="42 was wanted",
        mistake="tanh",
        evidence=Evidence(facts={"expected": 42}),
    )
    [hidden] = mark(assignment(criterion("cnn.shapes", "1", hidden=True)), [verdict]).marks
    assert "42" not in hidden.feedback and "tanh" not in hidden.feedback
    assert hidden.evidence == Evidence()
    assert (hidden.outcome, hidden.points, hidden.mistake) == (outcome, verdict.share, None)


@pytest.mark.parametrize(
    ("feedback", "shown"),
    [
        ("It has 3 parameters. The ReLU is missing. So there.", "It has 3 parameters. So there."),
        ("The ReLU is missing.", "This is not right."),
        ("It has 3 parameters,\nexpected 4.", "It has 3 parameters,\nexpected 4."),
    ],
)
def test_what_a_hidden_criterion_found_is_in_no_other_criterion(feedback: str, shown: str) -> None:
    both = assignment(criterion("cnn.architecture", "1", hidden=True), criterion("cnn.training", "1"))
    secret = Verdict("cnn.architecture", Outcome.FAIL, "The ReLU is missing. Add one. (a.py, line 3)", mistake="relu")
    public = Verdict("cnn.training", Outcome.FAIL, feedback, mistake="relu")
    _, training = mark(both, [secret, public]).marks
    assert (training.feedback, training.mistake) == (shown, None)


def test_a_criterion_beside_a_hidden_one_keeps_what_it_found_itself() -> None:
    both = assignment(criterion("cnn.architecture", "1", hidden=True), criterion("cnn.training", "1"))
    public = Verdict("cnn.training", Outcome.FAIL, "The loss stays.", mistake="gradients-cut")
    _, training = mark(both, [passed("cnn.architecture"), public]).marks
    assert (training.feedback, training.mistake) == ("The loss stays.", "gradients-cut")


def test_a_hidden_criterion_without_a_mistake_names_none() -> None:
    [hidden] = mark(assignment(criterion("cnn.shapes", "1", hidden=True)), [passed("cnn.shapes")]).marks
    assert hidden.feedback == "This is right."


def test_a_verdict_about_nothing_in_the_rubric_is_our_fault() -> None:
    with pytest.raises(ValueError, match=r"a criterion of 'csc413-2020', was 'unet\.shapes'"):
        mark(assignment(criterion("cnn.shapes", "1")), [passed("unet.shapes")])


def test_two_verdicts_about_one_criterion_are_our_fault() -> None:
    with pytest.raises(ValueError, match=r"'cnn\.shapes' of 'csc413-2020' must have one verdict, has two"):
        mark(assignment(criterion("cnn.shapes", "1")), [passed("cnn.shapes"), ended("cnn.shapes", Outcome.FAIL)])


# Properties, over the mark sheets that ship.

SHIPPED = load(ROOT / "rubric.yaml").assignments

SHARES = st.fractions(0, 1, max_denominator=1000).filter(lambda share: 0 < share < 1)


@st.composite
def verdicts_about(draw: st.DrawFn, assignment: Assignment) -> list[Verdict]:
    """Verdicts about some of the criteria."""
    verdicts = []
    for criterion in assignment.criteria:
        outcome = draw(st.sampled_from([None, *Outcome]))
        if outcome is Outcome.PARTIAL:
            verdicts.append(Verdict(criterion.id, outcome, "Partly.", draw(SHARES)))
        elif outcome is not None:
            verdicts.append(ended(criterion.id, outcome))
    return verdicts


GRADED = st.sampled_from(sorted(SHIPPED)).flatmap(
    lambda id: st.tuples(st.just(SHIPPED[id]), verdicts_about(SHIPPED[id]), st.randoms(use_true_random=False))
)
properties = settings(max_examples=60, deadline=None, derandomize=True, database=None)


@pytest.mark.slow
@properties
@given(graded=GRADED)
def test_every_criterion_is_marked_once_and_within_its_points(graded) -> None:
    sheet_of, verdicts, _ = graded
    sheet = mark(sheet_of, verdicts)
    assert [m.id for m in sheet.marks] == [c.id for c in sheet_of.criteria]
    for m, c in zip(sheet.marks, sheet_of.criteria, strict=True):
        assert 0 <= m.points <= m.max_points == c.points
        assert isinstance(m.points, Fraction)
        assert m.points == 0 or m.outcome in (Outcome.PASS, Outcome.PARTIAL)
        assert m.points == next((v.share for v in verdicts if v.criterion == c.id), 0) * c.points


@pytest.mark.slow
@properties
@given(graded=GRADED)
def test_the_sums_are_exact_and_bounded(graded) -> None:
    sheet_of, verdicts, _ = graded
    sheet = mark(sheet_of, verdicts)
    everything = sum(part.points for part in sheet_of.parts)
    assert sheet.score == sum(m.points for m in sheet.marks)
    assert sheet.max_score == sum(part.points for part in sheet_of.parts if not part.bonus)
    assert sheet.score >= 0
    assert sheet.score + sheet.pending_points <= everything
    open_points = sum(m.max_points for m in sheet.marks if m.outcome in (Outcome.PENDING, Outcome.ERROR))
    skipped = sum(m.max_points for m in sheet.marks if m.outcome is Outcome.SKIPPED)
    assert open_points <= sheet.pending_points <= open_points + skipped


@pytest.mark.slow
@properties
@given(graded=GRADED)
def test_the_order_of_the_verdicts_is_no_matter(graded) -> None:
    sheet_of, verdicts, random = graded
    shuffled = list(verdicts)
    random.shuffle(shuffled)
    assert mark(sheet_of, iter(shuffled)) == mark(sheet_of, verdicts)


@pytest.mark.slow
@properties
@given(graded=GRADED)
def test_a_better_verdict_never_lowers_the_score(graded) -> None:
    sheet_of, verdicts, random = graded
    if verdicts:
        better = random.choice(verdicts)
        raised = [passed(v.criterion) if v is better else v for v in verdicts]
        assert mark(sheet_of, raised).score >= mark(sheet_of, verdicts).score


@pytest.mark.parametrize("id", sorted(SHIPPED))
def test_a_perfect_submission_earns_everything(id: str) -> None:
    sheet = mark(SHIPPED[id], [passed(c.id) for c in SHIPPED[id].criteria])
    assert sheet.score == sum(part.points for part in SHIPPED[id].parts)
    assert (sheet.pending_points, sheet.status) == (0, "graded")


@pytest.mark.parametrize(
    ("share", "at_stake", "outcome", "points"),
    [
        ("0", "1", Outcome.FAIL, "0"),
        ("0.25", "1", Outcome.PARTIAL, "1"),
        ("1", "1", Outcome.PASS, "4"),
        ("0.5", "0.5", Outcome.PARTIAL, "1"),
        ("1", "0", Outcome.PARTIAL, "2"),
    ],
)
def test_the_rubrics_share_of_a_mistake_is_a_share_of_what_is_at_stake(
    share: str, at_stake: str, outcome: Outcome, points: str
) -> None:
    sheet = assignment(criterion("cnn.architecture", "4"))
    verdict = partial("cnn.architecture", F(1, 2), "No ReLU.", mistake="relu-missing", at_stake=F(at_stake))
    (only,) = mark(replace(sheet, mistakes={"relu-missing": F(share)}), [verdict]).marks
    assert (only.outcome, only.points, only.mistake) == (outcome, F(points), "relu-missing")


def test_a_mistake_that_is_only_named_earns_nothing_by_the_rubric() -> None:
    sheet = replace(assignment(criterion("cnn.training", "4")), mistakes={"relu-missing": F(1)})
    (only,) = mark(sheet, [failed("cnn.training", "The loss departs.", mistake="relu-missing")]).marks
    assert (only.outcome, only.points) == (Outcome.FAIL, F(0))


@pytest.mark.parametrize(
    ("ids", "flags", "gradable", "stage"),
    [
        (["cnn.shapes"], [], True, "marked"),
        (["cnn.shapes", "manual.a1"], [], True, "examined"),
        (["cnn.shapes"], [Flag("late", "Late.")], True, "examined"),
        (["cnn.shapes"], [], False, "examined"),
        (["cnn.shapes", "cnn.device"], [], True, "examined"),
    ],
    ids=["all decided", "a person's points are open", "a flag is open", "no code", "the grader failed"],
)
def test_the_stage_says_whether_anything_is_open(ids: list[str], flags: list[Flag], gradable: bool, stage: str) -> None:
    sheet = mark(assignment(*(criterion(id, "1") for id in ids)), [passed("cnn.shapes")], flags, gradable=gradable)
    assert sheet.stage == stage
