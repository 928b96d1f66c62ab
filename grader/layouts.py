"""What names tell: which are code, which are nobody's, and what learning platforms make of students' names.

Platforms differ in how their bulk download is laid out. Known here, from the platforms' own downloads:

- a folder a student (MarkUs, GitHub Classroom clones, by hand), or an archive or a script a student;
- Canvas, all files in one folder: ``aliceexample_LATE_12345_678_a2-code-1.ipynb``, which is name, mark of lateness,
  user, upload, and the file's own name, with ``-1``, ``-2``, … when a file of that name was handed in before;
- Moodle, a folder a student ``Alice Example_123_assignsubmission_file_``, or files that begin so;
- Gradescope, folders ``submission_123`` and a ``submission_metadata.yml`` that says whose they are.

``arrange`` decides by names alone; only the metadata file is opened. Where names cannot decide, folders named for what
they hold (``src``, ``data``, ``part2``) are taken for parts of one submission and any others for students. Folders that
are all named for sections of a course (``LEC0101``, ``tut-2``), one with several students at least, are looked into.
"""

from __future__ import annotations

import errno
import json
import os
import re
import stat
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from grader.archives import ArchiveError, Budget, archive_stem, is_archive, members
from grader.naming import encodable

__all__ = [
    "Arrangement",
    "Node",
    "Upload",
    "arrange",
    "is_code",
    "is_junk",
    "is_reports",
    "node_of",
    "packed_node",
    "upload_of",
]

_TOP = 100_000
"""Entries of one folder or archive that are looked at when students are told apart."""
_DEEPEST = 8
"""Folders around the submissions that hold nothing else."""
_METADATA = "submission_metadata.yml"
_METADATA_BYTES = 64 << 20
# Makes text, lists and mappings, whatever a node is tagged: Ruby tags its own objects, and 0123 is a student's number.
_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)

_JUNK_FOLDERS = frozenset(
    {".git", ".svn", ".hg", "__macosx", ".ipynb_checkpoints", "__pycache__", "venv", ".venv", "site-packages"}
    | {"node_modules", ".idea", ".vscode", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".trash"}
)
_JUNK_FILES = frozenset({".ds_store", "thumbs.db", "desktop.ini", ".gitattributes", ".gitkeep"})
_PART_OF_ONE = re.compile(
    r"sources?|src|codes?|libs?|utils?|helpers?|models?|modules?|scripts?|notebooks?|python|tests?|data|datasets?|weights"
    r"|checkpoints|images?|img|figures?|figs?|plots?|outputs?|out|results?|logs?|docs?|tex|latex|reports?|write-?up"
    r"|misc|other|old|backup|\..*|(part|section|question|problem|q|step)[ _-]?[0-9a-h]?",
    re.IGNORECASE,
)
_SECTION = re.compile(r"(lec|lecture|tut|tutorial|pra|practical|sec|section|lab)[ _-]*\d\w{0,5}", re.IGNORECASE)

_NETID = re.compile(
    r"(?P<what>.*colou?ri[sz]ation|.*assignment[-_ ]?\d*)-(?P<student>[a-z][a-z0-9]+)(?P<ending>\.\w+)", re.IGNORECASE
)
_WORD = re.compile(
    r"v\d*|ver(sion)?\d*|rev\d*|old|new|final\d*|last|copy\d*|backup|draft|orig(inal)?|fixed|modified|updated|test(s|ing)?"
    r"|train(ing|er)?|eval(uate)?|main|run|demo|starter|template|solutions?|code|script|notebook|submission|answers?|init"
    r"|setup|config|helpers?|utils?|tools?|models?|nets?|networks?|layers?|data|dataset|loader|plot(ting|s)?|(my)?conv(2d)?"
    r"|(dilated|my|res)?(unet|cnn)|regression(cnn)?|dilat(ed|ion)|colou?r(s|ize|ise|ization|isation)?|deeplab|segmentation"
    r"|finetun(e|ing)|python\d?|py\d|gpu|cpu|cuda|colab|(a|hw|pa|lab|part|q|step|assignment|programming|task)[-_]?\d*\w?"
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
_GRADESCOPE = re.compile(r"submission_(?P<upload>\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class Node:
    """A name on disk or in an archive, before anything is read."""

    name: str
    kind: str
    """``folder``, ``file``, ``link`` or ``other``."""
    path: Path
    """Where it lies; for a member, the archive."""
    inside: str = ""
    """Path within the archive; empty on disk."""
    modified: float | None = None
    children: Callable[[], tuple[Node, ...]] = field(default=tuple, repr=False, compare=False)
    """What a folder holds, sorted by name. Raises OSError."""

    def trouble(self) -> str | None:
        """Why it cannot be opened, None if it can; an archive's members can."""
        if self.inside or self.kind not in ("folder", "file"):
            return None
        try:
            # To be read, and as a folder to be entered; opening it would not tell the latter.
            if os.access(self.path, os.R_OK | (os.X_OK if self.kind == "folder" else 0)):
                return None
            with os.scandir(self.path) if self.kind == "folder" else self.path.open("rb"):
                return os.strerror(errno.EACCES)
        except OSError as error:
            return error.strerror or type(error).__name__


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


@dataclass(frozen=True)
class Arrangement:
    """What lies at one place."""

    uploads: tuple[Upload, ...]
    many: bool
    skipped: tuple[tuple[Path, str], ...] = ()
    """What is nobody's, with the reason."""


def is_code(name: str) -> bool:
    """Whether a file of this name is code: a script or a notebook."""
    return name.lower().endswith((".py", ".ipynb"))


def is_junk(name: str, *, folder: bool) -> bool:
    """Whether no student means to hand in what is called so: caches, version control, virtual environments."""
    lower = name.lower()
    return lower in _JUNK_FOLDERS if folder else lower in _JUNK_FILES or lower.startswith("._")


def is_reports(folder: Path) -> bool:
    """Whether a folder on disk is what the grader itself has written: reports must never be taken for handed in."""
    # Not Path.exists, which raises where the folder may not be looked into.
    if not any(os.path.exists(folder / name) for name in (".lock", ".resume.jsonl")):  # noqa: PTH110
        return False
    try:
        # A pipe of that name must not be waited for, nor a link be followed.
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        with os.fdopen(os.open(folder / "run.json", flags), "rb") as file:
            run = json.loads(file.read(100_000) if stat.S_ISREG(os.fstat(file.fileno()).st_mode) else b"")
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(run, dict) and str(run.get("schema")).startswith("grade-run/")


def node_of(path: Path) -> Node:
    """What lies at a path that whoever grades has given; links are followed there. Raises OSError."""
    real = path.resolve(strict=True)
    name = path.name if path.name not in ("", "..") else real.name
    return replace(_node(real, real.stat()), name=name)


def packed_node(path: Path) -> Node:
    """An archive as if it were unpacked, by the names in it. Raises ArchiveError and OSError."""
    tree: dict[str, Any] = {}
    budget = Budget(bytes=200_000_000, entries=_TOP)
    with path.open("rb") as file:
        for member in members(file, budget, wanted=lambda path: True, urgent=is_code, refuse=lambda *_: None):
            *folders, name = member.path.split("/")
            at = tree
            for folder in folders:
                below = at.setdefault(folder, {})
                if not isinstance(below, dict):  # both a file and a folder: unpacking could not have both
                    break
                at = below
            else:
                at.setdefault(name, member.modified)
    return _packed(path, path.name, "", tree)


def arrange(place: Node, mode: str | None, *, depth: int = 0) -> Arrangement:
    """Tell one submission from many at a folder, or at an archive taken for one.

    ``mode`` is ``one``, ``many`` or None; ``depth`` counts the useless folders around. Raises OSError when the folder
    cannot be read.
    """
    if mode == "one":
        return Arrangement((upload_of(place),), many=False)
    items, skipped = _sift(place)
    exported = _gradescope(items, skipped)
    if exported is not None:
        return exported
    short = _has_short_numbers(items)
    uploads = {item.name: upload for item in items if (upload := _platform(item, short=short)) is not None}
    countable = [item for item in items if item.kind == "folder" or is_code(item.name) or is_archive(item.name)]
    if uploads and 2 * len(uploads) >= len(countable):
        # What came by e-mail and was put beside the download: a folder or an archive, not a loose script or a note.
        added = {
            item.name: upload_of(item)
            for item in countable
            if item.name not in uploads and not is_code(item.name) and _is_student(item) and _holds_code(item)
        }
        why = "not named as the platform names what students hand in"
        unnamed = tuple((_at(item), why) for item in items if item.name not in uploads and item.name not in added)
        return Arrangement((*uploads.values(), *added.values()), many=True, skipped=(*skipped, *unnamed))
    named = _named_for_students(items) if mode is None else None
    if named is not None:
        return replace(named, skipped=(*skipped, *named.skipped))
    loose = [item for item in countable if item.kind == "file" and is_code(item.name)]
    if mode is None and loose and not _are_peers(loose, countable):
        return Arrangement((upload_of(place),), many=False)
    holders = [item for item in countable if mode == "many" or not _PART_OF_ONE.fullmatch(item.name)]
    if len(holders) == 1 and holders[0].kind == "folder" and depth < _DEEPEST:
        within = arrange(holders[0], None, depth=depth + 1)
        if within.many:
            return Arrangement(within.uploads, many=True, skipped=(*skipped, *within.skipped))
    sections = _sections(countable, depth)
    if sections is not None:
        taken = {item.name for item in countable}
        beside = tuple((_at(item), _why_nobodys(item)) for item in items if item.name not in taken)
        left = tuple(entry for section in sections for entry in section.skipped)
        everybody = tuple(upload for section in sections for upload in section.uploads)
        return Arrangement(everybody, many=True, skipped=(*skipped, *beside, *left))
    if mode is None and (len(holders) < 2 or not any(_holds_code(item) for item in holders)):
        return Arrangement((upload_of(place),), many=False)
    taken = {item.name for item in holders}
    neither = tuple((_at(item), _why_nobodys(item)) for item in items if item.name not in taken)
    return Arrangement(tuple(upload_of(item) for item in holders), many=True, skipped=(*skipped, *neither))


def _named_for_students(items: list[Node]) -> Arrangement | None:
    """Files that end in a hyphen and a student's id, as ``colorization-<netid>.py``, of two students at least; or None.

    All code must be named so, and nothing that says what a file is (``-old``, ``-v2``, ``-unet``) may pass for an id.
    """
    found = {item.name: match for item in items if item.kind == "file" and (match := _NETID.fullmatch(item.name))}
    code = [item.name for item in items if item.kind == "file" and is_code(item.name)]
    students = {found[name]["student"].lower() for name in code if name in found}
    if len(students) < 2 or any(name not in found for name in code) or any(map(_WORD.fullmatch, students)):
        return None
    if len({found[name]["what"].lower() for name in code}) > 1:
        return None
    uploads, skipped = [], []
    for item in items:
        match = found.get(item.name)
        if match and match["student"].lower() in students:
            slot = f"{match['what']}{match['ending']}".lower()
            uploads.append(Upload(match["student"].lower(), item, slot=slot, order=_age(item)))
        else:
            skipped.append((_at(item), "its name does not end in the id of a student who handed in code"))
    return Arrangement(tuple(uploads), many=True, skipped=tuple(skipped))


def _are_peers(loose: list[Node], countable: list[Node]) -> bool:
    """Whether scripts beside archives are students' as these are: two archives at least, and names as of people."""
    archives = [item for item in countable if is_archive(item.name) and _is_student(item)]
    names = [_plain_id(item).lower() for item in loose]
    return 2 <= len(archives) > len(loose) and all(name.isalpha() and not _WORD.fullmatch(name) for name in names)


def _is_student(item: Node) -> bool:
    return not _PART_OF_ONE.fullmatch(_plain_id(item))


def _sections(items: list[Node], depth: int) -> list[Arrangement] | None:
    """What the folders of a cohort's sections hold, or None: all must be named for sections, and one hold several."""
    if depth >= _DEEPEST or not items:
        return None
    if not all(item.kind == "folder" and _SECTION.fullmatch(item.name) for item in items):
        return None
    closed = {item.name for item in items if item.trouble()}
    within = [arrange(item, None, depth=depth + 1) for item in items if item.name not in closed]
    if not any(one.many for one in within):
        return None
    # A section in which one student handed in would pass for that student's own folder.
    opened = [item for item in items if item.name not in closed]
    return [
        *(one if one.many else arrange(item, "many", depth=_DEEPEST) for item, one in zip(opened, within, strict=True)),
        *(Arrangement((upload_of(item),), many=True) for item in items if item.name in closed),
    ]


def _why_nobodys(item: Node) -> str:
    if _PART_OF_ONE.fullmatch(item.name):
        return "named for what it holds and not for a student: --many grades it all the same"
    return "neither a folder, nor an archive (.zip, .tar, .tar.gz, .tgz), nor code (.py, .ipynb)"


def upload_of(node: Node) -> Upload:
    """Whose the node is, by its name."""
    return _platform(node) or Upload(_plain_id(node), node, order=_age(node))


def _has_short_numbers(items: list[Node]) -> bool:
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


def _platform(node: Node, *, short: bool = False) -> Upload | None:
    """The upload that a name as Moodle's or Canvas' stands for; ``short``: even if Canvas' numbers have few digits."""
    name = encodable(node.name)
    if found := _MOODLE.fullmatch(name):
        student, user = f"{found['student']}_{found['user']}", found["user"]
        slot = f"{found['kind']}/{found['name']}".lower()
        return Upload(student, node, found["name"], slot, _age(node), known_as=(found["student"], user))
    if node.kind == "file" and (found := _CANVAS.fullmatch(name)) and _is_canvas(found, short=short):
        own, again = found["name"], 0
        if repeated := _AGAIN.fullmatch(own):
            own, again = repeated["stem"] + repeated["ending"], int(repeated["again"])
        student, user = found["student"], found["user"]
        order = (float(found["upload"][:18]), float(again))
        return Upload(f"{student}_{user}", node, own, own.lower(), order, bool(found["late"]), None, (student, user))
    return None


def _plain_id(node: Node) -> str:
    name = encodable(node.name)
    if node.kind == "file" and is_archive(name):
        name = archive_stem(name)
    elif node.kind == "file" and is_code(name):
        name = name.rsplit(".", 1)[0]
    return name or "submission"


def _gradescope(items: list[Node], skipped: list[tuple[Path, str]]) -> Arrangement | None:
    """A Gradescope export, or None if it isn't one."""
    about = next((item for item in items if item.name.lower() == _METADATA and item.kind == "file"), None)
    folders = [item for item in items if item.kind != "other" and _GRADESCOPE.match(item.name)]
    if about is None or not folders:
        return None
    metadata = dict(_submitters(about))
    uploads = []
    for item in folders:
        number = _GRADESCOPE.match(item.name)
        known = metadata.get(f"submission_{number['upload']}" if number else "")
        plain = Upload(_plain_id(item), item, order=_age(item))
        if known is None:
            skipped.append((_at(about), f"does not say whose {encodable(item.name)} is: it is graded under that name"))
            uploads.append(plain)
        else:
            student, names, submitted = known
            order = (float(number["upload"][:18]) if number else 0.0,)
            uploads.append(Upload(student, item, order=order, submitted=submitted, known_as=names))
    taken = {item.name for item in folders}
    rest = [(_at(item), "not part of what students handed in") for item in items if item.name not in taken]
    return Arrangement(tuple(uploads), many=True, skipped=(*skipped, *rest))


def _submitters(about: Node) -> Iterator[tuple[str, tuple[str, tuple[str, ...], str | None]]]:
    """For each submission of the metadata file: its name, then the student's id, all their names, and the time.

    The file grows to many megabytes by the platform's own marks, so it is cut by indentation to what is wanted, and
    each submission is parsed on its own: one that is damaged costs no other.
    """
    wanted = (":submitters:", "submitters:", ":created_at:", "created_at:")
    block: list[str] = []
    keep = False
    for line in _lines(about):
        if _GRADESCOPE.match(line):
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


def _sift(place: Node) -> tuple[list[Node], list[tuple[Path, str]]]:
    """What may be a student's, and what cannot be."""
    items: list[Node] = []
    skipped: list[tuple[Path, str]] = []
    for item in place.children():
        if is_junk(item.name, folder=item.kind == "folder"):
            skipped.append((_at(item), "made by a tool and not handed in"))
        elif item.kind == "link":
            skipped.append((_at(item), "a symbolic link, which is not followed"))
        elif item.kind == "other":
            skipped.append((_at(item), "neither a file nor a folder"))
        elif item.kind == "folder" and not item.inside and is_reports(item.path):
            skipped.append((_at(item), "reports of the grader and not handed in"))
        else:
            items.append(item)
    return items, skipped


def _holds_code(place: Node, *, most: int = 2_000) -> bool:
    """Whether code, or an archive that may hold some, is found among the first ``most`` names below."""
    waiting = deque([place])
    while waiting and most > 0:
        item = waiting.popleft()
        if item.kind == "file" and (is_code(item.name) or is_archive(item.name)):
            return True
        if item.kind == "folder" and not is_junk(item.name, folder=True):
            try:
                below = item.children()
            except OSError:
                continue
            waiting.extend(below)
            most -= len(below)
    return False


def _at(node: Node) -> Path:
    return node.path / node.inside


def _age(node: Node) -> tuple[float, ...]:
    return () if node.modified is None else (node.modified,)


def _node(path: Path, status: os.stat_result) -> Node:
    mode = status.st_mode
    kinds = ((stat.S_ISDIR, "folder"), (stat.S_ISREG, "file"), (stat.S_ISLNK, "link"))
    kind = next((name for test, name in kinds if test(mode)), "other")
    below = partial(_on_disk, path) if kind == "folder" else tuple
    return Node(path.name, kind, path, modified=status.st_mtime, children=below)


def _on_disk(folder: Path) -> tuple[Node, ...]:
    nodes = []
    with os.scandir(folder) as entries:
        for entry in islice(entries, _TOP):
            try:
                nodes.append(_node(folder / entry.name, entry.stat(follow_symlinks=False)))
            except FileNotFoundError:
                continue  # gone since it was listed
    return tuple(sorted(nodes, key=lambda node: node.name))


def _packed(archive: Path, name: str, inside: str, tree: Any) -> Node:
    if not isinstance(tree, dict):
        return Node(name, "file", archive, inside, tree)

    def children() -> tuple[Node, ...]:
        return tuple(_packed(archive, below, str(PurePosixPath(inside, below)), tree[below]) for below in sorted(tree))

    return Node(name, "folder", archive, inside, None, children)
