"""The checks on files: what is there, what is missing, and what only looks as if it were there."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from places import ROOT

from grader.checks import files
from grader.checks.sitting import Sitting
from grader.intake import find, read
from grader.marking.rubric_file import load
from grader.marking.verdicts import Outcome
from grader.worker.protocol import Definition, Definitions, FileOutline, Method, Outline
from reference.handouts import HANDOUTS

ASSIGNMENT = load(ROOT / "rubric.yaml").assignments["csc413-2020"]
WRITTEN = {"forward": Method(2, ("self", "x"), empty=False)}


def sitting(
    folder: Path, *, written: tuple[str, ...] = (), defined: tuple[str, ...] = (), **contents: bytes
) -> Sitting:
    folder.mkdir(exist_ok=True)
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    (found,) = find([folder], mode="one").found
    classes = tuple(Definition(name, line=1, end_line=2, cell=1, methods=WRITTEN) for name in written)
    outline = Outline((FileOutline("a2-cnn.ipynb", classes),))
    exam = SimpleNamespace(assignment=ASSIGNMENT, handout=HANDOUTS[ASSIGNMENT.id])
    return Sitting(exam, read(found), None, outline, Definitions(classes=tuple(defined)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("contents", "passes", "told"),
    [
        ({"a2-writeup.pdf": b"%PDF-1.7\n"}, True, "The write-up is there."),
        ({"report.PDF": b"\n%PDF-1.4\n"}, True, "There is a PDF, report.PDF"),
        ({"a2-writeup.pdf": b""}, False, "a2-writeup.pdf is empty"),
        ({"a2-writeup.pdf": b"my answers"}, False, "a2-writeup.pdf is not a PDF inside"),
        ({"a2-writeup.pdf": b"PK\3\4 a .docx, renamed"}, False, "not a PDF inside"),
        ({"a2-writeup.docx": b"PK"}, False, "There is no PDF"),
        ({"a2-writeup.pdf": b"", "other.pdf": b"%PDF-1.7"}, True, "other.pdf"),
        ({"a2-writeup.pdf": b" " * 2000 + b"%PDF-1.7"}, False, "not a PDF inside"),
    ],
)
def test_a_write_up_is_one_that_begins_as_a_pdf(tmp_path, contents, passes, told):
    verdict = files.writeup(sitting(tmp_path / "alice", **contents, **{"a.py": b"x = 1"}), "files.writeup")
    assert verdict.outcome is (Outcome.PASS if passes else Outcome.FAIL)
    assert told in verdict.feedback


def test_a_class_that_could_not_be_defined_is_not_called_unfinished(tmp_path):
    there = sitting(tmp_path / "alice", written=("CNN", "UNet"), defined=("CNN",), **{"a2.py": b"x = 1"})
    told = files.code(there, "files.code").feedback
    assert "Written, but could not be defined: UNet." in told
    assert "Still to be completed" not in told


def test_a_class_that_is_not_there_is_still_to_be_completed(tmp_path):
    there = sitting(tmp_path / "alice", written=("CNN",), defined=("CNN",), **{"a2.py": b"x = 1"})
    assert "Still to be completed: UNet." in files.code(there, "files.code").feedback


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("a2.pyc", "a2.pyc is compiled: hand in the .py itself."),
        ("a2.html", "a2.html is an export"),
        ("a2.gdoc", "is only a link"),
        ("a2.png", "What is there: a2.png."),
        ("a2.ipynb", "There is no code in the submission that can be read. a2.ipynb is empty"),
    ],
)
def test_without_code_it_is_told_what_is_there_instead(tmp_path, name, told):
    verdict = files.code(sitting(tmp_path / "alice", **{name: b""}), "files.code")
    assert verdict.outcome is Outcome.FAIL
    assert told in verdict.feedback


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("a2-writeup.docx", "a2-writeup.docx may be the write-up, but it is a .docx file: export it as a PDF."),
        ("~$writeup.docx", "~$writeup.docx is the lock file that a word processor keeps while a document is open"),
        (".~lock.a2-writeup.odt#", "is the lock file"),
        ("README.md", None),
    ],
)
def test_what_stands_in_place_of_the_write_up_is_named(tmp_path, name, told):
    verdict = files.writeup(sitting(tmp_path / "alice", **{name: b"x", "a2.py": b"x = 1"}), "files.writeup")
    assert verdict.outcome is Outcome.FAIL
    assert told in verdict.feedback if told else name not in verdict.feedback
