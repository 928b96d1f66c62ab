"""What the interpreter itself sees a submission do: an audit hook (PEP 578), which Python code cannot take out.

Reading the source (``unusual``) misses what is called by a name that only running gives. The interpreter raises an
event for most of what leads from a submission's code to the examiner's: frames, the collector's tables, text run as
code, code and functions put together by hand, classes changed, foreign functions. What the submission's own code causes
is told at once, in a frame of its own on the channel. It cannot be called back, so that what is reached by such
means comes too late to hide it.

Events of libraries, which run text and look at frames for reasons of their own, are told from the submission's by the
file names of the code that runs. To forge one takes ``compile`` or ``code.replace``, and running that is an event.
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
from .frames import lengths

__all__ = ["watch"]


_MOST = 20
_LOOKING = frozenset(
    module.__file__ or "" for module in (collections, dataclasses, enum, logging, traceback, typing, warnings)
)
"""Files of the standard library that look at their caller's frame, and hand none out."""
_WRITING = frozenset(module.__file__ or "" for module in (collections, dataclasses))
"""Files of the standard library that write code of their own and run it."""
_BECOMING = frozenset(module.__file__ or "" for module in (lazy, parametrize)) | _LOOKING
"""Files that finish classes of their own making, or change a module's: a lazy layer's, a parametrized one's."""
_IMPORTING = frozenset({"<frozen importlib._bootstrap>", "<frozen importlib._bootstrap_external>"})

_READ = frozenset({"tb_frame", "gi_frame", "cr_frame", "ag_frame", "f_code"})
_CHANGED = frozenset(
    {"__code__", "__defaults__", "__kwdefaults__", "__bases__", "__class__", "__name__", "__qualname__"}
)
_LOOKED_AT = frozenset(
    {"sys._getframe", "sys._current_frames", "sys._current_exceptions", "sys.settrace", "sys.setprofile"}
    | {"sys.addaudithook", "sys.monitoring.register_callback", "cpython.PyInterpreterState_New"}
    | {"gc.get_objects", "gc.get_referrers", "gc.get_referents", "code.__new__", "function.__new__"}
    | {"ctypes.dlopen", "ctypes.dlsym", "ctypes.dlsym/handle", "ctypes.cdata", "ctypes.cdata/buffer"}
    | {"ctypes.addressof", "ctypes.string_at", "ctypes.wstring_at", "ctypes.call_function", "ctypes.PyObj_FromPtr"}
    | {"ctypes.memoryview_at"}
)
"""Events that say enough by themselves."""
_UNPICKLED = frozenset({"torch", "numpy", "collections", "_codecs", "copyreg", "datetime", "pathlib", "decimal"})
_PLAIN = frozenset({"set", "frozenset", "complex", "bytearray", "bytes", "slice", "range", "object", "int", "float"})


def watch(channel: int) -> None:
    """Tell on the descriptor ``channel`` what a submission's code does, for as long as the process lives.

    Each kind of event is told once, as ``{"seen": sentence}``. Whatever the hook works with is bound here: to replace
    a function of a module, or one that is built in, changes nothing in it.
    """
    sys.addaudithook(_hook(channel))


def _hook(channel: int) -> Callable[[str, tuple[Any, ...]], None]:
    getframe, write, fstat, leave, pack, quoted = (
        *(sys._getframe, os.write, os.fstat, os._exit, lengths, encode_basestring_ascii),
    )
    socket = fstat(channel)
    identity = (socket.st_dev, socket.st_ino)
    theirs = names_of_theirs()
    ours = str(Path(__file__).parent.parent) + os.sep  # all of the worker, not only this folder
    libraries = (*(entry for entry in sys.path if len(entry) > 1 and entry[0] == "/"), "<frozen ")
    stdlib = sys.stdlib_module_names
    kind, number, text = type, int, str
    told: set[str] = set()
    busy = False

    def hook(event: str, args: tuple[Any, ...]) -> None:
        nonlocal busy
        if event not in _WATCHED or busy:
            return
        busy = True
        try:
            what = named(event, args)
            if what is not None and what not in told and told.__len__() < _MOST:
                frame = culprit(event, args)
                if frame is not None:
                    told.add(what)
                    tell(f"{what} ({frame.f_code.co_filename}, line {frame.f_lineno})")
        finally:
            busy = False

    def named(event: str, args: tuple[Any, ...]) -> str | None:
        """The event in words, or None if it means nothing."""
        if event in _LOOKED_AT:
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
            # of a class of the submission's own, it is not asked: what that does would go unseen
            if kind(path) is number:
                return "open() of the channel" if path == channel else None
            inside = kind(path) is text and path.startswith("/proc/") and ("/mem" in path or "/fd" in path)
            return "open() of a process's insides" if inside else None
        return event if args[1] == 1 else None  # socket.__new__ of the family AF_UNIX

    def culprit(event: str, args: tuple[Any, ...]) -> FrameType | None:
        """The frame of the submission's that caused the event, whatever libraries it went through; None where one of
        them had its own reason."""
        frame: FrameType | None = getframe(2)
        excused = _WRITING if event == "exec" else _BECOMING if event == "object.__setattr__" else _LOOKING
        imported = event == "exec" and frame is not None and frame.f_code.co_filename in _IMPORTING
        if imported and args[0].co_filename.startswith(libraries):
            return None
        while frame is not None:
            code = frame.f_code
            name = code.co_filename
            if name in theirs:
                return frame
            # a file that is imported and is no library's was written by the submission
            if not imported and (name in excused or name.startswith(ours) or _imports(name, code.co_name)):
                return None
            frame = frame.f_back
        return None

    def tell(what: str) -> None:
        here = fstat(channel)
        if (here.st_dev, here.st_ino) != identity:
            # the channel was put out of the way: there is nothing left to tell it by
            leave(1)
        message = ('{"seen": ' + quoted(what[:300]) + "}").encode()
        write(channel, pack(message.__len__(), 0) + message)

    return hook


def _imports(file: str, function: str) -> bool:
    return file in _IMPORTING and function == "_find_and_load"


_WATCHED = _LOOKED_AT | {"exec", "object.__getattr__", "object.__setattr__", "object.__delattr__"}
_WATCHED |= {"pickle.find_class", "open", "socket.__new__"}
