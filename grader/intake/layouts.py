"""How submissions lie at one place: one of them, or many side by side. Decided by names, and asked where these may lie.

Platforms differ in how their bulk download is laid out. These layouts are known, from the platforms' own downloads:

- one folder per student or group (MarkUs, GitHub Classroom clones, by hand), or one archive or script per student;
- Canvas, all files in one folder: ``aliceexample_LATE_12345_678_a2-code-1.ipynb``, which is the student's name, a mark
  of lateness, user, upload, and the file's own name, with ``-1``, ``-2``, … when a file of that name was handed in
  before;
- Moodle, one folder ``Alice Example_123_assignsubmission_file_`` per student, or files that begin so;
- Blackboard, all files in one folder: ``Assignment 2_alice_attempt_2023-02-10-12-30-00_a2.py``, and a receipt for each
  attempt, ``Assignment 2_alice_attempt_2023-02-10-12-30-00.txt``, which is opened for the student's name;
- Gradescope, folders ``submission_123`` and a ``submission_metadata.yml``, which is opened: it says whose they are;
- files whose names begin with the student's: ``Alice A - a2.py``, as Google Classroom has them.

``arrange`` applies one rule after another, and the first that applies decides. ``platforms`` knows how names are made.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from itertools import chain

from grader.intake.archives import is_archive
from grader.intake.names import encodable
from grader.intake.nodes import Node, age, is_code, is_junk, path_of
from grader.intake.platforms import (
    GRADESCOPE,
    METADATA,
    NETID,
    Upload,
    download,
    own_upload,
    plain_id,
    submitters,
    upload_of,
)
from grader.intake.records import Skipped, SubmissionError
from grader.intake.several import holds_code, refuse_several
from grader.intake.words import PART_OF_ONE, WORD, own_words
from grader.reports_folder import is_reports

__all__ = ["Arrangement", "arrange"]

_DEEPEST = 8
"""Folders around the submissions that hold nothing else."""


@dataclass(frozen=True)
class Arrangement:
    """What lies at one place."""

    uploads: tuple[Upload, ...]
    many: bool
    skipped: tuple[Skipped, ...] = ()
    """What belongs to no student."""


def arrange(place: Node, mode: str | None, *, depth: int = 0) -> Arrangement:
    """The uploads at a folder, or at an archive that is read like a folder.

    ``mode`` is ``one``, ``many`` or None, which leaves the decision to what is there; ``depth`` counts the folders
    around ``place`` that hold nothing else. The rules, in order:

    1. ``mode`` is ``one``: one submission.
    2. A Gradescope export: one submission per ``submission_<number>``.
    3. At least half of the names are Canvas's, Moodle's or Blackboard's: what they name.
    4. All code ends in a student's id, or begins with a student's name: one submission per student. The former only
       where ``mode`` leaves it open.
    5. Code lies here by itself: one submission, unless it may be several students'; then a person is asked. Only where
       ``mode`` leaves it open.
    6. A single folder that holds many submissions: those.
    7. All folders are named for sections of a course, and one of them holds several submissions: those of all sections.
    8. At least two items are named for students, and code is in one of them: one submission per item. In ``mode``
       ``many``, one submission per item whatever its name.
    9. Anything else: one submission.

    Raises OSError when a folder cannot be read, and SubmissionError where a person must decide.
    """
    if mode == "one":
        return _one(place)
    contents = _contents_of(place)
    is_open = mode is None
    arrangement = (
        _gradescope_export(contents)
        or _platform_download(contents)
        or (_files_named_by_id(contents) if is_open else None)
        or _files_named_by_name(contents)
        or (_one_unless_several(place, contents) if is_open and _has_code_of_its_own(contents) else None)
        or _only_folder(contents, is_open=is_open, depth=depth)
        or _sections(contents, mode, depth=depth)
        or _side_by_side(contents, is_open=is_open)
        or _one(place)
    )
    if not arrangement.many:
        return arrangement
    return replace(arrangement, skipped=(*contents.skipped, *arrangement.skipped))


def _one(place: Node) -> Arrangement:
    return Arrangement((upload_of(place),), many=False)


@dataclass(frozen=True)
class _Contents:
    """What a folder or an archive holds at its top."""

    items: tuple[Node, ...]
    """What may be a student's."""
    skipped: tuple[Skipped, ...]
    """What cannot be a student's."""

    @property
    def holders(self) -> list[Node]:
        """The items that can hold a submission: folders, archives and code."""
        return [item for item in self.items if item.kind == "folder" or is_code(item.name) or is_archive(item.name)]

    def without(self, taken: Collection[str], reason: str | None = None) -> tuple[Skipped, ...]:
        """The items whose names are not in ``taken``, as skipped for ``reason`` or for what is wrong with each."""
        return tuple(
            Skipped(path_of(item), reason or _why_not_a_students(item)) for item in self.items if item.name not in taken
        )


def _contents_of(place: Node) -> _Contents:
    items: list[Node] = []
    skipped: list[Skipped] = []
    for item in place.children():
        if is_junk(item.name, folder=item.kind == "folder"):
            skipped.append(Skipped(path_of(item), "made by a tool and not handed in"))
        elif item.kind == "link":
            skipped.append(Skipped(path_of(item), "a symbolic link, which is not followed"))
        elif item.kind == "other":
            skipped.append(Skipped(path_of(item), "neither a file nor a folder"))
        elif item.kind == "folder" and not item.inside and is_reports(item.path):
            skipped.append(Skipped(path_of(item), "reports of the grader and not handed in"))
        else:
            items.append(item)
    return _Contents(tuple(items), tuple(skipped))


def _why_not_a_students(item: Node) -> str:
    if PART_OF_ONE.fullmatch(item.name):
        return "named for what it holds and not for a student: --many grades it all the same"
    return "neither a folder, nor an archive (.zip, .tar, .tar.gz, .tgz), nor code (.py, .ipynb)"


# --- what platforms name ----------------------------------------------------------------------------------------------


def _gradescope_export(contents: _Contents) -> Arrangement | None:
    """Folders ``submission_<number>`` beside the metadata file that says whose they are."""
    metadata_file = next((item for item in contents.items if _is_metadata(item)), None)
    folders = {item.name: match for item in contents.items if (match := GRADESCOPE.match(item.name))}
    if metadata_file is None or not folders:
        return None
    people = dict(submitters(metadata_file))
    uploads = []
    unknown = []
    for item in contents.items:
        if item.name not in folders:
            continue
        number = folders[item.name]["upload"]
        if (submitter := people.get(f"submission_{number}")) is None:
            reason = f"does not say whose {encodable(item.name)} is: it is graded under that name"
            unknown.append(Skipped(path_of(metadata_file), reason))
            uploads.append(own_upload(item))
        else:
            order = (float(number[:18]),)
            uploads.append(
                Upload(submitter.student, item, order=order, submitted=submitter.submitted, known_as=submitter.known_as)
            )
    rest = contents.without(folders, "not part of what students handed in")
    return Arrangement(tuple(uploads), many=True, skipped=(*unknown, *rest))


def _is_metadata(item: Node) -> bool:
    return item.kind == "file" and item.name.lower() == METADATA


def _platform_download(contents: _Contents) -> Arrangement | None:
    """What a platform named, where that is at least half of what can hold a submission."""
    named = download(contents.items)
    uploads = named.uploads
    if not uploads or 2 * len(uploads) < len(contents.holders):
        return None
    # What came by e-mail and was put beside the download: a folder or an archive, not a loose script or a note.
    added = {
        item.name: own_upload(item)
        for item in contents.holders
        if item.name not in uploads and not is_code(item.name) and _may_name_a_student(item) and holds_code(item)
    }
    rest = contents.without(
        {*uploads, *named.receipts, *added}, "not named as the platform names what students hand in"
    )
    return Arrangement((*uploads.values(), *added.values()), many=True, skipped=rest)


def _files_named_by_id(contents: _Contents) -> Arrangement | None:
    """Files that end in a hyphen and a student's id, as ``colorization-<netid>.py``, of two students at least.

    All code must be named so, and nothing that says what a file is (``-old``, ``-v2``, ``-unet``) may pass for an id.
    """
    files = [item for item in contents.items if item.kind == "file"]
    matches = {item.name: match for item in files if (match := NETID.fullmatch(item.name))}
    code = [item.name for item in files if is_code(item.name)]
    if any(name not in matches for name in code):
        return None
    students = {matches[name]["student"].lower() for name in code}
    kinds = {matches[name]["what"].lower() for name in code}
    if len(students) < 2 or len(kinds) > 1 or any(map(WORD.fullmatch, students)):
        return None
    uploads = {}
    for item in files:
        match = matches.get(item.name)
        if match and match["student"].lower() in students:
            slot = f"{match['what']}{match['ending']}".lower()
            uploads[item.name] = Upload(match["student"].lower(), item, slot=slot, order=age(item))
    rest = contents.without(uploads, "its name does not end in the id of a student who handed in code")
    return Arrangement(tuple(uploads.values()), many=True, skipped=rest)


_TITLED = re.compile(r"(?P<student>[^\W\d_]+(?:(?:[ .'’]+|-)[^\W\d_]+)*\.?) +- +(?P<name>.+)", re.DOTALL)


def _files_named_by_name(contents: _Contents) -> Arrangement | None:
    """Files whose names begin with a student's, as ``Alice A - a2.py``: all code, of two students at least."""
    matches = {item.name: match for item in contents.items if (match := _TITLED.fullmatch(encodable(item.name)))}
    code = [item.name for item in contents.holders]
    if any(name not in matches for name in code):
        return None
    students = {matches[name]["student"] for name in code}
    if len(students) < 2 or not all(map(own_words, students)):
        return None
    uploads = {}
    for item in contents.items:
        match = matches.get(item.name)
        if match and match["student"] in students:
            student, name = match["student"], match["name"]
            uploads[item.name] = Upload(student, item, name, name.lower(), age(item), known_as=(student,))
    rest = contents.without(uploads, "its name does not begin with that of a student who handed in code")
    return Arrangement(tuple(uploads.values()), many=True, skipped=rest)


# --- what people name -------------------------------------------------------------------------------------------------


def _one_unless_several(place: Node, contents: _Contents) -> Arrangement:
    """One submission of what lies here. Raises SubmissionError where it may be several students'."""
    refuse_several(contents.holders, path_of(place))
    return _one(place)


def _may_name_a_student(item: Node) -> bool:
    return not PART_OF_ONE.fullmatch(plain_id(item))


def _has_code_of_its_own(contents: _Contents) -> bool:
    """Whether code lies here that is part of one submission, and not students' scripts beside students' archives.

    Scripts are students' where at least two archives are, more archives than scripts, and all the scripts have names as
    people have.
    """
    scripts = [item for item in contents.holders if item.kind == "file" and is_code(item.name)]
    if not scripts:
        return False
    archives = [item for item in contents.holders if is_archive(item.name) and _may_name_a_student(item)]
    names = [plain_id(item).lower() for item in scripts]
    are_people = all(name.isalpha() and not WORD.fullmatch(name) for name in names)
    return not (2 <= len(archives) > len(scripts) and are_people)


def _named_for_students(contents: _Contents, *, is_open: bool) -> list[Node]:
    """The holders, without those named for a part of one submission where the mode leaves it open."""
    return [item for item in contents.holders if not (is_open and PART_OF_ONE.fullmatch(item.name))]


def _only_folder(contents: _Contents, *, is_open: bool, depth: int) -> Arrangement | None:
    """The many submissions in the one folder that is here."""
    holders = _named_for_students(contents, is_open=is_open)
    if len(holders) != 1 or holders[0].kind != "folder" or depth >= _DEEPEST:
        return None
    try:
        inside = arrange(holders[0], None, depth=depth + 1)
    except SubmissionError:
        if is_open:
            raise
        inside = arrange(holders[0], "many", depth=depth + 1)
    return inside if inside.many else None


_SECTION = re.compile(r"(lec|lecture|tut|tutorial|pra|practical|sec|section|lab)[ _-]*\d\w{0,5}", re.IGNORECASE)


def _sections(contents: _Contents, mode: str | None, *, depth: int) -> Arrangement | None:
    """The submissions of a cohort's sections: all folders must be named for sections, and one of them hold several."""
    sections = contents.holders
    if depth >= _DEEPEST or not sections:
        return None
    if not all(item.kind == "folder" and _SECTION.fullmatch(item.name) for item in sections):
        return None
    opened = [item for item in sections if not item.trouble()]
    inside = [arrange(item, mode, depth=depth + 1) for item in opened]
    if not any(arrangement.many for arrangement in inside):
        return None
    # A section in which a single student handed in looks like that student's own folder.
    inside = [
        arrangement if arrangement.many else arrange(item, "many", depth=_DEEPEST)
        for item, arrangement in zip(opened, inside, strict=True)
    ]
    closed = [own_upload(item) for item in sections if item not in opened]
    return Arrangement(
        (*chain.from_iterable(arrangement.uploads for arrangement in inside), *closed),
        many=True,
        skipped=(
            *contents.without({item.name for item in sections}),
            *chain.from_iterable(arrangement.skipped for arrangement in inside),
        ),
    )


def _side_by_side(contents: _Contents, *, is_open: bool) -> Arrangement | None:
    """One submission per folder, archive and script."""
    holders = _named_for_students(contents, is_open=is_open)
    if is_open and (len(holders) < 2 or not any(map(holds_code, holders))):
        return None
    rest = contents.without({item.name for item in holders})
    return Arrangement(tuple(map(own_upload, holders)), many=True, skipped=rest)
