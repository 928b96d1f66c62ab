"""Tables as people have them, all as lines of text cells with the place of each line.

They are CSV, XLSX, YAML, or a report into which a person has typed points.

A number of a spreadsheet is written as the spreadsheet shows it (1.1 and not 1.1000000000000001). YAML is read as
nodes, so ``0429`` keeps its zero; it is a list of mappings (a line each), or a mapping of mappings by id. Nothing in a
file is evaluated, and what is read is bounded before it is unpacked.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from grader.display import display
from grader.gradebook.cells import restored
from grader.gradebook.lists import MOST_BYTES, ListError, csv_lines

__all__ = ["Sheet", "SheetLine", "read_sheet"]


_MOST_UNPACKED = 200_000_000
_MOST_CELLS = 2_000_000
_MOST_DEPTH = 6
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class SheetLine:
    """A line of a table."""

    place: str
    """``marks.csv, line 3``."""
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Sheet:
    """A table."""

    name: str
    """The file's name."""
    heading: SheetLine
    lines: tuple[SheetLine, ...]


def read_sheet(path: Path) -> Sheet:
    """The table in a file. Its beginning decides what it is, and its name where that does not. Raises ListError."""
    name = display(str(path), limit=300)
    try:
        with path.open("rb") as file:
            start = file.read(4)
        size = path.stat().st_size
    except (OSError, ValueError) as error:
        raise ListError(
            f"{name} cannot be read ({getattr(error, 'strerror', None) or error}): check its path"
        ) from None
    if size > MOST_BYTES:
        raise ListError(f"{name} must have at most {MOST_BYTES:,} bytes, has {size:,}: is it a list of marks?")
    if start == b"PK\x03\x04":
        found = list(_of_xlsx(path, name))
    elif path.suffix.lower() in (".yaml", ".yml", ".json"):
        found = list(_of_report(path, name) or _of_yaml(path, name))
    elif path.suffix.lower() == ".md":
        found = list(_of_feedback(path, name))
    else:
        found = [SheetLine(f"{name}, line {line}", tuple(cells)) for line, cells in csv_lines(path)]
    if not found:
        raise ListError(f"{name} is empty: it must have a line of headings, and a line for each student or mark")
    return Sheet(name, found[0], tuple(found[1:]))


# --- a report into which a person has typed points -------------------------------------------------------------------

_HEADING = ("id", "criterion", "points")
_TITLE = re.compile(r"# .*: (?P<id>[^:]+)")
_CRITERION = re.compile(r"\*\*\s*(?P<points>[^*/]*?)\s*/[^*/]*\*\*.*`(?P<criterion>[a-z0-9._-]+)`\s*")


def _of_report(path: Path, name: str) -> list[SheetLine]:
    """The points in a ``report.json``; none where it is another file. Open ones count where they are not 0."""
    try:
        document = json.loads(path.read_bytes())
        if not str(document["schema"]).startswith("grade-report/"):
            return []
        id, criteria = str(document["submission"]["id"]), list(document["criteria"])
        marks = [
            SheetLine(f"{name}, criterion {one['id']}", (id, str(one["id"]), _cell(one["points"])))
            for one in criteria
            if one["points"] or one["outcome"] not in ("pending", "error")
        ]
    except (ValueError, KeyError, TypeError, RecursionError):
        return []
    return [SheetLine(name, _HEADING), *marks]


def _of_feedback(path: Path, name: str) -> Iterator[SheetLine]:
    """The points in a ``feedback.md``: ``**1.5 / 2** · to be marked · `manual.a1` ``. Raises ListError."""
    try:
        lines = path.read_bytes().decode("utf-8").splitlines()
    except UnicodeDecodeError:
        raise ListError(f"{name} is not UTF-8: save it as UTF-8") from None
    title = _TITLE.fullmatch(lines[0]) if lines else None
    if title is None:
        raise ListError(f"{name}, line 1: this is not a feedback.md of the grader: give a CSV, XLSX or YAML file")
    id = re.sub(r"\\(.)|\u2060", r"\1", title["id"])
    yield SheetLine(name, _HEADING)
    fenced = False
    for number, line in enumerate(lines, 1):
        fenced ^= line.startswith("```")
        mark = None if fenced else _CRITERION.fullmatch(line)
        if mark and mark["points"] not in ("–", "", "-"):
            yield SheetLine(f"{name}, line {number}", (id, mark["criterion"], mark["points"]))


# --- XLSX -------------------------------------------------------------------------------------------------------------


def _of_xlsx(path: Path, name: str) -> Iterator[SheetLine]:
    """The lines of the first sheet of a workbook that are not empty."""
    from openpyxl import load_workbook

    _check_package(path, name)
    file = path.open("rb")  # by its path, the name would decide what it is
    try:
        book = load_workbook(file, read_only=True, data_only=True)
    except Exception as fault:  # openpyxl raises whatever its parsers raise
        file.close()
        raise ListError(
            f"{name} is not a workbook (.xlsx) that can be read ({type(fault).__name__}): save it anew, or as CSV"
        ) from None
    count = 0
    try:
        for number, row in enumerate(book.worksheets[0].iter_rows(values_only=True), 1):
            cells = tuple(_cell(value) for value in row)
            count += len(cells)
            if count > _MOST_CELLS:
                raise ListError(f"{name} must have at most {_MOST_CELLS:,} cells, has more: is it a list of marks?")
            if any(cells):
                yield SheetLine(f"{name}, row {number}", cells)
    except ListError:
        raise
    except Exception as fault:
        raise ListError(f"{name} is damaged ({type(fault).__name__}): save it anew, or as 'CSV UTF-8'") from None
    finally:
        book.close()
        file.close()


def _check_package(path: Path, name: str) -> None:
    """Bound what a workbook unpacks to, and refuse declarations of entities. Raises ListError."""
    try:
        with zipfile.ZipFile(path) as package:
            members = package.infolist()
            if "xl/workbook.xml" not in {member.filename for member in members}:
                raise ListError(f"{name} is an archive and not a workbook (.xlsx): give the list itself")
            if sum(member.file_size for member in members) > _MOST_UNPACKED:
                raise ListError(f"{name} unpacks to more than {_MOST_UNPACKED:,} bytes: is it a list of marks?")
            for member in members:
                with package.open(member) as part:
                    start = part.read(2_000)
                if b"<!DOCTYPE" in start or b"<!ENTITY" in start:
                    raise ListError(f"{name} declares entities, as no spreadsheet does: save it anew")
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, EOFError) as fault:
        raise ListError(f"{name} is damaged ({type(fault).__name__}): save it anew, or as 'CSV UTF-8'") from None


def _cell(value: object) -> str:
    """A cell as a spreadsheet shows it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        return f"{value:.15g}"
    return restored(str(value).strip())


# --- YAML -------------------------------------------------------------------------------------------------------------


def _of_yaml(path: Path, name: str) -> Iterator[SheetLine]:
    """A list of mappings as lines below their keys; a mapping of mappings as lines of id, criterion and the rest."""
    root = _root(path, name)
    if isinstance(root, MappingNode):
        yield from _by_student(root, name)
        return
    if not isinstance(root, SequenceNode) or not all(isinstance(item, MappingNode) for item in root.value):
        raise ListError(f"{name} must be a list of mappings, or a mapping by student: see README.md")
    records = [(_at(item, name), _members(item, name)) for item in root.value]
    keys = tuple(dict.fromkeys(key for _, members in records for key in members))
    yield SheetLine(f"{name}, line 1", keys)
    for place, members in records:
        texts = {key: _scalar(value, f"{key} in {place}") for key, value in members.items()}
        yield SheetLine(place, tuple(texts.get(key, "") for key in keys))


_LONG = ("points", "comment", "reason")


def _by_student(root: MappingNode, name: str) -> Iterator[SheetLine]:
    """``alice: {manual.a1: 1.5, manual.a2: {points: 1, comment: well put}}``."""
    yield SheetLine(f"{name}, line 1", ("id", "criterion", *_LONG))
    for student, marks in _members(root, name).items():
        if not isinstance(marks, MappingNode):
            raise ListError(f"{_at(marks, name)}: the marks of {display(student, limit=60)} must be a mapping")
        for criterion, mark in _members(marks, name).items():
            place = _at(mark, name)
            if isinstance(mark, MappingNode):
                texts = {key: _scalar(value, f"{key} in {place}") for key, value in _members(mark, name).items()}
                if unknown := [key for key in texts if key not in _LONG]:
                    raise ListError(
                        f"{place}: the keys are {', '.join(_LONG)}, was '{display(unknown[0], limit=40)}': rename it"
                    )
            else:
                texts = {_LONG[0]: _scalar(mark, place)}
            yield SheetLine(place, (student, criterion, *(texts.get(key, "") for key in _LONG)))


def _root(path: Path, name: str) -> Node | None:
    """The document's root node, free of anchors, aliases, tags and deep nesting."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
        depth = 0
        for event in yaml.parse(text, Loader=_LOADER):
            line = event.start_mark.line + 1 if event.start_mark else 1
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) or getattr(event, "tag", None):
                raise ListError(f"{name}, line {line}: anchors, aliases and tags (& * !) are not allowed: write it out")
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > _MOST_DEPTH:
                raise ListError(f"{name}, line {line}: this is nested too deeply for a list of marks")
        return yaml.compose(text, Loader=_LOADER)
    except UnicodeDecodeError:
        raise ListError(f"{name} is not UTF-8: save it as UTF-8") from None
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as fault:
        mark = getattr(fault, "problem_mark", None)
        what = getattr(fault, "problem", None) or type(fault).__name__
        place = f"{name}, line {mark.line + 1}" if mark else name
        raise ListError(f"{place}: this is not YAML ({what}): check the indentation and the colons") from None


def _members(node: MappingNode, name: str) -> dict[str, Node]:
    members: dict[str, Node] = {}
    for key, value in node.value:
        text = _scalar(key, f"a key in {_at(key, name)}")
        if text in members:
            raise ListError(f"{_at(key, name)}: '{display(text, limit=60)}' is there twice: keep one of them")
        members[text] = value
    return members


def _scalar(node: Node, what: str) -> str:
    """A value as it is written."""
    if not isinstance(node, ScalarNode):
        raise ListError(f"{what} must be a single value")
    is_nothing = node.tag.endswith(":null") and not node.style
    return "" if is_nothing else str(node.value).strip()


def _at(node: Node, name: str) -> str:
    return f"{name}, line {node.start_mark.line + 1 if node.start_mark else 1}"
