"""A reply out of the sandbox is read as its record, or refused with what is wrong with it and where."""

from __future__ import annotations

import pytest
import torch

from grader.exam.replies import MalformedReply, misfit, read_reply, too_many
from grader.worker.protocol import (
    BuildNetwork,
    CallNetwork,
    Conflict,
    Construction,
    Definitions,
    DeviceFindings,
    DeviceName,
    Failure,
    FileOutline,
    Finding,
    Frame,
    LayerRun,
    LoadDefinitions,
    NameDevice,
    NetworkCall,
    NetworkRun,
    Outline,
    OutlineSource,
    Output,
    Problem,
    Remark,
    Replacement,
    Replies,
    Rule,
    RunLayer,
    RunNetwork,
    RunOnDevice,
    Several,
    Trace,
    TracedTensor,
    TraceNetwork,
    Training,
    TrainNetwork,
    Trouble,
    reply_to_json,
    to_json,
)

TROUBLE = Trouble("ValueError", "no", (Frame("a.py", None, "x = f()", "f"),))
OUTPUT = Output((2, 3, 32, 32), "torch.float32", True)
BUILD = BuildNetwork(cls="CNN", inputs=((2, 1, 32, 32), (5, 1, 32, 32)), image=(1, 1, 32, 32))
CALL = CallNetwork(cls="CNN", filters=Rule(0, 0, 1), vectors=Rule(0, 0, 1), buffers=Rule(0, 0, 1), mode="eval")
TRAIN = TrainNetwork(cls="CNN", optimizer="sgd", rate=0.1)
BUILT = Construction(8, 0, True, 8, (OUTPUT, OUTPUT))
TRACED = TracedTensor("conv.weight", (8, 1, 3, 3), ("a.MyConv2d", "torch.nn.modules.module.Module"), True)
ANSWERED = [
    (
        OutlineSource(files=()),
        Outline((FileOutline("a.ipynb", problems=(Problem(3, 1, "x = = 1", "no", None),), written_by="b.ipynb"),)),
    ),
    (
        LoadDefinitions(files=(), wanted=("CNN",)),
        Definitions(
            classes=("CNN",),
            chosen={"CNN": "a.py"},
            conflicts=(Conflict("CNN", ("a.py", "b.py")),),
            skipped=(Remark("a.py, line 1", "train()", "calls train() at the top level"),),
            failures=(Failure("a.py, line 2", "class UNet:", ("UNet",), TROUBLE),),
            replacements=(Replacement("cv2", "not installed"),),
            notes=(Remark("a.py, line 3", "F.tanh", "an old name"),),
        ),
    ),
    (NameDevice(device="cuda"), DeviceName("H200")),
    (BUILD, BUILT),
    (BUILD, Construction(8, 0, True, 8, (OUTPUT,), TROUBLE)),
    (TraceNetwork(cls="CNN"), Trace((TRACED,), (), (TRACED,), ())),
    (RunNetwork(cls="CNN"), NetworkRun(("aten::convolution",))),
    (CALL, NetworkCall()),
    (TRAIN, Training((True, False), ((2, 1), ()))),
    (RunLayer(cls="MyConv2d"), LayerRun((), OUTPUT, TROUBLE)),
    (RunOnDevice(cls="CNN"), DeviceFindings((Finding("numpy", "forward"), Finding("a", "b", True)), False, "why")),
    (Several(probes=(RunNetwork(cls="CNN"), RunNetwork(cls="CNN"))), Replies((NetworkRun(), TROUBLE))),
    (BUILD, TROUBLE),
]


@pytest.mark.parametrize(("probe", "reply"), ANSWERED, ids=lambda record: type(record).__name__)
def test_a_reply_that_was_sent_as_agreed_is_read_as_it_was(probe, reply):
    message = reply_to_json(reply)
    assert read_reply(probe, message) == reply
    assert read_reply(probe, {**message, "threads": True, "seen": ["sys._getframe"]}) == reply


def _built(**changed: object) -> dict:
    return {"evidence": {**to_json(BUILT), **changed}}


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (_built(trainable=3.0), "Expected `int`, got `float` - at `$.trainable`"),
        (_built(trainable=True), "Expected `int`, got `bool` - at `$.trainable`"),
        (_built(trainable="8"), "Expected `int`, got `str` - at `$.trainable`"),
        (_built(trainable=float("nan")), "Expected `int`, got `float` - at `$.trainable`"),
        (_built(trainable=-1), "Expected `int` >= 0 - at `$.trainable`"),
        (_built(trainable=2**40 + 1), "Expected `int` <= 1099511627776 - at `$.trainable`"),
        (_built(trainable=10**300), "Expected `int` <= 1099511627776 - at `$.trainable`"),
        (_built(listed=1), "Expected `bool`, got `int` - at `$.listed`"),
        (_built(outputs=None), "Expected `array`, got `null` - at `$.outputs`"),
        (_built(outputs=[to_json(OUTPUT)] * 11), "Expected `array` of length <= 10 - at `$.outputs`"),
        (_built(outputs=[{**to_json(OUTPUT), "shape": [1] * 13}]), "of length <= 12 - at `$.outputs[0].shape`"),
        (_built(outputs=[{**to_json(OUTPUT), "shape": [1, -1]}]), ">= 0 - at `$.outputs[0].shape[1]`"),
        (_built(outputs=[{**to_json(OUTPUT), "dtype": "x" * 1_001}]), "<= 1000 - at `$.outputs[0].dtype`"),
        (_built(stopped={"type": "E", "text": "no"}), "missing required field `frames` - at `$.stopped`"),
        (_built(more=0), "Object contains unknown field `more`"),
        ({"evidence": {"trainable": 8}}, "Object missing required field `frozen`"),
        ({"evidence": []}, "Expected `object`, got `array`"),
        ({**_built(), "trouble": to_json(TROUBLE)}, "neither evidence nor trouble alone"),
        ({**_built(), "more": 0}, "neither evidence nor trouble alone"),
        ({}, "neither evidence nor trouble alone"),
        ({"trouble": {**to_json(TROUBLE), "frames": to_json(TROUBLE.frames) * 21}}, "<= 20 - at `$.frames`"),
    ],
)
def test_a_reply_of_another_form_is_refused_with_what_is_wrong_and_where(message, why):
    with pytest.raises(MalformedReply) as refused:
        read_reply(BUILD, message)
    assert why in str(refused.value)


@pytest.mark.parametrize(
    ("probe", "evidence", "why"),
    [
        (TraceNetwork(cls="CNN"), {**to_json(Trace()), "parameters": [to_json(TRACED)] * 2001}, "<= 2000"),
        (TraceNetwork(cls="CNN"), {**to_json(Trace()), "unused": [{**to_json(TRACED), "owner": []}]}, "length >= 1"),
        (RunNetwork(cls="CNN"), {"native": ["aten::convolution"] * 21}, "<= 20"),
        (TRAIN, {"moved": [1], "shapes": [[1]]}, "Expected `bool`"),
        (RunOnDevice(cls="CNN"), {"findings": [], "settled": True}, "missing required field `reason`"),
        (LoadDefinitions(files=(), wanted=()), {**to_json(Definitions()), "chosen": {"a": 1}}, "Expected `str`"),
        (
            LoadDefinitions(files=(), wanted=()),
            {**to_json(Definitions()), "chosen": {str(number): "a" for number in range(101)}},
            "<= 100",
        ),
    ],
)
def test_every_record_has_its_bounds(probe, evidence, why):
    with pytest.raises(MalformedReply, match=why):
        read_reply(probe, {"evidence": evidence})


@pytest.mark.parametrize(
    ("evidence", "why"),
    [
        ({"replies": [reply_to_json(NetworkRun())]}, "another number of replies than probes"),
        ({"replies": [reply_to_json(NetworkRun())] * 3}, "another number of replies than probes"),
        ({"replies": 5}, "no list of replies"),
        ({"replies": [5, 5]}, "no list of replies"),
        ({"replies": [reply_to_json(NetworkRun())] * 2, "more": 1}, "no list of replies"),
        (None, "no list of replies"),
        ({"replies": [reply_to_json(NetworkRun()), {"evidence": {"native": [1]}}]}, "Expected `str`, got `int`"),
    ],
)
def test_of_several_replies_each_is_read(evidence, why):
    several = Several(probes=(RunNetwork(cls="CNN"), RunNetwork(cls="CNN")))
    with pytest.raises(MalformedReply, match=why):
        read_reply(several, {"evidence": evidence})


ONE = torch.ones(1)
SMALL = RunLayer(cls="MyConv2d", elements=8)
LESSON = {"batches": torch.zeros(6, 2, 1, 32, 32)}


@pytest.mark.parametrize(
    ("probe", "reply", "outputs", "why"),
    [
        (BUILD, BUILT, {}, None),
        (BUILD, Construction(8, 0, True, 8, (OUTPUT,)), {}, "another number of outputs than inputs"),
        (BUILD, Construction(8, 0, True, 8, (OUTPUT,) * 3), {}, "another number of outputs than inputs"),
        (BUILD, Construction(8, 0, True, 8, (OUTPUT,), TROUBLE), {}, None),
        (BUILD, Construction(8, 0, True, 8, (OUTPUT,) * 2, TROUBLE), {}, "another number of outputs than inputs"),
        (RunNetwork(cls="CNN"), NetworkRun(), {"eval": ONE, "alone": ONE, "train": ONE}, None),
        (RunNetwork(cls="CNN"), NetworkRun(), {"eval": ONE, "train": ONE}, "no tensor alone"),
        (RunLayer(cls="MyConv2d"), LayerRun((), OUTPUT), {}, "no tensor output"),
        (
            SMALL,
            LayerRun((), OUTPUT),
            {"output": torch.empty(9, device="meta"), "gradient.input": LESSON["batches"]},
            None,
        ),
        (SMALL, LayerRun((), OUTPUT), {"output": torch.empty(8, device="meta")}, "no values of the tensor output of 8"),
        (SMALL, LayerRun((), OUTPUT), {"output": torch.zeros(12_289)}, "values of the tensor output of 12289"),
        (TRAIN, Training((True,), ((1,),)), {"losses": torch.ones(7)}, None),
        (TRAIN, Training((True,), ((1,),)), {"losses": torch.ones(6)}, "losses of shape [6] for 6 steps"),
        (TRAIN, Training((True,), ((1,),)), {"losses": torch.ones(7).bool()}, "losses of shape"),
        (TRAIN, Training((True,), ()), {"losses": torch.ones(7)}, "moved and shapes differ in length"),
    ],
)
def test_a_reply_has_to_fit_its_probe(probe, reply, outputs, why):
    actual = misfit(probe, LESSON, reply, outputs)
    assert actual == why if why is None else str(actual).startswith(why)


def test_a_network_beyond_what_can_be_drawn_is_told_by_its_size():
    assert too_many(Trace((TRACED,))) is None
    large = TracedTensor("w", (2**13, 2**10), ("a",), False)
    assert too_many(Trace((large,))) is None
    assert "8,388,680 parameters" in str(too_many(Trace((large,), (TRACED,))))
