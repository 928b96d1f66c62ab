"""Why a network with the right outputs learns something else: each cause has its own words, and only one its name."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from code_files import script

from grader.checks.sitting import Sitting
from grader.checks.training import _why
from grader.worker.protocol import Construction, Definitions
from grader.worker.source.outline import outline

OWN_TRAIN = "    def train(self, mode=True):\n        return super().train(False)\n"
DETACHES = "    def forward(self, x):\n        return self.conv(x.detach())\n"


def why(body: str, *, listed: bool = True, frozen: int = 0, counted: bool = True) -> tuple[str | None, str]:
    source = f"class UNet(nn.Module):\n    depth = 3\n{body}"
    read = outline([script(source, "a.py")])
    nobody: Any = None
    network: Any = SimpleNamespace(
        match=SimpleNamespace(is_right=True),
        facts=SimpleNamespace(cls="UNet", thing="unet"),
        configurations=SimpleNamespace(
            trials=[
                SimpleNamespace(constructs=False, has_right_count=False),
                SimpleNamespace(constructs=True, built=Construction(1, frozen, listed, 1), has_right_count=counted),
            ]
        ),
    )
    return _why(Sitting(nobody, nobody, nobody, read, Definitions()), network)


@pytest.mark.parametrize(
    ("seen", "mistake", "told"),
    [
        (why(DETACHES), "gradients-cut", "(a.py, line 4)"),
        (why(""), "gradients-cut", "look for detach()"),
        (why("", listed=False), None, "see unet.parameters"),
        (why("", frozen=96, counted=False), "gradients-cut", "see unet.parameters"),
        (why("", frozen=96), "gradients-cut", "look for detach()"),  # a fixed filter beside the handout's parameters
        (why(OWN_TRAIN), None, "train() of its own (a.py, line 3)"),
        (why(OWN_TRAIN + DETACHES), "gradients-cut", "(a.py, line 6)"),
    ],
)
def test_what_keeps_a_right_network_from_learning_is_told_apart(seen, mistake, told):
    assert seen[0] == mistake
    assert told in seen[1]
