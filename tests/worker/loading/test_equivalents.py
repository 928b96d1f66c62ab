"""Old and conventional names, and what they are exactly today."""

from __future__ import annotations

import itertools
import math
import pickle
import queue

import pytest
import torch

from grader.worker.loading.equivalents import _CONVENTIONS, _EQUIVALENTS, Known, conventional, equivalent


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("cPickle", pickle),
        ("Queue", queue),
        ("six.moves.range", range),
        ("six.moves.cPickle", pickle),
        ("itertools.izip", zip),
        ("itertools.izip_longest", itertools.zip_longest),
        ("fractions.gcd", math.gcd),
        ("torch._six.inf", math.inf),
    ],
)
def test_an_old_name_with_an_exact_equivalent_is_that(old, new):
    assert equivalent(old) == Known(new)


@pytest.mark.parametrize("name", _EQUIVALENTS)
def test_every_equivalent_exists(name):
    # Some were dropped and come back under another name; each must lead somewhere.
    assert equivalent(name) is not None


@pytest.mark.parametrize("name", _CONVENTIONS)
def test_every_conventional_name_exists(name):
    assert conventional(name) is not None


def test_a_name_that_nobody_knows_has_no_equivalent():
    assert equivalent("numpy.horses") is None and conventional("HORSES") is None
    assert conventional("F") == Known(torch.nn.functional)
