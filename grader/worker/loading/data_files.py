"""Small data files that were handed in beside the code, written where the code looks for them while it is loaded.

The source is searched for means to falsify what the worker reports. A pickle is code that no source contains. So a file
that would run code when it is unpickled is not written, and the code finds it absent.
"""

from __future__ import annotations

import base64
import contextlib
import io
import os
import pickletools
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from ..protocol import DataFile

__all__ = ["lay_out"]


_FINDS = frozenset({"GLOBAL", "STACK_GLOBAL", "EXT1", "EXT2", "EXT4", "PERSID", "BINPERSID"})
_ACTS = frozenset({"REDUCE", "BUILD", "OBJ", "NEWOBJ", "NEWOBJ_EX"})


def lay_out(files: Iterable[DataFile], folder: Path, home: Path) -> None:
    """Write ``files`` to their paths below ``folder``, and work in ``home`` from now on.

    ``home`` is the folder of the code that is examined, where relative names start. A file that cannot be written is
    skipped, and the code finds it absent. Nothing is done if no file is written.
    """
    is_any_written = False
    for file in files:
        content = base64.b64decode(file.content)
        if _acts(content):
            continue
        with contextlib.suppress(OSError, ValueError):
            path = folder / file.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            is_any_written = True
    if is_any_written:
        with contextlib.suppress(OSError, ValueError):
            home.mkdir(parents=True, exist_ok=True)
            os.chdir(home)


def _acts(content: bytes) -> bool:
    """Whether code may run when the bytes are unpickled, or what numpy or torch find packed in them."""
    if content.startswith(b"PK"):
        return True
    if content.startswith(b"\x93NUMPY"):
        try:
            np.load(io.BytesIO(content), allow_pickle=False)
        except Exception:  # an array of objects contains a pickle
            return True
        return False
    names: set[str] = set()
    with contextlib.suppress(Exception):  # if it is not a pickle, to unpickle it fails too
        names.update(operation.name for operation, _, _ in pickletools.genops(content))
    return "INST" in names or not (names.isdisjoint(_FINDS) or names.isdisjoint(_ACTS))
