"""Whose a file is: how Canvas, Moodle, Blackboard, Gradescope and others name what they hand out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import yaml

from grader.intake.archives import archive_stem, is_archive
from grader.intake.names import encodable, shared_beginning
from grader.intake.nodes import Node, age, beginning, is_code

__all__ = [
    "GRADESCOPE",
    "METADATA",
    "NETID",
    "Download",
    "Submitter",
    "Upload",
    "download",
    "own_upload",
    "plain_id",
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
    """A single node as an upload, by the name that a platform gave it, or else by its own."""
    return download([node]).uploads.get(node.name) or own_upload(node)


def own_upload(node: Node) -> Upload:
    """The node as an upload by its own name, which no platform made."""
    return Upload(plain_id(node), node, order=age(node))


def plain_id(node: Node) -> str:
    """The node's name without the ending of an archive, which an unpacked one may keep, or of code."""
    name = encodable(node.name)
    if is_archive(name):
        name = archive_stem(name)
    elif node.kind == "file" and is_code(name):
        name = name.rsplit(".", 1)[0]
    return name or "submission"


NETID = re.compile(
    r"(?P<what>.*colou?ri[sz]ation|.*assignment[-_ ]?\d*)-(?P<student>[a-z][a-z0-9]+)(?P<ending>\.\w+)", re.IGNORECASE
)
"""A file name that ends in a student's id, as the handouts ask for: ``colorization-<netid>.py``."""


# --- downloads in which every name says whose the file is -------------------------------------------------------------
#
# A platform writes its own fields first and then the name that the student gave the file. So each name is read from its
# beginning, and nothing in the student's part counts, whatever it looks like.


@dataclass(frozen=True)
class Download:
    """Files of one folder, as the platform that they come from names them."""

    uploads: Mapping[str, Upload]
    """By the name of the file or folder."""
    receipts: frozenset[str] = frozenset()
    """Names of files that the platform wrote itself and that are not among the uploads."""

    def __len__(self) -> int:
        return len(self.uploads) + len(self.receipts)


def download(items: Sequence[Node]) -> Download:
    """What lies in one folder, read as a download from the one platform that explains most of the names.

    Empty where no platform made any of them. Where two explain as many, Canvas comes before Moodle and Blackboard.
    """
    canvas, moodle, blackboard = _canvas(items), _moodle(items), _blackboard(items)
    if len(blackboard) == len(canvas) > 1 and len({upload.order[:1] for upload in canvas.uploads.values()}) == 1:
        return blackboard  # Canvas numbers every file anew; here the numbers stand in the name of the assignment
    return max((canvas, moodle, blackboard), key=len)


_CANVAS = re.compile(
    r"(?P<student>[^_]+)(?P<late>_late)?_(?P<user>\d+)_(?P<upload>\d+)_(?P<name>.*)", re.IGNORECASE | re.DOTALL
)
_CANVAS_LONG = re.compile(
    r"(?P<student>.+?)(?P<late>_late)?_(?P<user>\d{4,})_(?P<upload>\d{3,})_(?P<name>.*)", re.IGNORECASE | re.DOTALL
)
"""For students with an underscore in their name."""
_CANVAS_ANONYMOUS = re.compile(
    r"(?P<late>late_)?(?P<student>anon)_(?P<user>[a-z0-9]{4,})_(?P<upload>\d+)_(?P<name>.*)", re.IGNORECASE | re.DOTALL
)
_FEWEST_DIGITS = 3
"""Of Canvas' numbers; shorter ones, as in ``conv_3_64_block.py``, need others beside them to be believed."""
_AGAIN = re.compile(r"(?P<stem>.+)-(?P<again>\d{1,2})(?P<ending>(\.tar)?\.\w+)", re.DOTALL)


def _canvas(items: Sequence[Node]) -> Download:
    """``aliceexample_LATE_12345_678_a2-code-1.ipynb``: student, lateness, user, upload, and the file's own name.

    Folders are named so where an archive was unpacked under its name, or where a student put a ``\\`` into a file's.
    """
    short = _has_short_numbers(items)
    matches = {node: match for node in items if (match := _canvas_name(encodable(node.name), short=short))}
    if not any(node.kind == "file" or is_archive(node.name) for node in matches):
        return Download({})
    uploads = {}
    for node, match in matches.items():
        own_name, again = match["name"], 0
        if repeated := _AGAIN.fullmatch(own_name):
            own_name, again = repeated["stem"] + repeated["ending"], int(repeated["again"])
        uploads[node.name] = Upload(
            student=f"{match['student']}_{match['user']}",
            node=node,
            name=own_name,
            slot=own_name.lower(),
            order=(float(match["upload"][:18]), float(again)),
            late=bool(match["late"]),
            known_as=(match["student"], match["user"]),
        )
    return Download(uploads)


def _canvas_name(name: str, *, short: bool) -> re.Match[str] | None:
    if match := _CANVAS_ANONYMOUS.fullmatch(name):
        return match
    match = _CANVAS.fullmatch(name)
    return match if match and (short or _has_long_numbers(match)) else _CANVAS_LONG.fullmatch(name)


def _has_long_numbers(match: re.Match[str]) -> bool:
    return min(len(match["user"]), len(match["upload"])) >= _FEWEST_DIGITS


def _has_short_numbers(items: Sequence[Node]) -> bool:
    """Whether names with one or two digits where Canvas has its numbers are Canvas' all the same, as on a small server.

    They are where names with longer numbers are beside them. Without any such name, all code must be named so, of two
    students at least, and no student may have two numbers: ``conv_1_2_a.py`` and ``conv_3_4_b.py`` are one student's.
    """
    names = [encodable(item.name) for item in items if item.kind == "file"]
    code = [name for name in names if is_code(name) or is_archive(name)]
    matches = [match for name in code if (match := _CANVAS.fullmatch(name))]
    if any(map(_has_long_numbers, matches)):
        return True
    if len(matches) != len(code):
        return False
    pairs = {(match["student"].lower(), match["user"]) for match in matches}
    students, users = {student for student, _ in pairs}, {user for _, user in pairs}
    return len(students) == len(pairs) == len(users) >= 2


_MOODLE = re.compile(
    r"(?P<student>.+?)_(?P<user>\d+)_assignsubmission_(?P<kind>[a-z]+)_?(?P<name>.*)", re.IGNORECASE | re.DOTALL
)


def _moodle(items: Sequence[Node]) -> Download:
    """``Alice Example_123_assignsubmission_file_a2.py``, or a folder whose name ends before the file's."""
    uploads = {}
    for node in items:
        if match := _MOODLE.fullmatch(encodable(node.name)):
            student, slot = f"{match['student']}_{match['user']}", f"{match['kind']}/{match['name']}".lower()
            known_as = (match["student"], match["user"])
            uploads[node.name] = Upload(student, node, match["name"], slot, age(node), known_as=known_as)
    return Download(uploads)


_BLACKBOARD = re.compile(
    r"(?P<whose>.+?_.+?)_attempt_(?P<date>\d{4}-\d\d-\d\d)-(?P<time>\d\d-\d\d-\d\d)(?:_(?P<name>.*)|\.txt)",
    re.IGNORECASE | re.DOTALL,
)
"""A receipt is the one file of an attempt whose name ends with the time."""
_RECEIPT = re.compile(r"Name: *(?P<name>.*\S) +\((?P<login>[^()]+)\)\s*")
_MOST_RECEIPT = 1_000
"""Bytes that are read of a receipt; the student's own text comes after its first lines."""


def _blackboard(items: Sequence[Node]) -> Download:
    """``Assignment 2_alice_attempt_2023-02-10-12-30-00_a2.py``: assignment, login, time, and the file's own name.

    A receipt for each attempt has the student's name and login. It is read, and is the student's upload only where the
    attempt has no file.
    """
    matches = {node.name: match for node in items if (match := _BLACKBOARD.fullmatch(encodable(node.name)))}
    receipts = [node for node in items if node.name in matches and matches[node.name]["name"] is None]
    people = {}
    for receipt in receipts:
        whose = matches[receipt.name]["whose"]
        first = beginning(receipt, _MOST_RECEIPT).decode("utf-8-sig", "replace").partition("\n")[0]
        if (said := _RECEIPT.fullmatch(first)) and whose.lower().endswith(f"_{said['login'].lower()}"):
            people[whose] = said
    assignment = _assignment({match["whose"] for match in matches.values()}, people)
    with_files = {
        (match["whose"], match["date"], match["time"]) for match in matches.values() if match["name"] is not None
    }
    uploads = {}
    for node in items:
        match = matches.get(node.name)
        if match is None:
            continue
        whose, date, time = match["whose"], match["date"], match["time"]
        if match["name"] is None and (whose, date, time) in with_files:
            continue
        name = "receipt.txt" if match["name"] is None else match["name"]
        said = people.get(whose)
        login = whose[-len(said["login"]) :] if said else whose.removeprefix(assignment)
        order = (float(f"{date}{time}".replace("-", "")),)
        uploads[node.name] = Upload(
            student=login,
            node=node,
            name=name,
            slot=name.lower(),
            order=order,
            submitted=f"{date}T{time.replace('-', ':')}",
            known_as=(login, said["name"]) if said else (login,),
            attempt=order,
        )
    return Download(uploads, frozenset(receipt.name for receipt in receipts if receipt.name not in uploads))


def _assignment(owners: set[str], people: Mapping[str, re.Match[str]]) -> str:
    """What stands before the login in all names of a download from Blackboard: the assignment and an underscore.

    The receipts say where the login begins. Without any, it is what all names begin with; with a single name, all
    before the last underscore.
    """
    for whose, said in people.items():
        return whose[: -len(said["login"])]
    common = shared_beginning(owners)
    return common[: common.rfind("_") + 1]


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
    """Lines of a metadata file, without what lies beyond its bound."""
    for line in beginning(file, _MOST_METADATA).decode("utf-8", "replace").split("\n"):
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
