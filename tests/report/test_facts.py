"""Facts are written as people write them as far as they can be, and as JSON where they are deep."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from grader.marking.evidence import Json
from grader.report.facts import facts


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("<b>as it is</b>", "<b>as it is</b>"),
        (True, "yes"),
        (False, "no"),
        (None, "none"),
        (196608, "196,608"),
        (0.1 + 0.2, "0.3"),
        (math.nan, "nan"),
        (["aten::convolution", "aten::cat"], "aten::convolution, aten::cat"),
        ([], "none"),
        ({}, "none"),
        ({"a": None, "b": True, "c": 0.5}, "a: none, b: yes, c: 0.5"),
        ([{"name": "conv1", "class": "Conv2d"}, {"name": "conv2"}], "name: conv1, class: Conv2d\nname: conv2"),
        ({"a": [1, [2]]}, '{"a": [1, [2]]}'),
        ([{"a": [1]}, 2], '[{"a": [1]}, 2]'),
        ([{"a": [1]}], '[{"a": [1]}]'),
    ],
    ids=str,
)
def test_a_fact_reads_as_people_write(value: Json, shown: str) -> None:
    assert facts({"seen": value}) == (("seen", shown),)


def test_what_does_not_fit_on_a_line_has_a_line_each() -> None:
    words: Json = [f"layer{number}" for number in range(30)]
    deep: Json = [[number] for number in range(100)]
    (_, in_words), (_, as_json) = facts({"words": words, "deep": deep})
    assert in_words.split("\n") == words
    assert json.loads(as_json) == deep and as_json.count("\n") > 100


def test_facts_keep_their_order() -> None:
    assert [name for name, _ in facts({"z": 1, "a": 2})] == ["z", "a"]


def test_what_json_cannot_hold_is_shown_all_the_same() -> None:
    endless: Any = {}
    endless["again"] = endless
    ((_, shown),) = facts({"endless": endless})
    assert "again" in shown
