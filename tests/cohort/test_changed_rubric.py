"""A changed rubric is applied to the evidence that is there; only what that does not suffice for is examined again."""

from __future__ import annotations

import json

import pytest
from cohort_sample import BOTH_RIGHT, ONE_RIGHT, RUBRIC, Course, Heard, PowerCut

from grader.cohort.events import Line
from grader.report.as_json import problem

MISTAKE = "mistakes: {relu-before-norm: 0.5}\n    parts:"
GENEROUS = RUBRIC.replace("parts:", MISTAKE, 1)
WITH_NEED = RUBRIC.replace("points: 1, check: parameters}", "points: 1, check: parameters, needs: [cnn.shapes]}")
DEAR = RUBRIC.replace("points: 4", "points: 6").replace("shape, points: 1", "shape, points: 3", 1)
ONE_ORDER = RUBRIC.replace("layer_orders: [pool-first]", "layer_orders: [norm-first]", 1)
WITH_TRAINING = RUBRIC.replace("points: 4", "points: 5").replace(
    "          - {id: manual.a1",
    "          - {id: cnn.training, title: It learns, points: 1, check: training}\n          - {id: manual.a1",
)


def scores(course: Course) -> list[tuple[str, str]]:
    return [(row["score"], row["max_score"]) for row in course.gradebook()]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (DEAR, [("3", "6"), ("4", "6")]),
        (GENEROUS, [("1.5", "4"), ("2", "4")]),
        (WITH_NEED, [("1", "4"), ("2", "4")]),
        (RUBRIC.replace("A1. Why", "A1. Why not"), [("1", "4"), ("2", "4")]),
    ],
    ids=["points", "the share of a mistake", "needs", "a title"],
)
def test_points_titles_and_shares_are_applied_without_examination(
    course: Course, changed: str, expected: list[tuple[str, str]]
) -> None:
    found = course.cohort(2)
    course.grade(found)
    grader = course.grader(changed)
    summary, heard = course.grade(found, grader)
    assert (summary.graded, summary.remarked, summary.resumed, grader.calls) == (0, 2, 0, {})
    assert all(line.remarked and not line.resumed for line in heard.lines)
    assert scores(course) == expected
    assert course.grade(found, course.grader(changed)).summary.resumed == 2


@pytest.mark.parametrize("changed", [DEAR, GENEROUS, WITH_NEED], ids=["points", "shares", "needs"])
def test_a_report_that_is_marked_again_is_what_grading_again_would_write(course: Course, changed: str) -> None:
    found = course.cohort(2)
    course.grade(found)
    course.grade(found, course.grader(changed))
    fresh = course.root / "fresh"
    course.grade(found, course.grader(changed), out=fresh)
    for one in found:
        for name in ("report.json", "report.html", "feedback.md"):
            assert (course.out / one.folder / name).read_bytes() == (fresh / one.folder / name).read_bytes()
        assert problem(course.report(one.folder)) is None


def test_there_and_back_again_changes_nothing(course: Course) -> None:
    found = course.cohort(2)
    course.grade(found)
    before = [(course.out / one.folder / "report.json").read_bytes() for one in found]
    course.grade(found, course.grader(GENEROUS))
    course.grade(found)
    assert [(course.out / one.folder / "report.json").read_bytes() for one in found] == before


def test_only_what_reads_a_changed_key_is_examined_again_and_it_is_said(course: Course) -> None:
    found = course.cohort(2)
    text = RUBRIC.replace(
        "{id: cnn.parameters, title: The right number of parameters, points: 1, check: parameters}",
        "{id: cnn.device, title: Any device, points: 1, check: device}",
    )
    course.grade(found, course.grader(text))
    grader = course.grader(text.replace("layer_orders: [pool-first]", "layer_orders: [norm-first]", 1))
    summary, heard = course.grade(found, grader)
    assert grader.examined == {"student00": ["cnn.shapes"], "student01": ["cnn.shapes"]}
    assert (summary.graded, summary.remarked) == (2, 0)
    said = [sentence for _, sentence in heard.problems]
    assert "csc321-2018, layer_orders pool-first → norm-first" in said
    assert "csc321-2018, to be examined again: cnn.shapes" in said
    assert any("by number of reports: cnn.shapes in 2" in sentence for sentence in said)


def test_a_new_criterion_is_examined_and_the_others_are_kept(course: Course) -> None:
    (found,) = course.cohort(1)
    course.grade([found])
    grader = course.grader(WITH_TRAINING)
    course.grade([found], grader)
    assert grader.examined == {found.id: ["cnn.training"]}
    assert scores(course) == [("1", "5")]


def test_what_was_skipped_is_examined_once_nothing_is_in_the_way(course: Course) -> None:
    found = course.hand_in("alice", "# cnn.parameters\n")
    course.grade([found], course.grader(WITH_NEED))
    assert course.report("alice")["criteria"][1]["outcome"] == "skipped"
    grader = course.grader(RUBRIC)
    course.grade([found], grader)
    assert grader.examined == {"alice": ["cnn.parameters"]}
    assert course.report("alice")["criteria"][1]["outcome"] == "pass"
    assert course.grade([found], course.grader(WITH_NEED)).summary.remarked == 1
    assert course.report("alice")["criteria"][1]["outcome"] == "skipped"


def test_what_changes_is_said_before_anything_is_examined(course: Course) -> None:
    found = course.cohort(1)
    course.grade(found)
    said: list[str] = []
    grader, listener = course.grader(ONE_ORDER), Heard()
    grader.before = lambda id: said.extend(sentence for _, sentence in listener.problems)
    course.grade(found, grader, events=listener)
    assert said[0] == "the reports are marked by another rubric than before; 2 differences:"
    assert course.grade(found, course.grader(ONE_ORDER)).heard.problems == []  # it is said once


def test_the_gradebook_has_the_new_marks_before_the_reports_are_made_again(course: Course) -> None:
    found = course.cohort(3)
    course.grade(found)
    before = [course.report(one.folder)["score"] for one in found]
    seen: list[tuple[list[tuple[str, str]], list[float]]] = []

    class Listening(Heard):
        def started(self, id: str) -> None:
            if not seen:
                seen.append((scores(course), [course.report(one.folder)["score"] for one in found]))

    course.grade(found, course.grader(DEAR), events=Listening())
    assert seen == [([("3", "6"), ("4", "6"), ("3", "6")], before)]


def test_an_interrupted_change_leaves_whole_reports_and_the_next_run_goes_on(course: Course) -> None:
    found = course.cohort(3)
    course.grade(found)

    class Cut(Heard):
        def finished(self, line: Line) -> None:
            raise PowerCut

    with pytest.raises(PowerCut):
        course.grade(found, course.grader(DEAR), events=Cut())
    assert sorted(course.report(one.folder)["max_score"] for one in found) == [4, 4, 6]
    assert all(problem(course.report(one.folder)) is None for one in found)
    summary, _ = course.grade(found, course.grader(DEAR))
    assert (summary.remarked, summary.resumed) == (2, 1)
    assert scores(course) == [("3", "6"), ("4", "6"), ("3", "6")]


def test_a_report_that_cannot_be_read_back_is_graded_again(course: Course) -> None:
    (found,) = course.cohort(1)
    course.grade([found])
    path = course.out / found.folder / "report.json"
    document = json.loads(path.read_bytes())
    del document["left_out"]
    path.write_text(json.dumps(document))
    (course.out / ".resume.jsonl").unlink()
    grader = course.grader(DEAR)
    assert course.grade([found], grader).summary.graded == 1
    assert grader.examined == {found.id: ["cnn.shapes", "cnn.parameters"]}


def test_a_hidden_criterion_is_examined_again_when_it_is_shown_or_shares_change(course: Course) -> None:
    hidden = RUBRIC.replace("points: 1, check: parameters}", "points: 1, check: parameters, hidden: true}")
    found = course.hand_in("alice", ONE_RIGHT)
    course.grade([found])
    assert course.grade([found], course.grader(hidden)).summary.remarked == 1
    assert course.report("alice")["criteria"][1]["feedback"] == "This is not right."
    grader = course.grader(hidden.replace("parts:", MISTAKE, 1))
    course.grade([found], grader)
    assert grader.examined == {"alice": ["cnn.parameters"]}
    grader = course.grader(RUBRIC)
    course.grade([found], grader)
    assert grader.examined == {"alice": ["cnn.shapes", "cnn.parameters"]}
    assert course.report("alice")["criteria"][1]["mistake"] == "relu-before-norm"


def test_what_was_judged_with_the_mistake_of_a_hidden_criterion_stays_as_it_is(course: Course) -> None:
    text = (
        RUBRIC.replace("cnn.shapes, title", "cnn.architecture, title")
        .replace(
            "points: 1, check: shapes}\n          - {id: cnn.p",
            "points: 1, check: architecture, hidden: true}\n          - {id: cnn.p",
        )
        .replace("points: 1, check: parameters}", "points: 1, check: parameters, needs: [cnn.architecture]}")
    )
    found = course.hand_in("alice", "# cnn.parameters\n")
    course.grade([found], course.grader(text))
    assert [criterion["outcome"] for criterion in course.report("alice")["criteria"]] == ["fail", "pass", "pending"]
    grader = course.grader(text.replace("A1. Why", "A1. Why not"))
    assert course.grade([found], grader).summary.remarked == 1
    criteria = course.report("alice")["criteria"]
    assert [criterion["outcome"] for criterion in criteria] == ["fail", "pass", "pending"]
    assert criteria[0]["mistake"] is None


def test_one_student_of_a_cohort_is_graded_by_the_rubric_of_the_others(course: Course) -> None:
    first, second = course.cohort(2)
    course.grade([first, second])
    course.hand_in("student00", BOTH_RIGHT)
    summary, heard = course.grade([first], course.grader(DEAR), many=False, fresh=True)
    assert summary.graded == 1
    assert heard.problems[0] == ("", "this report is marked by another rubric than before; 2 differences:")
    assert scores(course) == [("2", "4"), ("2", "4")]
