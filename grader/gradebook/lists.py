"""Lists of students as CSV, with any separator that a spreadsheet writes and columns known by their headings."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from grader.display import display

__all__ = ["ListError", "Student", "Table", "id_columns", "ids_of", "read_roster", "read_table"]


_MOST_BYTES = 50_000_000
_IDS = (
    *("id", "student id", "sis login id", "username", "user name", "netid", "net id", "utorid", "login", "login id"),
    *("sis user id", "user id", "sid", "id number", "student number", "student no", "orgdefinedid", "identifier"),
    *("github username", "github id"),
)
"""Headings of ids, the surest first."""
_NOT_STUDENTS = ("points possible", "point possible")
"""Canvas puts a line with maxima among the students."""


class ListError(Exception):
    """A list cannot be used; the text is one sentence with file and line."""


@dataclass(frozen=True)
class Table:
    """A CSV file's rows, by the columns that were asked for."""

    name: str
    """The file's name."""
    columns: tuple[str, ...]
    """Which of the columns are there; empty where the first line holds no headings."""
    heading: str
    """The first line, to show in an error."""
    rows: tuple[tuple[int, Mapping[str, str]], ...]
    """Line in the file, and trimmed cells by column. Without headings the columns are ``0``, ``1``, …"""
    headings: Mapping[str, str] = field(default_factory=dict)
    """The heading of each column in the file."""


@dataclass(frozen=True)
class Student:
    """One line of the roster."""

    id: str
    name: str
    email: str
    also: tuple[str, ...] = ()
    """Further ids on the line: a platform's number, a login."""
    own: Mapping[str, str] = field(default_factory=dict, compare=False)
    """The ids and names as the list has them, by the list's own headings."""


def read_table(path: Path, columns: Mapping[str, Sequence[str]]) -> Table:
    """A CSV file with any of ``columns``. Each is given by its possible headings; case and punctuation do not count.

    Raises ListError.
    """
    text = _text(path)
    lines = list(_lines(path, text))
    if not lines:
        raise ListError(f"{_name(path)} is empty: it must have one line per student")
    first = [_plain(cell) for cell in lines[0][1]]
    places: dict[str, int] = {}
    for column, headings in columns.items():
        # The order of the headings decides, not that of the columns: a list may have both "Student" and "ID".
        place = next((first.index(heading) for heading in headings if heading in first), None)
        if place is not None and place not in places.values():
            places[column] = place
    rows = lines[1:] if places else lines
    names = places or {str(place): place for place in range(max(len(cells) for _, cells in lines))}
    return Table(
        name=_name(path),
        columns=tuple(places),
        heading=display(", ".join(lines[0][1]), limit=120) or "empty",
        rows=tuple(
            (line, {column: cells[place] if place < len(cells) else "" for column, place in names.items()})
            for line, cells in rows
        ),
        headings={column: lines[0][1][place] for column, place in places.items()},
    )


def read_roster(path: Path) -> tuple[Student, ...]:
    """A roster: columns id, name and e-mail by their headings, or in this order without headings. Raises ListError."""
    headings = {
        **id_columns(),
        "name": ("name", "full name", "student name", "student", "display name"),
        "first": ("first name", "given name", "firstname", "first"),
        "last": ("last name", "surname", "family name", "lastname", "last"),
        "email": ("email", "e mail", "email address", "mail"),
        "section": ("section",),  # Canvas takes marks back only with it
    }
    table = read_table(path, headings)
    if not table.columns and not _is_student(table.rows[0][1].values()):
        raise ListError(
            f"{table.name}, line 1: no column is known, were {table.heading}: name one of them 'id' (or "
            f"{', '.join(map(repr, _IDS[1:]))}), others 'name' and 'email'"
        )
    if table.columns and not any(column in id_columns() for column in table.columns):
        raise ListError(
            f"{table.name}, line 1: one column must be the id, were {table.heading}: name it 'id' in the first line"
        )
    students: dict[str, Student] = {}
    for line, cells in table.rows:
        ids = ids_of(cells) if table.columns else (cells["0"],)
        name = cells.get("name" if table.columns else "1", "")
        name = name or f"{cells.get('first', '')} {cells.get('last', '')}".strip()
        email = cells.get("email" if table.columns else "2", "")
        id, *also = ids or (email,)
        if not id and _plain(name) in _NOT_STUDENTS:
            continue
        if not id:
            raise ListError(f"{table.name}, line {line}: the id is empty: fill it in or remove the line")
        if id in students:
            raise ListError(f"{table.name}, line {line}: the id '{display(id)}' is there twice: keep one of them")
        own = {table.headings[column]: cell for column, cell in cells.items() if column in table.headings}
        students[id] = Student(id, name, email, tuple(also), own)
    return tuple(students.values())


def _is_student(cells: Iterable[str]) -> bool:
    """Whether a first line without a known heading may be a student's: it has an e-mail address or a number."""
    return any("@" in cell or any(map(str.isdecimal, cell)) for cell in cells)


def id_columns() -> dict[str, tuple[str, ...]]:
    """Columns for ``read_table``: one for each heading of an id, since a list may have several."""
    return {f"id {heading}": (heading,) for heading in _IDS}


def ids_of(cells: Mapping[str, str]) -> tuple[str, ...]:
    """The ids on a line, the usual one first."""
    return tuple(dict.fromkeys(filter(None, (cells.get(column, "") for column in id_columns()))))


def _text(path: Path) -> str:
    """The content of a file, which is bounded. Raises ListError."""
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise ListError(f"{_name(path)} cannot be read ({error.strerror}): check its path") from None
    except ValueError:
        raise ListError(f"{_name(path)} cannot be read: check the path") from None
    if len(content) > _MOST_BYTES:
        raise ListError(f"{_name(path)} must have at most {_MOST_BYTES:,} bytes, has more: is it a list of students?")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        byte = f"0x{content[error.start]:02x}"
        raise ListError(
            f"{_name(path)}, line {line}: it must be UTF-8, has the byte {byte}: save it as UTF-8"
        ) from None


def _lines(path: Path, text: str) -> Iterator[tuple[int, list[str]]]:
    """Number and trimmed cells of each line that is not empty. Raises ListError."""
    first = text[:10_000].lstrip("\r\n").split("\n", 1)[0]
    # To Excel a first line "sep=;" is an instruction, and some programs write it.
    instruction = re.fullmatch(r"sep=([,;\t])\s*", first)
    separator = instruction[1] if instruction else max(",;\t", key=first.count)
    reader = csv.reader(text.splitlines(keepends=True), delimiter=separator, strict=True)
    start = 1
    try:
        for cells in reader:
            trimmed = [cell.strip() for cell in cells]
            if any(trimmed) and not (instruction and start == 1):
                yield start, trimmed
            start = reader.line_num + 1
    except csv.Error as error:
        raise ListError(f"{_name(path)}, line {start}: this is not CSV ({error}): check the quotes") from None


def _plain(heading: str) -> str:
    """A heading in lower case, with single spaces in place of punctuation."""
    return re.sub(r"[\W_]+", " ", heading).strip().lower()


def _name(path: Path) -> str:
    return display(str(path), limit=300)
