"""What the interpreter sees a submission do is reported once; what libraries do for reasons of their own is not."""

from __future__ import annotations

import os
import sys

import pytest

from grader.worker.session import frames
from grader.worker.session.audit import _hook
from grader.worker.session.tables import Compared
from grader.worker.trouble import remember
from grader.worker.witness import ACCEPT, CHECK, SEEN

UNCHANGED = Compared(list, lambda: None)


def _reported(source: str) -> list[str]:
    """What the hook reports of ``source``, run as a submission's code; it raises events by ``audit(event, …)``."""
    reading, writing = os.pipe()
    hook = _hook(writing, UNCHANGED)[0]
    remember("theirs.py", source)
    try:
        exec(compile(source, "theirs.py", "exec"), {"audit": lambda event, *args: hook(event, args), "fd": writing})
        os.close(writing)
        reports = []
        while (frame := frames.read(lambda count: os.read(reading, count))) is not None:
            reports.append(frame[0]["seen"])
        return reports
    finally:
        os.close(reading)


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("audit('sys._getframe')", "sys._getframe"),
        ("audit('gc.get_objects', -1)", "gc.get_objects"),
        ("audit('object.__getattr__', None, 'tb_frame')", "….tb_frame"),
        ("audit('object.__setattr__', None, '__code__', None)", "….__code__ = …"),
        ("audit('object.__delattr__', None, '__defaults__')", "….__defaults__ = …"),
        ("audit('exec', compile('1', '/x/y.py', 'exec'))", "text run as code"),
        ("audit('function.__new__', None)", "function.__new__"),
        ("audit('pickle.find_class', 'builtins', 'eval')", "builtins.eval unpickled"),
        ("audit('pickle.find_class', 'torch', 'nn.Module')", "torch.nn.Module unpickled"),
        ("class S(str): pass\naudit('pickle.find_class', S('torch'), S('x'))", "pickle.find_class"),
        ("audit('open', fd, 'wb', 0)", "open() of the channel"),
        ("audit('open', '/proc/self/mem', 'wb', 0)", "open() of a process's insides"),
        ("audit('socket.__new__', None, 1, 1, 0)", "socket.__new__"),
        ("import functools\nfunctools.reduce(lambda a, b: audit('sys._getframe'), [1, 2])", "sys._getframe"),
        ("import string\nclass A(string.Formatter):\n def f(s): audit('gc.get_objects')\nA().f()", "gc.get_objects"),
    ],
)  # fmt: skip
def test_what_a_submission_causes_is_reported_with_its_line(source, what):
    (report,) = _reported(source)
    line = source.count("\n") + 1 if "class A" not in source else 3
    assert report == f"{what} (theirs.py, line {line})"


def test_each_kind_is_reported_once():
    assert len(_reported("for _ in range(500): audit('sys._getframe')")) == 1


@pytest.mark.parametrize(
    "source",
    [
        "audit('builtins.id', 3)",
        "audit('object.__getattr__', None, 'other')",
        "audit('object.__setattr__', None, '__doc__', None)",
        "audit('pickle.find_class', 'collections', 'OrderedDict')",
        "audit('pickle.find_class', 'builtins', 'set')",
        "audit('open', 'data/cifar.pkl', 'rb', 0)",
        "audit('socket.__new__', None, 2, 1, 0)",
        "class P:\n def __str__(self): audit('sys._getframe')\naudit('open', P(), 'r', 0)",
    ],
)
def test_what_is_harmless_is_not_reported(source):
    assert _reported(source) == []


def test_libraries_that_look_at_frames_or_write_code_are_not_the_submission():
    source = """
import collections, dataclasses, logging, traceback, typing, torch
watch()
collections.namedtuple("P", "a b")
dataclasses.make_dataclass("D", ["a"])
class N(typing.NamedTuple): a: int
logging.getLogger("x").warning("told")
try:
    1 / 0
except ZeroDivisionError:
    traceback.format_exc()
torch.nn.LazyLinear(2)(torch.ones(1, 3))
"""
    reading, writing = os.pipe()
    hook = _hook(writing, UNCHANGED)[0]
    # an audit hook cannot be taken out again: this one ends with the process that it is tried in
    child = os.fork()
    if child == 0:
        remember("theirs.py", source)
        try:
            exec(compile(source, "theirs.py", "exec"), {"watch": lambda: sys.addaudithook(hook)})
            os._exit(0)
        finally:
            os._exit(1)
    os.close(writing)
    assert os.waitpid(child, 0)[1] == 0
    reports = []
    while (frame := frames.read(lambda count: os.read(reading, count))) is not None:
        reports.append(frame[0]["seen"])
    os.close(reading)
    assert reports == []


def test_to_replace_the_channel_ends_the_session():
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        hook = _hook(writing, UNCHANGED)[0]
        os.dup2(os.open(os.devnull, os.O_WRONLY), writing)
        remember("theirs.py", "")
        exec(compile("audit('sys._getframe')", "theirs.py", "exec"), {"audit": lambda event: hook(event, ())})
        os._exit(7)
    os.close(writing)
    os.close(reading)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1


def _told(changes: list[str], events: list[tuple[str, object]]) -> tuple[list[str], int]:
    """What is reported where these changes are found, and how often they were accepted."""
    reading, writing = os.pipe()
    accepted: list[None] = []
    hook, check = _hook(writing, Compared(lambda: changes, lambda: accepted.append(None)))
    for event, argument in events:
        hook(event, (argument,))
    check()
    os.close(writing)
    reports = []
    while (frame := frames.read(lambda count: os.read(reading, count))) is not None:
        reports.append(frame[0]["seen"])
    os.close(reading)
    return reports, len(accepted)


def test_each_change_in_a_table_is_reported_once():
    assert _told(["torch.cat = …", "torch.add = …"], [(CHECK, None)]) == (["torch.cat = …", "torch.add = …"], 0)


def test_only_our_own_changes_are_accepted():
    assert _told([], [(ACCEPT, None)]) == ([], 0)


def test_what_our_code_sees_is_reported_and_nothing_but_text():
    class Text(str):
        pass

    assert _told([], [(SEEN, "a dilation"), (SEEN, Text("x")), (SEEN, 3)])[0] == ["a dilation"]
