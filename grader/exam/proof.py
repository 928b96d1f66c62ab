"""Questions that are proved before they are put, so that no right answer fails by the luck of the seed.

Several right implementations of our own sit a question first. If one of them uses more than a tenth of a tolerance, the
question is drawn anew, from numbers that follow from the seed. So the same seed gives the same exam, whoever sits it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TypeVar

from grader.exam.exam import Exam

__all__ = ["MARGIN", "Unsound", "proved", "redrawn"]

Question = TypeVar("Question")

_DRAWS = 21
"""A question is drawn, and drawn anew at most 20 times."""
MARGIN = 0.1
"""The largest share of a tolerance that a right implementation may use."""


class Unsound(Exception):
    """No draw of a question was sound. The text is a sentence for the report."""


def proved(exam: Exam, key: Hashable, draw: Callable[[int], tuple[Question, float]]) -> Question:
    """The first sound draw of a question; found once in a run.

    ``draw(number)`` makes the question and says which share of a tolerance our right implementations use at most.
    Raises Unsound if there is no sound draw.
    """
    sound = exam.once(("proved", key), lambda: _first_sound(draw))
    if sound is None:
        raise Unsound(
            f"The examiner drew this question {_DRAWS} times, and each time a right answer might have failed. So this "
            "criterion is not judged in this run: it costs no points yet, and a person will look at it. Another seed "
            "asks other questions."
        )
    return sound[0]


def _first_sound(draw: Callable[[int], tuple[Question, float]]) -> tuple[Question] | None:
    for number in range(_DRAWS):
        question, used = draw(number)
        if used <= MARGIN:
            return (question,)
    return None


def redrawn(purpose: str, draw: int) -> str:
    """What the values of a draw are drawn for; the first draw is number 0."""
    return f"{purpose}/draw/{draw}" if draw else purpose
