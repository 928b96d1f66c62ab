"""Arrays out of the course's pickles, and nothing else.

The course hands out its data as pickles of Python 2, and a pickle may name any function there is. This reader
knows the four names that numpy writes when it pickles an array, and puts records of our own in their place: they keep
what the pickle says about an array, which is checked before numpy sees it. Every other name is refused.
"""

from __future__ import annotations

import math
import pickle
import re
from collections.abc import Sequence
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

__all__ = ["DataError", "PickledArray", "read_pickle"]


class DataError(Exception):
    """A data file cannot be used; the text is one sentence."""


class _PickledType:
    """What a pickle says about an array's numbers: ``numpy.dtype``."""

    def __init__(self, code: object, *_: object) -> None:
        self.code = code.decode("latin-1") if isinstance(code, bytes) else code
        self.order: object = "|"

    def __setstate__(self, state: Sequence[object]) -> None:
        order = state[1]
        self.order = order.decode("latin-1") if isinstance(order, bytes) else order


class _PickledScalar:
    """A single number; nothing in the course's files needs its value."""

    def __init__(self, *_: object) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        raise pickle.UnpicklingError("a number cannot have a state")


class PickledArray:
    """What a pickle says about an array."""

    def __init__(self, *_: object) -> None:
        # numpy first asks for an empty array and gives it its contents afterwards.
        self.shape: object = ()
        self.type: object = None
        self.by_columns: object = False
        self.content: object = b""

    def __setstate__(self, state: Sequence[object]) -> None:
        _, self.shape, self.type, self.by_columns, self.content = state

    def numbers(self, where: str) -> NDArray[Any]:
        """The array itself, where it is one of plain numbers. Raises DataError, which begins with ``where``."""
        kind = self.type
        if not isinstance(kind, _PickledType) or not isinstance(kind.code, str):
            raise DataError(f"{where} is an array without a type: download the file again")
        if not re.fullmatch(r"[iu][1248]|f[248]", kind.code) or kind.order not in ("<", ">", "=", "|"):
            raise DataError(f"{where} is an array of '{kind.code}', where only plain numbers are allowed")
        dtype = np.dtype(("=" if kind.order == "|" else kind.order) + kind.code)
        shape = self.shape
        if not isinstance(shape, tuple) or not all(isinstance(length, int) and length >= 0 for length in shape):
            raise DataError(f"{where} is an array without a shape: download the file again")
        if not isinstance(self.content, bytes) or len(self.content) != math.prod(shape) * dtype.itemsize:
            raise DataError(f"{where} holds other than the {math.prod(shape)} numbers of its shape {shape}")
        flat = np.frombuffer(self.content, dtype)
        return flat.reshape(shape, order="F" if self.by_columns else "C").astype(dtype.newbyteorder("="))

    def first(self, where: str) -> PickledArray:
        """Element 0 of an array of objects, which must be an array. Raises DataError, which begins with ``where``."""
        if isinstance(self.content, list) and self.content and isinstance(self.content[0], PickledArray):
            return self.content[0]
        raise DataError(f"{where} is not an array of objects that begins with an array")


_MODULES = ("numpy", "numpy.core.multiarray", "numpy._core.multiarray")
_ALLOWED: dict[str, type] = {
    "_reconstruct": PickledArray,
    "ndarray": PickledArray,
    "dtype": _PickledType,
    "scalar": _PickledScalar,
}


class _ArrayUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> type:
        if module in _MODULES and name in _ALLOWED:
            return _ALLOWED[name]
        raise pickle.UnpicklingError(f"it asks for {module}.{name}, and only numpy arrays are allowed")


def read_pickle(file: BinaryIO, where: str) -> Any:
    """The pickled value at ``file``'s position, strings of Python 2 as bytes, arrays as PickledArray.

    Raises DataError, which begins with ``where``.
    """
    try:
        return _ArrayUnpickler(file, encoding="bytes").load()
    except pickle.UnpicklingError as exc:
        raise DataError(f"{where} is not a pickle this reader takes: {exc}") from exc
    except Exception as exc:  # a damaged pickle may raise anything, from IndexError to MemoryError
        raise DataError(f"{where} is a damaged pickle ({type(exc).__name__}): download it again") from exc
