"""``gradebook release``: feedback as each platform takes it, once all is marked, and remembered."""

from __future__ import annotations

import re
import zipfile
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from gradebook_sample import fill, report

from grader.cli.gradebook import main
from grader.intake import Found
from grader.marks.events import Entry, Kind, Marks, standing_in
from grader.report import Report
from grader.report.files import rendered
from grader.store.folder import Store


def reports(folder: Path, *made: tuple[str, Report], marked: bool = True) -> Path:
    """Alice and Bob, or others, of whom nothing is open."""
    made = made or (("alice", report("alice")), ("bob", report("bob", "2")))
    fill(folder / "reports", made)
    if marked:
        mark(folder, *(each.submission_id for _, each in made))
    return folder / "reports"


def mark(folder: Path, *ids: str, points: str = "2") -> None:
    with Marks(folder / "reports") as marks:
        marks.add([Entry(Kind.POINTS, id, "manual.a1", Fraction(points), comment="Good.") for id in ids], by="carol")


def release(folder: Path, platform: str, *options: str, name: str = "out") -> Path:
    out = folder / name
    assert (
        main(["release", str(folder / "reports"), "--for", platform, "--out", str(out), "--by", "carol", *options]) == 0
    )
    return out


def stages(folder: Path) -> dict[str, str]:
    """How far each mark is, as the gradebook says."""
    import csv

    assert main(["summary", str(folder / "reports")]) == 0
    with (folder / "reports" / "gradebook.csv").open(newline="") as file:
        return {row["id"]: row["stage"] for row in csv.DictReader(file)}


def test_plain_has_a_folder_for_each_student_and_marks_become_final(tmp_path: Path) -> None:
    reports(tmp_path)
    assert set(stages(tmp_path).values()) == {"marked"}
    out = release(tmp_path, "plain")
    assert sorted(path.relative_to(out).as_posix() for path in out.rglob("*.*")) == [
        *("alice/feedback.md", "alice/report.html", "bob/feedback.md", "bob/report.html")
    ]
    assert "Good." in (out / "alice" / "feedback.md").read_text("utf-8")
    assert "bob" not in (out / "alice" / "report.html").read_text("utf-8").partition("</style>")[2]
    assert set(stages(tmp_path).values()) == {"final"}


def test_a_change_after_release_makes_it_marked_again_and_what_was_released_is_kept(tmp_path: Path) -> None:
    reports(tmp_path)
    out = release(tmp_path, "plain")
    mark(tmp_path, "alice", points="1")
    assert stages(tmp_path) == {"alice": "marked", "bob": "final"}
    release(tmp_path, "plain", name="again")
    assert set(stages(tmp_path).values()) == {"final"}
    first, second = sorted((tmp_path / "reports" / "released").iterdir())
    with zipfile.ZipFile(first) as kept:
        assert kept.read("alice/report.html") == (out / "alice" / "report.html").read_bytes()
    assert first.read_bytes() != second.read_bytes()
    event = standing_in(tmp_path / "reports").get("alice", Kind.RELEASE)
    assert event and event.by == "carol" and second.name in event.reason


def test_nothing_is_released_while_marks_are_open_unless_partial(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reports(tmp_path, marked=False)
    arguments = ["release", str(tmp_path / "reports"), "--for", "plain", "--out", str(tmp_path / "out")]
    assert main(arguments) == 2
    assert "2 of 2 marks are not complete" in capsys.readouterr().err and not (tmp_path / "out").exists()
    assert main([*arguments, "--partial"]) == 2
    assert "no mark can be released yet" in capsys.readouterr().err
    mark(tmp_path, "bob")
    out = release(tmp_path, "plain", "--partial")
    assert [path.name for path in out.iterdir()] == ["bob"]
    assert stages(tmp_path) == {"alice": "examined", "bob": "final"}


def moodle_importer(names: list[str]) -> dict[str, set[str]]:
    """What Moodle takes out of a zip: the files of each participant's number, by the rules of its importer."""
    taken: dict[str, set[str]] = {}
    for name in names:
        folder, _, file = name.partition("/")
        parts = folder.split("_", 4)
        assert len(parts) >= 4 and parts[1].isdecimal() and (parts[2], parts[3]) == ("assignfeedback", "file")
        assert file and not file.startswith((".", "~"))
        taken.setdefault(parts[1], set()).add(file)
    return taken


def test_moodle_is_a_zip_with_moodles_folder_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    known = report("Alice_Example_70021")
    known = replace(known, run=replace(known.run, details={"known_as": ["Alice Example", "70021"]}))
    reports(tmp_path, ("a", known), ("bob", report("bob")), ("c", report("carol")))
    (tmp_path / "roster.csv").write_text("Identifier,Full name,id\nParticipant 70022,Bob Sample,bob\n")
    assert main(["summary", str(tmp_path / "reports"), "--roster", str(tmp_path / "roster.csv")]) == 0
    capsys.readouterr()
    out = release(tmp_path, "moodle")
    with zipfile.ZipFile(out) as archive:
        assert archive.testzip() is None
        taken = moodle_importer(archive.namelist())
    assert taken == {number: {"report.html", "feedback.md"} for number in ("70021", "70022")}
    assert "1 student has no name of the platform's; not released: carol" in capsys.readouterr().err
    assert stages(tmp_path)["carol"] == "marked"


def test_canvas_has_files_named_after_the_uploads(tmp_path: Path) -> None:
    upload = tmp_path / "submissions" / "examplealice_LATE_501_9001_a2-code.ipynb"
    upload.parent.mkdir()
    upload.write_text("{}")
    found = Found("examplealice_501", "examplealice_501", (upload,))
    with Store(tmp_path / "reports") as store:
        store.save(found, rendered(report("examplealice_501"), key="", folder=found.folder), None)
    mark(tmp_path, "examplealice_501")
    out = release(tmp_path, "canvas")
    for path in out.iterdir():
        numbers = [part for part in path.name.split("_") if re.fullmatch(r"\d+", part)]
        assert numbers[:2] == ["501", "9001"]
    assert sorted(path.name.rpartition("_")[2] for path in out.iterdir()) == ["feedback.md", "report.html"]


def test_markus_has_a_folder_for_each_group(tmp_path: Path) -> None:
    reports(tmp_path, ("g", report("alice+bob")), ("c", report("carol")))
    out = release(tmp_path, "markus")
    assert sorted(path.name for path in out.iterdir()) == ["alice+bob", "carol"]
    assert set(stages(tmp_path).values()) == {"final"}


def test_a_group_has_a_report_for_each_member(tmp_path: Path) -> None:
    reports(tmp_path, ("g", report("alice+bob")))
    out = release(tmp_path, "plain")
    assert sorted(path.name for path in out.iterdir()) == ["alice", "bob"]


def test_without_the_platforms_names_nothing_is_released(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reports(tmp_path)
    for platform in ("moodle", "canvas"):
        assert main(["release", str(tmp_path / "reports"), "--for", platform, "--out", str(tmp_path / "out")]) == 2
        assert "own names of these students are not known" in capsys.readouterr().err
        assert not (tmp_path / "out").exists()
    assert set(stages(tmp_path).values()) == {"marked"}


def test_the_markers_form_is_written_apart_and_releases_nothing(tmp_path: Path) -> None:
    reports(tmp_path)
    out = release(tmp_path, "plain", "--marker")
    assert "carol gave 2 points" in (out / "alice" / "marker.html").read_text("utf-8")
    assert set(stages(tmp_path).values()) == {"marked"}
