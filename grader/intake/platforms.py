"""Whose file it is: how Canvas, Moodle, Gradescope and others name what they hand out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from grader.intake.archives import ArchiveError, Budget, archive_stem, is_archive, members
from grader.intake.names import encodable
from grader.intake.nodes import Node, age, is_code

__all__ = [
    "GRADESCOPE",
    "METADATA",
    "NETID",
    "Upload",
    "has_short_numbers",
    "plain_id",
    "platform",
    "submitters",
    "upload_of",
]

METADATA = "submission_metadata.yml"
_METADATA_BYTES = 64 << 20
# Makes text, lists and mappings, whatever a node is tagged: Ruby tags its own objects, and 0123 is a student's number.
_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)

NETID = re.compile(
    r"(?P<what>.*colou?ri[sz]ation|.*assignment[-_ ]?\d*)-(?P<student>[a-z][a-z0-9]+)(?P<ending>\.\w+)", re.IGNORECASE
)

_CANVAS = re.compile(
    r"(?P<student>[^_]+)(?P<late>_late)?_(?P<user>\d+)_(?P<upload>\d+)_(?P<name>.+)", re.IGNORECASE | re.DOTALL
)
_FEWEST_DIGITS = 3
"""Of Canvas' numbers; shorter ones, as in ``conv_3_64_block.py``, need others beside them to be believed."""
_MOODLE = re.compile(
    r"(?P<student>.+)_(?P<user>\d+)_assignsubmission_(?P<kind>[a-z]+)_?(?P<name>.*)", re.IGNORECASE | re.DOTALL
)
_AGAIN = re.compile(r"(?P<stem>.+)-(?P<again>\d{1,2})(?P<ending>(\.tar)?\.\w+)", re.DOTALL)
_MOMENT = re.compile(r"(?P<date>\d{4}-\d\d-\d\d)[ T](?P<time>\d\d(:\d\d){2})[.\d]* ?(?P<zone>Z|[+-]\d\d:?\d\d)?")
GRADESCOPE = re.compile(r"submission_(?P<upload>\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class Upload:
    """One thing that one student handed in."""

    student: str
    """The student's id: what the platform calls them, or the name on disk."""
    node: Node
    name: str = ""
    """What the file was called when it was handed in; empty: as it is called now."""
    slot: str = ""
    """Of uploads with the same student and slot, the newest counts; files with different names have different slots."""
    order: tuple[float, ...] = ()
    """Larger is newer."""
    late: bool = False
    submitted: str | None = None
    """ISO 8601, as the platform says."""
    known_as: tuple[str, ...] = ()
    """Further keys by which the platform knows the student: user number, e-mail address, name."""


def upload_of(node: Node) -> Upload:
    """Whose the node is, by its name."""
    return platform(node) or Upload(plain_id(node), node, order=age(node))


def has_short_numbers(items: list[Node]) -> bool:
    """Whether names with one or two digits where Canvas has its numbers are Canvas' all the same, as on a small server.

    They are beside names with longer numbers. Without any, all code must be named so, of two students at least, and no
    student may have two numbers: ``conv_1_2_a.py`` and ``conv_3_4_b.py`` are one student's.
    """
    names = [encodable(item.name) for item in items if item.kind == "file"]
    found = [match for name in names if is_code(name) or is_archive(name) if (match := _CANVAS.fullmatch(name))]
    if any(_is_canvas(match, short=False) for match in found):
        return True
    users = {(match["student"].lower(), match["user"]) for match in found}
    code = sum(is_code(name) or is_archive(name) for name in names)
    students = {student for student, _ in users}
    return len(found) == code and len(students) == len(users) == len({user for _, user in users}) >= 2


def _is_canvas(match: re.Match[str], *, short: bool) -> bool:
    return short or min(len(match["user"]), len(match["upload"])) >= _FEWEST_DIGITS


def platform(node: Node, *, short: bool = False) -> Upload | None:
    """The upload that a name as Moodle's or Canvas' stands for; ``short``: even if Canvas' numbers have few digits."""
    name = encodable(node.name)
    if found := _MOODLE.fullmatch(name):
        student, user = f"{found['student']}_{found['user']}", found["user"]
        slot = f"{found['kind']}/{found['name']}".lower()
        return Upload(student, node, found["name"], slot, age(node), known_as=(found["student"], user))
    if node.kind == "file" and (found := _CANVAS.fullmatch(name)) and _is_canvas(found, short=short):
        own, again = found["name"], 0
        if repeated := _AGAIN.fullmatch(own):
            own, again = repeated["stem"] + repeated["ending"], int(repeated["again"])
        student, user = found["student"], found["user"]
        order = (float(found["upload"][:18]), float(again))
        return Upload(f"{student}_{user}", node, own, own.lower(), order, bool(found["late"]), None, (student, user))
    return None


def plain_id(node: Node) -> str:
    name = encodable(node.name)
    if node.kind == "file" and is_archive(name):
        name = archive_stem(name)
    elif node.kind == "file" and is_code(name):
        name = name.rsplit(".", 1)[0]
    return name or "submission"


def submitters(about: Node) -> Iterator[tuple[str, tuple[str, tuple[str, ...], str | None]]]:
    """For each submission of the metadata file: its name, then the student's id, all their names, and the time.

    The file grows to many megabytes by the platform's own marks, so it is cut by indentation to what is wanted, and
    each submission is parsed on its own: one that is damaged costs no other.
    """
    wanted = (":submitters:", "submitters:", ":created_at:", "created_at:")
    block: list[str] = []
    keep = False
    for line in _lines(about):
        if GRADESCOPE.match(line):
            yield from _parsed(block)
            block, keep = [line], False
        elif block and re.match(r"  ?[^\s-]", line):
            keep = line.strip().startswith(wanted)
        if block and keep:
            block.append(line)
    yield from _parsed(block)


def _lines(node: Node) -> Iterator[str]:
    """Lines of a file on disk or in an archive, so many as are read of a metadata file."""
    budget = Budget(bytes=_METADATA_BYTES, entries=1)
    with node.path.open("rb") as file:
        if not node.inside:
            content = file.read(_METADATA_BYTES)
        else:
            entries = members(file, budget, wanted=node.inside.__eq__, urgent=is_code, refuse=lambda *_: None)
            try:
                content = b"".join(chunk for entry in entries for chunk in entry.chunks)
            except ArchiveError:
                content = b""
    for line in content.decode("utf-8", "replace").split("\n"):
        yield line + "\n"


def _parsed(block: list[str]) -> Iterator[tuple[str, tuple[str, tuple[str, ...], str | None]]]:
    if not block or sum(map(len, block)) > 100_000:
        return
    try:
        loaded = yaml.load("".join(block), Loader=_LOADER)
    except (yaml.YAMLError, ValueError, TypeError, RecursionError):
        return
    for key, about in loaded.items() if isinstance(loaded, dict) else ():
        fields = _without_colons(about)
        people = [_without_colons(person) for person in _listed(fields.get("submitters"))]
        best = [_first_text(person, ("sid", "email", "name")) for person in people]
        if best and all(best):
            names = (_first_text(person, (field,)) for person in people for field in ("name", "email", "sid"))
            yield str(key), ("+".join(best), tuple(filter(None, names)), _iso(fields.get("created_at")))


def _without_colons(about: object) -> dict[str, Any]:
    """Ruby writes its symbols ``:name``."""
    return {str(key).strip(":"): value for key, value in about.items()} if isinstance(about, dict) else {}


def _listed(people: object) -> list[Any]:
    return people[:50] if isinstance(people, list) else []


def _first_text(person: dict[str, Any], keys: tuple[str, ...]) -> str:
    values = (person.get(key) for key in keys)
    return next((value.strip() for value in values if isinstance(value, str) and value.strip()), "")


def _iso(moment: object) -> str | None:
    """``2026-03-01 17:00:00.000 Z``, or Ruby's mapping around it, as ISO 8601."""
    if isinstance(moment, dict):
        moment = moment.get("utc") or moment.get("time")
    found = _MOMENT.fullmatch(moment.strip()) if isinstance(moment, str) else None
    return f"{found['date']}T{found['time']}{found['zone'] or ''}" if found else None
