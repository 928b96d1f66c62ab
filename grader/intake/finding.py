"""From the paths of a command line to a list of submissions, by names where these suffice.

``layouts`` decides for each path whether it holds one submission or many. This module checks the paths, brings the
uploads of each student together, and gives every student a report folder of their own.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from grader.cpu import CpuUsedUp
from grader.display import display
from grader.intake.archives import ArchiveError, is_archive
from grader.intake.attempts import Picks, folded, given_to, name_of
from grader.intake.layouts import Arrangement, arrange
from grader.intake.names import encodable, folder_names
from grader.intake.nodes import Node, is_code, is_web_page, node_of, packed_node, path_of
from grader.intake.platforms import Upload, download, own_upload, upload_of
from grader.intake.records import Findings, Found, Skipped, SubmissionError
from grader.intake.several import refuse_several
from grader.marking.verdicts import Flag
from grader.reports_folder import is_reports

__all__ = ["find"]

_KINDS = "a folder, .py, .ipynb, .zip, .tar, .tar.gz or .tgz"


def find(paths: list[Path], *, mode: str | None = None, picks: Picks = MappingProxyType({})) -> Findings:
    """Submissions at ``paths``; ``mode`` is ``one``, ``many`` or None, which leaves the decision to what is there.

    Contents are read only to tell these apart. A folder or archive that holds code of its own is one submission, unless
    it may be of several students; then a person is asked. One whose folders or archives hold code is many; one whose
    names are those of a download from a learning platform is many. Code files given side by side are as their folder
    would be. Where a student has two uploads, the newer counts, and a flag says so. ``picks`` are files that a person
    picked: what is named in them belongs to that student and counts. What cannot be opened is skipped, unless nothing
    else is there. Raises SubmissionError.
    """
    if mode not in (None, "one", "many"):
        raise ValueError(f"mode must be 'one', 'many' or None, was {mode!r}")
    if not paths:
        raise SubmissionError(f"no path was given: name {_KINDS}")
    nodes = list({(node.path, node.inside): node for node in map(_node_at, paths)}.values())
    if mode == "one" and len(nodes) > 1:
        arrangements = [_together(nodes)]
    else:
        loose = [node for node in nodes if _is_loose(node)]
        arrangements = [_arranged(node, mode) for node in nodes if not _is_loose(node)] + _arranged_loose(loose, mode)
    uploads = [upload for arrangement in arrangements for upload in arrangement.uploads]
    closed = [Skipped(upload.node.path, _closed(why)) for upload in uploads if (why := upload.node.trouble())]
    if closed and len(closed) == len(uploads):
        raise SubmissionError(f"{_shown(closed[0].path)} {closed[0].reason}")
    uploads = [upload for upload in uploads if not upload.node.trouble()]
    if not uploads:
        raise SubmissionError(f"{_shown(paths[0])} holds no submission: {_KINDS} is one")
    if mode is None and len(uploads) == 1 and _is_empty(uploads[0].node.path):
        raise SubmissionError(
            f"{_shown(paths[0])} holds no file: name what was handed in, or use --one to mark nothing"
        )
    uploads, attempts = folded([*given_to(uploads, picks)])
    submissions, older = _newest(uploads, attempts, picks)
    skipped = [entry for arrangement in arrangements for entry in arrangement.skipped]
    many = len(submissions) > 1 or any(arrangement.many for arrangement in arrangements)
    known = {key for found in submissions for key in found.keys}
    strangers = tuple(student for student in picks if student.casefold() not in known)
    return Findings(submissions, many, (*skipped, *closed, *older), strangers)


def _node_at(path: Path) -> Node:
    try:
        node = node_of(path)
    except FileNotFoundError:
        why = "is a link that leads nowhere" if path.is_symlink() else "does not exist"
        raise SubmissionError(f"{_shown(path)} {why}: name {_KINDS}") from None
    except (OSError, RuntimeError, ValueError) as error:
        raise SubmissionError(f"{_shown(path)} cannot be opened ({_reason(error)}): name {_KINDS}") from error
    if node.kind not in ("folder", "file"):
        raise SubmissionError(f"{_shown(path)} is neither a folder nor a file: name {_KINDS}")
    if node.kind == "folder" and is_reports(node.path):
        raise SubmissionError(f"{_shown(path)} holds reports of the grader: name what was handed in")
    return node


def _is_empty(path: Path) -> bool:
    """Whether a folder on disk holds no file, however deep; one that cannot be read may hold some."""
    unreadable: list[OSError] = []
    files = any(files for _, _, files in os.walk(path, onerror=unreadable.append))
    return path.is_dir() and not files and not unreadable


def _is_loose(node: Node) -> bool:
    return node.kind == "file" and not is_archive(node.name)


def _arranged(node: Node, mode: str | None) -> Arrangement:
    """A folder or an archive."""
    try:
        if node.kind == "folder":
            if mode == "one":
                node.children()  # a folder that cannot be opened is an error at once
            return arrange(node, mode)
        if mode == "one":
            return Arrangement((upload_of(node),), many=False)
        arrangement = arrange(packed_node(node.path), mode)
    except (ArchiveError, CpuUsedUp):
        return Arrangement((upload_of(node),), many=False)  # reading it says what is wrong with it
    except OSError as error:
        where = Path(os.fsdecode(error.filename)) if error.filename else node.path
        raise SubmissionError(f"{_shown(where)} {_closed(_reason(error))}") from error
    if not arrangement.many:
        return Arrangement((upload_of(node),), many=False)
    if not node.name.lower().endswith(".zip"):
        # Each student would unpack everybody's files again: a tar has no directory.
        why = "holds several submissions: unpack it and name the folder, or use --one"
        raise SubmissionError(f"{_shown(node.path)} {why}")
    return arrangement


def _arranged_loose(nodes: list[Node], mode: str | None) -> list[Arrangement]:
    """Files that the command line names one by one: those of one folder are arranged together."""
    folders: dict[Path, list[Node]] = defaultdict(list)
    for node in nodes:
        folders[node.path.parent].append(node)
    arrangements = []
    for files in folders.values():
        named = download(files)
        rest = [node for node in files if node.name not in {*named.uploads, *named.receipts}]
        if named.uploads:
            arrangements.append(Arrangement(tuple(named.uploads.values()), many=len(named.uploads) > 1))
        if rest and not any(is_code(node.name) or is_web_page(node.name) for node in rest):
            raise SubmissionError(f"{_shown(rest[0].path)} is of a kind that is not graded: name {_KINDS}")
        if mode == "many":
            code = [node for node in rest if is_code(node.name)]
            other = tuple(Skipped(node.path, "not code (.py, .ipynb)") for node in rest if not is_code(node.name))
            arrangements.append(Arrangement(tuple(map(own_upload, code)), many=True, skipped=other))
        elif rest:
            refuse_several(rest, rest[0].path.parent)
            arrangements.append(_together(rest))
    return arrangements


def _together(nodes: list[Node]) -> Arrangement:
    """Several paths as one submission: it is named for a single path, and for the folder around several."""
    if len(nodes) == 1:
        return Arrangement((upload_of(nodes[0]),), many=False)
    student = encodable(nodes[0].path.parent.name) or "submission"
    return Arrangement(tuple(Upload(student, node, slot=str(node.path)) for node in nodes), many=False)


def _newest(
    uploads: list[Upload], attempts: Mapping[str, Flag], picks: Picks
) -> tuple[tuple[Found, ...], list[Skipped]]:
    """One submission per student, of the newest upload in each slot; and the older uploads, which do not count.

    Where a person picked one of the uploads in a slot, that one counts.
    """
    picked = {name for files in picks.values() for name in files}
    students: dict[str, dict[str, list[Upload]]] = defaultdict(lambda: defaultdict(list))
    for upload in uploads:
        students[upload.student][upload.slot].append(upload)
    folders = folder_names(students)
    submissions: list[Found] = []
    older_uploads: list[Skipped] = []
    for student in sorted(students):
        counted: list[Upload] = []
        flags: list[Flag] = [attempts[student]] if student in attempts else []
        for slot in students[student].values():
            *older, newest = sorted(slot, key=lambda upload: (name_of(upload) in picked, upload.order))
            counted.append(newest)
            if older:
                left = ", ".join(_where(upload.node) for upload in older)
                detail = f"Handed in more than once: {_where(newest.node)} is the newest and counts, not {left}."
                flags.append(Flag("two-uploads", detail))
            reason = f"an older upload of {display(student, limit=80)}: {_where(newest.node)} counts"
            older_uploads += [Skipped(path_of(upload.node), reason) for upload in older]
        found = _submission(student, folders[student], counted, flags)
        own = [file for key, files in picks.items() if key.casefold() in found.keys for file in files]
        submissions.append(replace(found, picks=tuple(own)))
    return tuple(submissions), older_uploads


def _submission(student: str, folder: str, uploads: list[Upload], flags: list[Flag]) -> Found:
    late = any(upload.late for upload in uploads)
    if late:
        flags = [Flag("late", "The learning platform marks it as late."), *flags]
    return Found(
        id=student,
        folder=folder,
        sources=tuple(upload.node.path for upload in uploads),
        flags=tuple(flags),
        names=tuple(upload.name for upload in uploads) if any(upload.name for upload in uploads) else (),
        inside=tuple(upload.node.inside for upload in uploads) if any(upload.node.inside for upload in uploads) else (),
        late=late,
        submitted=max((upload.submitted for upload in uploads if upload.submitted), default=None),
        known_as=tuple(dict.fromkeys(key for upload in uploads for key in upload.known_as)),
        attempts=(
            tuple(upload.attempt or () for upload in uploads)
            if len(uploads) > 1 and any(upload.attempt is not None for upload in uploads)
            else ()
        ),
    )


def _closed(why: str) -> str:
    return f"cannot be opened ({why}): change its permissions"


def _where(node: Node) -> str:
    return display(encodable(node.inside or node.name), limit=120)


def _shown(path: Path) -> str:
    return display(encodable(str(path)), limit=300)


def _reason(error: Exception) -> str:
    return display(getattr(error, "strerror", None) or str(error) or type(error).__name__, limit=120)
