"""A list of steps as a network of PyTorch, and the shapes of its parameters.

Axes: B images, NIC input channels, NC colours, C channels, H × W pixels.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from functools import lru_cache

import torch
from torch import Tensor, nn

from reference.forms import TAKEN_BEFORE, Form, acts_in_evaluation_only, form_of
from reference.steps import Step, Steps, channels_of

__all__ = ["Network", "Seen", "after", "outputs_of", "parameter_shapes", "parameters_of", "state_shapes"]

Shapes = tuple[tuple[int, ...], ...]


def parameters_of(step: Step) -> tuple[str, ...]:
    """What each of the layer's own parameters is, in the words of ``Form.parameters``."""
    parameters = () if step.shared else form_of(step).parameters
    return parameters if step.bias else tuple(word for word in parameters if word != "bias")


def parameter_shapes(step: Step, channels: int, kernel: int, filters: int, colours: int, inputs: int) -> Shapes:
    """Shapes of the layer's own parameters; ``channels`` is the number of channels that it gets."""
    parameters = parameters_of(step)
    if not parameters:
        return ()
    channels, kernel = _channels_taken(step, channels, filters, colours, inputs), step.side or kernel
    out = channels_of(step.width, filters, colours, inputs) if step.width else channels
    shapes = {
        "filter": (out, channels, kernel, kernel),
        "turned filter": (channels, out, kernel, kernel),
        "bias": (out,),
        "channel": (channels,),
        "one": (1,),
    }
    return tuple(shapes[word] for word in parameters)


@lru_cache(maxsize=20_000)
def state_shapes(steps: Steps, kernel: int, filters: int, colours: int, inputs: int) -> Shapes:
    """Shapes of the parameters in the order in which the layers run, from the list of steps alone."""
    widths = defaultdict(int, {0: inputs})
    channels = inputs
    shapes: list[tuple[int, ...]] = []
    for step in steps:
        shapes += parameter_shapes(step, channels, kernel, filters, colours, inputs)
        channels = _channels_after(step, channels, widths, filters, colours, inputs)
        if step.kind != "cat":
            widths[step.block] = channels
    return tuple(shapes)


def _channels_taken(step: Step, channels: int, filters: int, colours: int, inputs: int) -> int:
    """Channels that a layer is made for, where it gets ``channels``."""
    return channels_of(step.takes, filters, colours, inputs) if step.takes else channels


def _channels_after(
    step: Step, channels: int, widths: Mapping[int, int], filters: int, colours: int, inputs: int
) -> int:
    """Channels that the next layer is made for; ``widths`` has those of each block's output."""
    if step.width:
        return channels_of(step.width, filters, colours, inputs)
    if step.kind == "cat" and step.form not in ("added", "unexpected"):
        return channels + widths[step.source]
    return channels


Seen = dict[tuple[int, str], Tensor]
"""What a skip connection can bring: a block's output, by the block and an empty text, and what its layers got, by the
block and their kind."""


def after(step: Step, x: Tensor, seen: Mapping[tuple[int, str], Tensor], *tensors: Tensor) -> Tensor:
    """What a step makes of ``x`` (B, C, H, W) in evaluation mode.

    ``tensors`` are the layer's parameters, then its running mean and variance. Raises RuntimeError, ValueError or
    KeyError where they do not fit together.
    """
    if step.kind == "cat":
        return form_of(step).compute(step, x, seen[step.source, TAKEN_BEFORE.get(step.form, "")])
    return form_of(step).compute(step, x, *tensors)


class Network(nn.Module):
    """A list of steps as a network: input (B, NIC, H, W), output (B, NC, H, W) where the steps are right.

    Raises RuntimeError, ValueError or KeyError in construction or forward where the steps do not fit together.
    """

    def __init__(self, steps: Steps, kernel: int, filters: int, colours: int, inputs: int) -> None:
        super().__init__()
        self.forms: list[Form] = []
        layers: list[nn.Module] = []
        own: dict[tuple[str, int], tuple[nn.Module, Form]] = {}
        widths = {0: inputs}
        channels = inputs
        for step in steps:
            out = _channels_after(step, channels, widths, filters, colours, inputs)
            form = form_of(step)
            layer: nn.Module = nn.Identity()
            if step.shared:
                layer, form = own[step.kind, step.shared]
            elif form.module is not None:
                taken = _channels_taken(step, channels, filters, colours, inputs)
                layer = form.module(step, taken, out if step.width else taken, step.side or kernel)
                own.setdefault((step.kind, step.block), (layer, form))
            layers.append(layer)
            self.forms.append(form)
            channels = out
            if step.kind != "cat":
                widths[step.block] = channels
        self.steps = steps
        self.layers = nn.ModuleList(layers)

    def forward(self, batch: Tensor) -> Tensor:
        """(B, NIC, H, W) to (B, NC, H, W)."""
        seen: Seen = {(0, ""): batch}
        x = batch
        for step, form, layer in zip(self.steps, self.forms, self.layers, strict=True):
            seen[step.block, step.kind] = x
            if form.module is not None:
                output = self.through(step, layer, x)
                x = output if form.output_used else x
            elif step.kind == "cat":
                x = after(step, x, seen)
            elif not (self.training and acts_in_evaluation_only(step)):
                x = self.through(step, layer, x)
            # A skip connection adds to a block's input; the output of the block before stays as it was.
            if step.kind != "cat":
                seen[step.block, ""] = x
        return x

    def through(self, step: Step, layer: nn.Module, x: Tensor) -> Tensor:
        """What one step, other than a cat, makes of ``x`` (B, C, H, W); ``layer`` has its parameters, if it has any."""
        output: Tensor = after(step, x, {}) if form_of(step).module is None else layer(x)
        return output


@torch.no_grad()
def outputs_of(network: Network, values: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What a network puts out with these values of its parameters and running statistics.

    They are named ``parameter.0``, ``buffer.0`` and so on, in the order in which the layers run; ``input`` is
    (B, NIC, H, W). The outputs are ``eval`` and ``train`` (B, NC, H, W), in these modes; ``alone``, the first image by
    itself in evaluation mode; and ``buffer.0`` and so on after the pass in training mode. Raises KeyError where a value
    is missing, and whatever the network raises.
    """
    statistics = [value for value in network.buffers() if value.is_floating_point()]
    for kind, tensors in (("parameter", network.parameters()), ("buffer", statistics)):
        for number, tensor in enumerate(tensors):
            tensor.copy_(values[f"{kind}.{number}"])
    batch = values["input"].to(next(network.parameters()).dtype)
    network.eval()
    outputs = {"eval": network(batch), "alone": network(batch[:1])}
    outputs["train"] = network.train()(batch)
    return outputs | {f"buffer.{number}": value for number, value in enumerate(statistics)}
