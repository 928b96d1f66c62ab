"""Importing what is installed: the real module where there is one, and a stand-in only for what is absent."""

from __future__ import annotations

import pytest
import torch

from grader.worker.loading.installed import real_or_stand_in
from grader.worker.loading.standins import StandIn


@pytest.fixture
def remarks():
    return {}


def test_an_absent_module_is_replaced_by_a_stand_in_and_remarked(remarks):
    module = real_or_stand_in("cv2000.deep", (), remarks.__setitem__)
    assert isinstance(module, StandIn) and module.__name__ == "cv2000"
    assert isinstance(real_or_stand_in("cv2000", ("imread",), remarks.__setitem__).imread, StandIn)
    assert remarks == dict.fromkeys(["cv2000.deep", "cv2000"], "not available here; replaced by a placeholder")


def test_an_installed_module_is_the_real_thing(remarks):
    assert real_or_stand_in("torch.nn", ("Module",), remarks.__setitem__) is torch.nn
    assert real_or_stand_in("os.path", (), remarks.__setitem__) is __import__("os")
    assert remarks == {}


def test_a_name_gone_from_a_real_module_is_given_without_touching_the_module(remarks):
    view = real_or_stand_in("collections", ("Iterable", "OrderedDict", "gone"), remarks.__setitem__)
    assert view.Iterable is __import__("collections.abc").abc.Iterable
    assert view.OrderedDict is __import__("collections").OrderedDict
    assert isinstance(view.gone, StandIn)
    assert not hasattr(__import__("collections"), "gone")
    assert set(remarks) == {"collections.Iterable", "collections.gone"}


@pytest.mark.parametrize("name", ["torch", "torch.nn", "torch.nn.functional", "numpy", "math"])
def test_what_is_examined_is_never_replaced(name, remarks):
    module = real_or_stand_in(name, ("no_such_thing",), remarks.__setitem__)
    assert not hasattr(module, "no_such_thing")
    assert remarks == {}
