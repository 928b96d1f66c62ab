"""The four numbers that every network of the handouts is built from, and how a handout's constructor takes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

__all__ = ["PARAMETERS", "Arguments"]

PARAMETERS = ("kernel", "num_filters", "num_colours", "num_in_channels")
"""The constructor parameters under the handouts' names, in the handouts' order; some networks take fewer."""

_FIELDS = {"kernel": "kernel", "num_filters": "filters", "num_colours": "colours", "num_in_channels": "inputs"}


@dataclass(frozen=True)
class Arguments:
    """One configuration of a network. A network whose constructor lacks a parameter has the default here built in."""

    kernel: int
    """Side of each filter, in pixels."""
    filters: int
    """NF, output channels of the first block."""
    colours: int = 3
    """NC, output channels of the network; RegressionCNN puts out red, green and blue."""
    inputs: int = 1
    """NIC, input channels; the networks of 2018 take grey images."""

    @classmethod
    def from_names(cls, values: Mapping[str, int]) -> Arguments:
        """From values under the handouts' names. Raises KeyError for another name."""
        return cls(**{_FIELDS[name]: value for name, value in values.items()})

    @property
    def numbers(self) -> tuple[int, int, int, int]:
        """(kernel, filters, colours, inputs)."""
        return self.kernel, self.filters, self.colours, self.inputs

    def named(self, parameters: Iterable[str] = PARAMETERS) -> dict[str, int]:
        """The values of these constructor parameters under the handouts' names, in this order."""
        return {name: getattr(self, _FIELDS[name]) for name in parameters}

    def positional(self, parameters: Iterable[str]) -> tuple[int, ...]:
        """What a constructor with these parameters is called with."""
        return tuple(self.named(parameters).values())

    def text(self, parameters: Iterable[str]) -> str:
        """``kernel=3, num_filters=8``, for a constructor with these parameters."""
        return ", ".join(f"{name}={value}" for name, value in self.named(parameters).items())
