"""A final line: who gave each point, what is open, and one rounding at the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction

import pytest

from grader.marking.late import LateRule
from grader.marking.rounding import RoundRule
from grader.marking.verdicts import Outcome
from grader.marks.events import Event, Kind, Version
from grader.marks.line import FinalLine, Stage, Student, Unconfirmed
from grader.marks.totals import RESOLVED, UNGRADABLE, final_line, flag_key, hand_in_total, late_line
from grader.report.rows import CriterionRow, Row

ALICE = Student("alice")
THIRD = Fraction(1, 3)
DETAIL = "Read the line before the marks go out."


def criterion(id: str, points: str, most: str, outcome: Outcome = Outcome.PASS, *, bonus: bool = False) -> CriterionRow:
    return CriterionRow(id, Fraction(points), Fraction(most), bonus, outcome, None)


def row(*criteria: CriterionRow, **changes: object) -> Row:
    """A row of these criteria, or of one of 2 points by the grader and one of 3 that a person marks."""
    criteria = criteria or (
        criterion("cnn.shapes", "2", "2"),
        criterion("manual.a1", "0", "3", Outcome.PENDING),
    )
    fields: dict[str, object] = {
        "folder": "alice",
        "id": "alice",
        "sha256": "ab",
        "key": "",
        "known_as": (),
        "submitted": None,
        "assignment": "a",
        "assignment_title": "A",
        "status": "graded",
        "score": sum((one.points for one in criteria), Fraction(0)),
        "max_score": sum((one.max_points for one in criteria if not one.bonus), Fraction(0)),
        "pending_points": sum((one.max_points for one in criteria if one.open), Fraction(0)),
        "flags": (),
        "criteria": criteria,
        "seconds": 1.0,
    }
    return Row(**{**fields, **changes})  # type: ignore[arg-type]


def event(kind: Kind, criterion: str = "", points: str | None = None, **changes: object) -> Event:
    made = Event(kind, "alice", criterion, None if points is None else Fraction(points), id=1, by="bob", given_by="bob")
    return replace(made, **changes)  # type: ignore[arg-type]


def stands(*events: Event) -> Mapping[tuple[Kind, str], Event]:
    return {(one.kind, one.criterion): one for one in events}


def line(row: Row, *events: Event, **how: object) -> FinalLine:
    return final_line(hand_in_total(row, stands(*events)), ALICE, **how)  # type: ignore[arg-type]


def unconfirmed_in(line: FinalLine) -> list[Unconfirmed]:
    return [one.unconfirmed for one in line.criteria if one.unconfirmed]


def test_before_anybody_marks_the_points_of_people_are_open() -> None:
    made = line(row())
    assert (made.score, made.automatic, made.by_hand, made.open_points) == (2, 2, 0, 3)
    assert made.stage is Stage.EXAMINED


def test_a_persons_points_fill_what_is_open() -> None:
    made = line(row(), event(Kind.POINTS, "manual.a1", "7/3", comment="good"))
    assert (made.score, made.automatic, made.by_hand, made.open_points) == (2 + Fraction(7, 3), 2, Fraction(7, 3), 0)
    assert (made.mark, made.rounding) == (Fraction("4.33"), Fraction("4.33") - 2 - Fraction(7, 3))
    assert made.stage is Stage.MARKED
    assert (made.criteria[1].by, made.criteria[1].comment, made.criteria[1].overridden) == ("bob", "good", False)


@pytest.mark.parametrize("points", ["0", "1.5", "2"])
def test_a_persons_points_stand_in_place_of_the_graders_up_or_down(points: str) -> None:
    graded = row(criterion("cnn.shapes", "1", "2", Outcome.PARTIAL))
    made = line(graded, event(Kind.POINTS, "cnn.shapes", points, reason="the slip is small"))
    assert (made.score, made.automatic, made.by_hand) == (Fraction(points), 0, Fraction(points))
    (one,) = made.criteria
    assert (one.examined, one.overridden, one.reason) == (1, True, "the slip is small")


def test_points_that_were_taken_back_leave_the_graders() -> None:
    assert line(row(), event(Kind.POINTS, "cnn.shapes")).score == 2


def test_an_error_of_the_grader_is_open_until_a_person_marks_it() -> None:
    failed = row(criterion("cnn.shapes", "0", "2", Outcome.ERROR), status="needs_review")
    assert (line(failed).open_points, line(failed).stage) == (2, Stage.EXAMINED)
    assert line(failed, event(Kind.POINTS, "cnn.shapes", "2")).stage is Stage.MARKED


def test_an_error_without_points_is_open_all_the_same() -> None:
    assert line(row(criterion("cnn.shapes", "0", "0", Outcome.ERROR))).stage is Stage.EXAMINED


def test_a_question_without_points_does_not_wait() -> None:
    assert line(row(criterion("manual.a1", "0", "0", Outcome.PENDING))).stage is Stage.MARKED


def test_what_was_skipped_for_an_error_alone_stays_open_until_it_is_marked_too() -> None:
    failed = row(
        criterion("cnn.shapes", "0", "1", Outcome.ERROR),
        criterion("cnn.training", "0", "2", Outcome.SKIPPED),
        pending_points=Fraction(3),
    )
    assert line(failed).open_points == 3
    one, both = event(Kind.POINTS, "cnn.shapes", "1"), event(Kind.POINTS, "cnn.training", "2")
    assert line(failed, one).open_points == 2
    assert (line(failed, one, both).open_points, line(failed, one, both).stage) == (0, Stage.MARKED)


def test_a_flag_is_open_until_a_person_resolves_it() -> None:
    flagged = row(criterion("cnn.shapes", "2", "2"), flags=(("late", DETAIL),), status="needs_review")
    key = flag_key("late", DETAIL)
    assert (line(flagged).stage, line(flagged).status) == (Stage.EXAMINED, "needs_review")
    resolved = event(Kind.FLAG, key, value=RESOLVED, comment="an extension")
    assert (line(flagged, resolved).stage, line(flagged, resolved).status) == (Stage.MARKED, "graded")
    assert line(flagged, replace(resolved, value="open")).stage is Stage.EXAMINED
    other = replace(resolved, version=Version(sha256="another"))
    assert line(flagged, other).stage is Stage.EXAMINED


def test_a_hand_in_without_code_stays_examined_until_a_person_decides() -> None:
    nothing = row(criterion("cnn.shapes", "0", "2", Outcome.FAIL), status="ungradable")
    assert line(nothing).stage is Stage.EXAMINED
    assert line(nothing, event(Kind.FLAG, UNGRADABLE, value=RESOLVED)).stage is Stage.MARKED


def test_a_mark_for_an_earlier_hand_in_counts_and_is_to_be_confirmed() -> None:
    old = event(Kind.POINTS, "manual.a1", "2", version=Version("earlier", "", Fraction(3)))
    made = line(row(), old)
    assert (made.score, made.stage) == (4, Stage.EXAMINED)
    (unconfirmed,) = unconfirmed_in(made)
    assert (unconfirmed.earlier_hand_in, unconfirmed.above_maximum, unconfirmed.event) == (True, False, old)
    confirmed = replace(old, version=Version("ab", "", Fraction(3)))
    assert line(row(), confirmed).stage is Stage.MARKED


def test_a_mark_above_a_changed_maximum_is_to_be_confirmed() -> None:
    old = event(Kind.POINTS, "manual.a1", "3.5", version=Version("ab", "", Fraction(4)))
    made = line(row(), old)
    assert [one.above_maximum for one in unconfirmed_in(made)] == [True]
    assert line(row(), replace(old, version=Version("ab", "", Fraction(3)))).criteria[1].unconfirmed is None


def test_the_mark_is_what_deductions_and_lateness_leave_rounded_once() -> None:
    rule = LateRule(percent_a_day=Fraction(10))
    made = line(
        row(criterion("cnn.shapes", "20/3", "10", Outcome.PARTIAL)),
        event(Kind.DEDUCTION, "neatness", "2/3", comment="not typed"),
        late=late_line(Fraction(30), {}, rule),
    )
    assert (made.score, made.deducted, made.penalty) == (Fraction(20, 3), Fraction(2, 3), Fraction(6) / 5)
    assert (made.mark, made.rounding) == (Fraction("4.8"), 0)
    assert made.late is not None
    assert (made.late.share, made.late.counted) == (Fraction(1, 5), 30)
    rounded = line(row(criterion("cnn.shapes", "20/3", "10")), rounding=RoundRule(Fraction("0.5"), "up"))
    assert (rounded.mark, rounded.rounding) == (7, THIRD)


def test_rounding_happens_at_the_end_and_not_before() -> None:
    thirds = [criterion(f"cnn.{place}", "1/3", "1", Outcome.PARTIAL) for place in "abc"]
    assert line(row(*thirds)).mark == 1


def test_deductions_take_no_more_than_there_is() -> None:
    made = line(row(criterion("cnn.shapes", "1", "10")), event(Kind.DEDUCTION, "neatness", "2"))
    assert (made.deducted, made.mark) == (1, 0)


@pytest.mark.parametrize(
    ("hours", "extension", "tokens", "counted"),
    [
        ("30", None, None, "30"),
        ("30", "24", None, "6"),
        ("30", None, "1", "6"),
        ("30", "24", "1", "0"),
        (None, "5", None, "0"),
    ],
)
def test_extensions_and_tokens_move_a_students_deadline(hours, extension, tokens, counted) -> None:
    events = stands(event(Kind.EXTENSION, points=extension), event(Kind.TOKENS, points=tokens))
    late = late_line(None if hours is None else Fraction(hours), events, LateRule(percent_a_day=Fraction(10)))
    assert late.counted == Fraction(counted)


def test_what_was_released_is_final_until_something_changes() -> None:
    mark = event(Kind.POINTS, "manual.a1", "2")
    content = line(row(), mark).content
    released = event(Kind.RELEASE, value=content)
    assert line(row(), mark, released).stage is Stage.FINAL
    assert line(row(), replace(mark, points=Fraction(1)), released).stage is Stage.MARKED
    assert line(row(), replace(mark, comment="more"), released).stage is Stage.MARKED
    assert line(row(), released).stage is Stage.EXAMINED


def test_bonus_counts_in_the_score_and_not_in_the_maximum() -> None:
    made = line(row(criterion("cnn.shapes", "2", "2"), criterion("dilated.values", "1", "1", bonus=True)))
    assert (made.score, made.max_score, made.mark) == (3, 2, 3)
