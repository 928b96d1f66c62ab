"""Stand-ins: nothing that a student does with an absent module fails."""

from __future__ import annotations

import abc
import copy
import functools
import pickle
import re

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from grader.worker.loading.standins import StandIn


@pytest.fixture
def cv2() -> StandIn:
    return StandIn("cv2")


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


def test_a_class_derived_from_an_absent_module_class_is_a_network():
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


def test_it_is_not_a_tensor_an_array_or_a_coroutine(cv2):
    assert not isinstance(cv2, torch.Tensor)
    assert np.array(cv2).size == 0
    for name in ("__torch_function__", "__array__", "__await__", "__wrapped__"):
        assert not hasattr(cv2, name)


def test_a_range_or_a_progress_bar_from_an_absent_module_is_not_empty():
    assert list(StandIn("six").moves.range(3)) == [0, 1, 2]
    assert list(StandIn("tqdm").tqdm(range(3), desc="x")) == [0, 1, 2]


def test_no_name_of_ours_shows_in_what_python_says_of_it():
    cv2 = StandIn("cv2")
    with pytest.raises(TypeError) as error:
        "-".join([cv2.image])

    class Net(cv2.Module):
        pass

    class Other(cv2.Thing):
        pass

    bases = [base for kind in (Net, Other) for base in kind.__mro__ if base is not kind]
    shown = f"{error.value} {cv2!r} {type(cv2)} {bases}"
    assert not re.search(r"stand.?in|grader|worker", shown, re.IGNORECASE)
