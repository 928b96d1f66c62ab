"""Reports to test with: one that shows everything, and one that says a hostile text wherever a submission can."""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction

from grader.intake import StoredFile
from grader.marking.evidence import Configuration, Curve, Difference, Evidence, Snippet, Worst
from grader.marking.sheet import Mark, MarkSheet
from grader.marking.verdicts import Flag, Outcome
from grader.report import LeftOut, Report, Run

SHA = "3f" * 32


def quarters(count: int) -> Fraction:
    """Points in quarters."""
    return Fraction(count, 4)


def mark(id: str = "unet.shapes", outcome: Outcome = Outcome.PASS, **changes: object) -> Mark:
    """A mark worth one point, or with ``changes``."""
    fields: dict[str, object] = {
        "id": id,
        "part": "a",
        "title": "The output has the right shape",
        "outcome": outcome,
        "points": Fraction(1) if outcome is Outcome.PASS else Fraction(0),
        "max_points": Fraction(1),
        "bonus": False,
        "feedback": "All seven configurations have the right output shape.",
        "share": Fraction(outcome is Outcome.PASS),
    }
    return Mark(**{**fields, **changes})  # type: ignore[arg-type]


def sheet(marks: Iterable[Mark], status: str = "graded") -> MarkSheet:
    """Marks added up as the grader adds them."""
    marks = tuple(marks)
    waiting = (Outcome.PENDING, Outcome.ERROR)
    return MarkSheet(
        marks=marks,
        score=sum((mark.points for mark in marks), Fraction(0)),
        max_score=sum((mark.max_points for mark in marks if not mark.bonus), Fraction(0)),
        pending_points=sum((mark.max_points for mark in marks if mark.outcome in waiting), Fraction(0)),
        status=status,
    )


def report(marks: Iterable[Mark] = (), **changes: object) -> Report:
    """A plain report of these marks, or with ``changes``."""
    fields: dict[str, object] = {
        "submission_id": "alice",
        "sha256": SHA,
        "files": (StoredFile("colourization.py", 12_345, SHA),),
        "assignment_id": "csc413-2020",
        "assignment_title": "Colouring horses (CSC413, 2020)",
        "detected": "The file name a2-cnn.ipynb is that of csc413-2020.",
        "code_files": ("colourization.py",),
        "sheet": sheet(marks),
        "flags": (),
        "left_out": (),
        "remarks": (),
        "output": "",
        "run": Run("1.0.0", 20_261, "cpu", "bubblewrap", "2.13.0", 1.234, "2026-11-21T03:07:00Z", SHA, {}),
    }
    return Report(**{**fields, **changes})  # type: ignore[arg-type]


LATE = Flag("late", "Handed in 26 minutes after the deadline.")


def everything() -> Report:
    """All outcomes, all kinds of evidence, all sections."""
    spots = [[0.9 * math.exp(-((i - 9) ** 2 + (j - 20) ** 2) / 60) for j in range(32)] for i in range(32)]
    spots[3][4], spots[3][5] = math.nan, math.inf
    falling = [3.2 * math.exp(-step / 7) + 1.4 for step in range(20)]
    marks = (
        mark("cnn.shapes", evidence=CONFIGURATIONS, seconds=0.08),
        mark(
            "cnn.architecture",
            Outcome.FAIL,
            title="CNN computes the same function as the handout's network, under any parameters",
            feedback=(
                "The second block has batch-norm and ReLU in the wrong order: expected conv, pool, batch-norm, ReLU. "
                "Look at the second line of downconv2 and compare it with the figure of the handout."
            ),
            mistake="relu-before-norm",
            max_points=quarters(6),
            evidence=Evidence(
                difference=Difference(
                    expected_shape=(8, 24, 32, 32),
                    actual_shape=(8, 24, 32, 32),
                    elements=196_608,
                    differing=81_302,
                    worst=Worst((3, 17, 9, 20), expected=0.1234567, actual=-0.7765432),
                    largest=0.9,
                    tolerance=3.1e-05,
                    map=tuple(map(tuple, spots)),
                ),
                snippet=Snippet(
                    code="network = CNN(3, 2, 2, 1)\nprint(network(torch.ones(1, 1, 4, 4)).sum())",
                    expected="tensor(-0.4180, grad_fn=<SumBackward0>)",
                    actual="tensor(0.1250, grad_fn=<SumBackward0>)",
                ),
            ),
            seconds=0.31,
        ),
        mark(
            "cnn.parameters",
            Outcome.PARTIAL,
            title="CNN has the right number of trainable parameters",
            points=quarters(3),
            share=Fraction(3, 4),
            at_stake=Fraction(1),
            feedback="24 is written where num_colours is meant: with 16 colours there are 8,490 parameters, not 8,488.",
            mistake="colours-hard-coded",
            evidence=CONFIGURATIONS,
        ),
        mark(
            "cnn.training",
            Outcome.FAIL,
            part="b",
            title="A short training run learns what the reference learns",
            max_points=quarters(5),
            feedback="The loss leaves the reference's at step 8 and is not a number from step 15 on.",
            evidence=Evidence(
                curve=Curve(
                    expected=tuple(falling),
                    actual=(*falling[:7], *(falling[6] + 0.2 * step for step in range(1, 8)), *[math.nan] * 6),
                    tolerance=0.12,
                ),
                facts={"learning_rate": 0.001, "moved": {"downconv1.0.weight": True, "finalconv.0.bias": False}},
            ),
        ),
        mark(
            "cnn.device",
            Outcome.ERROR,
            part="b",
            title="Nothing in CNN is tied to the CPU",
            max_points=quarters(1),
            feedback="The grader failed here. That is not your fault and costs you nothing.",
            flags=(LATE,),
            basis="0f" * 8,
        ),
        mark(
            "unet.training",
            Outcome.SKIPPED,
            part="b",
            title="A short training run of UNet learns what the reference learns",
            max_points=quarters(2),
            feedback="Not examined, because unet.shapes did not pass.",
            waits_for="unet.shapes",
        ),
        mark(
            "manual.c2",
            Outcome.PENDING,
            part="c",
            title="C2. Why do skip connections help?",
            max_points=quarters(8),
            feedback="A person marks this.",
        ),
        mark(
            "dilated.values", part="g", bonus=True, points=quarters(2), max_points=quarters(2), title="Dilated values"
        ),
    )
    return report(
        submission_id="alice",
        files=(
            StoredFile("a2-cnn.ipynb", 1_845_201, SHA),
            StoredFile("parts/preprocessing.py", 3_120, SHA),
            StoredFile("a2-writeup.pdf", 482_117, SHA),
        ),
        code_files=("a2-cnn.ipynb", "parts/preprocessing.py"),
        choice=("a2-cnn.ipynb counts, and not a2-old.ipynb: the names say that a2-cnn.ipynb is the final one.",),
        sheet=sheet(marks, "needs_review"),
        flags=(
            Flag("two-files", "Both a2-cnn.ipynb and a2-cnn (1).ipynb were handed in; the first was examined."),
            LATE,
        ),
        left_out=(
            LeftOut("a2-cnn.ipynb, cell 7, line 3", "train(args)", "training at the top level"),
            LeftOut("a2-cnn.ipynb, cell 1, line 1", "import scipy.misc", "stood in for"),
        ),
        remarks=("Batch-norm comes before pooling, as in the 2019 handout; both orders are accepted.",),
        output="Using CPU\nEpoch [1/25], loss: 2.4178\n",
        run=Run(
            "1.0.0",
            20_261,
            "cpu",
            "bubblewrap",
            "2.13.0",
            3.417,
            "2026-11-21T03:07:00Z",
            SHA,
            {"layers": {"network": "none", "seccomp": "in force"}, "memory": "2 GiB"},
        ),
        part_titles={
            "a": "A. Pooling and upsampling",
            "b": "B. Training",
            "c": "C. Skip connections",
            "g": "G. Dilated convolution",
        },
    )


CONFIGURATIONS = Evidence(
    configurations=(
        Configuration({"kernel": 3, "num_filters": 32, "num_colours": 24}, "86,784", "86,784", ok=True),
        Configuration({"kernel": 3, "num_filters": 8, "num_colours": 16}, "8,488", "8,490", ok=False),
        Configuration({"kernel": 5, "num_filters": 32, "num_colours": 24}, "239,872", "239,872", ok=True),
    )
)


def crowded() -> Report:
    """Thirty criteria, long names, no spaces to break a line at."""
    outcomes = list(Outcome)
    marks = [
        mark(
            f"a-network-with-quite-a-long-name-{count}.architecture",
            outcomes[count % len(outcomes)],
            part=f"part {count // 5 + 1}",
            points=Fraction(1 if count % 6 == 0 else 33 if count % 6 == 1 else 0, 1 if count % 6 == 0 else 100),
            feedback="A sentence that explains what is expected and what was seen, at some length. " * 3,
            title="ALongTitleWithoutAnySpaces" * 4 if count == 7 else f"Criterion number {count}",
        )
        for count in range(30)
    ]
    return report(marks, submission_id="3f2a9c_late_" + "averylongidentifier" * 6)


def hostile(text: str) -> Report:
    """``text`` as every string in which a submission, or a rubric, can have a say; names of facts included."""
    evidence = Evidence(
        configurations=(Configuration({text: 1}, expected=text, actual=text, ok=False),),
        curve=Curve(expected=(1.0, math.nan), actual=(math.inf, -math.inf), tolerance=0.0),
        snippet=Snippet(code=text, expected=text, actual=text),
        facts={text: {text: [text, math.nan]}, "again": [text, text]},
    )
    marks = [
        mark(
            f"thing.{outcome.value}",
            outcome,
            part=text,
            title=text,
            feedback=text,
            mistake=text,
            evidence=evidence,
            points=quarters(4 if outcome is Outcome.PASS else 1 if outcome is Outcome.PARTIAL else 0),
        )
        for outcome in Outcome
    ]
    return report(
        marks,
        submission_id=text,
        files=(StoredFile(text, 1, SHA),),
        assignment_title=text,
        detected=text,
        code_files=(text,),
        choice=(text,),
        flags=(Flag(text, text),),
        left_out=(LeftOut(text, text, text),),
        remarks=(text,),
        output=text,
        run=Run(text, 1, text, "none", text, 0.5, text, SHA, {text: text}),
        part_titles={text: text},
    )
