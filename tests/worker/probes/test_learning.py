"""A short training run is that of a training script."""

from __future__ import annotations

import pytest
import torch
from small_networks import IMAGE, Hides, Plain

from grader.worker.probes.answer import answer
from grader.worker.protocol import Training, TrainNetwork, Trouble


class NeverTrains(Plain):
    def train(self, mode=True):
        return super().train(False)


@pytest.mark.parametrize(("made", "same"), [(Plain, True), (NeverTrains, False), (Hides, False)])
def test_training_is_what_a_script_would_see(made, same):
    def learnt(made):
        state = {"parameter.0": torch.ones(2, 1, 3, 3), **{f"parameter.{i}": torch.ones(2) for i in (1, 2, 3)}}
        lesson = {"batches": IMAGE[None], "labels": torch.zeros(1, 2, 2, 6, 6), "buffer.0": torch.ones(2)}
        probe = TrainNetwork(cls="Network", optimizer="sgd", rate=0.1)
        return answer(probe, {**lesson, "buffer.1": torch.ones(2), **state}, {"Network": made})[1]

    expected, actual = learnt(Plain), learnt(made)
    assert all(torch.equal(value, actual[name]) for name, value in expected.items()) == same


class Still(Plain):
    def forward(self, x):
        return super().forward(x).detach() + self.bias.view(1, -1, 1, 1)


LESSON = {"batches": IMAGE.expand(3, 2, 1, 6, 6), "labels": torch.zeros(3, 2, 2, 6, 6)}


@pytest.mark.parametrize(("made", "moved"), [(Plain, (True,) * 4), (Still, (False, True, False, False))])
def test_parameters_that_training_does_not_move_are_told(made, moved):
    torch.manual_seed(1)
    probe = TrainNetwork(cls="Network", optimizer="adam", rate=0.01)
    reply, outputs = answer(probe, dict(LESSON), {"Network": made})
    assert reply == Training(moved, ((2, 1, 3, 3), (2,), (2,), (2,)))
    assert list(outputs) == ["losses"] and outputs["losses"].shape == (4,)


def test_a_network_without_anything_to_train_is_refused():
    class Frozen(Plain):
        def __init__(self):
            super().__init__()
            self.requires_grad_(False)

    probe = TrainNetwork(cls="Network", optimizer="sgd", rate=0.01)
    reply, _ = answer(probe, dict(LESSON), {"Network": Frozen})
    assert isinstance(reply, Trouble) and reply.type == "Refusal" and "requires gradients" in reply.text
