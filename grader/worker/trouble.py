"""Where in the student's own source something happened: exceptions and calls, cut down to frames of the submission.

The source that was handed in is remembered under a readable name, ``models.py`` or ``a2.ipynb, cell 7``. A frame of a
file with such a name is the student's. Every other frame is ours or a library's, and is not shown.
"""

from __future__ import annotations

import linecache
import sys
from types import FrameType, TracebackType

from .protocol import Frame, Trouble

__all__ = ["bounded", "describe", "here", "is_theirs", "names_of_theirs", "remember", "remember_folder", "where"]


_MOST_FRAMES = 10
_LINE = 200
"""Characters of a line of source, or of a name."""
_TEXT = 500
"""Characters of an exception's message."""
_names: set[str] = set()
_folders: list[str] = []


def remember(name: str, text: str) -> None:
    """Make ``text`` the source of the file called ``name``, for tracebacks and for ``inspect.getsource``.

    Side effect: from now on, code under this file name counts as the student's.
    """
    _names.add(name)
    # A modification time of None keeps linecache from looking for the file on disk.
    linecache.cache[name] = (len(text), None, [f"{line}\n" for line in text.split("\n")], name)


def remember_folder(folder: str) -> None:
    """Let messages show what lies in ``folder`` by its path in the submission."""
    _folders[:] = [folder.rstrip("/") + "/"]


def is_theirs(name: str) -> bool:
    """Whether code of a file with that name is the student's."""
    return name in _names


def names_of_theirs() -> set[str]:
    """The names of all files of the student. The set grows while a submission is loaded."""
    return _names


def bounded(text: object, most: int = _LINE) -> str:
    """``text`` as a plain string that can be encoded, of at most ``most`` characters. Never raises."""
    try:
        # An exact string: the object may give one of a subclass.
        plain = str.__add__("", str(text))
    except BaseException:
        # str() of a student's object runs the student's code.
        plain = "<cannot be shown>"
    if len(plain) > most:
        plain = plain[: most - 1] + "…"
    return plain.encode("utf-8", "replace").decode("utf-8")


def _entry(frame: FrameType, line: int) -> Frame:
    code = frame.f_code
    return Frame(
        file=bounded(code.co_filename),
        line=line,
        text=bounded(linecache.getline(code.co_filename, line).strip()),
        function=bounded(getattr(code, "co_qualname", code.co_name)),
    )


def _cut(entries: list[Frame]) -> tuple[Frame, ...]:
    """At most ten frames: the three outermost ones and the innermost. What lies between them in a deep recursion says
    nothing new."""
    if len(entries) <= _MOST_FRAMES:
        return tuple(entries)
    outermost = 3
    return (*entries[:outermost], *entries[outermost - _MOST_FRAMES :])


def where(place: FrameType | TracebackType | None) -> tuple[Frame, ...]:
    """At most ten of the student's own frames, the outermost first."""
    entries: list[Frame] = []
    if isinstance(place, FrameType):
        frame: FrameType | None = place
        while frame is not None:
            if is_theirs(frame.f_code.co_filename):
                entries.append(_entry(frame, frame.f_lineno))
            frame = frame.f_back
        entries.reverse()
    else:
        while place is not None:
            if is_theirs(place.tb_frame.f_code.co_filename):
                entries.append(_entry(place.tb_frame, place.tb_lineno))
            place = place.tb_next
    return _cut(entries)


def here() -> str | None:
    """The line of the student that is running now, as ``models.py, line 12``; None if only our code is running."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if is_theirs(frame.f_code.co_filename):
            return f"{frame.f_code.co_filename}, line {frame.f_lineno}"
        frame = frame.f_back
    return None


def _class_name(kind: type) -> str:
    # Not kind.__name__: a metaclass of the student may define it.
    name: str = type.__dict__["__name__"].__get__(kind)
    return name


def describe(error: BaseException) -> Trouble:
    """An exception as a record: its text has at most 500 characters, and its frames are the student's own."""
    text = bounded(error, 2 * _TEXT)
    for folder in _folders:
        text = text.replace(folder, "")
    return Trouble(
        type=bounded(_class_name(type(error)), 100),
        text=bounded(text, _TEXT),
        frames=where(error.__traceback__),
    )
