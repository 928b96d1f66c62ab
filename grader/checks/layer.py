"""A convolution layer's test cases, and the answers to them; shared by the checks of the layer."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from torch import Tensor

from grader.checks.sitting import Sitting
from grader.exam.compare import compare, missing, rounding, share_of
from grader.exam.exam import Exam, Local
from grader.exam.proof import Drawn, proved, redrawn
from grader.marking.evidence import Configuration, Difference, Evidence
from grader.worker.protocol import LayerRun, RunLayer, Tensors, Trouble
from reference.known_layers import LAYER_MISTAKES, LayerMistake
from reference.rewritten import MyConv2dByHand, MyDilatedConv2dByHand

__all__ = [
    "CALLS",
    "GAPS",
    "KERNELS",
    "OTHER_GAPS",
    "SOME",
    "SOURCES",
    "Answer",
    "Case",
    "case_answers",
    "case_table",
    "cases_of",
    "drawn_tensors",
    "known_mistake",
    "probe",
    "runs",
]

GAPS, KERNELS = (0, 1, 3), (1, 3, 5)
OTHER_GAPS = (2, 4, 5)
"""Each run draws one of these, so that a layer made for the handout's gaps alone does not pass."""
CALLS = {
    "again": "The second call of the same {} with the same input",
    "eval": "{} in evaluation mode",
    "eval.again": "{} in evaluation mode and without gradients",
}
"""The calls that follow the first, which is in training mode and with gradients. All must give the same output."""
SOURCES = ("input", "weight", "bias")
"""The tensors that gradients must reach."""
SOME = Fraction(1, 4)
"""The share of the points for a layer that is right for some gaps or kernels only."""


@dataclass(frozen=True)
class Case:
    """One layer and one input for it."""

    kernel: int
    gap: int | None
    """None for the ordinary layer."""
    batch: int
    inputs: int
    outputs: int
    height: int
    width: int
    padding: int | None = None
    """The ordinary layer's fourth argument; None leaves it out."""

    @property
    def arguments(self) -> tuple[int, ...]:
        """The arguments of the layer's constructor."""
        optional = (value for value in (self.gap, self.padding) if value is not None)
        return (self.inputs, self.outputs, self.kernel, *optional)

    @property
    def named(self) -> dict[str, int]:
        """The arguments that matter to a reader, under the handout's names."""
        named = {"kernel_size": self.kernel, "dilation": self.gap, "padding": self.padding}
        return {name: value for name, value in named.items() if value is not None}

    @property
    def larger(self) -> int:
        """The number of pixels by which the output is higher and wider than the input."""
        return 0 if self.padding is None else 2 * self.padding - self.kernel + 1

    def told(self) -> str:
        """The case for feedback: ``kernel 3, dilation 1``."""
        return ", ".join(f"{name.removesuffix('_size')} {value}" for name, value in self.named.items())


def cases_of(sitting: Sitting, thing: str) -> list[Case]:
    """Every pair of a kernel and a gap, and one more case; batch, channels, height and width vary from case to case."""
    dilated = sitting.exam.handout.layer_things[thing].dilated
    gaps: tuple[int | None, ...] = GAPS if dilated else (None,)
    sizes = [(2, 3, 4, 13, 11), (1, 1, 2, 8, 15), (3, 2, 1, 16, 9), (1, 4, 3, 32, 32)]
    cases: list[Case] = []
    for kernel in KERNELS:
        for gap in gaps:
            batch, inputs, outputs, height, width = sizes[len(cases) % len(sizes)]
            cases.append(Case(kernel, gap, batch, inputs, outputs, height, width))
    if dilated:
        cases.append(Case(3, sitting.exam.one_of("layer/gap", OTHER_GAPS), 5, 2, 3, 14, 17))
    else:
        cases.append(Case(5, None, 2, 3, 4, 12, 10, padding=1))
    return cases


@dataclass(frozen=True)
class Answer:
    """The answers of the candidate and of the reference to one case."""

    case: Case
    reply: LayerRun | Trouble
    outputs: Tensors
    """The candidate's tensors by name: ``output``, the outputs of ``CALLS``, ``gradient.input`` and so on."""
    expected: Tensors
    """The reference's tensors; one output stands for all calls."""
    tolerances: dict[str, float]
    """The largest distance that each expected tensor allows."""
    draw: int
    """The draw of the case's tensors, see ``proof.py``."""
    _differences: dict[str, Difference | None] = field(default_factory=dict)

    @property
    def trouble(self) -> Trouble | None:
        """What stopped the first call; None if nothing did."""
        return self.reply if isinstance(self.reply, Trouble) else None

    @property
    def run(self) -> LayerRun:
        """The worker's report on the layer. Raises ValueError if there is ``trouble``."""
        if isinstance(self.reply, Trouble):
            raise ValueError(f"the layer did not run: {self.reply.text}")
        return self.reply

    def difference(self, name: str) -> Difference | None:
        """The difference from the reference; None if the tensor is there and right. Compared once."""
        if name not in self._differences:
            self._differences[name] = self._difference(name)
        return self._differences[name]

    def _difference(self, name: str) -> Difference | None:
        counterpart = "output" if name in CALLS else name
        expected = self.expected[counterpart]
        if name not in self.outputs:
            return missing(tuple(expected.shape), ())
        return compare(expected, self.outputs[name], self.tolerances[counterpart])

    @property
    def right(self) -> bool:
        """Whether every call gave the reference's output; gradients don't count."""
        return self.trouble is None and not any(map(self.difference, ("output", *CALLS)))

    @property
    def unsteady(self) -> str | None:
        """The first of ``CALLS`` whose output is not that of the first call, or that fails; None if all agree."""
        if self.trouble is not None or self.outputs["output"].is_meta:
            return None
        first, allowed = self.outputs["output"], self.tolerances["output"]
        differing = (
            name
            for name in CALLS
            if name not in self.outputs or compare(first, self.outputs[name], allowed) is not None
        )
        return next(differing, None)


def drawn_tensors(exam: Exam, case: Case, draw: int = 0) -> Tensors:
    """A draw of the case's ``input`` (B, I, H, W), ``weight`` (O, I, K, K), ``bias`` (O,) and ``upstream``, in [-1, 1).

    ``upstream`` is the gradient of a loss by the output, and has the output's shape.
    """
    name = redrawn(f"layer/{case}", draw)
    return {
        "input": exam.uniform(f"{name}/input", (case.batch, case.inputs, case.height, case.width), -1, 1),
        "weight": exam.uniform(f"{name}/weight", (case.outputs, case.inputs, case.kernel, case.kernel), -1, 1),
        "bias": exam.uniform(f"{name}/bias", (case.outputs,), -1, 1),
        "upstream": exam.uniform(
            f"{name}/upstream", (case.batch, case.outputs, case.height + case.larger, case.width + case.larger), -1, 1
        ),
    }


def probe(exam: Exam, thing: str, case: Case) -> RunLayer:
    """The probe that runs the layer on a case."""
    cls = exam.handout.layer_things[thing].cls
    # A layer that spreads the image in place of its filter is recognised by its values. Both axes are longer then.
    spread = (case.gap or 0) + 1
    elements = 4 * spread**2 * case.batch * case.outputs * (case.height + case.larger) * (case.width + case.larger)
    return RunLayer(cls=cls, arguments=case.arguments, seed=exam.number("layer"), elements=elements)


def case_answers(sitting: Sitting, thing: str) -> tuple[Answer, ...]:
    """The answers of the submission's layer and of the reference to every case; asked once per submission."""

    def make() -> tuple[Answer, ...]:
        expected = {case: proved(sitting.exam, _LayerQuestion(thing, case)) for case in cases_of(sitting, thing)}
        questions = [
            (probe(sitting.exam, thing, case), drawn_tensors(sitting.exam, case, draw))
            for case, (*_, draw) in expected.items()
        ]
        replies = sitting.candidate.answers(questions)
        return tuple(
            Answer(case, reply, outputs, *expected[case])
            for case, (reply, outputs) in zip(expected, replies, strict=True)
        )

    return sitting.once(("answers", thing), make)


_Expected = tuple[Tensors, dict[str, float], int]
"""The reference's tensors, the tolerance of each, and the draw."""


@dataclass(frozen=True)
class _LayerQuestion(Drawn[_Expected]):
    """What the reference answers to a case."""

    thing: str
    case: Case
    value_type = tuple[tuple[dict[str, Tensor], dict[str, float], int]] | None

    def draw(self, exam: Exam, number: int) -> tuple[_Expected, float]:
        facts = exam.handout.layer_things[self.thing]
        by_hand = Local({facts.cls: MyDilatedConv2dByHand if facts.dilated else MyConv2dByHand})
        question = probe(exam, self.thing, self.case), drawn_tensors(exam, self.case, number)
        single, double, other = (
            each.answer(*question)[1] for each in (exam.reference, exam.reference_in_double, by_hand)
        )
        tolerances = {name: rounding(value, double[name]) for name, value in single.items()}
        used = max(share_of(tolerances[name], value, other[name]) for name, value in single.items())
        return (single, tolerances, number), used


def runs(answers: tuple[Answer, ...]) -> bool:
    """Whether the layer ran in any case."""
    return any(answer.trouble is None for answer in answers)


def case_table(answers: tuple[Answer, ...], names: tuple[str, ...]) -> Evidence:
    """Every case as a configuration, which is ok if the tensors of these names are right."""
    configurations = []
    for answer in answers:
        if answer.trouble is not None:
            actual, ok = answer.trouble.text[:120], False
        else:
            differences = [difference for name in names if (difference := answer.difference(name)) is not None]
            actual, ok = (differences[0].sentence() if differences else "equal"), not differences
        configurations.append(Configuration(answer.case.named, "equal to the reference", actual, ok))
    return Evidence(configurations=tuple(configurations))


def known_mistake(sitting: Sitting, thing: str, answers: tuple[Answer, ...]) -> LayerMistake | None:
    """The known mistake whose outputs equal the layer's in every case; None if there is none."""
    if not sitting.exam.handout.layer_things[thing].dilated:
        return None
    return next((known for known in LAYER_MISTAKES if all(_equals(sitting, known, answer) for answer in answers)), None)


def _equals(sitting: Sitting, known: LayerMistake, answer: Answer) -> bool:
    """Whether a known mistake answers this case as the layer does: with the same output, or with an error."""
    if answer.case.gap is None:
        return False

    def make() -> Tensor | None:
        drawn = drawn_tensors(sitting.exam, answer.case, answer.draw)
        try:
            return known.compute(drawn["input"], drawn["weight"], drawn["bias"], answer.case.gap or 0)
        except RuntimeError:  # a filter larger than the image
            return None

    expected = sitting.exam.once(("layer-mistake", known, answer.case), make)
    if expected is None or answer.trouble is not None:
        return expected is None and answer.trouble is not None
    if "output" not in answer.outputs:
        return False
    return compare(expected, answer.outputs["output"], answer.tolerances["output"]) is None
