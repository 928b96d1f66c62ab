"""Questions are drawn until they are sound: the same for everybody, at most 20 times anew, and then never put."""

from __future__ import annotations

import math

import pytest
from sittings import exam_of

from grader.exam.exam import Exam
from grader.exam.proof import MARGIN, Drawn, Unsound, proved, redrawn


@pytest.fixture
def exam():
    other = exam_of()
    return Exam(other.assignment, other.seed, other.horses)


class Drawing(Drawn[str]):
    """Draws of which our right implementations use these shares of a tolerance, the last one again and again."""

    def __init__(self, *used, drawn):
        self.used, self.drawn = used, drawn

    def draw(self, exam, number):
        self.drawn.append(number)
        return f"draw {number}", self.used[min(number, len(self.used) - 1)]


@pytest.mark.parametrize(
    ("used", "number"),
    [((0.0,), 0), ((MARGIN,), 0), ((2 * MARGIN, 0.0), 1), ((1.0, math.nan, math.inf, 0.01), 3)],
)
def test_the_first_sound_draw_is_put(exam, used, number):
    assert proved(exam, Drawing(*used, drawn=[])) == f"draw {number}"


def test_a_question_is_proved_once(exam):
    drawn = []
    question = Drawing(1.0, 0.0, drawn=drawn)
    for _ in range(3):
        proved(exam, question)
    assert drawn == [0, 1]


def test_a_question_is_drawn_anew_twenty_times_and_then_never_again(exam):
    drawn = []
    question = Drawing(1.0, drawn=drawn)
    for _ in range(2):
        with pytest.raises(Unsound, match="costs no points yet, and a person will look at it"):
            proved(exam, question)
    assert drawn == list(range(21))


def test_every_draw_is_drawn_for_a_purpose_of_its_own():
    assert redrawn("learn", 0) == "learn"
    assert len({redrawn("learn", number) for number in range(21)}) == 21
