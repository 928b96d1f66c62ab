"""Files of the course as Python 2 pickled them, written opcode by opcode."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest

from reference.pickles import DataError

ROW = np.zeros((1, 3072), dtype=np.uint8)
"""One black picture of CIFAR-10."""


def old_string(text: bytes) -> bytes:
    return b"T" + struct.pack("<I", len(text)) + text


def old_array(*, code: bytes, shape: tuple[int, ...], content: bytes) -> bytes:
    """A pickled array, opcode by opcode; ``content`` is the pickled bytes or list that fills it."""
    lengths = b"(" + b"".join(b"J" + struct.pack("<i", length) for length in shape) + b"t"
    empty = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00tU\x01btR"
    kind = (
        b"cnumpy\ndtype\n(U"
        + bytes([len(code)])
        + code
        + b"K\x00K\x01tR(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    )
    return empty + b"(K\x01" + lengths + kind + b"\x89" + content + b"tb"


def old_numbers(array: np.ndarray) -> bytes:
    return old_array(code=array.dtype.str[1:].encode(), shape=array.shape, content=old_string(array.tobytes()))


def old_objects(listed: bytes, count: int) -> bytes:
    return old_array(code=b"O8", shape=(count,), content=listed)


def old_batch(pixels: np.ndarray, labels: list[int]) -> bytes:
    """A batch of CIFAR-10 as Python 2 pickled it."""
    listed = b"](" + b"".join(b"K" + bytes([label]) for label in labels) + b"e"
    entries = old_string(b"labels") + listed + old_string(b"data") + old_numbers(pixels)
    return b"\x80\x02}(" + entries + old_string(b"batch_label") + old_string(b"a batch") + b"u."


def old_colours(centres: np.ndarray) -> bytes:
    """A colour file of the course: an array of objects whose element 0 is the centres."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|O", "fortran_order": False, "shape": (2,)})
    scalar = b"cnumpy.core.multiarray\nscalar\n(cnumpy\ndtype\n(U\x02f8K\x00K\x01tR" + old_string(bytes(8)) + b"tR"
    listed = b"](" + old_numbers(centres) + scalar + b"e"
    return header.getvalue() + b"\x80\x02" + old_objects(listed, 2) + b"."


def assert_one_sentence(error: pytest.ExceptionInfo[DataError], *words: str) -> None:
    text = str(error.value)
    assert "\n" not in text
    assert all(word in text for word in words), text
