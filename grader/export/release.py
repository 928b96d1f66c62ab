"""Feedback for students, as each platform takes it in bulk, and a record of what was released when.

Moodle takes a zip with a folder for each participant, whose name begins with the full name and the participant's number
and ends with the plugin that takes the files. Canvas takes files named as it named the uploads that they answer: the
student, the numbers of user and upload, and a name. MarkUs takes a folder for each group. ``plain`` is a folder for
each student. What was released is kept beside the reports, byte for byte.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from grader.display import counted
from grader.export.forms import marker_form, read, student_form
from grader.export.moodle import participant
from grader.export.records import Export, ExportError, Files, named
from grader.export.writing import unwritable
from grader.intake.names import encodable, folder_names
from grader.marks.events import Entry, Kind, Marks, standing_in
from grader.marks.line import FinalLine, Stage
from grader.reports_folder import CACHE
from grader.store.cache import Cache
from grader.store.files import atomic_file

__all__ = ["PLATFORMS", "Layout", "feedback", "marker_forms", "packed", "record", "to_release"]


_KEPT = "released"
"""Folder beside the reports that has every release."""
_UPLOAD = re.compile(r"(?P<start>.+?(?:_late)?_\d+_\d+)_.*|(?P<anonymous>(?:late_)?anon_[a-z0-9]+_\d+)_.*", re.I | re.S)
"""How Canvas names an upload."""
_MOST_NAME = 80
"""Characters of a name of a student in the name of a folder."""
_TIME = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Layout:
    """How a platform wants feedback."""

    places: Callable[[Export, Sequence[FinalLine]], dict[int, str]]
    """Where each line's files go, by the line's place: what stands before a file's name."""
    about: str
    zipped: bool = False
    """Whether it takes a zip and not a folder."""


def to_release(export: Export, *, partial: bool) -> list[FinalLine]:
    """The lines that can be released. Raises ExportError while any is open, unless ``partial``."""
    waiting = [line for line in export.lines if line.stage is Stage.EXAMINED]
    doubtful = [line for line in export.lines if line.student.doubtful and line not in waiting]
    ready = [line for line in export.lines if line not in waiting and line not in doubtful]
    if waiting and not partial:
        raise ExportError(
            f"{len(waiting):,} of {len(export.lines):,} marks are not complete (points or flags are open): "
            f"{named([line.student.id for line in waiting])}; mark them, or release the others with --partial"
        )
    if waiting:
        export.problem(
            f"{counted(len(waiting), 'mark is not complete and was', 'marks are not complete and were')} not released: "
            f"{named([line.student.id for line in waiting])}"
        )
    if doubtful:
        export.problem(
            f"whose these hand-ins are is in doubt, and they were not released: "
            f"{named([line.student.id for line in doubtful])}"
        )
    if not ready:
        raise ExportError("no mark can be released yet: 'gradebook summary' says what is open")
    return ready


def feedback(
    export: Export, lines: Sequence[FinalLine], layout: Layout
) -> tuple[list[FinalLine], list[tuple[str, bytes]]]:
    """The students' forms under the names that a platform wants, and the lines of all hand-ins that they are of.

    Raises ExportError where the platform's names are known of none.
    """
    places = layout.places(export, lines)
    if not places:
        raise ExportError(
            "the platform's own names of these students are not known: grade its download as it is, or give a roster "
            "that has them ('gradebook summary --roster')"
        )
    hand_ins = {lines[place].hand_in for place in places}
    if missing := [line.student.id for line in lines if line.hand_in not in hand_ins]:
        export.problem(
            f"{counted(len(missing), 'student has', 'students have')} no name of the platform's; not released: "
            f"{named(missing)}"
        )
    files = [
        (f"{start}{name}", content)
        for place, start in places.items()
        for name, content in student_form(lines[place], read(export.reports / lines[place].folder)).items()
    ]
    return [line for line in lines if line.hand_in in hand_ins], files


def marker_forms(export: Export) -> Files:
    """The marker's form of every hand-in."""
    done = set()
    for line in export.lines:
        if line.folder not in done:
            done.add(line.folder)
            for name, content in marker_form(line, read(export.reports / line.folder)).items():
                yield f"{line.folder}/{name}", content


def packed(files: Sequence[tuple[str, bytes]]) -> bytes:
    """Files as a zip."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files:
            archive.writestr(zipfile.ZipInfo(name, _TIME), data, zipfile.ZIP_DEFLATED, 3)
    return content.getvalue()


def record(
    export: Export, lines: Sequence[FinalLine], files: Sequence[tuple[str, bytes]], *, platform: str, by: str
) -> int:
    """Remember what was released, and keep it. How many hand-ins were released anew, or in another form.

    Raises ExportError or MarksError.
    """
    contents: dict[str, set[str]] = {}
    for line in lines:
        contents.setdefault(line.hand_in, set()).add(line.content)
    standing = standing_in(export.reports)
    now = datetime.now(timezone.utc)
    kept = export.reports / _KEPT / f"{now:%Y-%m-%dT%H-%M-%S-%fZ}-{platform}.zip"
    entries = []
    for hand_in, each in contents.items():
        value = " ".join(sorted(each))
        stands = standing.get(hand_in, Kind.RELEASE)
        if stands is None or stands.value != value:
            entries.append(Entry(Kind.RELEASE, hand_in, value=value, reason=f"{platform}, kept as {kept.name}"))
    try:
        kept.parent.mkdir(exist_ok=True)
        with atomic_file(kept) as file:
            file.write(packed(files))
    except OSError as error:
        raise unwritable(kept, error) from error
    if entries:
        with Marks(export.reports) as marks:
            marks.add(entries, by=by, at=now)
    return len(entries)


def _plain(export: Export, lines: Sequence[FinalLine]) -> dict[int, str]:
    """A folder for each student, named after the id; of a student with two hand-ins, after the hand-in too."""
    ids = [line.student.id for line in lines]
    keys = [id if ids.count(id) == 1 else f"{id} {lines[place].hand_in}" for place, id in enumerate(ids)]
    names = folder_names(keys)
    return {place: f"{names[key]}/" for place, key in enumerate(keys)}


def _moodle(export: Export, lines: Sequence[FinalLine]) -> dict[int, str]:
    """``Alice Example_123_assignfeedback_file/``; those without a participant's number are left out."""
    found = {}
    for place, line in enumerate(lines):
        number = _participant(export, line)
        if number:
            name = re.sub(r"[^\w .'-]|_", " ", line.student.name or line.student.id)[:_MOST_NAME].strip(" .")
            found[place] = f"{name or 'student'}_{number}_assignfeedback_file/"
    return found


def _participant(export: Export, line: FinalLine) -> str:
    """The number by which Moodle knows a student in this assignment: the roster's, or that of the upload."""
    own = (participant(text) for heading, text in line.student.own.items() if heading.casefold() == "identifier")
    known_as = () if line.group or line.hand_in not in export.hand_ins else export.hand_ins[line.hand_in].known_as
    return next(filter(None, own), "") or next((key for key in known_as if key.isdecimal()), "")


def _canvas(export: Export, lines: Sequence[FinalLine]) -> dict[int, str]:
    """``aliceexample_12345_678_``, as Canvas named the upload; those of which nobody knows it are left out."""
    cache = Cache(export.reports / CACHE)
    try:
        return {place: start for place, line in enumerate(lines) if (start := _upload(export, cache, line))}
    finally:
        cache.close()


def _upload(export: Export, cache: Cache, line: FinalLine) -> str:
    known = cache.find(export.reports / line.folder)
    for path in known.paths if known else ():
        if match := _UPLOAD.fullmatch(encodable(Path(path).name)):
            return f"{match['start'] or match['anonymous']}_"
    return ""


def _markus(export: Export, lines: Sequence[FinalLine]) -> dict[int, str]:
    """A folder for each group, under the group's own name; a group has one, whatever its members' marks are."""
    ended = [line.hand_in for line in lines if line.hand_in.casefold().endswith(".zip")]
    if ended:
        export.problem(
            f"MarkUs takes a folder whose name ends in .zip for an archive, so these have another name: {named(ended)}"
        )
    found: dict[str, int] = {}
    for place, line in enumerate(lines):
        found.setdefault(line.hand_in, place)
    names = folder_names(found)
    return {place: f"{names[hand_in]}/" for hand_in, place in found.items()}


PLATFORMS: Mapping[str, Layout] = {
    "moodle": Layout(_moodle, "a zip for Moodle's 'Upload multiple feedback files in a zip'", zipped=True),
    "canvas": Layout(_canvas, "files for Canvas' 'Upload Submission Files'; zip the folder first"),
    "markus": Layout(_markus, "a folder for each of MarkUs' groups"),
    "plain": Layout(_plain, "a folder for each student"),
}
"""By the name that ``--for`` takes."""
