"""The handouts' networks in a small configuration, filled with numbers that show a difference."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from reference.arguments import Arguments
from reference.handouts import HANDOUTS, NetworkFacts

NETWORKS = [(handout.id, network) for handout in HANDOUTS.values() for network in handout.networks]
EVERY_NETWORK = pytest.mark.parametrize(
    ("assignment", "facts"), NETWORKS, ids=[f"{assignment}-{facts.thing}" for assignment, facts in NETWORKS]
)


def arguments_for(facts: NetworkFacts, kernel: int = 3) -> Arguments:
    """A small configuration, with the built-in number where the constructor lacks a parameter."""
    named = Arguments(kernel, filters=4, colours=5, inputs=2).named(facts.parameters)
    return Arguments.from_names(named)


def filled(network: nn.Module) -> nn.Module:
    """The network with the same values in the same order: scales of both signs, and so large that a ReLU6 cuts."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for value in network.parameters():
            value.copy_(3 * torch.randn(value.shape, generator=generator))
    return network


def image_for(arguments: Arguments) -> Tensor:
    """(2, NIC, 32, 32)."""
    return torch.rand(2, arguments.inputs, 32, 32, generator=torch.Generator().manual_seed(1))


def outputs_of(network: nn.Module, image: Tensor) -> tuple[Tensor, Tensor]:
    """In training mode, then in evaluation mode."""
    with torch.no_grad():
        return network.train()(image), network.eval()(image)
