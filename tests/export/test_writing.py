"""What is exported appears whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.export.records import ExportError
from grader.export.writing import check_place, write_file, write_folder


def test_a_folder_appears_with_all_its_files(tmp_path: Path) -> None:
    assert write_folder(tmp_path / "out", [("a.txt", b"1"), ("deep/b.txt", b"2")]) == 2
    assert (tmp_path / "out" / "deep" / "b.txt").read_bytes() == b"2"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    check_place(tmp_path / "out", folder=True)
    write_folder(tmp_path / "out", [("a.txt", b"1")])
    assert (tmp_path / "out" / "a.txt").exists()


def test_nothing_is_left_where_making_a_file_fails(tmp_path: Path) -> None:
    def failing() -> Iterator[tuple[str, bytes]]:
        yield "a.txt", b"1"
        raise ExportError("alice/report.json cannot be read")

    with pytest.raises(ExportError, match="alice"):
        write_folder(tmp_path / "out", failing())
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_one_sentence_and_leaves_what_was_there() -> None:
    with pytest.raises(ExportError, match="nothing was written"):
        write_file(Path("/dev/full/out.csv"), b"1")


def test_a_read_only_place_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="cannot be written"):
        write_folder(Path("/proc/export"), [("a.txt", b"1")])


def test_places_where_something_would_be_lost_are_refused(tmp_path: Path) -> None:
    reports, file = tmp_path / "reports", tmp_path / "in.csv"
    reports.mkdir()
    file.write_text("x")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a").write_text("x")
    for place, folder, sentence in (
        (file, False, "would be lost"),
        (reports / "out.csv", False, "lies among the reports"),
        (tmp_path / "full", True, "is there already"),
        (file, True, "would be lost"),
        (tmp_path / "full" / "a", True, "is there already"),
        (tmp_path / "full", False, "is a folder"),
        (tmp_path / "absent" / "out.csv", False, "there is no folder"),
        (Path("/"), True, "has no name of its own"),
    ):
        with pytest.raises(ExportError, match=sentence):
            check_place(place, folder=folder, beside=[reports, file])
    check_place(tmp_path / "out.csv", folder=False, beside=[reports, file])
