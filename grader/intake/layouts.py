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

import re
from collections import deque
from dataclasses import dataclass, replace
from pathlib import Path

from grader.intake.archives import is_archive
from grader.intake.names import encodable
from grader.intake.nodes import Node, age, is_code, is_junk, path_of
from grader.intake.platforms import (
    GRADESCOPE,
    METADATA,
    NETID,
    Upload,
    has_short_numbers,
    plain_id,
    platform,
    submitters,
    upload_of,
)
from grader.reports_folder import is_reports

__all__ = ["Arrangement", "arrange"]

_DEEPEST = 8
"""Folders around the submissions that hold nothing else."""
_PART_OF_ONE = re.compile(
    r"sources?|src|codes?|libs?|utils?|helpers?|models?|modules?|scripts?|notebooks?|python|tests?|data|datasets?|weights"
    r"|checkpoints|images?|img|figures?|figs?|plots?|outputs?|out|results?|logs?|docs?|tex|latex|reports?|write-?up"
    r"|misc|other|old|backup|\..*|(part|section|question|problem|q|step)[ _-]?[0-9a-h]?",
    re.IGNORECASE,
)
_SECTION = re.compile(r"(lec|lecture|tut|tutorial|pra|practical|sec|section|lab)[ _-]*\d\w{0,5}", re.IGNORECASE)
_WORD = re.compile(
    r"v\d*|ver(sion)?\d*|rev\d*|old|new|final\d*|last|copy\d*|backup|draft|orig(inal)?|fixed|modified|updated|test(s|ing)?"
    r"|train(ing|er)?|eval(uate)?|main|run|demo|starter|template|solutions?|code|script|notebook|submission|answers?|init"
    r"|setup|config|helpers?|utils?|tools?|models?|nets?|networks?|layers?|data|dataset|loader|plot(ting|s)?|(my)?conv(2d)?"
    r"|(dilated|my|res)?(unet|cnn)|regression(cnn)?|dilat(ed|ion)|colou?r(s|ize|ise|ization|isation)?|deeplab|segmentation"
    r"|finetun(e|ing)|python\d?|py\d|gpu|cpu|cuda|colab|(a|hw|pa|lab|part|q|step|assignment|programming|task)[-_]?\d*\w?"
)


@dataclass(frozen=True)
class Arrangement:
    """What lies at one place."""

    uploads: tuple[Upload, ...]
    many: bool
    skipped: tuple[tuple[Path, str], ...] = ()
    """What is nobody's, with the reason."""


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
    short = has_short_numbers(items)
    uploads = {item.name: upload for item in items if (upload := platform(item, short=short)) is not None}
    countable = [item for item in items if item.kind == "folder" or is_code(item.name) or is_archive(item.name)]
    if uploads and 2 * len(uploads) >= len(countable):
        # What came by e-mail and was put beside the download: a folder or an archive, not a loose script or a note.
        added = {
            item.name: upload_of(item)
            for item in countable
            if item.name not in uploads and not is_code(item.name) and _is_student(item) and _holds_code(item)
        }
        why = "not named as the platform names what students hand in"
        unnamed = tuple((path_of(item), why) for item in items if item.name not in uploads and item.name not in added)
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
        beside = tuple((path_of(item), _why_nobodys(item)) for item in items if item.name not in taken)
        left = tuple(entry for section in sections for entry in section.skipped)
        everybody = tuple(upload for section in sections for upload in section.uploads)
        return Arrangement(everybody, many=True, skipped=(*skipped, *beside, *left))
    if mode is None and (len(holders) < 2 or not any(_holds_code(item) for item in holders)):
        return Arrangement((upload_of(place),), many=False)
    taken = {item.name for item in holders}
    neither = tuple((path_of(item), _why_nobodys(item)) for item in items if item.name not in taken)
    return Arrangement(tuple(upload_of(item) for item in holders), many=True, skipped=(*skipped, *neither))


def _named_for_students(items: list[Node]) -> Arrangement | None:
    """Files that end in a hyphen and a student's id, as ``colorization-<netid>.py``, of two students at least; or None.

    All code must be named so, and nothing that says what a file is (``-old``, ``-v2``, ``-unet``) may pass for an id.
    """
    found = {item.name: match for item in items if item.kind == "file" and (match := NETID.fullmatch(item.name))}
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
            uploads.append(Upload(match["student"].lower(), item, slot=slot, order=age(item)))
        else:
            skipped.append((path_of(item), "its name does not end in the id of a student who handed in code"))
    return Arrangement(tuple(uploads), many=True, skipped=tuple(skipped))


def _are_peers(loose: list[Node], countable: list[Node]) -> bool:
    """Whether scripts beside archives are students' as these are: two archives at least, and names as of people."""
    archives = [item for item in countable if is_archive(item.name) and _is_student(item)]
    names = [plain_id(item).lower() for item in loose]
    return 2 <= len(archives) > len(loose) and all(name.isalpha() and not _WORD.fullmatch(name) for name in names)


def _is_student(item: Node) -> bool:
    return not _PART_OF_ONE.fullmatch(plain_id(item))


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


def _gradescope(items: list[Node], skipped: list[tuple[Path, str]]) -> Arrangement | None:
    """A Gradescope export, or None if it isn't one."""
    about = next((item for item in items if item.name.lower() == METADATA and item.kind == "file"), None)
    folders = [item for item in items if item.kind != "other" and GRADESCOPE.match(item.name)]
    if about is None or not folders:
        return None
    metadata = dict(submitters(about))
    uploads = []
    for item in folders:
        number = GRADESCOPE.match(item.name)
        known = metadata.get(f"submission_{number['upload']}" if number else "")
        plain = Upload(plain_id(item), item, order=age(item))
        if known is None:
            skipped.append(
                (path_of(about), f"does not say whose {encodable(item.name)} is: it is graded under that name")
            )
            uploads.append(plain)
        else:
            student, names, submitted = known
            order = (float(number["upload"][:18]) if number else 0.0,)
            uploads.append(Upload(student, item, order=order, submitted=submitted, known_as=names))
    taken = {item.name for item in folders}
    rest = [(path_of(item), "not part of what students handed in") for item in items if item.name not in taken]
    return Arrangement(tuple(uploads), many=True, skipped=(*skipped, *rest))


def _sift(place: Node) -> tuple[list[Node], list[tuple[Path, str]]]:
    """What may be a student's, and what cannot be."""
    items: list[Node] = []
    skipped: list[tuple[Path, str]] = []
    for item in place.children():
        if is_junk(item.name, folder=item.kind == "folder"):
            skipped.append((path_of(item), "made by a tool and not handed in"))
        elif item.kind == "link":
            skipped.append((path_of(item), "a symbolic link, which is not followed"))
        elif item.kind == "other":
            skipped.append((path_of(item), "neither a file nor a folder"))
        elif item.kind == "folder" and not item.inside and is_reports(item.path):
            skipped.append((path_of(item), "reports of the grader and not handed in"))
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
