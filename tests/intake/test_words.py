"""Words of a file's name that say what it is, and those that may be a student's name."""

from __future__ import annotations

import pytest

from grader.intake.words import own_words


@pytest.mark.parametrize(
    "stem",
    [
        *("colourization", "colour_regression", "a2-cnn", "a2-code", "colorization-netid", "colourization2", "UNet"),
        *("MyDilatedConv2d", "load_data", "preprocessing", "modelsAndLayers", "cnn_v2_final", "partB", "q3", "utils"),
        *("conv_3_64_a", "cnn_k3_f16", "CNNModel2", "Untitled", "main (1)", "kmeans", "data 2019", "x", ""),
    ],
)
def test_a_name_that_says_what_a_file_is_has_no_words_of_its_own(stem: str) -> None:
    assert own_words(stem) == ()


@pytest.mark.parametrize(
    ("stem", "words"),
    [
        ("alice", ("alice",)),
        ("alice_a2", ("alice",)),
        ("a2-Alice-Example", ("alice", "example")),
        ("colourization_1002345678", ("1002345678",)),
        ("c5bobsam", ("c5bobsam",)),
        ("student03", ("student03",)),
        ("group_1", ("group1",)),
        ("s101", ("s101",)),
        ("alice_v2", ("alice",)),
        ("CNNByAlice", ("by", "alice")),
        ("Zoë", ("zoë",)),
        ("作业二", ("作业二",)),
        ("li", ("li",)),
    ],
)
def test_what_is_left_of_a_name_may_be_a_students(stem: str, words: tuple[str, ...]) -> None:
    assert own_words(stem) == words
