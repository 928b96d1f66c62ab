"""Several attempts of one student, and files whose student a person named: whose each upload is, in the end."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from grader.display import display
from grader.intake.names import encodable
from grader.intake.platforms import Upload
from grader.marking.verdicts import Flag

__all__ = ["Picks", "folded", "given_to", "is_picked", "name_of"]

Picks = Mapping[str, tuple[str, ...]]
"""By a student's id: the files that a person picked for that student."""

_ATTEMPT = re.compile(
    r"(?P<student>.*[^ _.-])[ _.-]+(?:attempt|try|(?:re)?submission|upload)[ _.-]?(?P<number>\d{1,6})", re.IGNORECASE
)
_AGAIN = re.compile(r"(?P<student>.*\S) ?\((?P<number>\d{1,4})\)")
"""What a browser and many platforms call a second file of the same name."""


def folded(uploads: Sequence[Upload]) -> tuple[list[Upload], dict[str, Flag]]:
    """The uploads, with the attempts of a student under that student's id; and a flag by id, where a name may mislead.

    ``alice_attempt2`` is alice's. ``alice (1)`` is, where there is an ``alice`` or an ``alice (2)`` beside it.
    """
    named = [_named_attempt(upload) for upload in uploads]
    students = {upload.student for upload in named}
    stems = [match["student"] for student in students if (match := _AGAIN.fullmatch(student))]
    again = {stem for stem, count in Counter(stems).items() if stem in students or count > 1}
    groups: dict[str, list[Upload]] = defaultdict(list)
    flags: dict[str, Flag] = {}
    for upload in named:
        match = _AGAIN.fullmatch(upload.student)
        stem = match["student"] if match and match["student"] in again else upload.student
        groups[stem].append(upload)
    result: list[Upload] = []
    for student, group in groups.items():
        others = sorted({upload.student for upload in group} - {student})
        if others:
            detail = f"{_listed([student, *others])} were taken for hand-ins of one student, {display(student)}."
            flags[student] = Flag("attempts", detail)
        if others or any(upload.attempt is not None and not upload.slot for upload in group):
            group = [
                replace(upload, student=student, slot=_slot(upload), attempt=upload.attempt or ()) for upload in group
            ]
        result += group
    return result, flags


def _named_attempt(upload: Upload) -> Upload:
    """The upload under the student's own id, where its name has the number of an attempt."""
    match = _ATTEMPT.fullmatch(upload.student)
    if match is None:
        return upload
    return replace(upload, student=match["student"], attempt=(float(match["number"]),))


def _slot(upload: Upload) -> str:
    """A slot of its own: what competes in it is chosen file by file, when the files are read."""
    return f"{upload.slot}/{upload.node.path}/{upload.node.inside}"


def given_to(uploads: Sequence[Upload], picks: Picks) -> Iterator[Upload]:
    """The uploads; one that a person picked for a student is that student's, whatever its name says."""
    owners = {_plain(file): student for student, files in picks.items() for file in files}
    for upload in uploads:
        owner = owners.get(name_of(upload))
        if owner is None or owner.casefold() in _keys(upload):
            yield upload
        else:
            yield replace(upload, student=owner, slot=_slot(upload), known_as=())


def name_of(upload: Upload) -> str:
    """The name by which a person picks an upload as a whole."""
    return encodable(PurePosixPath(upload.node.inside or upload.node.name).name)


def _keys(upload: Upload) -> set[str]:
    return {key.casefold() for key in (upload.student, *upload.known_as)}


def is_picked(path: str, pick: str) -> bool:
    """Whether a file is the one that a person means: by its path, or by the end of its path."""
    return f"/{path}".endswith(f"/{_plain(pick)}")


def _plain(pick: str) -> str:
    return pick.replace("\\", "/").strip("/").removeprefix("./")


def _listed(names: Sequence[str]) -> str:
    *first, last = (display(name, limit=80) for name in names)
    return f"{', '.join(first)} and {last}" if first else last
