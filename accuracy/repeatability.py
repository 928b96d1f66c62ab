"""The same submission graded again, with other seeds, in another order or beside others: the marks must be the same.

Also here: right networks from unusual starts, since whether a loss falls depends on where it started.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from accuracy.examining import ASSIGNMENTS, Examiner, right_source
from grader.checks import run_check
from grader.marking.verdicts import Verdict

__all__ = ["STARTS", "again", "again_among_others", "submissions", "training_from"]

# Marks, as far as a student sees them: criterion → outcome, share, mistake.
Marks = dict[str, tuple[str, str, str | None]]

STARTS = {
    "as given": "pass",
    "kaiming uniform": "nn.init.kaiming_uniform_(self.weight); nn.init.zeros_(self.bias)",
    "kaiming normal": "nn.init.kaiming_normal_(self.weight, nonlinearity='relu'); nn.init.zeros_(self.bias)",
    "xavier uniform": "nn.init.xavier_uniform_(self.weight); nn.init.zeros_(self.bias)",
    "xavier normal": "nn.init.xavier_normal_(self.weight); self.bias.data.fill_(0.01)",
    "uniform in 0 to 1": "self.weight.data.uniform_(0, 1); self.bias.data.uniform_(0, 1)",
    "normal, deviation 0.01": "self.weight.data.normal_(0, 0.01); self.bias.data.zero_()",
    "normal, deviation 1": "self.weight.data.normal_(); self.bias.data.normal_()",
    "orthogonal": "nn.init.orthogonal_(self.weight); nn.init.zeros_(self.bias)",
}


def submissions(assignment: str) -> dict[str, str]:
    """A right submission and some wrong ones, by what is wrong with them."""
    right = right_source(assignment)
    return {
        "right": right,
        "leaky ReLU": right.replace("nn.ReLU()", "nn.LeakyReLU(0.3)"),
        "batch-norm's eps": right.replace("nn.BatchNorm2d(num_filters)", "nn.BatchNorm2d(num_filters, eps=1e-3)"),
        "dropout": right.replace("nn.ReLU()", "nn.ReLU(), nn.Dropout(0.1)"),
        "32 filters": right.replace("num_filters, kernel", "32, kernel", 1),
    }


def _marks(verdicts: Mapping[str, Verdict]) -> Marks:
    return {
        id: (verdict.outcome.value, str(verdict.share), verdict.mistake) for id, verdict in sorted(verdicts.items())
    }


def again(assignment: str, names: Sequence[str], seed: int, order: int) -> dict[str, Marks]:
    """Marks of some of the submissions with this seed, the criteria examined in an order drawn from ``order``."""
    marks = {}
    with Examiner(seed, sandboxed=False) as examiner:
        for name in names:
            sitting = examiner.sit(assignment, submissions(assignment)[name])
            criteria = examiner.criteria(assignment)
            random.Random(order).shuffle(criteria)
            marks[name] = _marks(
                {criterion.id: run_check(str(criterion.check), sitting, criterion.id) for criterion in criteria}
            )
    return marks


def again_among_others(seed: int, jobs: int) -> dict[tuple[str, str], Marks]:
    """Marks of a right and a wrong submission to every assignment, graded ``jobs`` at a time in the sandbox."""
    tasks = [(assignment, name) for assignment in ASSIGNMENTS for name in ("right", "leaky ReLU")]
    random.Random(jobs).shuffle(tasks)
    with Examiner(seed, sandboxed=True) as examiner, ThreadPoolExecutor(jobs) as pool:
        marks = pool.map(lambda task: _marks(examiner.verdicts(task[0], submissions(task[0])[task[1]])), tasks)
        return dict(zip(tasks, marks, strict=True))


def training_from(seed: int) -> dict[str, tuple[bool, float]]:
    """For each start and network of 2020: whether training passed, and how much of its limit it used."""
    source = right_source("csc413-2020")
    results = {}
    with Examiner(seed, sandboxed=False) as examiner:
        for start, code in STARTS.items():
            own = source.replace(
                "        self.reset_parameters()\n", f"        self.reset_parameters()\n        {code}\n", 1
            )
            if own == source:
                raise ValueError("the fixture's MyConv2d is no longer the one that this module edits")
            for id, verdict in examiner.verdicts("csc413-2020", own, ["cnn", "unet"]).items():
                if id.endswith(".training"):
                    used = verdict.evidence.margins.get("own start", math.inf)
                    results[f"{id}, start {start}"] = (verdict.share == 1, used)
    return results
