"""What the interpreter itself sees a submission do: an audit hook (PEP 578), which Python code cannot take out.

Reading the source (``unusual``) misses what is called by a name that exists only while the code runs. The interpreter
raises an event for most of what leads from a submission's code to the examiner's: frames, the garbage collector's
tables, text run as code, code objects and functions made by hand, classes changed, foreign functions. An event that the
submission's own code causes is reported at once, in a frame of its own on the channel. A report that was sent cannot be
taken back. So whatever the code reaches by such means, it reaches too late to hide it.

Libraries run text and look at frames for reasons of their own. Their events are distinguished from the submission's by
the file names of the code that runs. To forge a file name takes ``compile`` or ``code.replace``, and to run the result
is an event.

To replace a function is no event. So the hook also has what was noted of the examiner's own tables (``tables``), and
reports what was changed in them. Here no Python code can reach it without an event.
"""

from __future__ import annotations

import collections
import dataclasses
import enum
import logging
import os
import sys
import traceback
import typing
import warnings
from collections.abc import Callable
from json.encoder import encode_basestring_ascii
from pathlib import Path
from types import FrameType
from typing import Any

from torch.nn.modules import lazy
from torch.nn.utils import parametrize

from ..trouble import names_of_theirs
from ..witness import ACCEPT, CHECK, SEEN
from ..witness import ours as bracket
from .frames import lengths
from .tables import Compared

__all__ = ["watch"]


_MOST = 20
"""Reports of one session."""
_LOOKING_AT_FRAMES = frozenset(
    module.__file__ or "" for module in (collections, dataclasses, enum, logging, traceback, typing, warnings)
)
"""Files of the standard library that look at their caller's frame, and give none away."""
_WRITING_CODE = frozenset(module.__file__ or "" for module in (collections, dataclasses))
"""Files of the standard library that write code and run it."""
_CHANGING_CLASSES = frozenset(module.__file__ or "" for module in (lazy, parametrize)) | _LOOKING_AT_FRAMES
"""Files that change the class of an object: of a lazy layer once its shape is known, of a parametrized layer."""
_IMPORTING = frozenset({"<frozen importlib._bootstrap>", "<frozen importlib._bootstrap_external>"})

_READ = frozenset({"tb_frame", "gi_frame", "cr_frame", "ag_frame", "f_code"})
_CHANGED = frozenset(
    {"__code__", "__defaults__", "__kwdefaults__", "__bases__", "__class__", "__name__", "__qualname__"}
)
_ALWAYS_REPORTED = frozenset(
    {"sys._getframe", "sys._current_frames", "sys._current_exceptions", "sys.settrace", "sys.setprofile"}
    | {"sys.addaudithook", "sys.monitoring.register_callback", "cpython.PyInterpreterState_New"}
    | {"gc.get_objects", "gc.get_referrers", "gc.get_referents", "code.__new__", "function.__new__"}
    | {"ctypes.dlopen", "ctypes.dlsym", "ctypes.dlsym/handle", "ctypes.cdata", "ctypes.cdata/buffer"}
    | {"ctypes.addressof", "ctypes.string_at", "ctypes.wstring_at", "ctypes.call_function", "ctypes.PyObj_FromPtr"}
    | {"ctypes.memoryview_at"}
)
"""Events that are reported whatever their arguments are."""
_WATCHED = (
    _ALWAYS_REPORTED
    | {"exec", "object.__getattr__", "object.__setattr__", "object.__delattr__"}
    | {"pickle.find_class", "open", "socket.__new__"}
    | {CHECK, ACCEPT, SEEN}
)
_UNPICKLED = frozenset({"torch", "numpy", "collections", "_codecs", "copyreg", "datetime", "pathlib", "decimal"})
_PLAIN = frozenset({"set", "frozenset", "complex", "bytearray", "bytes", "slice", "range", "object", "int", "float"})


def watch(channel: int, compared: Compared) -> Callable[[], None]:
    """Report on the descriptor ``channel`` what a submission's code does, for as long as the process lives.

    Each kind of event is reported once, as ``{"seen": sentence}``. All functions that the hook works with are bound
    before the submission runs: to replace one in its module, or a built-in one, changes nothing in the hook.

    Returns what reports the changes in the tables; whoever answers requests calls it after each of them.
    """
    compared.accept()
    hook, check = _hook(channel, compared)
    sys.addaudithook(hook)
    return check


def _hook(channel: int, compared: Compared) -> tuple[Callable[[str, tuple[Any, ...]], None], Callable[[], None]]:
    getframe, write, fstat, leave = sys._getframe, os.write, os.fstat, os._exit
    pack, quoted = lengths, encode_basestring_ascii
    socket = fstat(channel)
    identity = (socket.st_dev, socket.st_ino)
    theirs = names_of_theirs()
    ours = str(Path(__file__).parent.parent) + os.sep  # the whole worker, not only this folder
    libraries = (*(entry for entry in sys.path if len(entry) > 1 and entry[0] == "/"), "<frozen ")
    stdlib = sys.stdlib_module_names
    changes, accept, of_ours = compared.changes, compared.accept, bracket.__code__
    kind, number, text = type, int, str
    reported: set[str] = set()
    busy = False

    def hook(event: str, args: tuple[Any, ...]) -> None:
        nonlocal busy
        if event not in _WATCHED or busy:
            return
        busy = True
        try:
            if event == CHECK:
                tell_changes()
            elif event == ACCEPT:
                # Nobody else's changes are accepted.
                if getframe(1).f_code is of_ours:
                    accept()
            elif event == SEEN:
                if kind(args[0]) is text:
                    tell(args[0], "")
            else:
                name = described(event, args)
                frame = None if name is None or name in reported else cause(event, args)
                if name is not None and frame is not None:
                    tell(name, f" ({frame.f_code.co_filename}, line {frame.f_lineno})")
        finally:
            busy = False

    def check() -> None:
        nonlocal busy
        busy = True
        tell_changes()
        busy = False

    def tell_changes() -> None:
        for change in changes():
            tell(change, "")

    def tell(what: str, place: str) -> None:
        if what not in reported and reported.__len__() < _MOST:
            reported.add(what)
            report(what + place)

    def described(event: str, args: tuple[Any, ...]) -> str | None:
        """The event in words, or None if it is harmless."""
        if event in _ALWAYS_REPORTED:
            return event
        if event == "exec":
            return "text run as code"
        if event == "object.__getattr__":
            return f"….{args[1]}" if args[1] in _READ else None
        if event == "object.__setattr__" or event == "object.__delattr__":
            return f"….{args[1]} = …" if args[1] in _CHANGED else None
        if event == "pickle.find_class":
            module, name = args
            if kind(module) is not text or kind(name) is not text:
                return event
            root = module.partition(".")[0]
            plain = root not in stdlib or root in _UNPICKLED or (root == "builtins" and name in _PLAIN)
            return None if plain and "." not in name else f"{module}.{name} unpickled"
        if event == "open":
            path = args[0]
            # An object of the submission's own class is not asked for its path: its code would run unseen.
            if kind(path) is number:
                return "open() of the channel" if path == channel else None
            inside = kind(path) is text and path.startswith("/proc/") and ("/mem" in path or "/fd" in path)
            return "open() of a process's insides" if inside else None
        return event if args[1] == 1 else None  # socket.__new__ of the family AF_UNIX

    def cause(event: str, args: tuple[Any, ...]) -> FrameType | None:
        """The submission's frame that caused the event, through whatever libraries.

        None if our code caused it, or a library for a reason of its own.
        """
        frame: FrameType | None = getframe(2)
        excused = _LOOKING_AT_FRAMES
        if event == "exec":
            excused = _WRITING_CODE
        elif event == "object.__setattr__":
            excused = _CHANGING_CLASSES
        imported = event == "exec" and frame is not None and frame.f_code.co_filename in _IMPORTING
        if imported and args[0].co_filename.startswith(libraries):
            return None
        while frame is not None:
            code = frame.f_code
            name = code.co_filename
            if name in theirs:
                return frame
            # The submission wrote a file that is imported and does not belong to a library.
            if not imported and (name in excused or name.startswith(ours) or _imports(name, code.co_name)):
                return None
            frame = frame.f_back
        return None

    def report(sentence: str) -> None:
        here = fstat(channel)
        if (here.st_dev, here.st_ino) != identity:
            # Another file was put in the place of the channel: nothing can be reported any more.
            leave(1)
        message = ('{"seen": ' + quoted(sentence[:300]) + "}").encode()
        write(channel, pack(message.__len__(), 0) + message)

    return hook, check


def _imports(file: str, function: str) -> bool:
    return file in _IMPORTING and function == "_find_and_load"
