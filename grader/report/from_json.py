"""A report that was written as JSON, read back to be marked again: the inverse of ``as_json``."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from grader.intake import StoredFile
from grader.marking.evidence import Configuration, Curve, Difference, Evidence, Snippet, Worst
from grader.marking.points import from_hundredths, total
from grader.marking.sheet import Mark, MarkSheet
from grader.marking.verdicts import Flag, Outcome
from grader.report import LeftOut, Report, Run

__all__ = ["from_document"]


def from_document(document: Mapping[str, Any]) -> Report:
    """The report of which ``as_json.as_document`` made this, as far as texts were not cut.

    Raises KeyError, TypeError, ValueError or AttributeError when it is not a report.
    """
    submission, assignment, run = document["submission"], document["assignment"], document["run"]
    marks = tuple(_mark(criterion, document["flags"]) for criterion in document["criteria"])
    return Report(
        submission_id=submission["id"],
        sha256=submission["sha256"],
        files=tuple(StoredFile(file["path"], file["bytes"], file["sha256"]) for file in submission["files"]),
        assignment_id=assignment["id"],
        assignment_title=assignment["title"],
        detected=submission["detected"],
        code_files=tuple(submission["code_files"]),
        choice=tuple(submission["choice"]),
        sheet=MarkSheet(
            marks=marks,
            score=total(mark.points for mark in marks),
            max_score=_points(document["max_score"]),
            pending_points=_points(document["pending_points"]),
            status=document["status"],
        ),
        flags=_flags(document["flags"]),
        left_out=tuple(LeftOut(item["where"], item["what"], item["why"]) for item in document["left_out"]),
        remarks=tuple(document["remarks"]),
        output=document["output"],
        run=Run(
            version=run["version"],
            seed=run["seed"],
            device=run["device"],
            isolation=run["isolation"],
            torch=run["torch"],
            seconds=run["seconds"],
            started=run["started"],
            rubric_sha256=run["rubric_sha256"],
            details=run["details"],
        ),
        part_titles={part["id"]: part["title"] for part in document["parts"]},
    )


def _mark(criterion: Mapping[str, Any], flags: list[Mapping[str, Any]]) -> Mark:
    return Mark(
        id=criterion["id"],
        part=criterion["part"],
        title=criterion["title"],
        outcome=Outcome(criterion["outcome"]),
        points=Fraction(criterion.get("exact_points") or _points(criterion["points"])),
        max_points=_points(criterion["max_points"]),
        bonus=criterion["bonus"],
        feedback=criterion["feedback"],
        mistake=criterion["mistake"],
        evidence=_evidence(criterion["evidence"]),
        seconds=criterion["seconds"],
        share=Fraction(criterion["share"]),
        at_stake=Fraction(criterion["at_stake"]),
        waits_for=criterion["waits_for"],
        flags=_flags([flag for flag in flags if flag["criterion"] == criterion["id"]]),
        basis=criterion["basis"],
    )


def _flags(flags: list[Mapping[str, Any]]) -> tuple[Flag, ...]:
    return tuple(Flag(flag["kind"], flag["detail"]) for flag in flags)


def _points(number: float) -> Fraction:
    return from_hundredths(round(number * 100))


def _evidence(members: Mapping[str, Any]) -> Evidence:
    facts = dict(members)
    configurations = facts.pop("configurations", ())
    difference, curve, snippet = (facts.pop(name, None) for name in ("difference", "curve", "snippet"))
    return Evidence(
        configurations=tuple(Configuration(**configuration) for configuration in configurations),
        difference=difference and _difference(difference),
        curve=curve
        and Curve(
            expected=_numbers(curve["expected"]),
            actual=_numbers(curve["actual"]),
            tolerance=float(curve["tolerance"]),
        ),
        snippet=snippet and Snippet(**snippet),
        margins={name: float(share) for name, share in facts.pop("margins", {}).items()},
        facts=facts,
    )


def _difference(members: Mapping[str, Any]) -> Difference:
    worst = members["worst"]
    return Difference(
        expected_shape=tuple(members["expected_shape"]),
        actual_shape=tuple(members["actual_shape"]),
        elements=members["elements"],
        differing=members["differing"],
        worst=Worst(tuple(worst["index"]), float(worst["expected"]), float(worst["actual"])),
        largest=float(members["largest"]),
        tolerance=float(members["tolerance"]),
        map=tuple(map(_numbers, members["map"])),
    )


def _numbers(values: list[Any]) -> tuple[float, ...]:
    """Numbers, of which those that are not finite are texts in JSON."""
    return tuple(map(float, values))
