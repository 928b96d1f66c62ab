"""A signature changes with any file of a submission, and never vouches for what changed just now."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from cohort_sample import hand_in

from grader.store.signature import signature


def test_a_signature_changes_with_any_file_and_needs_no_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, an_hour_later: None
) -> None:
    found = hand_in(tmp_path, "alice")
    home = tmp_path / "alice"
    monkeypatch.setattr(Path, "read_bytes", None)
    seen = [signature(found.sources)]
    assert seen[0] is not None
    assert signature(found.sources) == seen[0]
    for change in (
        lambda: (home / "more").mkdir(),
        lambda: (home / "more" / "notes.txt").write_text("text"),
        lambda: (home / "more" / "notes.txt").write_text("tent"),
        lambda: os.utime(home / "more" / "notes.txt", (1, 1)),
        lambda: (home / "more" / "notes.txt").rename(home / "more" / "note.txt"),
        lambda: (home / "more" / "note.txt").unlink(),
        lambda: (home / "link").symlink_to("colourization.py"),
    ):
        change()
        seen.append(signature(found.sources))
    assert None not in seen
    assert len(set(seen)) == len(seen)


def test_what_was_changed_just_now_is_not_taken_on_trust(tmp_path: Path) -> None:
    assert signature(hand_in(tmp_path, "alice").sources) is None


def test_sources_that_are_gone_have_no_signature(tmp_path: Path) -> None:
    assert signature((tmp_path / "gone",)) is None
