"""A pickle is read as arrays or refused, however it is damaged. What a batch may hold is tested with the data."""

from __future__ import annotations

import io

from hypothesis import given, settings
from hypothesis import strategies as st
from old_pickles import ROW, old_batch

from reference.pickles import DataError, read_pickle


@given(st.data())
@settings(max_examples=200)
def test_a_damaged_pickle_is_read_or_refused_and_nothing_else(data):
    content = bytearray(old_batch(ROW[:, :30], [7, 1, 2]))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        batch = read_pickle(io.BytesIO(bytes(content)), "it")
        for value in batch.values() if isinstance(batch, dict) else ():
            if hasattr(value, "numbers"):
                value.numbers("it")
    except DataError as error:
        assert str(error).startswith("it ")
