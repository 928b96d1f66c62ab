"""Moodle: the grading worksheet in several languages, filled; checked by what its importer asks for."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from export_sample import export_of, marked

from grader.export.moodle import files
from grader.export.records import Export, ExportError
from grader.marks.line import Student

ENGLISH = (
    "Identifier,Full name,ID number,Email address,Status,Grade,Maximum Grade,Grade can be changed,"
    "Last modified (submission),Last modified (grade),Feedback comments"
)
GERMAN = (
    "Teilnehmer/in,Vollständiger Name,ID-Nummer,E-Mail-Adresse,Status,Bewertung,Bestwertung,Bewertung kann geändert "
    "werden,Zuletzt geändert (Abgabe),Zuletzt geändert (Bewertung),Feedback als Kommentar"
)
FRENCH = (
    "Identifiant,Nom complet,Numéro d'identification,Adresse de courriel,Statut,Note,Note maximale,La note peut être "
    "modifiée,Dernière modification (travail remis),Dernière modification (note),Feedback par commentaires"
)
WORDS = {ENGLISH: "Participant ", GERMAN: "Teilnehmer/in", FRENCH: "Participant "}


def worksheet(path: Path, headings: str = ENGLISH, most: str = "8.00", *, mark: bool = True) -> Path:
    word = WORDS[headings]
    rows = [
        f'{word}70021,Alice Example,0012,alice@example.org,"Submitted, for grading",,{most},Yes,'
        '"Friday, 20 November 2026, 9:15 PM",-,<p>&nbsp;</p>',
        f'{word}70022,Bob Sample,0013,bob@example.org,No submission,"2,00",{most},Yes,-,'
        '"Saturday, 21 November 2026, 1:00 AM",',
    ]
    path.write_bytes(("﻿" * mark + "\n".join([headings, *rows]) + "\n").encode())
    return path


def filled(export: Export) -> bytes:
    ((_, content),) = files(export)
    return content


def imported(content: bytes, headings: str, most: float = 8) -> dict[str, float]:
    """What Moodle's importer takes out of a worksheet, in the language of its headings.

    Its rules: the headings of identifier, grade and last change of the grade are there, in this language; what stands
    after the word for a participant is the number; a grade that is empty, negative or above the maximum is skipped.
    """
    rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True))
    names = headings.split(",")
    identifier, grade, modified = (rows[0].index(names[place]) for place in (0, 5, 9))
    assert modified > grade > identifier
    grades = {}
    for row in rows[1:]:
        number = row[identifier][len(WORDS[headings]) :]
        assert number.isdecimal()
        text = row[grade].replace(" ", "").replace(",", ".")
        if text and 0 <= float(text) <= most:
            grades[number] = float(text)
    return grades


@pytest.mark.parametrize("headings", [ENGLISH, GERMAN, FRENCH])
@pytest.mark.parametrize("mark", [True, False])
def test_the_grade_is_filled_in_any_language_and_nothing_else_changes(
    tmp_path: Path, headings: str, mark: bool
) -> None:
    file = worksheet(tmp_path / "in.csv", headings, mark=mark)
    before = file.read_bytes()
    content = filled(export_of(tmp_path / "r", [marked("alice")], fill=file))
    assert content == before.replace(b'grading",,', b'grading",6.25,')
    assert imported(content, headings) == {"70021": 6.25, "70022": 2.0}


@pytest.mark.parametrize(
    "key", ["70021", "{word}70021", "0012", "alice@example.org", "Alice Example", "Alice Example_70021"]
)
@pytest.mark.parametrize("headings", [ENGLISH, GERMAN])
def test_a_student_is_found_by_number_id_address_and_name(tmp_path: Path, key: str, headings: str) -> None:
    file = worksheet(tmp_path / "in.csv", headings)
    key = key.format(word=WORDS[headings])
    known_as = {"x": tuple(key.rsplit("_", 1))}
    student = Student("x", key if " " in key else "")
    content = filled(export_of(tmp_path / "r", [marked(student)], fill=file, known_as=known_as))
    assert imported(content, headings) == {"70021": 6.25, "70022": 2.0}


def test_a_mark_above_the_maximum_is_said(tmp_path: Path) -> None:
    file = worksheet(tmp_path / "in.csv", most="5.00")
    said: list[str] = []
    filled(export_of(tmp_path / "r", [marked("alice")], said.append, fill=file))
    assert any("above the maximum" in sentence and "70021" in sentence for sentence in said)


def test_a_worksheet_without_names_is_filled(tmp_path: Path) -> None:
    file = tmp_path / "in.csv"
    file.write_text(
        "Identifier,Status,Grade,Maximum Grade,Last modified (grade)\nParticipant 70021,Submitted,,8.00,-\n"
    )
    content = filled(export_of(tmp_path / "r", [marked("x")], fill=file, known_as={"x": ("70021",)}))
    assert b"Submitted,6.25,8.00" in content


def test_a_grade_that_stands_for_all_is_not_taken_for_the_maximum(tmp_path: Path) -> None:
    file = worksheet(tmp_path / "in.csv", most="2.00")
    file.write_bytes(file.read_bytes().replace(b'grading",,', b'grading",2.00,').replace(b'"2,00"', b"2.00"))
    content = filled(export_of(tmp_path / "r", [marked("alice")], fill=file))
    assert b'grading",6.25,2.00' in content


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("Name,Grade\nAlice,3\n", "no column of identifiers"),
        ("Identifier,Grade\nParticipant 1,\n", "no column with the maximum"),
        ("Identifier,Grade,Maximum Grade\n", "no column of identifiers"),
    ],
)
def test_a_file_that_is_no_worksheet_is_refused(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "in.csv").write_text(text)
    with pytest.raises(ExportError, match=sentence):
        filled(export_of(tmp_path / "r", [marked("alice")], fill=tmp_path / "in.csv"))


def test_without_a_file_to_fill_it_says_which_one(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="--fill"):
        filled(export_of(tmp_path / "r", [marked("alice")]))
