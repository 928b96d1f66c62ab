"""The criteria that rest on the worker's word alone, judged a second time where the first session leaves a doubt.

The second session has the same files, is asked in the opposite order, and under other numbers. Code that changes what
the worker says has to do so twice, in two processes, without knowing which of them it is in. The first verdict stands;
where the second differs, a person decides.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from grader.marking.rubric import Criterion
from grader.marking.verdicts import Flag, Outcome, Verdict

__all__ = ["differing", "to_judge_again"]


_STRUCTURAL = frozenset({"uses-my-conv2d", "handmade", "device"})
"""The checks whose evidence is no number that only the right computation gives."""
_DOUBTS = frozenset({"untrusted-evidence", "changes-torch"})
"""The kinds of flags that say that the worker's word may have been changed."""
_JUDGED = frozenset({Outcome.PASS, Outcome.PARTIAL, Outcome.FAIL})


def to_judge_again(
    criteria: Sequence[Criterion], verdicts: Iterable[Verdict], flags: Iterable[Flag], before: Collection[str]
) -> tuple[Criterion, ...]:
    """The criteria of the second session, in its order; none where nothing is in doubt.

    ``flags`` are those of no verdict; ``before`` are the criteria whose verdict is that of an earlier examination.
    """
    by_id = {verdict.criterion: verdict for verdict in verdicts}
    raised = [*flags, *(flag for verdict in by_id.values() for flag in verdict.flags)]
    if not any(flag.kind in _DOUBTS for flag in raised):
        return ()
    return tuple(
        criterion
        for criterion in reversed(criteria)
        if criterion.check in _STRUCTURAL
        and criterion.id not in before
        and criterion.id in by_id
        and by_id[criterion.id].outcome in _JUDGED
    )


def differing(first: Iterable[Verdict], second: Iterable[Verdict]) -> tuple[Flag, ...]:
    """A flag for each criterion that the two sessions judge differently."""
    by_id = {verdict.criterion: verdict for verdict in first}
    return tuple(
        Flag("untrusted-evidence", _sentence(by_id[verdict.criterion], verdict))
        for verdict in second
        if (by_id[verdict.criterion].outcome, by_id[verdict.criterion].share) != (verdict.outcome, verdict.share)
    )


def _sentence(first: Verdict, second: Verdict) -> str:
    return (
        f"{first.criterion}: the first session says '{first.outcome.value}'; a second one, which was asked in another "
        f"order and under other numbers, says '{second.outcome.value}'. Read the code and decide which of them counts."
    )
