"""JUnit's XML, valid against the schema that the strictest readers ask for."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from xml.etree import ElementTree

import pytest
import report_sample as sample
from export_sample import HOSTILE, export_of, line, marked, points, report_of

from grader.export.junit import files
from grader.export.records import Export
from grader.marking.verdicts import Outcome

xmlschema = pytest.importorskip("xmlschema", reason="xmlschema is not installed: it comes with the extra 'dev'")
SCHEMA = xmlschema.XMLSchema(str(Path(__file__).with_name("junit.xsd")))


def suites(export: Export) -> list[ElementTree.Element]:
    """The suites of the file, which is valid."""
    ((_, content),) = files(export)
    root = ElementTree.fromstring(content)
    SCHEMA.validate(root)
    for suite in root:
        cases = suite.findall("testcase")
        assert int(suite.attrib["tests"]) == len(cases)
        for kind, count in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
            assert int(suite.attrib[count]) == sum(case.find(kind) is not None for case in cases)
    assert [int(suite.attrib["id"]) for suite in root] == list(range(len(root)))
    return list(root)


def test_there_is_a_suite_for_each_hand_in_and_a_case_for_each_criterion(tmp_path: Path) -> None:
    group = [marked(id, hand_in="g", group=("alice", "bob")) for id in ("alice", "bob")]
    made = suites(export_of(tmp_path, [*group, line("carol")]))
    assert [suite.attrib["name"] for suite in made] == ["g", "carol"]
    kinds = [[child.tag for case in suite.findall("testcase") for child in case] for suite in made]
    assert kinds == [["failure", "failure"], ["failure", "skipped"]]
    assert [case.attrib["name"] for case in made[0].findall("testcase")] == [
        "cnn.shapes",
        "cnn.architecture",
        "manual.a1",
    ]
    properties = {each.attrib["name"]: each.attrib["value"] for each in made[0].iter("property")}
    assert properties["mark"] == "6.25" and properties["students"] == "alice, bob"


def test_every_outcome_is_valid_and_what_a_person_gave_decides(tmp_path: Path) -> None:
    marks = [sample.mark(f"thing.{outcome.value}", outcome, max_points=Fraction(1)) for outcome in Outcome]
    report = sample.report([*marks, sample.mark("thing.none", Outcome.FAIL, max_points=Fraction(0))])
    (suite,) = suites(export_of(tmp_path, [line("alice", report=report)], reports={"alice": report}))
    kinds = {case.attrib["name"]: [child.tag for child in case] for case in suite.findall("testcase")}
    assert kinds == {
        "thing.pass": [],
        "thing.partial": ["failure"],
        "thing.fail": ["failure"],
        "thing.skipped": ["skipped"],
        "thing.error": ["error"],
        "thing.pending": ["skipped"],
        "thing.none": ["failure"],
    }
    lines = [line("alice", points("thing.fail", "1"), points("thing.pass", "0.5"), report=report)]
    (suite,) = suites(export_of(tmp_path, lines, reports={"alice": report}))
    kinds = {case.attrib["name"]: [child.tag for child in case] for case in suite.findall("testcase")}
    assert kinds["thing.fail"] == [] and kinds["thing.pass"] == ["failure"]


def test_hostile_text_is_valid_and_shows_as_text(tmp_path: Path) -> None:
    report = sample.report(
        [sample.mark("cnn.shapes", Outcome.FAIL, title=HOSTILE, feedback=HOSTILE)], submission_id="alice"
    )
    one = line("alice", points("cnn.shapes", "0.5", comment=HOSTILE), report=report)
    export = export_of(tmp_path, [one], reports={"alice": report})
    (suite,) = suites(replace(export, lines=[replace(one, hand_in=HOSTILE, comment=HOSTILE)]))
    failure = suite.find("testcase/failure")
    assert failure is not None and "<b>&amp;\\x1b[31mred\\u202e" in (failure.text or "")


def test_a_report_without_a_time_is_valid(tmp_path: Path) -> None:
    report = report_of("alice", run=replace(sample.report().run, started="yesterday"))
    (suite,) = suites(export_of(tmp_path, [marked("alice")], reports={"alice": report}))
    assert suite.attrib["timestamp"] == "1970-01-01T00:00:00"
