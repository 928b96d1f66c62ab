"""The five handouts as records agree with the model answers, the rubric, the templates and the fixtures."""

from __future__ import annotations

import ast
import inspect
import json
import re
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml
from places import ROOT

from grader.marking.rubric_file import load
from reference.handouts import CLASSES, HANDOUTS, LAYER_CLASSES, LAYER_ORDERS
from reference.models import model_classes

RUBRIC = load(ROOT / "rubric.yaml")
EVERY = pytest.mark.parametrize("handout", HANDOUTS.values(), ids=lambda handout: handout.id)


def _code(folder: Path) -> str:
    """The code of a template or of a submission, cell after cell."""
    parts = []
    for path in sorted(folder.iterdir()):
        text = path.read_text("utf-8")
        if path.suffix == ".ipynb":
            cells = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
            parts += ["".join(cell["source"]) for cell in cells]
        elif path.suffix == ".py":
            parts.append(text)
    return "\n\n".join(parts)


def test_each_handout_stands_under_its_own_id():
    assert all(id == handout.id for id, handout in HANDOUTS.items())


def test_handouts_rubric_templates_and_fixtures_are_about_the_same_assignments():
    ids = set(HANDOUTS)
    assert set(RUBRIC.assignments) == ids
    assert {path.name for path in (ROOT / "student_template").iterdir()} == ids
    assert {path.name for path in (ROOT / "fixtures" / "submissions").iterdir()} == ids


@EVERY
def test_the_rubric_asks_for_the_handouts_files_and_orders(handout):
    assignment = RUBRIC.assignments[handout.id]
    assert tuple(assignment.code) == handout.code
    assert tuple(assignment.writeup) == handout.writeup
    assert tuple(assignment.layer_orders) == handout.layer_orders
    assert set(handout.layer_orders) == set(LAYER_ORDERS)


@EVERY
def test_the_rubric_examines_only_what_the_handout_has(handout):
    criteria = [criterion for criterion in RUBRIC.assignments[handout.id].criteria if criterion.check]
    things = {criterion.id.split(".")[0] for criterion in criteria} - {"files"}
    assert things <= {*handout.things, *handout.layer_things}
    asked = {criterion.id.split(".")[0] for criterion in criteria if criterion.check == "uses-my-conv2d"}
    assert bool(asked) is handout.only_my_conv2d
    assert {handout.things[thing].cls for thing in asked} <= set(handout.to_fill_in)


@EVERY
def test_the_template_is_named_as_the_handout_asks_and_has_its_classes(handout):
    names = [path.name for path in (ROOT / "student_template" / handout.id).iterdir() if path.suffix != ".md"]
    assert names and all(any(fnmatch(name, pattern) for pattern in handout.code) for name in names)
    template = _code(ROOT / "student_template" / handout.id)
    for facts in (*handout.networks, *handout.layers):
        assert f"class {facts.cls}(" in template, facts.cls


@EVERY
def test_the_fixtures_are_handed_in_under_the_handouts_names(handout):
    folder = ROOT / "fixtures" / "submissions" / handout.id / "right" / "submission"
    names = [path.name for path in folder.iterdir()]
    for pattern in handout.code[:1] + handout.writeup:
        assert any(fnmatch(name, pattern) for name in names), (pattern, names)


@EVERY
@pytest.mark.parametrize("folder", ["student_template/{}", "fixtures/submissions/{}/right/submission"])
def test_the_constructors_of_template_and_fixture_take_the_handouts_parameters(handout, folder):
    code = _code(ROOT / folder.format(handout.id))
    for facts in (*handout.networks, *handout.layers):
        constructor = re.search(rf"class {facts.cls}\(.*?def __init__\(self, (.*?)\)", code, re.DOTALL)
        names = [parameter.partition("=")[0].strip() for parameter in constructor[1].split(",")]
        assert [name.replace("color", "colour") for name in names[: len(facts.parameters)]] == list(facts.parameters)


@EVERY
def test_the_fixtures_expect_criteria_of_what_the_handout_has(handout):
    for path in (ROOT / "fixtures" / "submissions" / handout.id).glob("*/expected.yaml"):
        expected = yaml.safe_load(path.read_text("utf-8"))
        assert expected["assignment"] == handout.id, path
        things = {criterion.split(".")[0] for criterion in expected["criteria"]} - {"files"}
        assert things <= {*handout.things, *handout.layer_things}, path


@EVERY
def test_the_constructors_take_as_many_parameters_as_the_model_answers(handout):
    classes = model_classes(handout.id)
    for network in handout.networks:
        own = list(inspect.signature(classes[network.cls]).parameters)
        assert tuple(own[: len(network.parameters)]) == network.parameters, network.cls
    for layer in handout.layers:
        assert tuple(inspect.signature(classes[layer.cls]).parameters) == layer.parameters, layer.cls


@EVERY
def test_what_a_network_is_made_of_belongs_to_the_same_handout(handout):
    for network in handout.networks:
        assert network.extends in ("", *handout.things) and network.layer in ("", *handout.layer_things)
        assert (network.layer != "") is any(step.form == "gap-1" for step in network.steps)


@EVERY
def test_a_network_has_three_colours_built_in_where_its_constructor_takes_none(handout):
    for network in handout.networks:
        widths = {step.width for step in network.steps if step.kind in ("conv", "convt")}
        assert ("num_colours" in network.parameters) is ("NC" in widths) is not network.regression


@EVERY
def test_the_signs_name_classes_of_the_handout(handout):
    own = {facts.cls for facts in (*handout.networks, *handout.layers)}
    for sign in handout.signs.classes:
        assert set(sign.names) <= own
    for constructor in handout.signs.constructors:
        assert set(constructor.classes) <= own
    assert set(handout.signs.endings) == {Path(pattern).suffix for pattern in handout.code}


def test_the_sets_of_class_names_have_all_networks_and_layers():
    networks = {network.cls for handout in HANDOUTS.values() for network in handout.networks}
    assert sorted(LAYER_CLASSES) == ["MyConv2d", "MyDilatedConv2d"]
    assert sorted(CLASSES) == sorted(networks | LAYER_CLASSES)


def test_the_records_can_be_compared_and_are_keys():
    assert len(set(HANDOUTS.values())) == len(HANDOUTS)
    first, second, *_ = HANDOUTS.values()
    assert first.networks == second.networks and first != second


def test_no_torch_is_imported_for_the_facts():
    code = "import sys, reference.handouts, reference.arguments; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


@pytest.mark.slow
def test_no_id_of_an_assignment_stands_in_the_rest_of_the_reference():
    for path in sorted((ROOT / "reference").glob("*.py")):
        nodes = ast.walk(ast.parse(path.read_text("utf-8")))
        strings = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
        assert path.name == "handouts.py" or not strings & set(HANDOUTS), path
