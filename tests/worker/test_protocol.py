"""The records between examiner and worker: each probe has a reply, all go through JSON, each field is explained."""

from __future__ import annotations

import ast
import dataclasses
import json
import sys
from pathlib import Path

import pytest
import torch

from grader.worker import protocol
from grader.worker.protocol import (
    BuildNetwork,
    CallNetwork,
    Cell,
    CodeFile,
    Construction,
    DataFile,
    FileOutline,
    Frame,
    LayerRun,
    LoadDefinitions,
    NameDevice,
    NetworkRun,
    OutlineSource,
    Output,
    Replies,
    Rule,
    RunLayer,
    RunNetwork,
    RunOnDevice,
    Several,
    Trace,
    TracedTensor,
    TraceNetwork,
    TrainNetwork,
    Trouble,
    bundle,
    probe_from_json,
    probe_to_json,
    reply_to_json,
    reply_type,
    to_json,
    unbundle,
)

SOURCE = Path(protocol.__file__)
CODE = (CodeFile("a.py", (Cell(None, "x = 1"),)), CodeFile("b.ipynb", (Cell(1, "y = 2"), Cell(3, "z = 'é'"))))
PROBES = [
    OutlineSource(files=CODE),
    LoadDefinitions(files=CODE, data=(DataFile("a.json", "e30="),), wanted=("CNN", "UNet"), sparing=True),
    LoadDefinitions(files=(), wanted=()),
    NameDevice(device="cuda"),
    BuildNetwork(cls="CNN", arguments=(3, 8), inputs=((2, 1, 32, 32), (5, 1, 32, 32)), image=(1, 1, 32, 32)),
    TraceNetwork(cls="CNN", arguments=(3, 8), seed=2**62),
    RunNetwork(cls="CNN"),
    CallNetwork(cls="CNN", filters=Rule(3, 1, 0), vectors=Rule(0, 0, -1), buffers=Rule(0, 0, 1), mode="train", calls=2),
    TrainNetwork(cls="CNN", optimizer="sgd", rate=0.02, device="cuda"),
    RunLayer(cls="MyConv2d", arguments=(1, 2, 3)),
    RunOnDevice(cls="CNN", device="cuda"),
    Several(probes=(RunLayer(cls="MyConv2d", seed=1), TraceNetwork(cls="MyConv2d", device="cpu"))),
]


def _kinds() -> list[type]:
    return [kind for kind in vars(protocol).values() if isinstance(kind, type) and dataclasses.is_dataclass(kind)]


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: type(probe).__name__)
def test_a_probe_that_went_through_json_is_the_same(probe):
    message = probe_to_json(probe)
    assert message["do"] == probe.do
    assert probe_from_json(json.loads(json.dumps(message))) == probe


def test_every_probe_has_a_record_that_answers_it_and_stands_in_the_table():
    tables = str(protocol.__doc__)
    asked = {kind for kind in _kinds() if issubclass(kind, protocol.Probe) and "do" in vars(kind)}
    assert asked == {type(probe) for probe in PROBES}
    for probe in PROBES:
        assert dataclasses.is_dataclass(reply_type(probe))
        assert f"{type(probe).__name__} " in tables and f"{reply_type(probe).__name__}\n" in tables
        assert all(name in tables for name in probe.returns)


def test_a_probe_is_about_its_class():
    assert [probe.subject for probe in PROBES[:4]] == ["outline", "load", "load", "gpu"]
    assert {probe.subject for probe in PROBES[4:9]} == {"CNN"}
    assert PROBES[-1].subject == "MyConv2d"


TROUBLE = Trouble("ValueError", "no", (Frame("a.py", 3, "x = f()", "f"),))
TROUBLE_JSON = {
    "type": "ValueError",
    "text": "no",
    "frames": [{"file": "a.py", "line": 3, "text": "x = f()", "function": "f"}],
}


def test_a_reply_is_evidence_or_trouble():
    output = {"shape": [2, 3], "dtype": "torch.float32", "finite": True}
    built = Construction(5, 0, True, 5, (Output((2, 3), "torch.float32", True),), TROUBLE)
    assert reply_to_json(TROUBLE) == {"trouble": TROUBLE_JSON}
    assert reply_to_json(built) == {
        "evidence": {
            "trainable": 5,
            "frozen": 0,
            "listed": True,
            "trainable_after": 5,
            "outputs": [output],
            "stopped": TROUBLE_JSON,
        }
    }
    assert reply_to_json(Replies((TROUBLE, NetworkRun(("aten::convolution",))))) == {
        "evidence": {"replies": [{"trouble": TROUBLE_JSON}, {"evidence": {"native": ["aten::convolution"]}}]}
    }


def test_what_is_no_record_stays_as_it_is():
    traced = TracedTensor("weight", torch.Size([2, 1]), ("a.B",), True)
    line = {"name": "weight", "shape": [2, 1], "owner": ["a.B"], "my_conv2d": True}
    assert json.loads(json.dumps(to_json(Trace((traced,))))) == {
        "parameters": [line],
        "buffers": [],
        "constants": [],
        "unused": [],
        "updates": [],
        "convolutions": 0,
    }
    assert to_json(LayerRun((), Output((1,), "d", False)))["later"] is None


def test_a_place_names_the_cell_where_there_is_one():
    assert FileOutline("models.py").place(None, 12) == "models.py, line 12"
    assert FileOutline("a2.ipynb").place(7, 3) == "a2.ipynb, cell 7, line 3"


def test_each_probe_of_several_keeps_its_own_tensors():
    several = [{"input": number, "weight": -number} for number in range(12)]
    assert bundle(several)["11/input"] == 11
    assert unbundle({**bundle(several), "12/input": 12, "input": 13}, 12) == several


def test_records_are_frozen_and_every_field_has_a_line_under_it():
    classes = [node for node in ast.parse(SOURCE.read_text("utf-8")).body if isinstance(node, ast.ClassDef)]
    assert {node.name for node in classes} == {kind.__name__ for kind in _kinds()}
    for node in classes:
        assert ast.get_docstring(node), node.name
        assert vars(protocol)[node.name].__dataclass_params__.frozen
        for statement, following in zip(node.body, [*node.body[1:], None], strict=True):
            if isinstance(statement, ast.AnnAssign) and not ast.unparse(statement.annotation).startswith("ClassVar"):
                explained = isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant)
                assert explained, f"{node.name}.{ast.unparse(statement.target)}"


def test_nothing_but_the_standard_library_is_imported():
    tree = ast.parse(SOURCE.read_text("utf-8"))
    imported = {alias.name for node in tree.body if isinstance(node, ast.Import) for alias in node.names}
    imported |= {str(node.module) for node in tree.body if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in imported} <= {*sys.stdlib_module_names}
