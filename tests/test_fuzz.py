"""Whatever bytes are handed in, the answer is a value or one sentence: rubric, archives, notebooks, sources, frames."""

# ruff: noqa: E501 - mutations and pieces are data
from __future__ import annotations

import json
import string
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
from archive_makers import a_tar, a_zip
from code_files import notebook, script
from fuzz_frames import broken_promise, frames
from hypothesis import given, settings
from hypothesis import strategies as st
from places import TESTS

from grader.intake import SubmissionError, find, read
from grader.intake.archives import MOST_BYTES
from grader.marking.rubric import RubricError
from grader.marking.rubric_file import load
from grader.worker.protocol import to_json
from grader.worker.source.outline import outline_of
from grader.worker.source.reading import read as read_source
from grader.worker.source.unusual import unusual

RUBRIC = (TESTS / "adversarial" / "rubric.yaml").read_text("utf-8")
HONEST = (TESTS / "adversarial" / "honest.txt").read_text("utf-8")
steady = settings(derandomize=True, deadline=None, max_examples=60)

_NOTEBOOK = json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{"cell_type": "code", "metadata": {}, "source": ["import torch\n", "x = 1"], "outputs": [], "execution_count": 1}]}).encode()  # fmt: skip
_ARCHIVES = [
    a_zip(("colourization.py", b"x = 1\n"), ("a/b.txt", b"b" * 500)),
    a_tar(("colourization.py", b"x = 1\n"), gz=True),
    a_tar(("a.py", b"y = 2\n")),
]
_PYTHON = [
    "import torch\n", "class CNN(nn.Module):\n", "    def forward(self, x):\n", "\tif x:\n", "        return F.conv2d(x, w, dilation=d)\n", "x = (\n", ")\n", "'''\n", "%%writefile a.py\n",
    "%cd /\n", "!ls\n", "print 'x'\n", "exec 'x' in d\n", "lambda: (yield)\n", "f'{x!r:{y}}'\n", "\\\n", "\f", "\0", "\ufeff", "\u202e", "\ud800", "from . import *\n", "a.b.c = d\n",
    "a = b.c; b = a.d\n", "del torch.cat\n", "class A(metaclass=B): pass\n", "match x:\n    case [*_]: pass\n", "async def f(): await x\n", "global x\n", "return 1\n", "0777\n", "x = 1 if\n", "@\n",
    "getattr(torch, n)()\n", "vars(sys)['x'] = 1\n", "({**a}[0]).b().c\n", "x: int = y\n", "for torch.x in y: pass\n", "with a as torch.b: pass\n", "(sys.modules := 1)\n", "-" * 300 + "1\n",
]  # fmt: skip


def changed(original: bytes) -> st.SearchStrategy[bytes]:
    """The bytes with a few places overwritten, cut out or doubled."""
    edits = st.tuples(st.integers(0, len(original)), st.integers(0, 12), st.binary(max_size=12))

    def apply(made: list[tuple[int, int, bytes]]) -> bytes:
        content = original
        for place, length, put in made:
            content = content[:place] + put + content[place + length :]
        return content

    return st.lists(edits, min_size=1, max_size=4).map(apply)


@steady
@given(
    changed(RUBRIC.encode())
    | st.text(string.printable + "é\u202e", max_size=300).map(str.encode)
    | st.binary(max_size=200)
)
def test_any_rubric_is_a_rubric_or_one_sentence(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "rubric.yaml")
        path.write_bytes(content)
        try:
            rubric = load(path)
        except RubricError as refused:
            assert str(refused) and "\n" not in str(refused)
        else:
            assert rubric.assignments


@steady
@given(
    st.sampled_from(_ARCHIVES).flatmap(changed).map(lambda content: ("handed-in.zip", content))
    | st.sampled_from(_ARCHIVES).flatmap(changed).map(lambda content: ("handed-in.tar.gz", content))
    | changed(_NOTEBOOK).map(lambda content: ("a2.ipynb", content))
    | changed(HONEST.encode()).map(lambda content: ("colourization.py", content))
    | st.binary(max_size=300).map(lambda content: ("colourization.py", content))
)
def test_any_file_is_read_or_refused_in_a_sentence(file: tuple[str, bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, file[0]).write_bytes(file[1])
        with suppress(SubmissionError):
            for found in find([Path(folder)], mode="one").found:
                submission = read(found)
                assert sum(len(cell.source) for code in submission.code for cell in code.cells) <= MOST_BYTES
                assert all(flag.detail and "\n" not in flag.detail for flag in submission.flags)
                for code in submission.code:
                    for cell in code.cells:
                        # what is sent to a worker must be text that UTF-8 can hold, or be made so on the way
                        cell.source.encode("utf-8", "replace")


@steady
@given(
    st.lists(st.sampled_from(_PYTHON) | st.text(max_size=12), max_size=14).map("".join),
    st.sampled_from(["a.py", "a.ipynb"]),
)
def test_any_source_has_an_outline(text: str, path: str) -> None:
    sources = read_source([notebook(text, path=path) if path.endswith("ipynb") else script(text, path)])
    outline, constructs = outline_of(sources), unusual(sources)
    assert {file.path for file in outline.files} == set(constructs)
    json.dumps(to_json([outline, constructs]), allow_nan=False).encode("utf-8")


@pytest.mark.parametrize("seed", range(4))
def test_any_frame_is_a_value_or_a_frame_error(seed: int) -> None:
    for frame in frames(1500, seed):
        assert broken_promise(frame) is None, frame
