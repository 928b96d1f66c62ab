"""Values that are computed once and then shared, also between threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.exam.once import Once

THREADS = 4


@given(st.lists(st.integers(0, 3), max_size=20))
def test_each_key_is_computed_once_whatever_the_order(keys):
    once, computed = Once(), []
    for key in keys:
        assert once.value(key, lambda key=key: computed.append(key) or -key) == -key
    assert computed == list(dict.fromkeys(keys))


@given(st.lists(st.integers(0, 3), min_size=1, max_size=8))
def test_threads_that_ask_together_share_one_value_for_each_key(keys):
    once, computed, together = Once(), [], Barrier(THREADS)

    def ask(_: int) -> list[object]:
        together.wait(timeout=10)
        return [once.value(key, lambda key=key: computed.append(key) or object()) for key in keys]

    with ThreadPoolExecutor(THREADS) as threads:
        first, *others = threads.map(ask, range(THREADS))
    assert sorted(computed) == sorted(set(keys))
    assert all(mine is theirs for values in others for mine, theirs in zip(first, values, strict=True))


def test_two_keys_are_computed_at_the_same_time():
    once, together = Once(), Barrier(2)
    with ThreadPoolExecutor(2) as threads:
        values = threads.map(lambda key: once.value(key, lambda: together.wait(timeout=10)), ["a", "b"])
        assert sorted(values) == [0, 1]


def test_one_value_may_be_made_of_another():
    once = Once()
    assert once.value("sum", lambda: 1 + once.value("part", lambda: 2)) == 3


def test_a_key_is_contained_from_its_first_value_on():
    once = Once()
    assert "key" not in once
    once.value("key", lambda: None)
    assert "key" in once


def test_none_is_a_value_that_is_not_computed_again():
    once = Once()
    once.value("key", lambda: None)
    assert once.value("key", lambda: "another") is None


def test_a_value_that_is_forgotten_is_computed_anew():
    once = Once()
    once.value("key", lambda: "old")
    once.forget("key")
    assert "key" not in once
    assert once.value("key", lambda: "new") == "new"


def test_a_key_that_was_never_asked_for_can_be_forgotten():
    once = Once()
    once.forget("key")
    assert "key" not in once


def test_a_computation_that_fails_is_tried_again():
    once = Once()
    with pytest.raises(ZeroDivisionError):
        once.value("key", lambda: 1 // 0)
    assert "key" not in once
    assert once.value("key", lambda: 1) == 1
