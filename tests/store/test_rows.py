"""All reports of a folder as rows, as the reports themselves say."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
import report_sample as sample
from cohort_sample import RUBRIC
from store_sample import ALICE, made

from grader.intake import Found
from grader.marking.basis import bases
from grader.marking.rubric_file import load
from grader.report.files import rendered
from grader.store.files import StoreError
from grader.store.folder import Store
from grader.store.rows import Rows


def test_rows_come_sorted_and_as_often_as_wanted(tmp_path: Path) -> None:
    told: list[str] = []
    with Store(tmp_path) as store:
        for id in ("carol", "alice", "bob"):
            store.save(Found(id, id, ()), made(id), None)
    (tmp_path / "bob" / "report.json").write_text("{}")
    (tmp_path / "empty").mkdir()
    with Rows(tmp_path, told.append) as rows:
        assert [row.folder for row in rows] == [row.folder for row in rows] == ["alice", "carol"]
        assert len(rows) == 2
    assert len(told) == 1
    assert told[0].endswith("bob/report.json is not a report of this grader, and was left out")


def test_rows_are_those_of_the_reports_whatever_the_cache_says(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        store.save(ALICE, made(), None)
    (tmp_path / "alice" / "report.json").write_bytes(made(score=1.25).files["report.json"])
    with Rows(tmp_path, print) as rows:
        assert [row.score for row in rows] == [Fraction(5, 4)]


def test_a_folder_that_is_not_there_has_no_rows(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"there is no folder .*reports"):
        Rows(tmp_path / "reports", print)


def test_students_with_the_same_verdicts_get_the_same_marks_and_keep_what_is_their_own(tmp_path: Path) -> None:
    rubric = tmp_path / "rubric.yaml"
    rubric.write_text(RUBRIC)
    assignment = load(rubric).assignments["csc413-2020"]
    with Store(tmp_path / "reports") as store:
        for id in ("alice", "bob"):
            marks = [sample.mark("unet.shapes", basis=bases(assignment)["unet.shapes"], max_points=Fraction(9))]
            report = sample.report(
                marks, submission_id=id, run=replace(sample.report().run, details={"known_as": [id]})
            )
            key = f"evidence{id}.another-rubric"
            store.save(Found(id, id, ()), rendered(report, key=key, folder=id), None)
    with Rows(tmp_path / "reports", print, {assignment.id: assignment}) as rows:
        assert [(row.id, row.known_as, row.key) for row in rows] == [
            ("alice", ("alice",), "evidencealice.another-rubric"),
            ("bob", ("bob",), "evidencebob.another-rubric"),
        ]
        assert {row.score for row in rows} == {sum(one.points for one in assignment.criteria)}
        assert rows.remarked == 2
