"""``gradebook export``: marks in the form that a platform takes."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from grader.display import counted, display

if TYPE_CHECKING:
    from grader.export.records import Export

__all__ = ["add_export"]


_URL, _KEY = "CANVAS_API_URL", "CANVAS_API_KEY"
"""Names in the environment."""


def add_export(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command's options."""
    from grader.export.targets import TARGETS

    about = "\n".join(f"  {name:<11} {target.about}" for name, target in TARGETS.items())
    export = commands.add_parser(
        "export",
        help="write the marks in the form that a platform takes",
        description=f"Write the marks in the form that a platform takes:\n\n{about}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = export.add_argument
    add("out", metavar="DIR", type=Path, help="folder of reports")
    add("--to", metavar="TARGET", choices=[*TARGETS], required=True, help="one of " + ", ".join(TARGETS))
    add("--out", dest="place", metavar="PATH", type=Path, help="file or folder to write")
    add(
        "--fill",
        metavar="FILE",
        type=Path,
        help="the file that Canvas, Moodle or Blackboard handed out; its marks are filled in, and nothing else changes",
    )
    add("--column", metavar="TITLE", help="column of FILE to fill, by its title or number, where several can be")
    add("--assignment", metavar="ID", help="which assignment, where the reports are of several")
    add(
        "--push",
        action="store_true",
        help=f"send the marks to Canvas too: --course and --column say where, {_URL} and {_KEY} in the environment "
        "have the address and your access token",
    )
    add("--course", metavar="NUMBER", help="with --push: the number of the course in Canvas")
    add("--partial", action="store_true", help="with --push: send marks that are not complete too")
    export.set_defaults(run=_export)
    release = commands.add_parser(
        "release",
        help="write what students are given, as a platform takes it, and remember that it was released",
        description="Write each student's marks and feedback as a platform takes them in bulk, and remember what was "
        "released when. A mark that was released is final until it changes.",
    )
    add = release.add_argument
    add("out", metavar="DIR", type=Path, help="folder of reports")
    add("--for", dest="platform", choices=("moodle", "canvas", "markus", "plain"), required=True, help="the platform")
    add("--out", dest="place", metavar="PATH", type=Path, required=True, help="folder to write; for moodle a zip")
    add("--partial", action="store_true", help="release the marks that are complete, while others are not")
    add("--marker", action="store_true", help="write the markers' form of all reports instead, and release nothing")
    add("--assignment", metavar="ID", help="which assignment, where the reports are of several")
    add("--by", metavar="NAME", help="who releases (default: the user of this machine)")
    release.set_defaults(run=_release)


def _export(options: argparse.Namespace) -> int:
    """``gradebook export``. Returns the exit status. Raises ExportError, and what reading the reports raises."""
    from grader.export.gathering import gathered
    from grader.export.records import ExportError
    from grader.export.targets import TARGETS
    from grader.export.writing import check_place, write_file, write_folder

    target = TARGETS[options.to]
    if options.push and options.to != "canvas":
        raise ExportError("--push sends to Canvas alone: add --to canvas, or leave it out")
    if options.place is None and not options.push:
        raise ExportError("--out is missing: name the file or folder to write")
    if options.fill is not None and not target.fills:
        raise ExportError(f"--fill is for canvas, moodle and blackboard: {options.to} makes a file of its own")
    course = _course(options) if options.push else None
    if options.place is not None:
        beside = [options.out, *([options.fill] if options.fill else [])]
        check_place(options.place, folder=target.folder, beside=beside)
    export = gathered(
        options.out, fill=options.fill, column=options.column, assignment=options.assignment, problem=_complain
    )
    if options.place is not None:
        if target.folder:
            write_folder(options.place, target.files(export))
        else:
            ((_, content),) = target.files(export)
            write_file(options.place, content)
        print(f"Written: {display(str(options.place))} with the marks of {counted(len(export.lines), 'student')}")
    if course is not None:
        _push(export, course, options.partial)
    return 0


def _release(options: argparse.Namespace) -> int:
    """``gradebook release``. Returns the exit status. Raises as ``_export`` does."""
    from grader.export.gathering import gathered
    from grader.export.release import PLATFORMS, feedback, marker_forms, packed, record, to_release
    from grader.export.writing import check_place, write_file, write_folder

    layout = PLATFORMS[options.platform]
    zipped = layout.zipped and not options.marker
    check_place(options.place, folder=not zipped, beside=[options.out])
    export = gathered(options.out, assignment=options.assignment, problem=_complain, as_they_are=options.marker)
    if options.marker:
        write_folder(options.place, marker_forms(export))
        print(f"Written: {display(str(options.place))} with the markers' form, which is not for students")
        return 0
    lines, files = feedback(export, to_release(export, partial=options.partial), layout)
    if zipped:
        write_file(options.place, packed(files))
    else:
        write_folder(options.place, files)
    count = record(export, lines, files, platform=options.platform, by=options.by or getpass.getuser())
    print(f"Written: {display(str(options.place))} with the feedback of {counted(len(lines), 'student')}")
    print(f"Released: {counted(count, 'hand-in')}, new or changed since the last release; 'gradebook history' has them")
    return 0


def _complain(sentence: str) -> None:
    print(f"gradebook: {sentence}", file=sys.stderr)


def _course(options: argparse.Namespace) -> tuple[str, str, str, str]:
    """Where to send marks. Raises ExportError."""
    from grader.export.records import ExportError

    url, key = os.environ.get(_URL, ""), os.environ.get(_KEY, "")
    missing = [
        name
        for name, value in ((_URL, url), (_KEY, key), ("--course", options.course), ("--column", options.column))
        if not value
    ]
    if missing:
        raise ExportError(f"--push needs {', '.join(missing)}: 'gradebook export --help' says what these are")
    return url, key, options.course, options.column


def _push(export: Export, course: tuple[str, str, str, str], partial: bool) -> None:
    from grader.export.push import Course, push

    sent = push(export, Course(*course), partial=partial)
    print(f"Sent to Canvas: {counted(sent, 'mark')}")
