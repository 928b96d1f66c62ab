"""The JSON form: what later programs read."""

from __future__ import annotations

import copy
import json
import math
from copy import deepcopy
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import fastjsonschema
import pytest
import report_sample as sample
from hypothesis import example, given, settings
from hypothesis import strategies as st
from places import ROOT

from grader.marking.evidence import Evidence
from grader.marking.verdicts import Outcome
from grader.report.as_json import problem, to_json

SCHEMA_FILE = ROOT / "grader" / "report" / "report.schema.json"
SCHEMA = json.loads(SCHEMA_FILE.read_text("utf-8"))


def document(report: sample.Report) -> dict:
    return json.loads(to_json(report), parse_constant=pytest.fail)


@pytest.mark.parametrize("report", [sample.everything(), sample.crowded(), sample.report(), sample.hostile("x")])
def test_a_report_is_valid_against_the_schema(report: sample.Report) -> None:
    assert problem(document(report)) is None


def test_every_field_of_the_schema_is_filled() -> None:
    def missing(schema: dict, value: object, where: str) -> list[str]:
        if schema.get("type") == "array":
            assert value, f"the sample has nothing in {where}"
            return [name for item in value for name in missing(schema["items"], item, where)]
        return [
            name
            for key, inner in schema.get("properties", {}).items()
            for name in ([f"{where}.{key}"] if key not in value else missing(inner, value[key], f"{where}.{key}"))
        ] + [f"{where}.{key}" for key in schema.get("required", []) if key not in value]

    assert missing(SCHEMA, document(sample.everything()), "report") == []


def test_the_shipped_schema_is_the_agreed_one_but_for_what_persons_mark_and_what_a_changed_rubric_needs(
    shared: Path,
) -> None:
    agreed = json.loads((shared / "contract" / "report.schema.json").read_text("utf-8"))
    fastjsonschema.validate(agreed, document(sample.everything()))
    for name in ("by", "comment", "follows"):
        del agreed["properties"]["criteria"]["items"]["properties"][name]
    shipped = deepcopy(SCHEMA)
    for name in ("basis", "share", "at_stake", "waits_for", "exact_points"):
        del shipped["properties"]["criteria"]["items"]["properties"][name]
    del shipped["properties"]["flags"]["items"]["properties"]["criterion"]
    assert agreed == shipped


@pytest.mark.parametrize(
    ("points", "written"),
    [
        (Fraction(15, 100), "0.15"),
        (Fraction(2), "2"),
        (Fraction(0), "0"),
        (Fraction(5, 4), "1.25"),
        (Fraction(1, 2), "0.5"),
        (Fraction(29, 100), "0.29"),
        (Fraction(123_456_789, 100), "1234567.89"),
        (Fraction(1, 3), "0.33"),
        (Fraction(1, 200), "0.01"),
    ],
)
def test_points_are_numbers_of_at_most_two_decimals(points: Fraction, written: str) -> None:
    text = to_json(sample.report([sample.mark(points=points, max_points=points)]))
    assert f'"score": {written},' in text
    assert f'"points": {written},' in text
    assert f'"max_points": {written},' in text


def test_what_is_not_a_number_becomes_a_word() -> None:
    facts: dict = {"largest": math.nan, "losses": [math.inf, -math.inf, 1.5], "huge": 10**6000, "set": {1}, 3: None}
    evidence = Evidence(facts=facts)
    written = document(sample.report([sample.mark(evidence=evidence)]))["criteria"][0]["evidence"]
    assert written == {
        "largest": "nan",
        "losses": ["inf", "-inf", 1.5],
        "huge": "a huge integer",
        "set": "{1}",
        "3": None,
    }


def test_evidence_has_its_names_in_the_json() -> None:
    written = {criterion["id"]: criterion["evidence"] for criterion in document(sample.everything())["criteria"]}
    assert written["cnn.shapes"]["configurations"][1] == {
        "arguments": {"kernel": 3, "num_filters": 8, "num_colours": 16},
        "expected": "8,488",
        "actual": "8,490",
        "ok": False,
    }
    difference = written["cnn.architecture"]["difference"]
    assert difference.pop("map")[3][4:6] == ["nan", "inf"]
    assert difference == {
        "expected_shape": [8, 24, 32, 32],
        "actual_shape": [8, 24, 32, 32],
        "elements": 196_608,
        "differing": 81_302,
        "worst": {"index": [3, 17, 9, 20], "expected": 0.1234567, "actual": -0.7765432},
        "largest": 0.9,
        "tolerance": 3.1e-05,
    }
    assert written["cnn.architecture"]["snippet"].keys() == {"code", "expected", "actual"}
    assert written["cnn.training"].keys() == {"curve", "learning_rate", "moved"}
    assert written["cnn.training"]["curve"].keys() == {"expected", "actual", "tolerance"}
    assert written["unet.training"] == {}


def test_margins_are_in_the_json_whatever_they_are() -> None:
    evidence = Evidence(margins={"outputs": 0.5, "parameters": math.inf})
    written = document(sample.report([sample.mark(evidence=evidence)]))["criteria"][0]["evidence"]
    assert written == {"margins": {"outputs": 0.5, "parameters": "inf"}}


def test_evidence_that_contains_itself_ends() -> None:
    endless: dict = {}
    endless["again"] = endless
    assert "nested too deeply" in to_json(sample.report([sample.mark(evidence=Evidence(facts=endless))]))


def test_long_lists_and_texts_are_cut_and_say_so() -> None:
    report = sample.report(
        [sample.mark(evidence=Evidence(facts={"list": list(range(20_000))}))], output="a" * 3_000_000
    )
    written = document(report)
    assert written["criteria"][0]["evidence"]["list"][-1] == "… 10,000 more"
    assert len(written["output"]) < 101_000
    assert "2,900,000 characters left out" in written["output"]


def test_ids_and_paths_are_whole() -> None:
    name = "n" * 50_000
    written = document(replace(sample.hostile(name), assignment_title="t"))
    assert written["submission"]["id"] == name
    assert written["submission"]["files"][0]["path"] == name


def test_two_runs_differ_in_their_times_only() -> None:
    report = sample.everything()
    marks = tuple(replace(mark, seconds=mark.seconds + 1) for mark in report.sheet.marks)
    later = replace(
        report,
        sheet=replace(report.sheet, marks=marks),
        run=replace(report.run, seconds=99.0, started="2027-01-01T00:00:00Z"),
    )

    def timeless(report: sample.Report) -> str:
        written = copy.deepcopy(document(report))
        del written["run"]["seconds"], written["run"]["started"]
        for criterion in written["criteria"]:
            del criterion["seconds"]
        return json.dumps(written)

    assert timeless(report) == timeless(later)
    assert to_json(report) != to_json(later)
    assert to_json(report) == to_json(sample.everything())


def test_a_report_outside_the_schema_is_refused_with_the_place_and_the_value() -> None:
    with pytest.raises(ValueError, match=r"alice.*\$\.assignment\.id.*'Algebra 1'"):
        to_json(sample.report(assignment_id="Algebra 1"))


def test_a_problem_names_the_place_what_is_allowed_and_the_value() -> None:
    written = document(sample.report([sample.mark()]))
    assert problem(written) is None
    assert problem({**written, "score": "2"}) == "$.score: must be number, was '2'"
    del written["flags"]
    assert problem(written).startswith("$: must contain ")
    written["flags"] = []
    written["criteria"][0]["outcome"] = "splendid"
    assert problem(written).startswith("$.criteria[0].outcome: must be one of ['pass', ")
    assert problem(written).endswith(", was 'splendid'")


def test_the_schema_uses_only_what_every_version_of_json_schema_has() -> None:
    """Since draft 6. The validator knows draft 7, and the schema names a later one."""
    keywords = {"$schema", "title", "description", "type", "const", "enum", "pattern"}
    keywords |= {"properties", "required", "additionalProperties", "items"}

    def used(schema: dict) -> set[str]:
        inner = [*schema.get("properties", {}).values(), *([schema["items"]] if "items" in schema else [])]
        return schema.keys() | {keyword for each in inner for keyword in used(each)}

    assert used(SCHEMA) <= keywords


@settings(derandomize=True, max_examples=60, deadline=None)
@example("\udc80\ud800")
@given(st.text(alphabet=st.characters(exclude_categories=()), max_size=40))
def test_any_text_makes_valid_json_in_ascii(text: str) -> None:
    written = to_json(sample.hostile(text))
    assert written.isascii()
    assert all(character.isprintable() or character == "\n" for character in written)
    value = json.loads(written, parse_constant=pytest.fail)
    assert problem(value) is None
    json.dumps(value, ensure_ascii=False).encode("utf-8")
    if text.isascii():
        assert value["submission"]["id"] == text
        assert value["output"] == text
    assert [criterion["outcome"] for criterion in value["criteria"]] == [outcome.value for outcome in Outcome]
