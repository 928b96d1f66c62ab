"""Whose a file is: how Canvas, Moodle, Gradescope and others name what they hand out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import yaml

from grader.intake.archives import ArchiveError, Budget, archive_stem, is_archive, members
from grader.intake.names import encodable
from grader.intake.nodes import Node, age, is_code

__all__ = [
    "GRADESCOPE",
    "METADATA",
    "NETID",
    "Submitter",
    "Upload",
    "has_short_numbers",
    "plain_id",
    "platform",
    "submitters",
    "upload_of",
]


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
    attempt: tuple[float, ...] | None = None
    """Which of the student's attempts it is, as far as its name says so; None where no attempt is named."""


def upload_of(node: Node) -> Upload:
    """The node as an upload, by its name: a platform's, or else the student's own."""
    return platform(node) or Upload(plain_id(node), node, order=age(node))


def plain_id(node: Node) -> str:
    """The node's name without the ending of an archive or of code."""
    name = encodable(node.name)
    if node.kind == "file" and is_archive(name):
        name = archive_stem(name)
    elif node.kind == "file" and is_code(name):
        name = name.rsplit(".", 1)[0]
    return name or "submission"


NETID = re.compile(
    r"(?P<what>.*colou?ri[sz]ation|.*assignment[-_ ]?\d*)-(?P<student>[a-z][a-z0-9]+)(?P<ending>\.\w+)", re.IGNORECASE
)
"""A file name that ends in a student's id, as the handouts ask for: ``colorization-<netid>.py``."""


# --- Canvas and Moodle ------------------------------------------------------------------------------------------------

_CANVAS = re.compile(
    r"(?P<student>[^_]+)(?P<late>_late)?_(?P<user>\d+)_(?P<upload>\d+)_(?P<name>.+)", re.IGNORECASE | re.DOTALL
)
_FEWEST_DIGITS = 3
"""Of Canvas' numbers; shorter ones, as in ``conv_3_64_block.py``, need others beside them to be believed."""
_AGAIN = re.compile(r"(?P<stem>.+)-(?P<again>\d{1,2})(?P<ending>(\.tar)?\.\w+)", re.DOTALL)
_MOODLE = re.compile(
    r"(?P<student>.+)_(?P<user>\d+)_assignsubmission_(?P<kind>[a-z]+)_?(?P<name>.*)", re.IGNORECASE | re.DOTALL
)


def platform(node: Node, *, short: bool = False) -> Upload | None:
    """The upload that Moodle's or Canvas' name for it describes; None for any other name.

    ``short``: also where Canvas' numbers have few digits.
    """
    name = encodable(node.name)
    if match := _MOODLE.fullmatch(name):
        student, user = f"{match['student']}_{match['user']}", match["user"]
        slot = f"{match['kind']}/{match['name']}".lower()
        return Upload(student, node, match["name"], slot, age(node), known_as=(match["student"], user))
    if node.kind == "file" and (match := _CANVAS.fullmatch(name)) and _is_canvas(match, short=short):
        own_name, again = match["name"], 0
        if repeated := _AGAIN.fullmatch(own_name):
            own_name, again = repeated["stem"] + repeated["ending"], int(repeated["again"])
        return Upload(
            student=f"{match['student']}_{match['user']}",
            node=node,
            name=own_name,
            slot=own_name.lower(),
            order=(float(match["upload"][:18]), float(again)),
            late=bool(match["late"]),
            known_as=(match["student"], match["user"]),
        )
    return None


def _is_canvas(match: re.Match[str], *, short: bool) -> bool:
    return short or min(len(match["user"]), len(match["upload"])) >= _FEWEST_DIGITS


def has_short_numbers(items: Sequence[Node]) -> bool:
    """Whether names with one or two digits where Canvas has its numbers are Canvas' all the same, as on a small server.

    They are where names with longer numbers are beside them. Without any such name, all code must be named so, of two
    students at least, and no student may have two numbers: ``conv_1_2_a.py`` and ``conv_3_4_b.py`` are one student's.
    """
    names = [encodable(item.name) for item in items if item.kind == "file"]
    code = [name for name in names if is_code(name) or is_archive(name)]
    matches = [match for name in code if (match := _CANVAS.fullmatch(name))]
    if any(_is_canvas(match, short=False) for match in matches):
        return True
    if len(matches) != len(code):
        return False
    pairs = {(match["student"].lower(), match["user"]) for match in matches}
    students, users = {student for student, _ in pairs}, {user for _, user in pairs}
    return len(students) == len(pairs) == len(users) >= 2


# --- Gradescope -------------------------------------------------------------------------------------------------------

GRADESCOPE = re.compile(r"submission_(?P<upload>\d+)", re.IGNORECASE)
"""How the name of a submission's folder begins."""
METADATA = "submission_metadata.yml"
_MOST_METADATA = 64 << 20
"""Bytes that are read of the metadata file."""
_MOST_BLOCK = 100_000
"""Characters of what the file says of one submission, without its marks."""
_MOST_PEOPLE = 50
"""Of one submission."""
_FIELDS = (":submitters:", "submitters:", ":created_at:", "created_at:")


@dataclass(frozen=True)
class Submitter:
    """Who handed a submission in, as the metadata file says."""

    student: str
    """The student's id; those of a group, joined by ``+``."""
    known_as: tuple[str, ...]
    """All their names, e-mail addresses and numbers."""
    submitted: str | None
    """ISO 8601."""


def submitters(metadata_file: Node) -> Iterator[tuple[str, Submitter]]:
    """For each submission of the metadata file: the name of its folder, and who handed it in.

    The platform's own marks make the file many megabytes long. So it is cut by its indentation to the fields that are
    needed, and each submission is parsed by itself: a damaged one costs no other.
    """
    block: list[str] = []
    is_needed = False
    for line in _lines(metadata_file):
        if GRADESCOPE.match(line):
            yield from _parsed(block)
            block, is_needed = [line], False
        elif block and re.match(r"  ?[^\s-]", line):
            is_needed = line.strip().startswith(_FIELDS)
        if block and is_needed:
            block.append(line)
    yield from _parsed(block)


def _lines(file: Node) -> Iterator[str]:
    """Lines of a metadata file on disk or in an archive, without what lies beyond its bound."""
    with file.path.open("rb") as stream:
        if not file.inside:
            content = stream.read(_MOST_METADATA)
        else:
            budget = Budget(bytes=_MOST_METADATA, entries=1)
            entries = members(stream, budget, wanted=file.inside.__eq__, urgent=is_code, refuse=lambda *_: None)
            try:
                content = b"".join(chunk for entry in entries for chunk in entry.chunks)
            except ArchiveError:
                content = b""
    for line in content.decode("utf-8", "replace").split("\n"):
        yield line + "\n"


# Makes text, lists and mappings, whatever a node is tagged: Ruby tags its own objects, and 0123 is a student's number.
_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


def _parsed(block: list[str]) -> Iterator[tuple[str, Submitter]]:
    if not block or sum(map(len, block)) > _MOST_BLOCK:
        return
    try:
        loaded: object = yaml.load("".join(block), Loader=_LOADER)
    except (yaml.YAMLError, ValueError, TypeError, RecursionError):
        return
    for key, value in loaded.items() if isinstance(loaded, dict) else ():
        fields = _without_colons(value)
        people = [_without_colons(person) for person in _first_people(fields.get("submitters"))]
        ids = [_first_text(person, ("sid", "email", "name")) for person in people]
        if ids and all(ids):
            names = (_first_text(person, (field,)) for person in people for field in ("name", "email", "sid"))
            yield str(key), Submitter("+".join(ids), tuple(filter(None, names)), _iso(fields.get("created_at")))


def _without_colons(mapping: object) -> dict[str, object]:
    """A mapping's entries; Ruby writes its symbols ``:name``. Empty for what is not a mapping."""
    return {str(key).strip(":"): value for key, value in mapping.items()} if isinstance(mapping, dict) else {}


def _first_people(people: object) -> list[object]:
    return people[:_MOST_PEOPLE] if isinstance(people, list) else []


def _first_text(person: Mapping[str, object], keys: tuple[str, ...]) -> str:
    values = (person.get(key) for key in keys)
    return next((value.strip() for value in values if isinstance(value, str) and value.strip()), "")


_MOMENT = re.compile(r"(?P<date>\d{4}-\d\d-\d\d)[ T](?P<time>\d\d(:\d\d){2})[.\d]* ?(?P<zone>Z|[+-]\d\d:?\d\d)?")


def _iso(moment: object) -> str | None:
    """``2026-03-01 17:00:00.000 Z``, or Ruby's mapping around it, as ISO 8601."""
    if isinstance(moment, dict):
        moment = moment.get("utc") or moment.get("time")
    match = _MOMENT.fullmatch(moment.strip()) if isinstance(moment, str) else None
    return f"{match['date']}T{match['time']}{match['zone'] or ''}" if match else None
