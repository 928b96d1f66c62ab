"""What is seen of a network that is constructed, run and called."""

from __future__ import annotations

import pytest
import torch
from small_networks import IMAGE, Hides, Plain, run, traced
from torch import nn

from grader.worker.probes.answer import answer
from grader.worker.probes.network import pattern
from grader.worker.protocol import BuildNetwork, CallNetwork, Construction, NetworkCall, Output, Rule, Trouble


def built(made, *shapes):
    probe = BuildNetwork(cls="Network", inputs=shapes, image=shapes[0])
    return answer(probe, {}, {"Network": made})[0]


class Grows(Plain):
    def forward(self, x):
        self.more = nn.Conv2d(1, 1, 1)
        return super().forward(x)


class FreezesLargeBatches(Plain):
    def forward(self, x):
        if len(x) > 4:
            self.weight.requires_grad = False
        return super().forward(x)


def test_what_an_optimizer_would_miss_is_counted():
    batches = [1, 1, 4, 4], [5, 1, 4, 4]
    plain = built(Plain, *batches)
    assert plain.listed and plain.trainable == plain.trainable_after == 24
    assert not built(Hides, *batches).listed
    assert built(Grows, *batches).trainable_after == 26
    assert built(FreezesLargeBatches, *batches).trainable_after == 6


class TakesFive(Plain):
    def forward(self, x):
        return super().forward(x.reshape(5, 1, 4, 4))


def test_every_input_is_tried_and_the_first_trouble_is_told():
    reply = built(TakesFive, [1, 1, 4, 4], [5, 1, 4, 4], [2, 1, 4, 4])
    assert isinstance(reply, Construction)
    assert reply.outputs == (Output((5, 2, 4, 4), "torch.float32", True),)
    assert reply.stopped is not None and "[5, 1, 4, 4]" in reply.stopped.text and "16" in reply.stopped.text


class Forgets(Plain):
    def forward(self, x):
        super().forward(x)


class Uninitialised(Plain):
    def forward(self, x):
        return super().forward(x) + torch.empty(1)


def test_an_output_that_is_none_or_was_never_written_is_seen():
    assert built(Forgets, [1, 1, 4, 4]).stopped == Trouble(
        "Refusal", "forward returned nothing (None): forward has no return"
    )
    assert not built(Uninitialised, [1, 1, 4, 4]).outputs[0].finite


def test_what_is_no_module_is_refused():
    reply = built(lambda: 3, [1, 1, 4, 4])
    assert reply == Trouble("Refusal", "Network(…) made a int, not an nn.Module: let the class extend nn.Module")


class AloneAnother(Plain):
    def forward(self, x):
        return super().forward(x) * (1 if len(x) > 1 else 2)


class WithoutGradientsAnother(Plain):
    def forward(self, x):
        return super().forward(x) * (1 if self.training or not torch.is_grad_enabled() else 2)


@pytest.mark.parametrize(("made", "differs"), [(AloneAnother, "alone"), (WithoutGradientsAnother, "eval")])
def test_the_function_is_the_same_for_one_image_and_with_gradients(made, differs):
    expected, actual = run(Plain), run(made)
    torch.testing.assert_close(expected["alone"], expected["eval"][:1])
    assert {name for name, value in expected.items() if not torch.allclose(value, actual[name])} == {differs}


def test_a_rule_gives_the_values_of_a_shape():
    assert pattern(Rule(3, 1, 0), (2, 2)).tolist() == [[-1, 0], [1, -1]]
    assert pattern(Rule(0, 0, 7), (2,)).tolist() == [7, 7]


class Counts(Plain):
    def __init__(self):
        super().__init__()
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x):
        self.calls += 1
        return super().forward(x) * 0 + self.calls + x.mean()


@pytest.mark.parametrize(("calls", "value"), [(1, 2.0), (3, 4.0)])
def test_a_new_network_is_called_as_often_as_is_asked_and_the_last_call_counts(calls, value):
    one, zero = Rule(0, 0, 1), Rule(0, 0, 0)
    probe = CallNetwork(cls="Network", filters=one, vectors=one, buffers=one, mode="eval", calls=calls)
    reply, outputs = answer(probe, {"input": IMAGE * 0}, {"Network": Counts})
    assert reply == NetworkCall() and zero.constant == 0
    assert outputs["output"].unique().tolist() == [value]


def test_a_trace_names_the_class_that_says_most_of_a_tensor():
    class MyConv2d(nn.Conv2d):
        pass

    class Mine(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = MyConv2d(1, 2, 3)

        def forward(self, x):
            return self.conv(x)

    from grader.worker.protocol import TraceNetwork

    trace, _ = answer(TraceNetwork(cls="Network"), {"input": IMAGE}, {"Network": Mine, "MyConv2d": MyConv2d})
    assert {tensor.my_conv2d for tensor in trace.parameters} == {True}
    assert "torch.nn.modules.conv.Conv2d" in trace.parameters[0].owner
    assert traced(Mine)["parameters"] == ["conv.weight", "conv.bias"]
