"""Whatever forward returns, in whichever mode and for however many images, every check has a verdict on it."""

# ruff: noqa: E501 - outputs are data
from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from places import ROOT
from sittings import exam_of, sitting_through_frames

from grader.checks import run_check
from grader.intake import Cell, Submission, find, read
from grader.marking.verdicts import Verdict, sentences
from reference.handouts import HANDOUTS

DTYPES = ("float64", "float16", "bfloat16", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "bool", "float8_e4m3fn", "complex64")  # fmt: skip
OUTPUTS = (
    # axes
    "y.sum()", "torch.zeros(())", "torch.tensor(3)", "y.flatten()", "y.flatten(1)", "y.flatten(2)", "y[None]", "y[None, None]",
    "y[..., None, None, None]", "y[(None,) * 4]", "y[(None,) * 9]", "y.transpose(2, 3)", "y.argmax(1)", "y[:, :1]",
    # sizes
    "y[:0]", "y[:, :, :0]", "torch.empty(0)", "torch.empty(0, 2**20, 2**20)", "torch.zeros(2_000_000)", "torch.zeros(10_000_000, dtype=torch.uint8)",
    "y.repeat(1, 1, 8, 8)", "y.repeat(1, 1, 4, 4)", "y.sum().expand(3_000, 3_000)", "torch.zeros(1).expand(2**19, 2**20)", "torch.zeros(1).expand(2**30, 2**30)",
    # kinds of tensors
    "y.to_sparse()", "y[0, 0].detach().to_sparse_csr()", "y.detach().to_mkldnn()", "torch.quantize_per_tensor(y.detach(), 0.1, 0, torch.qint8)", "torch.complex(y, y)",
    "y.to(torch.complex64).conj().imag", "torch.view_as_real(torch.complex(y, y))", "torch.nested.nested_tensor([y[0], y[0, :, 1:]])",
    "torch.nested.nested_tensor(list(y.flatten(1)), layout=torch.jagged)", "y.to('meta')", "torch._efficientzerotensor(y.shape)", "nn.Parameter(y.detach())",
    "y.as_subclass(type('Odd', (torch.Tensor,), {}))", "y.as_subclass(type('Odd', (torch.Tensor,), {'__torch_function__': classmethod(lambda *_, **__: 1 / 0)}))",
    "y.as_subclass(type('Odd', (torch.Tensor,), {'shape': (1, 2), 'is_meta': True}))", "torch.inference_mode()(lambda: y.detach().clone())()",
    *(f"y.to(torch.{dtype})" for dtype in DTYPES),
    # no tensors
    "None", "(y, y)", "[y]", "{'out': y}", "y.tolist()", "3.0", "'text'", "y.detach().numpy()", "iter(y)", "self", "type('Odd', (), {'__class__': torch.Tensor})()",
    # values and memory
    "y * float('nan')", "y / 0", "y * float('inf')", "y * 1e30", "-(y * 0)", "y.detach()", "y.data", "y[:, :1].expand_as(y)", "y.as_strided(y.shape, (0, 0, 1, 1))", "y.as_strided(y.shape, (1, 1, 1, 1))",
    "torch.empty_like(y)", "torch.rand_like(y)", "torch.randint(0, 9, y.shape)", "x", "y.contiguous(memory_format=torch.channels_last)", "y.detach().requires_grad_()", "y.flip(3)",
)  # fmt: skip
THINGS = [
    (assignment, thing)
    for assignment in ("csc321-2018", "csc2516-2019", "csc413-2020", "csc413-2023")
    for thing in (*HANDOUTS[assignment].things, *HANDOUTS[assignment].layer_things)
]
_INTERNAL = re.compile(r"FrameError|aten::|Traceback|torch\._C|\bgot an unexpected\b|agreed form")


@cache
def right(assignment: str) -> Submission:
    """The right solution, in which a class can be extended under its own name."""
    submission = read(
        find([ROOT / "fixtures" / "submissions" / assignment / "right" / "submission"], mode="one").found[0]
    )
    code = tuple(
        replace(
            file,
            cells=tuple(
                replace(cell, source=re.sub(r"super\(\w+, self\)", "super()", cell.source)) for cell in file.cells
            ),
        )
        for file in submission.code
    )
    return replace(submission, code=code)


def returning(assignment: str, cls: str, output: str, modes: tuple[bool, ...], alone: tuple[bool, ...]) -> Submission:
    """The right solution, but in these modes (whether training) and for these batches (whether of one) ``cls`` returns
    ``output``, computed from its input ``x`` and its right output ``y``."""
    extension = (
        f"class {cls}({cls}):\n    def forward(self, x):\n        y = super().forward(x)\n"
        f"        return ({output}) if self.training in {modes} and (len(x) == 1) in {alone} else y\n"
    )
    submission = right(assignment)
    *_, last = [file for file in submission.code if any(f"class {cls}(" in cell.source for cell in file.cells)]
    if last.cells[-1].number is None:
        cells = (Cell(None, f"{last.cells[0].source}\n\n{extension}"),)
    else:
        cells = (*last.cells, Cell(last.cells[-1].number + 1, extension))
    rest = tuple(file for file in submission.code if file != last)
    return replace(submission, code=(replace(last, cells=cells), *rest))


def verdicts(
    assignment: str, thing: str, output: str, modes: tuple[bool, ...], alone: tuple[bool, ...], scratch: Path
) -> list[Verdict]:
    """What every check of a thing says, none of them held back by another."""
    exam = exam_of(assignment)
    facts = {**exam.networks, **exam.handout.layer_things}[thing]
    sitting = sitting_through_frames(returning(assignment, facts.cls, output, modes, alone), assignment, scratch)
    criteria = [each for each in exam.assignment.criteria if each.check and each.id.startswith(f"{thing}.")]
    return [run_check(str(each.check), sitting, each.id) for each in criteria]


BOTH = (True, False)


def judge(
    assignment: str, thing: str, output: str, modes: tuple[bool, ...], alone: tuple[bool, ...], scratch: Path
) -> None:
    for verdict in verdicts(assignment, thing, output, modes, alone, scratch):
        assert verdict.feedback and len(sentences(verdict.feedback)) <= 5, verdict
        assert not _INTERNAL.search(verdict.feedback), verdict


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # as in the sandbox, whatever the outputs are
# The checks themselves search with Hypothesis, within bounds of their own.
@settings(derandomize=True, deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from(THINGS),
    st.sampled_from(OUTPUTS),
    st.sampled_from([BOTH, (True,), (False,)]),
    st.sampled_from([BOTH, (True,), (False,)]),
)
def test_any_output_is_evidence(
    scratch: Path, of: tuple[str, str], output: str, modes: tuple[bool, ...], alone: tuple[bool, ...]
) -> None:
    judge(*of, output, modes, alone, scratch)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("assignment", "thing", "output"),
    [
        ("csc413-2020", "cnn", "y.sum()"),
        ("csc413-2020", "cnn", "torch.zeros(10_000_000, dtype=torch.uint8)"),
        ("csc321-2018", "dilated-unet", "-(y * 0)"),
        ("csc321-2018", "dilated-unet", "y.to(torch.float16)"),
        ("csc321-2018", "dilated", "y.to(torch.complex64).conj().imag"),
    ],
)
def test_an_output_that_once_was_too_much_is_evidence(assignment: str, thing: str, output: str, scratch: Path) -> None:
    judge(assignment, thing, output, BOTH, BOTH, scratch)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scratch")
