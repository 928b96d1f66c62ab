"""Marks are sent to a Canvas on loopback, once each, and never without being asked to."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from canvas_server import TOKEN, FakeCanvas, serving
from export_sample import export_of, line, marked

from grader.export.push import Course, push
from grader.export.records import Export, ExportError
from grader.marks.line import Student

pytest.importorskip("canvasapi", reason="canvasapi is not installed: it comes with the extra 'canvas'")


def sent(
    export: Export, canvas: FakeCanvas, *, partial: bool = False, assignment: str = "12", token: str = TOKEN
) -> int:
    with serving(canvas):
        course = Course(canvas.url, token, "1", assignment)
        return push(export, course, partial=partial, pause=lambda seconds: None)


@pytest.mark.parametrize("assignment", ["12", "Assignment 2", "assignment 2"])
def test_complete_marks_are_sent_in_one_request(tmp_path: Path, assignment: str) -> None:
    canvas, said = FakeCanvas(), list[str]()
    bob = Student("0013", "Bob Sample")
    lines = [marked("alice", "3.5"), marked(bob), line("carol")]
    assert sent(export_of(tmp_path, lines, said.append), canvas, assignment=assignment) == 2
    assert canvas.grades == {"501": "6.75", "502": "6.25"}
    assert sum(request.startswith("POST") for request in canvas.requests) == 1
    assert any("1 mark is not complete and was not sent: carol" in sentence for sentence in said)


def test_marks_that_are_not_complete_are_sent_when_asked(tmp_path: Path) -> None:
    canvas = FakeCanvas()
    assert sent(export_of(tmp_path, [line("alice")]), canvas, partial=True) == 1
    assert canvas.grades == {"501": "3.25"}
    with pytest.raises(ExportError, match="no mark is complete"):
        sent(export_of(tmp_path / "again", [line("alice")]), FakeCanvas())


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        ({"token": "wrong"}, "refused the token"),
        ({"assignment": "Assignment 3"}, r"0 assignments 'Assignment 3': --column must be .*Assignment 2 \(12\)"),
    ],
)
def test_what_canvas_refuses_is_one_sentence_without_the_token(
    tmp_path: Path, how: dict[str, str], sentence: str
) -> None:
    canvas = FakeCanvas()
    with pytest.raises(ExportError, match=sentence) as refusal:
        sent(export_of(tmp_path, [marked("alice")]), canvas, **how)  # type: ignore[arg-type]
    assert TOKEN not in str(refusal.value) and "wrong" not in str(refusal.value)
    assert canvas.grades == {}


def test_a_canvas_that_does_not_finish_is_said(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="failed"):
        sent(export_of(tmp_path, [marked("alice")]), FakeCanvas(states=["queued", "failed"]))
    with pytest.raises(ExportError, match="running"):
        sent(export_of(tmp_path / "again", [marked("alice")]), FakeCanvas(states=["running"] * 500))


def test_a_canvas_that_is_not_there_is_said(tmp_path: Path) -> None:
    with serving(FakeCanvas()) as canvas:
        url = canvas.url
    with pytest.raises(ExportError, match="did not take the marks"):
        push(export_of(tmp_path, [marked("alice")]), Course(url, TOKEN, "1", "12"), partial=False)


@pytest.mark.parametrize("url", ["http://canvas.example.org", "file:///etc", "canvas.example.org", ""])
def test_a_token_goes_to_no_address_that_others_can_read(tmp_path: Path, url: str) -> None:
    with pytest.raises(ExportError, match="must begin with https://"):
        push(export_of(tmp_path, [marked("alice")]), Course(url, TOKEN, "1", "12"), partial=False)


def test_without_the_library_the_sentence_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "canvasapi", None)
    with pytest.raises(ExportError, match=r"pip install 'colour-grade\[canvas\]'"):
        push(export_of(tmp_path, [marked("alice")]), Course("https://x.org", TOKEN, "1", "12"), partial=False)
