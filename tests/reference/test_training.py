"""The course's loop: that it measures what it says, and that networks learn from the small set in seconds."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from reference.data import Examples, downsize_input, load_horses, prepare
from reference.models import CNN, PoolUpsampleNet, RegressionCNN, UNet
from reference.training import Epoch, colour_loss, regression_loss, train, validate


@pytest.fixture(scope="module")
def training() -> Examples:
    horses = load_horses()
    return prepare(horses.train, horses.colours[24])


@pytest.fixture(scope="module")
def validation() -> Examples:
    horses = load_horses()
    return prepare(horses.test, horses.colours[24])


class Fixed(nn.Module):
    """Scores that depend on nothing: colour 0 scores ln 3 and colour 1 scores 0, so their chances are 3/4 and 1/4."""

    def __init__(self) -> None:
        super().__init__()
        self.scores = nn.Parameter(torch.tensor([math.log(3), 0.0]))

    def forward(self, images):
        return self.scores[None, :, None, None].expand(len(images), 2, *images.shape[2:])


# 3 pictures of 1 × 2 pixels, 4 of them colour 0 and 2 colour 1
PICTURES = torch.zeros(3, 1, 1, 2)
LABELS = torch.tensor([[[0, 0]], [[0, 1]], [[0, 1]]])


@pytest.mark.parametrize("batch_size", [1, 2, 3, 100])
def test_loss_and_accuracy_are_means_over_all_pixels_whatever_the_batches(batch_size):
    loss, accuracy = validate(Fixed(), (PICTURES, LABELS), batch_size=batch_size)
    assert loss == pytest.approx(-(4 * math.log(3 / 4) + 2 * math.log(1 / 4)) / 6, rel=1e-6)
    assert accuracy == 4 / 6


def test_regression_has_a_loss_and_no_accuracy():
    class Grey(nn.Module):
        def forward(self, images):
            return images.expand(-1, 3, -1, -1)

    rgb = torch.tensor([0.0, 0.5, 1.0])[None, :, None, None].expand(2, 3, 4, 4)
    loss, accuracy = validate(Grey(), (torch.full((2, 1, 4, 4), 0.5), rgb), loss=regression_loss)
    assert loss == pytest.approx((0.25 + 0 + 0.25) / 3)
    assert accuracy is None


def test_validation_changes_neither_parameters_nor_running_statistics(validation):
    model = CNN(3, 2, 24)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    validate(model, (validation.grey[:4], validation.labels[:4]))
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not model.out_final.requires_grad


def test_the_first_step_is_adams():
    model = Fixed()
    before = model.scores.detach().clone()
    colour_loss(model(PICTURES), LABELS).backward()
    expected = before - 0.01 * model.scores.grad.sign()  # Adam's first step is the learning rate, against the gradient
    train(model, (PICTURES, LABELS), (PICTURES, LABELS), epochs=1, batch_size=3, learning_rate=0.01)
    torch.testing.assert_close(model.scores.detach(), expected, rtol=0, atol=1e-6)


def test_there_is_one_record_an_epoch_and_the_model_is_left_in_evaluation_mode():
    model = Fixed()
    curve = train(model, (PICTURES, LABELS), (PICTURES, LABELS), epochs=3, batch_size=3)
    assert len(curve) == 3
    assert all(isinstance(epoch, Epoch) for epoch in curve)
    assert not model.training
    # One batch is all pictures, so each training loss is the validation loss before the epoch's only step.
    assert curve[1].train_loss == pytest.approx(curve[0].validation_loss)
    assert curve[2].train_loss == pytest.approx(curve[1].validation_loss)


def short_training(network: nn.Module, training: tuple, validation: tuple, **options) -> list[Epoch]:
    return train(network, training, validation, batch_size=20, **options)


def test_the_same_start_gives_the_same_curve(training, validation):
    curves = []
    for _ in range(2):
        torch.manual_seed(6)
        pairs = (training.grey[:40], training.labels[:40])
        curves.append(short_training(UNet(3, 2, 24), pairs, (validation.grey[:8], validation.labels[:8]), epochs=2))
    assert curves[0] == curves[1]


@pytest.mark.slow
def test_skip_connections_help_on_the_small_set(training, validation):
    last = {}
    for network in (CNN, UNet):
        torch.manual_seed(0)  # validation losses with this seed: CNN 1.866, UNet 1.688
        pairs = (training.grey, training.labels), (validation.grey, validation.labels)
        curve = short_training(network(3, 8, 24), *pairs, epochs=10)
        assert curve[-1].validation_loss < 0.7 * curve[0].validation_loss
        last[network] = curve[-1]
    # A quarter of the gap recorded: other versions of torch add up in another order, which moves the last digits alone.
    assert last[CNN].validation_loss - last[UNet].validation_loss > 0.04
    assert last[UNet].accuracy > last[CNN].accuracy


@pytest.mark.slow
def test_regression_and_super_resolution_learn_too(training, validation):
    torch.manual_seed(0)
    pairs = (training.grey, training.rgb), (validation.grey, validation.rgb)
    regression = short_training(RegressionCNN(3, 8), *pairs, epochs=4, loss=regression_loss)
    assert regression[-1].validation_loss < 0.6 * regression[0].validation_loss
    sharper = short_training(
        PoolUpsampleNet(3, 8, 24, 3),
        (downsize_input(training.rgb), training.labels),
        (downsize_input(validation.rgb), validation.labels),
        epochs=6,
    )
    assert sharper[-1].validation_loss < 0.85 * sharper[0].validation_loss
