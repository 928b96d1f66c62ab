"""Data beside the code is written under its own name, except what would run code when it is unpickled."""

from __future__ import annotations

import base64
import io
import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

from grader.worker.loading.data_files import lay_out
from grader.worker.protocol import DataFile


def _sent(path: str, content: bytes) -> DataFile:
    return DataFile(path, base64.b64encode(content).decode())


def _array(values) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, values)
    return buffer.getvalue()


def _zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("x.npy", b"")
    return buffer.getvalue()


class _Acting:
    def __reduce__(self):
        return os.getcwd, ()


PLAIN = [
    b"",
    b'{"kernel": 3}',
    b"cat\ndog\nhorse\n",
    b"1,2,3\n",
    b"R,G,B\n0,0,0\n",
    b"kernel: 3\n",
    "é".encode(),
    b"\xff",
]
ACTING = [
    *(pickle.dumps(_Acting(), protocol) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)),
    # unpickling acts before it finds out that the rest is damaged
    pickle.dumps(_Acting(), 0)[:-1] + b"\xff",
    b"(ios\ngetcwd\n.",
    _zipped(),
    _array(np.array([{"a": 1}], dtype=object)),
    b"\x93NUMPY damaged",
]


@pytest.mark.parametrize("content", [*PLAIN, _array(np.zeros((24, 3)))])
def test_plain_data_is_written_and_the_working_directory_is_beside_it(tmp_path, monkeypatch, content):
    monkeypatch.chdir(tmp_path)
    lay_out([_sent("a2/data/x.txt", content)], tmp_path, tmp_path / "a2")
    assert Path("data/x.txt").read_bytes() == content


@pytest.mark.parametrize("content", ACTING)
def test_what_would_run_code_when_it_is_unpickled_is_not_written(tmp_path, monkeypatch, content):
    monkeypatch.chdir(tmp_path)
    lay_out([_sent("x.txt", content)], tmp_path, tmp_path)
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_written_is_skipped_and_the_rest_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lay_out([_sent(path, b"1") for path in ("x", "x/y", "n\0l", "l" * 300, "z")], tmp_path, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x", "z"]


def test_without_data_the_working_directory_stays(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lay_out([], tmp_path, tmp_path / "a")
    assert Path.cwd() == tmp_path
    assert not list(tmp_path.iterdir())
