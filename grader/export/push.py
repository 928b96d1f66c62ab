"""Marks sent to Canvas over its web interface, by ``canvasapi``. Nothing else of this package uses the network."""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from grader.display import counted
from grader.export.placing import placed
from grader.export.records import Export, ExportError, named, shown
from grader.gradebook.lists import Student
from grader.marks.line import Stage

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Course", "push"]


_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_SECONDS = 120.0
"""How long Canvas may take to write the marks down."""
_PAUSE = 1.0
_DONE, _FAILED = "completed", "failed"


@dataclass(frozen=True)
class Course:
    """Where marks are sent."""

    url: str
    token: str
    """A person's access token. It is never shown."""
    id: str
    """Number of the course."""
    assignment: str
    """Number or title of the assignment."""


def push(export: Export, course: Course, *, partial: bool, pause: Callable[[float], None] = time.sleep) -> int:
    """Send the marks, in one request. How many were sent.

    Marks that are not complete are left out unless ``partial``. Raises ExportError; Canvas then has no new mark, unless
    the sentence says otherwise.
    """
    canvas = _canvas(course)
    complete = [line for line in export.lines if partial or line.stage is not Stage.EXAMINED]
    if waiting := [line.student.id for line in export.lines if line not in complete]:
        export.problem(
            f"{counted(len(waiting), 'mark is not complete and was', 'marks are not complete and were')} not sent: "
            f"{named(waiting)}; --partial sends such marks too"
        )
    if not complete:
        raise ExportError("no mark is complete, so nothing was sent: mark what is open, or add --partial")
    with _errors(course):
        there = canvas.get_course(course.id)
        assignment = _assignment(there, course.assignment)
        students = [_student(user) for user in there.get_users(enrollment_type=["student"])]
    most = getattr(assignment, "points_possible", None)
    maximum = None if most is None else Fraction(str(most))
    marks = placed(
        replace(export, lines=complete), students, "Canvas", before=lambda id: "", maximum=lambda id: maximum
    )
    if not marks:
        return 0
    with _errors(course):
        progress = assignment.submissions_bulk_update(
            grade_data={id: {"posted_grade": mark} for id, mark in marks.items()}
        )
        _wait(progress, pause)
    return len(marks)


def _canvas(course: Course) -> Any:
    """The client. Raises ExportError without the library, and for an address to which no token should go."""
    try:
        from canvasapi import Canvas
    except ImportError:
        raise ExportError(
            "--push needs the library canvasapi, which is not installed: pip install 'colour-grade[canvas]'"
        ) from None
    address = urlsplit(course.url)
    if address.scheme != "https" and not (address.scheme == "http" and address.hostname in _LOOPBACK):
        raise ExportError(
            f"the address of Canvas must begin with https://, was '{shown(course.url)}': a token must stay secret"
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about http, which only this machine is asked by
        return Canvas(f"{address.scheme}://{address.netloc}", course.token)


class _errors:
    """What goes wrong on the way to Canvas, as one sentence."""

    def __init__(self, course: Course) -> None:
        self._course = course

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: object) -> None:
        from canvasapi.exceptions import CanvasException, InvalidAccessToken, ResourceDoesNotExist, Unauthorized
        from requests import RequestException

        if isinstance(fault, InvalidAccessToken | Unauthorized):
            raise ExportError("Canvas refused the token: make one that may grade, and set CANVAS_API_KEY") from None
        if isinstance(fault, ResourceDoesNotExist):
            raise ExportError(
                f"Canvas has no course {shown(self._course.id)}, or the token's owner may not see it: check --course"
            ) from None
        if isinstance(fault, CanvasException | RequestException | ValueError):
            raise ExportError(
                f"{shown(self._course.url)} did not take the marks ({shown(type(fault).__name__)}): check the address, "
                "and see in Canvas what arrived"
            ) from None


def _assignment(there: Any, wanted: str) -> Any:
    """The assignment of a number or a title. Raises ExportError."""
    assignments = list(there.get_assignments())
    plain = wanted.strip().casefold()
    hits = [each for each in assignments if plain in (str(each.id), str(each.name).casefold())]
    if len(hits) != 1:
        titles = [f"{each.name} ({each.id})" for each in assignments]
        raise ExportError(
            f"Canvas has {len(hits)} assignments '{shown(wanted)}': --column must be the title or the number of one of "
            f"{named(titles)}"
        )
    return hits[0]


def _student(user: Any) -> Student:
    """A user of the course, under the number by which marks are sent."""
    fields: Mapping[str, object] = vars(user)
    also = (fields.get(name) for name in ("login_id", "sis_user_id", "integration_id"))
    return Student(
        str(user.id),
        str(fields.get("sortable_name") or fields.get("name") or ""),
        str(fields.get("email") or ""),
        tuple(str(id) for id in also if id),
    )


def _wait(progress: Any, pause: Callable[[float], None]) -> None:
    """Wait until Canvas has written the marks down. Raises ExportError where it does not."""
    waited = 0.0
    while progress.workflow_state not in (_DONE, _FAILED) and waited < _SECONDS:
        pause(_PAUSE)
        waited += _PAUSE
        progress = progress.query()
    if progress.workflow_state != _DONE:
        raise ExportError(
            f"Canvas has not written all marks down ({shown(progress.workflow_state)}): see in Canvas what arrived"
        )
