"""Questions of which nothing counts, whatever is right in them: the handout says what earns no credit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction

from grader.marking.rubric import Assignment, Criterion
from grader.marking.verdicts import Outcome, Verdict, outcome_of, sentences

__all__ = ["NATIVE_DILATION", "as_examined", "credited"]


NATIVE_DILATION = "native-dilation"
"""The id of the mistake for which the handout gives no credit for the whole question."""
_BEGINNING = "With a built-in dilation, "
_MOST_SENTENCES = 3


def credited(assignment: Assignment, verdicts: Mapping[str, Verdict]) -> dict[str, Verdict]:
    """The verdicts, by the criterion's id, with what counts of a question that was answered by a built-in dilation.

    Nothing of it counts, and what was found is shown all the same. If the rubric sets a share for this mistake, each
    criterion of the question keeps that share of what it earns.
    """
    credited = dict(verdicts)
    share = assignment.mistakes.get(NATIVE_DILATION, Fraction(0))
    for judge in assignment.criteria:
        if judge.check == "handmade" and _is_native(judge, verdicts[judge.id]):
            for criterion in assignment.criteria:
                if criterion.check and criterion is not judge and _same_question(criterion, judge):
                    credited[criterion.id] = _scaled(verdicts[criterion.id], share, judge)
    return credited


def as_examined(feedback: str) -> str:
    """The feedback of a criterion without what ``credited`` puts before it."""
    return " ".join(sentences(feedback)[1:]) if feedback.startswith(_BEGINNING) else feedback


def _is_native(judge: Criterion, verdict: Verdict) -> bool:
    # A report does not say which mistake a hidden criterion found. A handmade layer fails with a mistake.
    found_before = judge.hidden and verdict.mistake is None and verdict.outcome is Outcome.FAIL
    return verdict.mistake == NATIVE_DILATION or found_before


def _same_question(criterion: Criterion, judge: Criterion) -> bool:
    """Whether two criteria belong to one question of the handout, or to one thing if no question is given."""
    if judge.question:
        return criterion.question == judge.question
    return criterion.id.split(".")[0] == judge.id.split(".")[0]


def _scaled(verdict: Verdict, share: Fraction, judge: Criterion) -> Verdict:
    if not verdict.share or share == 1:
        return verdict
    counts = (
        f"{float(100 * share):g} % of the points of this question count" if share else "this question earns nothing"
    )
    sentence = "" if judge.hidden else f"{_BEGINNING}{counts}; see {judge.id}. "
    return replace(
        verdict,
        share=share * verdict.share,
        outcome=outcome_of(share * verdict.share) if share else Outcome.SKIPPED,
        feedback=sentence + " ".join(sentences(verdict.feedback)[:_MOST_SENTENCES]),
    )
