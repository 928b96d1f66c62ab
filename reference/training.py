"""The course's training loop: Adam, a loss per pixel, and a validation after each epoch.

Axes: N images (B in a batch), NIC input channels, NC colours, H × W pixels.
Sources: the handouts (Adam with a learning rate of 0.001, 25 epochs, batches of 100; cross-entropy for colourization
and super-resolution, squared error for regression).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from reference.data import batches

__all__ = ["Epoch", "colour_loss", "regression_loss", "train", "validate"]

Pairs = tuple[Tensor, Tensor]
"""Inputs ``(N, NIC, H, W)`` and targets: labels ``(N, H, W)``, or pictures ``(N, 3, H, W)`` for regression."""

Loss = Callable[[Tensor, Tensor], Tensor]
"""Outputs and targets of a batch to the mean loss over their pixels, a scalar."""


@dataclass(frozen=True)
class Epoch:
    """How the network did in one epoch; every figure is a mean over pictures."""

    train_loss: float
    """In training mode: each batch is measured before the step that it causes."""
    validation_loss: float
    """After the epoch, in evaluation mode."""
    accuracy: float | None
    """Share of validation pixels whose colour is the expected one, 0 to 1; None for regression."""


def colour_loss(scores: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy per pixel: ``(B, NC, H, W)`` and ``(B, H, W)`` to a scalar."""
    return F.cross_entropy(scores, labels)


def regression_loss(output: Tensor, rgb: Tensor) -> Tensor:
    """Mean squared error: ``(B, 3, H, W)`` twice to a scalar."""
    return F.mse_loss(output, rgb)


def train(
    model: nn.Module,
    training: Pairs,
    validation: Pairs,
    *,
    epochs: int = 25,
    batch_size: int = 100,
    learning_rate: float = 1e-3,
    loss: Loss = colour_loss,
) -> list[Epoch]:
    """Train ``model`` in place and leave it in evaluation mode. Returns one record per epoch.

    The batches are taken in order, so the same start gives the same curve; shuffle the pictures beforehand.
    """
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
    curve = []
    for _ in range(epochs):
        model.train()
        total = 0.0
        for inputs, targets in batches(*training, batch_size):
            optimizer.zero_grad()
            batch_loss = loss(model(inputs), targets)
            batch_loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            total += batch_loss.item() * len(inputs)
        validation_loss, accuracy = validate(model, validation, batch_size=batch_size, loss=loss)
        curve.append(Epoch(total / len(training[0]), validation_loss, accuracy))
    return curve


@torch.no_grad()
def validate(
    model: nn.Module, validation: Pairs, *, batch_size: int = 100, loss: Loss = colour_loss
) -> tuple[float, float | None]:
    """Loss and accuracy (see Epoch) of ``model`` in evaluation mode, in which it is left."""
    model.eval()
    total, correct, pixels = 0.0, 0, 0
    for inputs, targets in batches(*validation, batch_size):
        outputs = model(inputs)
        total += loss(outputs, targets).item() * len(inputs)
        if not targets.is_floating_point():  # labels (B, H, W), against scores (B, NC, H, W)
            correct += int((outputs.argmax(dim=1) == targets).sum())
            pixels += targets.numel()
    return total / len(validation[0]), correct / pixels if pixels else None
