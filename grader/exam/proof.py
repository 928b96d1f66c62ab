"""Questions that are proved before they are put, so that no right answer fails by the luck of the seed.

Several right implementations of our own sit a question first. If one of them uses more than a tenth of a tolerance, the
question is drawn anew, from numbers that follow from the seed. So the same seed gives the same exam, whoever sits it.
"""

from __future__ import annotations

from typing import Generic, TypeVar

from grader.exam.exam import Exam
from grader.exam.shared import Shared

__all__ = ["MARGIN", "Drawn", "Unsound", "proved", "redrawn"]

Question = TypeVar("Question")

_DRAWS = 21
"""A question is drawn, and drawn anew at most 20 times."""
MARGIN = 0.1
"""The largest share of a tolerance that a right implementation may use."""


class Unsound(Exception):
    """No draw of a question was sound. The text is a sentence for the report."""


class Drawn(Shared["tuple[Question] | None"], Generic[Question]):
    """A question that is drawn, and drawn anew until it is sound. Its value is None where no draw is.

    ``value_type`` is that of the value.
    """

    def draw(self, exam: Exam, number: int) -> tuple[Question, float]:
        """The draw of this number, and which share of a tolerance our right implementations use at most."""
        raise NotImplementedError

    def value(self, exam: Exam) -> tuple[Question] | None:
        for number in range(_DRAWS):
            question, used = self.draw(exam, number)
            if used <= MARGIN:
                return (question,)
        return None


def proved(exam: Exam, question: Drawn[Question]) -> Question:
    """The first sound draw of a question; found once in a run. Raises Unsound if there is none."""
    sound = exam.shared(question)
    if sound is None:
        raise Unsound(
            f"The examiner drew this question {_DRAWS} times, and each time a right answer might have failed. So this "
            "criterion is not judged in this run: it costs no points yet, and a person will look at it. Another seed "
            "asks other questions."
        )
    return sound[0]


def redrawn(purpose: str, draw: int) -> str:
    """What the values of a draw are drawn for; the first draw is number 0."""
    return f"{purpose}/draw/{draw}" if draw else purpose
