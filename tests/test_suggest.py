"""A misspelt name is answered with the known name that is most like it."""

from __future__ import annotations

from grader.suggest import did_you_mean, nearest

NAMES = ["pool-first", "norm-first", "shapes"]


def test_the_name_that_is_spelt_most_alike_is_meant():
    assert nearest("pool_first", NAMES) == "pool-first"


def test_a_name_like_none_of_them_has_none_near_it():
    assert nearest("zzz", NAMES) is None and nearest("shapes", []) is None


def test_a_very_long_name_is_compared_by_its_beginning():
    assert nearest("a" * 1_000_000, ["a" * 60]) == "a" * 60


def test_an_error_ends_with_the_question_or_with_other_advice():
    assert did_you_mean("shape", NAMES, otherwise="use one of these") == "did you mean 'shapes'?"
    assert did_you_mean("zzz", NAMES, otherwise="use one of these") == "use one of these"
