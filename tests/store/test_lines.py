"""Of several lines about a key the last one counts, and a torn line costs no other."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.store.lines import LineFile


def key_of(line: bytes) -> str | None:
    """Lines are ``key=value``."""
    key, separator, _ = line.decode().partition("=")
    return key if separator else None


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with two lines about alice and one about bob."""
    path = tmp_path / "lines"
    lines = LineFile(path, key_of)
    lines.open_to_append()
    for line in ("alice=1", "bob=2", "alice=3"):
        lines.append(line.partition("=")[0], line.encode())
    lines.close()
    return path


def test_the_last_line_about_a_key_counts(path: Path) -> None:
    lines = LineFile(path, key_of)
    assert [lines.line(key) for key in ("alice", "bob", "carol")] == [b"alice=3\n", b"bob=2\n", None]
    lines.close()


def test_a_torn_line_is_passed_over_and_the_next_one_is_whole(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"\nbo")
    lines = LineFile(path, key_of)
    lines.open_to_append()
    lines.append("carol", b"carol=4")
    assert [lines.line(key) for key in ("bob", "carol")] == [b"bob=2\n", b"carol=4\n"]
    lines.close()


def test_lines_that_do_not_count_are_removed_once_they_are_many(path: Path) -> None:
    for start in (0, 200):
        lines = LineFile(path, key_of)
        lines.open_to_append()
        for number in range(start, start + 200):
            lines.append("bob", f"bob={number}".encode())
        lines.close()
    lines = LineFile(path, key_of)
    lines.open_to_append()
    assert lines.line("bob") == b"bob=399\n" and lines.line("alice") == b"alice=3\n"
    assert path.read_bytes() == b"bob=399\nalice=3\n" or path.read_bytes() == b"alice=3\nbob=399\n"
    lines.close()


def test_a_file_that_does_not_exist_has_no_lines_and_takes_none_before_it_is_opened(tmp_path: Path) -> None:
    lines = LineFile(tmp_path / "lines", key_of)
    lines.append("alice", b"alice=1")
    assert lines.line("alice") is None
    lines.close()
    assert not (tmp_path / "lines").exists()
