"""The probe of training: a short training run, and its losses."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..protocol import Tensors, Training, TrainNetwork
from .modules import (
    Classes,
    Refusal,
    construct,
    parameters_of,
    requires_grad,
    train,
)
from .order import as_vector, put, statistics_of, tensors_used
from .outputs import contiguous, forward
from .watching import Poison

__all__ = ["train_network"]

_cross_entropy = F.cross_entropy
_mse_loss = F.mse_loss


class _Descent:
    """Gradient steps: ``sgd`` with momentum 0.9 (Sutskever et al. 2013), or ``adam`` (Kingma and Ba 2015, algorithm 1).

    They are written out here because the first optimizer of torch.optim in a process imports torch's compiler, which
    takes more than a second.
    """

    def __init__(self, kind: str, parameters: Sequence[Tensor], rate: float) -> None:
        self._kind, self._parameters, self._rate = kind, parameters, rate
        self._first = [torch.zeros_like(value) for value in parameters]
        self._second = [torch.zeros_like(value) for value in parameters]
        self._steps = 0

    def step(self) -> None:
        """Change the parameters by their gradients, and forget the gradients."""
        self._steps += 1
        with torch.no_grad():
            for value, first, second in zip(self._parameters, self._first, self._second, strict=True):
                if value.grad is None:
                    continue
                if self._kind == "sgd":
                    first.mul_(0.9).add_(value.grad)
                    value.sub_(self._rate * first)
                else:
                    first.mul_(0.9).add_(0.1 * value.grad)
                    second.mul_(0.999).add_(0.001 * value.grad**2)
                    mean, square = first / (1 - 0.9**self._steps), second / (1 - 0.999**self._steps)
                    value.sub_(self._rate * mean / (square.sqrt() + 1e-8))
                value.grad = None


def train_network(
    probe: TrainNetwork, tensors: Tensors, classes: Classes, dtype: torch.dtype | None
) -> tuple[Training, Tensors]:
    """Train for a few steps, from the examiner's parameters if they are given, and from the network's own otherwise.

    Tensors in: ``batches`` (T, B, C_in, H, W); ``labels`` (T, B, H, W), int64, or pictures (T, B, C_out, H, W), float;
    ``parameter.i`` and ``buffer.i``, or none of them. Tensors out: ``losses`` (T + 1), of which the last one is that of
    the first batch after the last step; the final ``parameter.i`` and ``buffer.i`` if they were given.
    """
    batches, labels = tensors["batches"], tensors["labels"]
    statistics: tuple[str, ...] = ()

    def make() -> nn.Module:
        return construct(probe, classes, dtype, batches.shape[1:])

    if "parameter.0" in tensors:
        model = make()
        parameters, statistics = put(probe, tensors, batches[0], model, make)
    else:
        with Poison():
            model = make()
        named = parameters_of(model)
        parameters = [named[name] for name in tensors_used(probe, model, batches[0], make).parameters]
    start = [value.detach().clone() for value in parameters]
    # From here on as in a training script, which calls the candidate's own methods.
    train(model, True)
    model.train()
    for value in parameters_of(model).values():
        value.grad = None
    trainable = [value for value in model.parameters() if requires_grad(value)]
    if not trainable:
        raise Refusal("no parameter of the network requires gradients, so there is nothing to train")
    descent = _Descent(probe.optimizer, trainable, probe.rate)
    losses = []
    for batch, label in zip(batches, labels, strict=True):
        loss = _loss(forward(model, batch.clone()), label)
        loss.backward()  # type: ignore[no-untyped-call]
        descent.step()
        losses.append(loss.detach())
    with torch.no_grad():
        losses.append(_loss(forward(model, batches[0].clone()), labels[0]).detach())
    outputs = {"losses": torch.stack(losses).to(torch.float64)}
    if "parameter.0" in tensors:
        outputs |= {f"parameter.{index}": as_vector(value, model) for index, value in enumerate(parameters)}
        outputs |= statistics_of(model, statistics)
    least = _MOVED * probe.rate
    moved = tuple(
        bool(((value.detach() - first).abs() >= least).any()) for value, first in zip(parameters, start, strict=True)
    )
    shapes = tuple(tuple(as_vector(value, model).shape) for value in parameters)
    return Training(moved, shapes), contiguous(outputs)


_MOVED = 0.1
"""Of the rate. Adam's first step changes each element that has a gradient by the rate; much less is only rounding, or a
nudge that the code gives to its parameters."""


def _loss(output: Tensor, label: Tensor) -> Tensor:
    """The mean cross-entropy per pixel, or the mean squared error where the label is a picture."""
    if not output.is_floating_point():
        raise Refusal(f"forward returned numbers of the type {output.dtype}, through which no gradient goes")
    return _mse_loss(output, label) if label.is_floating_point() else _cross_entropy(output, label)
