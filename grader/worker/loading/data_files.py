"""Small data files that were handed in beside the code, laid where code looks for them while it is loaded.

The source is read for means to bend what the worker reports before any of it runs; a pickle is code that is in no
source. So what would act when it is unpickled is not laid out, and is then a file that was not handed in.
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

    ``home`` is the folder of the code that is examined, which relative names start from. What cannot be written is left
    out: the code then hears that it is not there. Nothing is done where there is no data.
    """
    laid = False
    for file in files:
        content = base64.b64decode(file.content)
        if _acts(content):
            continue
        with contextlib.suppress(OSError, ValueError):
            path = folder / file.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            laid = True
    if laid:
        with contextlib.suppress(OSError, ValueError):
            home.mkdir(parents=True, exist_ok=True)
            os.chdir(home)


def _acts(content: bytes) -> bool:
    """Whether unpickling the bytes, or what numpy or torch find packed in them, may run code."""
    if content.startswith(b"PK"):
        return True
    if content.startswith(b"\x93NUMPY"):
        try:
            np.load(io.BytesIO(content), allow_pickle=False)
        except Exception:  # an array of objects is a pickle
            return True
        return False
    names: set[str] = set()
    with contextlib.suppress(Exception):  # where it is no pickle, unpickling stops as well
        names.update(operation.name for operation, _, _ in pickletools.genops(content))
    return "INST" in names or not (names.isdisjoint(_FINDS) or names.isdisjoint(_ACTS))
