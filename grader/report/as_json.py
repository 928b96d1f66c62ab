"""The report as JSON, in the form ``grade-report/1`` of ``report.schema.json``.

The JSON has everything that a later program needs, in a fixed order and in ASCII, so nothing that a student named or
printed can break a parser or a terminal. Only ``run.seconds``, ``run.started`` and ``criteria[].seconds`` hold times:
without them, two runs can be compared.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from importlib.resources import files
from typing import Any

from grader.display import display
from grader.marking.evidence import Difference, Evidence
from grader.marking.sheet import Mark
from grader.report import Report
from grader.report.numbers import hundredths
from grader.report.summary import PartSummary, bounded, parts

__all__ = ["SCHEMA", "as_document", "problem", "to_json", "written"]


SCHEMA = "grade-report/1"
"""Name and version of the form."""

TEXT = 20_000
"""Most characters kept of one text."""
OUTPUT = 100_000
"""Most characters kept of what the student's code printed."""
ITEMS = 10_000
"""Most elements kept of one list or object in evidence."""
DEPTH = 12
"""Deepest nesting kept in evidence."""


def to_json(report: Report) -> str:
    """The report as JSON text that ends in a newline. See ``as_document``."""
    return written(as_document(report))


def as_document(report: Report) -> dict[str, Any]:
    """The report in JSON's own types, valid against ``report.schema.json``.

    Texts are bounded; ids and paths are not. Lone surrogates (from file names that are not UTF-8) are written as
    ``\\udc80``, and numbers that are not finite as the strings ``nan``, ``inf`` and ``-inf``.

    Raises ValueError when the report breaks the schema. No submission can cause that, because ids, hashes and states
    are the grader's own.
    """
    sheet = report.sheet
    run = report.run
    document = {
        "schema": SCHEMA,
        "submission": {
            "id": _unicode(report.submission_id),
            "sha256": report.sha256,
            "files": [
                {"path": _unicode(file.path), "bytes": file.bytes, "sha256": file.sha256} for file in report.files
            ],
            "code_files": [_unicode(path) for path in report.code_files],
            "choice": [_text(sentence) for sentence in report.choice],
            "detected": _text(report.detected),
        },
        "assignment": {"id": report.assignment_id, "title": _text(report.assignment_title)},
        "status": sheet.status,
        "stage": sheet.stage,
        "score": hundredths(sheet.score),
        "max_score": hundredths(sheet.max_score),
        "pending_points": hundredths(sheet.pending_points),
        "parts": [_part(part) for part in parts(report)],
        "criteria": [_criterion(mark) for mark in sheet.marks],
        "flags": _flags(report),
        "remarks": [_text(remark) for remark in report.remarks],
        "left_out": [
            {"where": _text(item.where), "what": _text(item.what), "why": _text(item.why)} for item in report.left_out
        ],
        "output": _text(report.output, OUTPUT),
        "run": {
            "version": _text(run.version),
            "seed": _plain(run.seed),
            "device": _text(run.device),
            "isolation": run.isolation,
            "torch": _text(run.torch),
            "rubric_sha256": run.rubric_sha256,
            "details": _plain(run.details),
            "started": _text(run.started),
            "seconds": _time(run.seconds),
        },
    }
    if fault := problem(document):
        raise ValueError(f"the report of '{display(report.submission_id)}' is not {SCHEMA}: {fault}")
    return document


def written(document: Mapping[str, Any]) -> str:
    """A document as text: one line per member, and one per element of a member that is a list.

    Python's own indentation puts every number of every shape on a line of its own, which takes ten times as long.
    """
    write = partial(json.dumps, allow_nan=False)

    def lines(value: Any) -> str:
        if isinstance(value, list) and value:
            return "[\n  " + ",\n  ".join(map(write, value)) + "\n ]"
        return write(value)

    return "{\n " + ",\n ".join(f"{write(name)}: {lines(value)}" for name, value in document.items()) + "\n}\n"


def problem(document: Any) -> str | None:
    """The first reason why a parsed report is not ``grade-report/1``, with its place; None if the report is valid."""
    from fastjsonschema import JsonSchemaValueException

    try:
        _validator()(document)
    except JsonSchemaValueException as fault:
        place = "$" + str(fault.name).removeprefix("data")
        rule = fault.message.removeprefix(str(fault.name)).strip()
        return f"{place}: {bounded(rule, 400)}, was {bounded(repr(fault.value), 100)}"
    return None


@lru_cache(maxsize=1)
def _validator() -> Callable[[Any], Any]:
    """Raises JsonSchemaValueException for what is not ``grade-report/1``. It is fast, because it is compiled."""
    import fastjsonschema

    schema = json.loads(files("grader.report").joinpath("report.schema.json").read_text("utf-8"))
    compiled: Callable[[Any], Any] = fastjsonschema.compile(schema)
    return compiled


def _part(part: PartSummary) -> dict[str, Any]:
    return {
        "id": _text(part.id),
        "title": _text(part.title),
        "points": hundredths(part.points),
        "max_points": hundredths(part.max_points),
        "bonus": part.bonus,
    }


def _criterion(mark: Mark) -> dict[str, Any]:
    return {
        "id": mark.id,
        "part": _text(mark.part),
        "title": _text(mark.title),
        "outcome": mark.outcome.value,
        "points": hundredths(mark.points),
        "exact_points": str(mark.points),
        "max_points": hundredths(mark.max_points),
        "bonus": mark.bonus,
        "feedback": _text(mark.feedback),
        "mistake": None if mark.mistake is None else _text(mark.mistake),
        "evidence": _plain(_evidence(mark.evidence)),
        "seconds": _time(mark.seconds),
        "share": str(mark.share),
        "at_stake": str(mark.at_stake),
        "waits_for": mark.waits_for,
        "basis": mark.basis,
    }


def _flags(report: Report) -> list[dict[str, Any]]:
    """All flags, each with the criterion that it comes from."""
    sources = [(flag, mark.id) for mark in report.sheet.marks for flag in mark.flags]
    flags = []
    for flag in report.flags:
        source = next((source for source in sources if source[0] == flag), None)
        if source is not None:
            sources.remove(source)
        criterion = source[1] if source is not None else None
        flags.append({"kind": _text(flag.kind), "detail": _text(flag.detail), "criterion": criterion})
    return flags


def _evidence(evidence: Evidence) -> dict[str, Any]:
    """Evidence under the names that ``report.json`` has for it; what there is none of is left out."""
    members: dict[str, Any] = {
        "configurations": [
            {
                "arguments": configuration.arguments,
                "expected": configuration.expected,
                "actual": configuration.actual,
                "ok": configuration.ok,
            }
            for configuration in evidence.configurations
        ],
        "difference": evidence.difference and _difference(evidence.difference),
        "curve": evidence.curve
        and {
            "expected": evidence.curve.expected,
            "actual": evidence.curve.actual,
            "tolerance": evidence.curve.tolerance,
        },
        "snippet": evidence.snippet
        and {
            "code": evidence.snippet.code,
            "expected": evidence.snippet.expected,
            "actual": evidence.snippet.actual,
        },
        "margins": evidence.margins,
    }
    return {**evidence.facts, **{name: value for name, value in members.items() if value}}


def _difference(difference: Difference) -> dict[str, Any]:
    worst = difference.worst
    return {
        "expected_shape": difference.expected_shape,
        "actual_shape": difference.actual_shape,
        "elements": difference.elements,
        "differing": difference.differing,
        "worst": {"index": worst.index, "expected": worst.expected, "actual": worst.actual},
        "largest": difference.largest,
        "tolerance": difference.tolerance,
        "map": difference.map,
    }


def _unicode(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _text(text: str, limit: int = TEXT) -> str:
    return _unicode(bounded(text, limit))


def _time(seconds: float) -> float:
    return round(float(seconds), 3) if math.isfinite(seconds) else 0.0


def _plain(value: object, depth: int = 0) -> Any:
    """``value`` in JSON's own types, bounded. What JSON has no type for becomes a string."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int):
        # Beyond 64 bits readers disagree about a number, and Python itself refuses to write the very long ones.
        return int(value) if value.bit_length() < 64 else hex(value) if value.bit_length() < 4096 else "a huge integer"
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(float(value))
    if depth >= DEPTH:
        return "… nested too deeply"
    if isinstance(value, Mapping):
        members = {_text(str(key), 200): _plain(item, depth + 1) for key, item in list(value.items())[:ITEMS]}
        return members if len(value) <= ITEMS else {**members, "…": f"{len(value) - ITEMS:,} more"}
    if isinstance(value, list | tuple):
        items = [_plain(item, depth + 1) for item in value[:ITEMS]]
        return items if len(value) <= ITEMS else [*items, f"… {len(value) - ITEMS:,} more"]
    return _text(repr(value))
