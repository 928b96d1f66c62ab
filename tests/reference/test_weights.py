"""The course's trained weights: they load, they give the course's figures, and nothing else is let in."""

from __future__ import annotations

import pickle

import pytest
import torch
from torch import nn

from reference.data import load_horses, prepare
from reference.models import CNN, DilatedUNet, RegressionCNN, UNet
from reference.pickles import DataError
from reference.training import regression_loss, validate
from reference.weights import load_into, read_weights

NETWORKS = {"cnn": CNN, "unet": UNet, "dunet": DilatedUNet}


@pytest.fixture(scope="module")
def validation(shared):
    horses = load_horses(shared / "data" / "cifar10_horses.npz")
    return prepare(horses.test, horses.colours[24])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "expected_loss", "expected_percent"), [("cnn", 1.597, 40.1), ("unet", 1.384, 47.5), ("dunet", 1.526, 41.9)]
)
def test_the_courses_weights_give_the_courses_figures(name, expected_loss, expected_percent, shared, validation):
    network = NETWORKS[name](3, 32, 24)
    load_into(network, shared / "data" / "weights" / f"{name}_k3_f32.pkl")
    loss, accuracy = validate(network, (validation.grey, validation.labels))
    # Half a unit of the last digit, as the figures are printed.
    assert abs(loss - expected_loss) <= 0.0005
    assert abs(100 * accuracy - expected_percent) <= 0.05


def test_the_courses_regression_weights_give_a_small_error(shared, validation):
    network = RegressionCNN(3, 32)
    load_into(network, shared / "data" / "weights" / "regression_cnn_k3_f32.pkl")
    loss, _ = validate(network, (validation.grey[:200], validation.rgb[:200]), loss=regression_loss)
    assert loss <= 0.0068  # what the 2019 solution reports of a longer training


def as_2018(state, path):
    """Save as torch did in 2018: one pickle after another, no count of batches."""
    stored = {name: value for name, value in state.items() if not name.endswith("num_batches_tracked")}
    torch.save(stored, path, _use_new_zipfile_serialization=False)
    return path


@pytest.mark.parametrize("name", NETWORKS)
def test_weights_saved_as_in_2018_are_those_of_the_network_afterwards(name, tmp_path):
    source, target = NETWORKS[name](3, 4, 6), NETWORKS[name](3, 4, 6)
    source(torch.randn(4, 1, 16, 16))  # moves the running statistics
    load_into(target, as_2018(source.state_dict(), tmp_path / "weights.pkl"))
    images = torch.randn(2, 1, 16, 16)
    assert torch.equal(source.eval()(images), target.eval()(images))


MISFITS = {
    "another network's": (lambda: CNN(3, 4, 6), lambda: RegressionCNN(3, 4), "of shape (6, 4, 3, 3), where this"),
    "a UNet's in a CNN": (lambda: UNet(3, 4, 6), lambda: CNN(3, 4, 6), "'upconv1.0.weight' of shape (4, 16, 3, 3)"),
    "more filters": (lambda: CNN(3, 8, 6), lambda: CNN(3, 4, 6), "'downconv1.0.weight' of shape (8, 1, 3, 3)"),
    "one block short": (lambda: CNN(3, 4, 6).rfconv, lambda: CNN(3, 4, 6), "has no 'downconv1.0.weight'"),
    "more than it takes": (lambda: nn.Linear(2, 2), lambda: nn.Linear(2, 2, bias=False), "'bias', which Linear"),
}  # fmt: skip


@pytest.mark.parametrize("case", MISFITS)
def test_weights_that_do_not_fit_are_named_and_change_nothing(case, tmp_path):
    source, target, words = MISFITS[case]
    network = target()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    path = as_2018(source().state_dict(), tmp_path / "weights.pkl")
    with pytest.raises(DataError) as error:
        load_into(network, path)
    assert str(path) in str(error.value)
    assert words in str(error.value)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


class Evil:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def evil_file(path):
    path.write_bytes(pickle.dumps(Evil(path.with_name("trace")), protocol=2))


def cut_file(path):
    path.write_bytes(as_2018(CNN(3, 2, 3).state_dict(), path).read_bytes()[:900])


BAD_FILES = {
    "absent": (lambda path: None, "cannot be read"),
    "empty": (lambda path: path.write_bytes(b""), "not a file of weights"),
    "another kind": (lambda path: path.write_bytes(b"hello" * 50), "not a file of weights"),
    "a pickle that calls": (evil_file, "not a file of weights"),
    "cut short": (cut_file, "not a file of weights"),
    "a list": (lambda path: torch.save([torch.zeros(1)], path), "holds a list"),
    "nothing": (lambda path: torch.save({}, path), "no weights"),
    "a number": (lambda path: torch.save({"weight": 1}, path), "holds a int under 'weight'"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_FILES)
def test_a_bad_file_of_weights_is_refused_in_one_sentence(case, tmp_path):
    write, words = BAD_FILES[case]
    path = tmp_path / "weights.pkl"
    write(path)
    with pytest.raises(DataError) as error:
        read_weights(path)
    assert str(path) in str(error.value)
    assert words in str(error.value)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "trace").exists()
