"""The probe of one convolution layer: values and gradients."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ..protocol import LayerRun, RunLayer, Tensors, Trouble
from ..trouble import describe
from .modules import Classes, Refusal, construct, parameters_of, train
from .outputs import contiguous, forward, is_too_large, kept, output_of
from .watching import NativeDilation, Poison

__all__ = ["fitted", "run_layer"]

_allclose = torch.allclose


def run_layer(
    probe: RunLayer, tensors: Tensors, classes: Classes, dtype: torch.dtype | None
) -> tuple[LayerRun, Tensors]:
    """Run one convolution layer: its output, and the gradients of its input, weight and bias.

    Tensors in: ``input`` (B, C_in, H, W), ``weight`` (C_out, C_in, k, k), ``bias`` (C_out), and ``upstream``
    (B, C_out, H, W), the gradient of the output. Tensors out: ``output`` (B, C_out, H, W), in training mode and with
    gradients enabled; ``gradient.input``, ``gradient.weight`` and ``gradient.bias`` where they exist; then the outputs
    of further calls, see ``_OTHER_CALLS``, up to the first that differs. An ``output`` that is too large comes alone.
    """
    later: Trouble | None = None
    # Everything is watched: an operation may be prepared where the layer is made, or chosen by the mode it runs in.
    with NativeDilation() as native:
        layer = construct(probe, classes, dtype, tensors["input"].shape)
        weight, bias = _weight_and_bias(layer)
        with torch.no_grad():
            weight.copy_(tensors["weight"])
            bias.copy_(tensors["bias"])
        batch = tensors["input"].clone().requires_grad_()
        with Poison():
            output = forward(layer, batch)
        native.look_back(output)
        outputs = {"output": kept(output, probe)}
        if is_too_large(output, probe):
            return LayerRun(native.names, output_of(output, probe)), outputs
        if output.requires_grad:
            # Some layers put another parameter in the place of one while they run; these are the ones of before.
            sources = {"input": batch, "weight": weight, "bias": bias}
            # A scalar: where torch.autograd.grad is given a gradient of the output, torch imports its symbolic shapes,
            # which takes half a second.
            weighted_sum = (output * fitted(tensors["upstream"], output.shape).to(output.dtype)).sum()
            gradients = torch.autograd.grad(
                weighted_sum, [value for value in sources.values() if value.requires_grad], allow_unused=True
            )
            remaining = iter(gradients)
            for name, source in sources.items():
                gradient = next(remaining) if source.requires_grad else None
                if gradient is not None:
                    outputs[f"gradient.{name}"] = gradient
        try:
            for name, (training, learning) in _OTHER_CALLS.items():
                train(layer, training)
                with torch.set_grad_enabled(learning), Poison():
                    outputs[name] = kept(forward(layer, tensors["input"].clone()), probe)
                if not _alike(outputs[name], output):
                    break  # A layer that changes may also grow with every call.
        except BaseException as trouble:  # As in answer(); the first call is evidence all the same.
            later = describe(trouble)
    return LayerRun(native.names, output_of(output, probe), later), contiguous(outputs)


_OTHER_CALLS = {"again": (True, False), "eval": (False, True), "eval.again": (False, False)}
"""The calls with the same input after the first one: whether in training mode, and whether gradients are enabled."""


def _alike(first: Tensor, second: Tensor) -> bool:
    same_form = (first.shape, first.dtype) == (second.shape, second.dtype)
    return same_form and _allclose(first, second, rtol=1e-2, atol=1e-2)


def fitted(upstream: Tensor, shape: Sequence[int]) -> Tensor:
    """The gradient ``upstream`` for an output of this shape. If it is not the expected shape, its numbers repeat."""
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
