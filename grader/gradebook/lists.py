"""Lists of students as CSV, with any separator that a spreadsheet writes and columns known by their headings.

A list is read as people have it: in UTF-8, UTF-16 or Windows-1252; with the lines that Canvas adds under the headings;
with a line that is there twice; and as our own gradebook wrote it. A spreadsheet's own file is refused with the remedy.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from grader.display import display
from grader.gradebook.cells import looks_spoilt, restored

__all__ = [
    "MOST_BYTES",
    "ListError",
    "Student",
    "Table",
    "csv_lines",
    "id_columns",
    "ids_of",
    "other_than_text",
    "plain_heading",
    "read_roster",
    "read_table",
    "there_twice",
]


MOST_BYTES = 50_000_000
_IDS = (
    *("id", "student id", "sis login id", "username", "user name", "netid", "net id", "utorid", "login", "login id"),
    *("sis user id", "user id", "sid", "id number", "student number", "student no", "orgdefinedid", "identifier"),
    *("github username", "github id"),
)
"""Headings of ids, the surest first."""
_NUMBER = "student number"
"""The heading that stands for a column of numbers in a list without headings."""
_NOT_STUDENTS = ("points possible", "point possible", "student test", "test student")
"""Canvas puts a line with maxima among the students, and one for a student that it made up."""


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
    """Line in the file, and trimmed cells by column. Without headings the columns are ``0``, ``1``, … Of lines that are
    the same in every cell, the first."""
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
    role: str = ""
    """What the list says a person is in the course: a student, a teaching assistant, …"""
    own: Mapping[str, str] = field(default_factory=dict, compare=False)
    """The ids and names as the list has them, by the list's own headings."""

    @property
    def is_staff(self) -> bool:
        """Whether the list says that this person is not a student."""
        return not _STAFF.isdisjoint(plain_heading(self.role).split())


_STAFF = {
    *("staff", "teacher", "instructor", "ta", "tas", "assistant", "grader", "marker", "tutor", "professor", "lecturer"),
    *("admin", "administrator", "manager", "observer", "designer", "teacherenrollment", "taenrollment"),
}
"""Words of a role that is not a student's."""


def read_table(path: Path, columns: Mapping[str, Sequence[str]]) -> Table:
    """A CSV file with any of ``columns``. Each is given by its possible headings; case and punctuation do not count.

    Raises ListError.
    """
    lines = csv_lines(path)
    first = [plain_heading(cell) for cell in lines[0][1]]
    places: dict[str, int] = {}
    for column, headings in columns.items():
        # The order of the headings decides, not that of the columns: a list may have both "Student" and "ID".
        place = next((first.index(heading) for heading in headings if heading in first), None)
        if place is not None and place not in places.values():
            places[column] = place
    names = places or {str(place): place for place in range(max(len(cells) for _, cells in lines))}
    rows = []
    seen = set()
    for line, cells in lines[1:] if places else lines:
        row = {column: cells[place] if place < len(cells) else "" for column, place in names.items()}
        if tuple(cells) not in seen and not (places and _is_nobodys(cells, row)):
            rows.append((line, row))
        seen.add(tuple(cells))
    return Table(
        name=_name(path),
        columns=tuple(places),
        heading=display(", ".join(lines[0][1]), limit=120) or "empty",
        rows=tuple(rows),
        headings={column: lines[0][1][place] for column, place in places.items()},
    )


def csv_lines(path: Path) -> list[tuple[int, list[str]]]:
    """Number and trimmed cells of each line of a CSV file that is not empty; at least one. Raises ListError."""
    lines = list(_lines(path, _text(path)))
    if not lines:
        raise ListError(f"{_name(path)} is empty: it must have one line per student")
    return lines


def _is_nobodys(cells: Sequence[str], row: Mapping[str, str]) -> bool:
    """Whether a line is none of a student's: it says nothing in any known column, or is one that Canvas adds."""
    return not any(row.values()) or any(plain_heading(cell) in _NOT_STUDENTS for cell in cells[:3])


def read_roster(path: Path) -> tuple[Student, ...]:
    """A roster: its columns by their headings; without headings id, name and e-mail, or MarkUs' own order.

    Raises ListError.
    """
    headings = {
        **id_columns(),
        "name": ("name", "full name", "student name", "student", "display name"),
        "first": ("first name", "given name", "firstname", "first"),
        "last": ("last name", "surname", "family name", "lastname", "last"),
        "email": ("email", "e mail", "email address", "mail"),
        "role": ("role", "roles", "course role", "enrollment type", "enrolment type"),
        "section": ("section", "section name"),  # Canvas takes marks back only with it
    }
    table = read_table(path, headings)
    if not table.columns and not _begins_with_a_student(table):
        raise ListError(
            f"{table.name}, line 1: no column is known, were {table.heading}: name one of them 'id' (or "
            f"{', '.join(map(repr, _IDS[1:]))}), others 'name' and 'email'"
        )
    if table.columns and not any(column in id_columns() for column in table.columns):
        raise ListError(
            f"{table.name}, line 1: one column must be the id, were {table.heading}: name it 'id' in the first line"
        )
    places = {} if table.columns else _places(table)
    students: dict[str, Student] = {}
    lines: dict[str, int] = {}
    for line, row in table.rows:
        cells = row if table.columns else {column: row[place] for column, place in places.items()}
        name = cells.get("name", "") or f"{cells.get('first', '')} {cells.get('last', '')}".strip()
        email = cells.get("email", "")
        id, *also = ids_of(cells) or (email,)
        if not id:
            raise ListError(f"{table.name}, line {line}: the id is empty: fill it in or remove the line")
        if id in students:
            raise there_twice(table, id, lines[id], line)
        own = {table.headings[column]: cell for column, cell in cells.items() if column in table.headings}
        students[id] = Student(id, name, email, tuple(also), cells.get("role", ""), own)
        lines[id] = line
    return tuple(students.values())


def there_twice(table: Table, id: str, first: int, second: int) -> ListError:
    """What is wrong with two lines that have the same id and differ."""
    remedy = "keep one of them"
    if looks_spoilt(id):
        remedy = "a spreadsheet has changed the id: write both ids again, in a column that is formatted as text"
    return ListError(
        f"{table.name}, lines {first} and {second}: the id '{display(id)}' is there twice, with lines that differ: "
        f"{remedy}"
    )


# --- lists without headings -------------------------------------------------------------------------------------------

_NAMES_BEGIN = 4
"""Letters that a login and a name share, as ``exampali`` and ``Example`` do."""
_NAME = re.compile(r"[^\W\d_]+(?:[ .'’-]+[^\W\d_]+)*\.?")


def _begins_with_a_student(table: Table) -> bool:
    """Whether the first line is a student's, and not headings that are not known.

    It has an e-mail address, a number, or a login made of a name on the same line.
    """
    cells = list(table.rows[0][1].values())
    if any("@" in cell or any(map(str.isdecimal, cell)) for cell in cells):
        return True
    login, names = cells[0].casefold(), [cell.casefold()[:_NAMES_BEGIN] for cell in cells[1:]]
    return any(len(name) == _NAMES_BEGIN and name in login for name in names)


def _places(table: Table) -> dict[str, str]:
    """Which column is which in a list without headings.

    MarkUs writes login, last name, first name, section, number and e-mail address, the last three where they are known.
    """
    column = {place: [row[place] for _, row in table.rows if row[place]] for place in table.rows[0][1]}
    id = f"id {_IDS[0]}"
    if not all(column.get(place) and all(map(_NAME.fullmatch, column[place])) for place in ("1", "2")):
        return {name: place for name, place in ((id, "0"), ("name", "1"), ("email", "2")) if place in column}
    places = {id: "0", "last": "1", "first": "2"}
    for place in list(column)[3:]:
        if "email" not in places and column[place] and all("@" in cell for cell in column[place]):
            places["email"] = place
        elif f"id {_NUMBER}" not in places and column[place] and all(map(_is_number, column[place])):
            places[f"id {_NUMBER}"] = place
    return places


def _is_number(cell: str) -> bool:
    return cell.isdecimal() or looks_spoilt(cell)


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
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise ListError(f"{_name(path)} cannot be read ({error.strerror}): check its path") from None
    except ValueError:
        raise ListError(f"{_name(path)} cannot be read: check the path") from None
    if len(content) > MOST_BYTES:
        raise ListError(f"{_name(path)} must have at most {MOST_BYTES:,} bytes, has more: is it a list of students?")
    if kind := other_than_text(content):
        raise ListError(
            f"{_name(path)} is {kind} and not CSV: open it in a spreadsheet, save it as 'CSV UTF-8' (.csv), and give "
            "that file"
        )
    for encoding in _encodings(content):
        with suppress(UnicodeDecodeError):
            return content.decode(encoding)
    raise ListError(f"{_name(path)} is not text in UTF-8, UTF-16 or Windows-1252: save it as 'CSV UTF-8' (.csv)")


_NOT_TEXT = {
    b"PK\x03\x04": "a spreadsheet (.xlsx, .ods) or another archive",
    b"\xd0\xcf\x11\xe0": "a spreadsheet (.xls)",
    b"<": "a web page or XML",
    b"%PDF": "a PDF",
}
"""What files are that people take for a table in text, by their first bytes."""


def other_than_text(content: bytes) -> str | None:
    """What a file is that people take for a table in text, such as ``a PDF``; None if its first bytes show nothing."""
    beginning = content[:100].lstrip()
    return next((kind for start, kind in _NOT_TEXT.items() if beginning.startswith(start)), None)


def _encodings(content: bytes) -> tuple[str, ...]:
    """The encodings in which a list may be, to be tried in turn."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return ("utf-16",)
    # Latin letters have a zero in every second byte of UTF-16, and text in other encodings has none.
    zeros = content[0::2].count(0), content[1::2].count(0)
    if any(zeros):
        return ("utf-16-le" if zeros[1] > zeros[0] else "utf-16-be",)
    return ("utf-8-sig", "cp1252")


def _lines(path: Path, text: str) -> Iterator[tuple[int, list[str]]]:
    """Number and trimmed cells of each line that is not empty. Raises ListError."""
    first = text[:10_000].lstrip("\r\n").split("\n", 1)[0]
    # To Excel a first line "sep=;" is an instruction, and some programs write it.
    instruction = re.fullmatch(r"sep=([,;\t])\s*", first)
    separator = instruction[1] if instruction else max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    start = 1
    try:
        for cells in reader:
            trimmed = [restored(cell.strip()) for cell in cells]
            if any(trimmed) and not (instruction and start == 1):
                yield start, trimmed
            start = reader.line_num + 1
    except csv.Error as error:
        raise ListError(f"{_name(path)}, line {start}: this is not CSV ({error}): check the quotes") from None


def plain_heading(heading: str) -> str:
    """A heading in lower case, with single spaces in place of punctuation."""
    return re.sub(r"[\W_]+", " ", heading).strip().lower()


def _name(path: Path) -> str:
    return display(str(path), limit=300)
