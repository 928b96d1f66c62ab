"""Palettes: reading the course's centres, finding centres in pictures, and the nearest centre of a pixel."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from old_pickles import assert_one_sentence, old_colours, old_objects

from reference.colours import COLOUR_COUNTS, cluster, nearest_colours, read_centres
from reference.pickles import DataError


def test_the_courses_colour_files_are_read(shared):
    for count in COLOUR_COUNTS:
        centres = read_centres(shared / "data" / "colours" / f"color_kmeans{count}_cat7.npy")
        assert centres.shape == (count, 3)
        assert centres.dtype == np.float64
        assert 0 <= centres.min() <= centres.max() <= 1


def test_a_plain_array_of_centres_is_read(tmp_path):
    centres = np.random.RandomState(10).rand(24, 3)
    np.save(tmp_path / "plain.npy", centres)
    assert np.array_equal(read_centres(tmp_path / "plain.npy"), centres)


def test_clusters_are_means_of_the_pixels_nearest_to_them():
    pixels = np.random.RandomState(11).rand(500, 3)
    centres = cluster(pixels, 8, rounds=200)
    members = ((pixels[:, None] - centres) ** 2).sum(axis=2).argmin(axis=1)
    means = np.stack([pixels[members == number].mean(axis=0) for number in range(8)])
    np.testing.assert_allclose(centres, means, rtol=0, atol=1e-12)
    assert (np.diff(np.bincount(members)) <= 0).all(), "the commonest comes first"


def test_clusters_find_colours_that_are_far_apart():
    colours = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 1]], dtype=float)
    pixels = colours.repeat([40, 30, 20, 10], axis=0)
    assert np.array_equal(cluster(pixels, 4), colours)


def test_too_few_colours_for_a_palette_are_refused():
    with pytest.raises(DataError, match=r"have 1$"):
        cluster(np.zeros((100, 3)), 16)


images = arrays(np.uint8, st.tuples(st.integers(1, 20), st.just(3), st.integers(1, 4), st.integers(1, 4)))


@given(images)
def test_equal_colours_go_to_the_first(images):
    palette = torch.tensor([[0.25, 0.5, 0.75]] * 3, dtype=torch.float64)
    assert (nearest_colours(torch.from_numpy(images) / 256, palette) == 0).all()


OF_OBJECTS = old_colours(np.zeros((16, 3))).split(b"\x80\x02")[0]  # the header alone
NO_OBJECTS = old_objects(b"]", 0)
BAD_COLOURS = {
    "empty": (b"", "not a .npy file"),
    "another kind": (b"hello, hello, hello", "not a .npy file"),
    "cut short": (old_colours(np.zeros((16, 3)))[:-30], "pickle"),
    "not an array": (OF_OBJECTS + pickle.dumps({}, protocol=2), "holds a dict"),
    "nothing in it": (
        OF_OBJECTS + b"\x80\x02" + NO_OBJECTS + b".",
        "not an array of objects that begins with an array",
    ),
    "objects in it": (OF_OBJECTS + b"\x80\x02" + old_objects(b"](" + NO_OBJECTS + b"e", 1) + b".", "array of 'O8'"),
    "another shape": (old_colours(np.zeros((16, 4))), "shape (16, 4)"),
}


@pytest.mark.parametrize("case", BAD_COLOURS)
def test_a_bad_colour_file_is_refused_in_one_sentence(case, tmp_path):
    content, words = BAD_COLOURS[case]
    path = tmp_path / "colours.npy"
    path.write_bytes(content)
    with pytest.raises(DataError) as error:
        read_centres(path)
    assert_one_sentence(error, str(path), words)


def test_a_colour_file_that_is_absent_is_said_to_be(tmp_path):
    with pytest.raises(DataError, match="cannot be read: No such file"):
        read_centres(tmp_path / "colours.npy")
