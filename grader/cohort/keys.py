"""The keys of a run's reports: a report with the right key need not be made again."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from grader.cohort.grader import Settings
from grader.fingerprint import fingerprint
from grader.intake import Found
from grader.marking.basis import marks_part
from grader.store.keys import report_key

if TYPE_CHECKING:
    from reference.data import Horses

__all__ = ["ReportKeys"]


class ReportKeys:
    """The keys that the reports of one run have, and those that it accepts."""

    def __init__(self, settings: Settings) -> None:
        what_counts = _what_marks_depend_on(settings)
        self._settings = fingerprint(what_counts)
        self._accepted = [self._settings]
        if what_counts["quick"]:
            # A report with training has all that a report without it would have.
            self._accepted.append(fingerprint({**what_counts, "quick": False}))
        self._marks = {id: marks_part(assignment) for id, assignment in settings.rubric.assignments.items()}

    def key(self, found: Found, sha256: str, assignment: str) -> str:
        """The key of the report that this run makes of a submission whose contents have this hash."""
        return self._key(found, sha256, assignment, self._settings)

    def accepted(self, found: Found, sha256: str, assignment: str) -> list[str]:
        """The keys of existing reports that this run leaves as they are.

        Where the first part of such a key is that of a report, its evidence holds, and marks are made of it.
        """
        return [self._key(found, sha256, assignment, settings) for settings in self._accepted]

    def _key(self, found: Found, sha256: str, assignment: str, settings: str) -> str:
        marks = self._marks.get(assignment, "")
        return report_key(found=found, sha256=sha256, assignment=assignment, settings=settings, marks=marks)


def _what_marks_depend_on(settings: Settings) -> dict[str, object]:
    """What marks depend on besides the submission and its part of the rubric. Isolation changes no mark."""
    import torch

    options = settings.options
    # All that a report knows about the other assignments is what detection compares.
    detection = [
        (assignment.id, assignment.code, assignment.writeup) for assignment in settings.rubric.assignments.values()
    ]
    return {
        "assignment": options.assignment or detection,
        "seed": options.seed,
        "device": options.device,
        "quick": options.quick,
        "seconds": options.seconds,
        "probe_seconds": options.probe_seconds,
        "memory": settings.limits.memory,
        "data": (settings.horses.name, _pictures_sha256(settings.horses)),
        "torch": str(torch.__version__),
        "program": settings.program,
    }


def _pictures_sha256(horses: Horses) -> str:
    """SHA-256 over shape, type and content of the pictures and the colours."""
    digest = hashlib.sha256()
    arrays: list[Any] = [horses.train, horses.test, *(horses.colours[count] for count in sorted(horses.colours))]
    for array in arrays:
        digest.update(f"{array.shape} {array.dtype}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
