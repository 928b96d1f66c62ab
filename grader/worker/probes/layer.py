"""The probe of one convolution layer: values and gradients."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ..protocol import LayerRun, RunLayer, Tensors, Trouble
from ..trouble import describe
from .modules import Classes, Refusal, construct, contiguous, forward, output_of, parameters_of, train
from .watching import NativeDilation, Poison

__all__ = ["answer_layer", "fitted"]

_allclose = torch.allclose


def answer_layer(
    probe: RunLayer, tensors: Tensors, classes: Classes, dtype: torch.dtype | None
) -> tuple[LayerRun, Tensors]:
    """One convolution layer: values, and gradients for input, weight and bias.

    Tensors in: ``input`` (B, C_in, H, W), ``weight`` (C_out, C_in, k, k), ``bias`` (C_out), ``upstream``
    (B, C_out, H, W), the gradient that arrives from above. Out: ``output``, in training mode and with gradients;
    ``gradient.input``, ``gradient.weight``, ``gradient.bias`` where they exist; and the same call once more without
    gradients (``again``), and in evaluation mode with and without (``eval``, ``eval.again``), up to the first that says
    something else. ``later`` is the trouble that stopped one of those.
    """
    later: Trouble | None = None
    # One watch over all: an operation may be prepared where the layer is made, or chosen by the mode it runs in.
    with NativeDilation() as native:
        layer = construct(probe, classes, dtype, tensors["input"].shape)
        weight, bias = _weight_and_bias(layer)
        with torch.no_grad():
            weight.copy_(tensors["weight"])
            bias.copy_(tensors["bias"])
        batch = tensors["input"].clone().requires_grad_()
        with Poison():
            output = forward(layer, batch)
        outputs = {"output": output}
        if output.requires_grad:
            # Kept for the other calls, since some layers change what they are made of while they run.
            sources = {"input": batch, "weight": weight, "bias": bias}
            # A scalar, because a gradient from above makes torch import its symbolic shapes, for half a second.
            above = (output * fitted(tensors["upstream"], output.shape).to(output.dtype)).sum()
            gradients = torch.autograd.grad(
                above, [value for value in sources.values() if value.requires_grad], allow_unused=True
            )
            learned = iter(gradients)
            for name, source in sources.items():
                gradient = next(learned) if source.requires_grad else None
                if gradient is not None:
                    outputs[f"gradient.{name}"] = gradient
        try:
            for name, (training, learning) in _OTHER_CALLS.items():
                train(layer, training)
                with torch.set_grad_enabled(learning), Poison():
                    outputs[name] = forward(layer, tensors["input"].clone())
                if not _alike(outputs[name], output):
                    break  # a layer that is no longer the same may grow with every call
        except BaseException as trouble:  # as in answer(); what the first call said is evidence all the same
            later = describe(trouble)
    return LayerRun(native.names, output_of(output), later), contiguous(outputs)


_OTHER_CALLS = {"again": (True, False), "eval": (False, True), "eval.again": (False, False)}
"""Calls with the same input, after the first: whether in training mode, and whether with gradients."""


def _alike(one: Tensor, other: Tensor) -> bool:
    same = (one.shape, one.dtype) == (other.shape, other.dtype)
    return same and _allclose(one, other, rtol=1e-2, atol=1e-2)


def fitted(upstream: Tensor, shape: Sequence[int]) -> Tensor:
    """The gradient from above for an output of another shape than expected: the same numbers, over and over."""
    if list(upstream.shape) == list(shape):
        return upstream
    return upstream.flatten()[torch.arange(torch.Size(shape).numel()) % upstream.numel()].reshape(shape)


def _weight_and_bias(layer: nn.Module) -> tuple[Tensor, Tensor]:
    parameters = parameters_of(layer)
    if {"weight", "bias"} <= parameters.keys():
        return parameters["weight"], parameters["bias"]
    weights = [value for value in parameters.values() if value.dim() == 4]
    biases = [value for value in parameters.values() if value.dim() == 1]
    if len(weights) == 1 and len(biases) == 1:
        return weights[0], biases[0]
    names = ", ".join(sorted(parameters)[:6]) or "no parameters"
    raise Refusal(f"the layer has {names} where one weight (out, in, k, k) and one bias (out) are expected")
