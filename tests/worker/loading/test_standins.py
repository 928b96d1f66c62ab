"""Stand-ins: nothing that a student does with an absent module fails, and nothing real is stood in for."""

from __future__ import annotations

import abc
import copy
import functools
import itertools
import math
import pickle
import queue

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from grader.worker.loading.standins import StandIn, conventional, equivalent, real_or_stand_in


@pytest.fixture
def cv2() -> StandIn:
    return StandIn("cv2")


@pytest.fixture
def remarks():
    return {}


@given(st.lists(st.from_regex(r"[a-zA-Z][a-zA-Z0-9]{0,6}", fullmatch=True), min_size=1, max_size=5))
def test_any_attribute_path_is_there_and_is_the_same_each_time(names):
    whole = StandIn("absent")
    value, again = whole, whole
    for name in names:
        value, again = getattr(value, name), getattr(again, name)
    assert value is again


@pytest.mark.parametrize(
    "use",
    [
        lambda x: x.imread("a.png", flags=1)[0, ..., ::2] + 3 - x * 2 / x,
        lambda x: 3 // -x @ x % 2**x,
        lambda x: [*x, *x.rows()],
        lambda x: (x < 3, x >= x, x == 3, x != x.y, 3 in x),
        lambda x: (len(x), bool(x), int(x), float(x), round(x), abs(x), hash(x), next(iter(x), None)),
        lambda x: f"{x:>8.2f} {x!r} {x} {x:d}" + str(x),
        lambda x: copy.deepcopy(x),
        lambda x: pickle.loads(pickle.dumps(x)),
        lambda x: isinstance(3, x.Image) or issubclass(int, x.Image),
        lambda x: functools.partial(x.f, 1)(2),
        lambda x: setattr(x, "rc", 3) or x.rc,
        lambda x: x.__setitem__("a", 1) or x.__delitem__("a"),
    ],
)
def test_every_use_is_harmless(cv2, use):
    use(cv2)


def test_a_context_manager_lets_exceptions_through(cv2):
    with cv2.opened() as value, pytest.raises(ZeroDivisionError):
        assert isinstance(value, StandIn)
        with cv2:
            raise ZeroDivisionError


def test_a_decorator_leaves_what_it_decorates(cv2):
    def plain():
        return 3

    assert cv2.jit(plain) is plain
    assert cv2.jit(nopython=True)(plain) is plain


def test_a_class_can_derive_from_it_alone_or_beside_a_real_class(cv2):
    class Data(cv2.Dataset, cv2.Other, metaclass=abc.ABCMeta):
        def __init__(self):
            super().__init__("root", download=True)

    class Net(torch.nn.Module, cv2.Mixin):
        pass

    assert isinstance(Data().anything, StandIn)
    assert Net.__mro__[1] is torch.nn.Module


def test_what_derives_from_a_module_that_is_absent_is_a_network():
    lightning = StandIn("pytorch_lightning")

    class Mixin:
        pass

    class Network(lightning.Callback, Mixin, lightning.LightningModule):
        def __init__(self, size):
            super().__init__()
            self.save_hyperparameters()
            self.layer = nn.Linear(size, 1)

        def forward(self, x):
            self.log("mean", x.mean())
            return self.layer(x)

    network = Network(3)
    assert isinstance(network, nn.Module) and len(list(network.parameters())) == 2
    assert network(torch.zeros(2, 3)).shape == (2, 1)
    with pytest.raises(AttributeError, match="mistyped"):
        network.mistyped  # noqa: B018

    class Plain(nn.Module, lightning.LightningModule):
        pass

    assert Plain.__bases__ == (nn.Module,)


def test_its_exceptions_can_be_caught(cv2):
    try:
        raise cv2.error("text")
    except cv2.error as caught:
        assert str(caught) == "text"


def test_it_is_no_tensor_no_array_and_no_coroutine(cv2):
    assert not isinstance(cv2, torch.Tensor)
    assert np.array(cv2).size == 0
    for name in ("__torch_function__", "__array__", "__await__", "__wrapped__"):
        assert not hasattr(cv2, name)


def test_an_absent_module_is_stood_in_for_and_remarked(remarks):
    module = real_or_stand_in("cv2000.deep", (), remarks.__setitem__)
    assert isinstance(module, StandIn) and module.__name__ == "cv2000"
    assert isinstance(real_or_stand_in("cv2000", ("imread",), remarks.__setitem__).imread, StandIn)
    assert remarks == {"cv2000.deep": "not here: stood in for", "cv2000": "not here: stood in for"}


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
def test_what_is_examined_is_never_stood_in_for(name, remarks):
    module = real_or_stand_in(name, ("no_such_thing",), remarks.__setitem__)
    assert not hasattr(module, "no_such_thing")
    assert remarks == {}


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
    assert equivalent(old) == (True, new)


def test_a_range_or_a_progress_bar_from_an_absent_module_is_not_empty():
    assert list(StandIn("six").moves.range(3)) == [0, 1, 2]
    assert list(StandIn("tqdm").tqdm(range(3), desc="x")) == [0, 1, 2]


def test_every_equivalent_exists():
    from grader.worker.loading import standins

    for name in standins._EQUIVALENTS:
        # Some were dropped and come back under another name; each must lead somewhere.
        assert equivalent(name)[0], name
    for name in standins._CONVENTIONS:
        assert conventional(name)[0], name
    assert conventional("HORSES") == (False, None)
