"""``grade --cluster``: submissions are graded on other machines, by the workers of a Dask scheduler.

    this machine                            scheduler ──► node: one Grading with its own sandbox a process
    read ──► submission's bytes, keys ─────────────────► check, mark, render
    store ◄── report.html, feedback.md, report.json ◄───

The submission is read here, once, and travels as compressed JSON of bounded size; nothing of it is ever unpickled, and
what comes back are finished files. The run's settings (rubric, options, pictures, limits) travel once to each process:
one that does not have them says so and is sent them with the same submission. Both ends must have the same source,
Python and torch, because only then are the marks the same; a node that differs ends the run with a sentence.

A node that is lost loses nothing: the scheduler gives its submissions to others. One during which several nodes were
lost in a row is a failure of the grader on that submission, like any other. See ``docs/cluster.md``.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import dataclasses
import importlib
import json
import logging
import platform
import secrets
import socket
import tempfile
import threading
import time
import warnings
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from grader import __version__
from grader.display import display
from grader.intake.records import Cell, CodeFile, DataFile, StoredFile, Submission
from grader.marking.verdicts import Flag

if TYPE_CHECKING:
    from grader.pipeline import Grading, Options
    from grader.sandbox.terms import Isolation, Limits
    from reference.data import Horses

__all__ = ["Cluster", "ClusterError", "Settings", "grade_there", "leave", "pack", "unpack"]


_CONNECT_SECONDS = 15
_LEAVE_SECONDS = 5
_POLL_SECONDS = 1.0
_PATIENCE = 30.0
"""Seconds without any node, or without the scheduler, before somebody is told."""
_GO_ON = "reports written so far are whole, and the same command goes on from there"
_LARGEST = 64 << 20
"""Bytes of one submission's code as JSON; the sandbox takes a quarter of it."""


class ClusterError(Exception):
    """The cluster cannot be used; the text is one sentence."""


@dataclass(frozen=True)
class Settings:
    """What a node needs to grade as this machine would."""

    rubric: bytes
    options: Options
    horses: Horses
    isolation: Isolation
    limits: Limits
    about: Mapping[str, str]
    """What both ends must have alike, by what to call it."""


# The submission, as bytes.


def pack(submission: Submission) -> bytes:
    """What was read of a submission, as compressed JSON. Raises ValueError when it is too large to travel."""
    content = json.dumps(dataclasses.asdict(submission), separators=(",", ":")).encode()
    if len(content) > _LARGEST:
        raise ValueError(f"its code has {len(content):,} bytes, and at most {_LARGEST:,} are sent to another machine")
    return zlib.compress(content, 1)


def unpack(packed: bytes) -> Submission:
    """The submission that was packed. Raises ValueError when it is none, or too large."""
    opening = zlib.decompressobj()
    try:
        content = opening.decompress(packed, _LARGEST)
    except zlib.error as error:
        raise ValueError(f"this is no packed submission ({error})") from None
    if not opening.eof:
        raise ValueError("the packed submission breaks off, or is too large")
    record = json.loads(content)
    code = [{**file, "cells": tuple(Cell(**cell) for cell in file["cells"])} for file in record["code"]]
    return Submission(
        id=record["id"],
        folder=record["folder"],
        files=tuple(StoredFile(**file) for file in record["files"]),
        code=tuple(CodeFile(**file) for file in code),
        sha256=record["sha256"],
        flags=tuple(Flag(**flag) for flag in record["flags"]),
        known_as=tuple(record["known_as"]),
        assignment=record["assignment"],
        data=tuple(DataFile(**file) for file in record["data"]),
    )


# On a node. What is here at the top is imported by the scheduler too, and must stay light.


class _Post:
    """One run's Grading in this process."""

    def __init__(self, settings: Settings) -> None:
        import torch

        from grader.marking.rubric_file import load
        from grader.pipeline import Grading
        from grader.sandbox.gpu import Gpu
        from grader.sandbox.sandbox import Sandbox

        torch.set_num_threads(1)
        with tempfile.TemporaryDirectory(prefix="grade-") as folder:
            rubric = Path(folder) / "rubric.yaml"
            rubric.write_bytes(settings.rubric)
            loaded = load(rubric)
        self.users = 0
        with contextlib.ExitStack() as opened:
            sandbox = opened.enter_context(Sandbox(isolation=settings.isolation, limits=settings.limits))
            # what is missing here shows now, and not as a student's failure
            _ = sandbox.layers  # opens a session
            gpu = None
            if settings.options.device == "cuda":
                gpu = opened.enter_context(Gpu.confirmed(isolation=settings.isolation, limits=settings.limits))
            self._open = opened.pop_all()
        self.grading = Grading(loaded, settings.horses, sandbox, settings.options, gpu=gpu)

    def close(self) -> None:
        self._open.close()


_POSTS: dict[str, _Post] = {}
_LOCK = threading.Lock()


def grade_there(run: str, settings: Settings | None, packed: bytes, keys: Mapping[str, str]) -> tuple[str, Any]:
    """Grade one submission in this process: what came of it, and more about that. Never raises an Exception.

    ``report``: the files by name, ``report.json`` last. ``settings``: they are not known here, and must be sent along.
    ``unfit``: this node cannot grade at all, for this reason. ``failed``: the grader failed on this one.
    """
    from grader.report.files import rendered

    try:
        with _post(run, settings) as post:
            if post is None:
                return "settings", None
            try:
                report = post.grading.grade(unpack(packed))
                return "report", rendered(report, keys[report.assignment_id])
            except Exception as fault:  # ours, whatever it is: a submission's own failures are verdicts by now
                said = display(" ".join(str(fault).split()), limit=300)
                return "failed", f"{type(fault).__name__} on {socket.gethostname()}: {said}"
    except Exception as fault:
        return "unfit", display(f"{socket.gethostname()}: {' '.join(str(fault).split())}", limit=500)


def leave(run: str) -> None:
    """End a run's worker processes on this node, unless they are at work."""
    with _LOCK:
        if run in _POSTS and not _POSTS[run].users:
            _POSTS.pop(run).close()


@contextlib.contextmanager
def _post(run: str, settings: Settings | None) -> Iterator[_Post | None]:
    with _LOCK:
        if run not in _POSTS:
            if settings is None:
                yield None
                return
            _refuse_to_differ(settings.about)
            for other in [other for other, post in _POSTS.items() if not post.users]:
                _POSTS.pop(other).close()
            _POSTS[run] = _Post(settings)
        post = _POSTS[run]
        post.users += 1
    try:
        yield post
    finally:
        with _LOCK:
            post.users -= 1


def _about() -> dict[str, str]:
    """What both ends must have alike."""
    import torch

    from grader.store.keys import source_sha256

    return {
        "grader": __version__,
        "source of the grader": source_sha256()[:16],
        "Python": ".".join(platform.python_version_tuple()[:2]),
        # Builds of one version for different graphics cards compute the same on the CPU.
        "torch": str(torch.__version__).partition("+")[0],
    }


def _refuse_to_differ(expected: Mapping[str, str]) -> None:
    actual = _about()
    for what, version in expected.items():
        if actual.get(what) != version:
            raise ClusterError(f"{what} is {actual.get(what)} there and {version} here: install the same on both")


# On this machine.


class Cluster:
    """A scheduler's nodes; a context manager. Raises ClusterError when it cannot be used.

    Stands in for the sandbox of this machine, which is not needed: a run asks for ``isolation``, ``limits``, ``close``.
    """

    def __init__(self, address: str, *, isolation: Isolation, limits: Limits) -> None:
        self.isolation = "none" if isolation == "none" else "bubblewrap"
        self.limits = limits
        self._notify: Callable[[str], None] = lambda sentence: None
        self._address = address
        self._asked: Isolation = isolation
        self._run = secrets.token_hex(8)
        self._settings: Settings | None = None
        self._last_seen = time.monotonic()
        self._told = False
        self._mutex = threading.Lock()
        self._client = _connected(address)
        try:
            _refuse_other_versions(self._client, address)
        except BaseException:
            self._client.close(timeout=2)
            raise

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        # Nodes that do not answer are not waited for.
        leaving = threading.Thread(target=self._leave, daemon=True)
        leaving.start()
        leaving.join(_LEAVE_SECONDS)
        with contextlib.suppress(Exception, asyncio.CancelledError):
            self._client.close(timeout=5)

    def close(self) -> None:
        """Nothing: what is under way is dropped by whoever waits for it."""

    def _leave(self) -> None:
        with contextlib.suppress(Exception, asyncio.CancelledError):
            if self._client.status == "running":
                self._client.run(leave, self._run, on_error="ignore")

    @property
    def jobs(self) -> int:
        """Submissions to have under way: enough to keep every thread of every node busy, and some for nodes to come."""
        threads = 0
        with contextlib.suppress(Exception):
            threads = sum(self._client.ncores().values())
        return max(16, 2 * threads)

    def ready(self, grading: Grading, *, notify: Callable[[str], None]) -> None:
        """Take the settings of a run; ``notify`` is told in a sentence when no node is there to work.

        Raises ClusterError when the rubric was changed since it was loaded.
        """
        import hashlib

        self._notify = notify
        rubric = grading.rubric.path.read_bytes()
        if hashlib.sha256(rubric).hexdigest() != grading.rubric.sha256:
            raise ClusterError(f"{display(str(grading.rubric.path))} was changed since it was read: run again")
        options, horses = grading.options, grading.horses
        self._settings = Settings(rubric, options, horses, self._asked, self.limits, _about())

    def __call__(
        self, submission: Submission, keys: Mapping[str, str], stopped: Callable[[], bool]
    ) -> dict[str, bytes]:
        """The files of a submission's report; see ``cohort.Elsewhere``."""
        from grader.cohort.events import RunError

        packed = pack(submission)
        settings: Settings | None = None
        while True:
            kind, more = self._ask(settings, packed, keys, stopped)
            if kind == "report":
                return _checked(more)
            if kind == "unfit":
                raise RunError(f"the node {more}; {_GO_ON}")
            if kind != "settings":
                raise RuntimeError(str(more))
            settings = self._settings

    def _ask(
        self, settings: Settings | None, packed: bytes, keys: Mapping[str, str], stopped: Callable[[], bool]
    ) -> tuple[str, Any]:
        from grader.cohort.events import RunError

        future = None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # it is told once that pictures are large
                future = self._client.submit(grade_there, self._run, settings, packed, dict(keys), pure=False)
            while True:
                with contextlib.suppress(TimeoutError, asyncio.TimeoutError, concurrent.futures.TimeoutError):
                    kind, more = future.result(timeout=_POLL_SECONDS)
                    self._told, self._last_seen = False, time.monotonic()
                    return str(kind), more
                if stopped():
                    raise RuntimeError("the run was stopped")
                self._look_for_nodes()
        except (asyncio.CancelledError, concurrent.futures.CancelledError, OSError) as lost:
            raise RunError(
                f"the scheduler at {self._address} was lost ({type(lost).__name__}): start it again; {_GO_ON}"
            ) from lost
        except ModuleNotFoundError as missing:
            raise RunError(
                f"a node or the scheduler lacks the grader ({missing}): install it there as it is here"
            ) from None
        except Exception as fault:
            if self._client.status not in ("running", "connecting"):
                raise RunError(f"the scheduler at {self._address} was lost: start it again; {_GO_ON}") from fault
            if "deserialization" in str(fault):
                raise RunError(
                    "the scheduler cannot read what is sent: install the grader there as it is here"
                ) from fault
            raise
        finally:
            if future is not None and not future.done():
                with contextlib.suppress(Exception, asyncio.CancelledError):
                    future.cancel(force=True)

    def _look_for_nodes(self) -> None:
        """Now and then, and by one thread at a time: is anybody there to work?"""
        if time.monotonic() - self._last_seen < _PATIENCE or self._told or not self._mutex.acquire(blocking=False):
            return
        try:
            if not self._client.ncores():
                self._told = True
                self._notify(
                    "No node is there to work; the run waits for one to join. Ctrl-C stops it, and nothing is lost."
                )
            self._last_seen = time.monotonic()
        finally:
            self._mutex.release()


def _checked(files: Any) -> dict[str, bytes]:
    """A node's reply, of the agreed form."""
    names = ("report.html", "feedback.md", "report.json")
    if (
        not isinstance(files, dict)
        or tuple(files) != names
        or not all(isinstance(file, bytes) for file in files.values())
    ):
        raise RuntimeError("a node's reply is not of the agreed form")
    return dict(files)


def _connected(address: str) -> Any:
    """A client of the scheduler at ``address``."""
    try:
        distributed: Any = importlib.import_module("distributed")
    except ImportError:
        raise ClusterError(
            "--cluster needs Dask, which is not installed: pip install 'colour-grade[cluster]', or leave --cluster out"
        ) from None
    # Its warnings are told in our own words.
    for name in [*logging.root.manager.loggerDict]:
        if name.partition(".")[0] in ("distributed", "dask"):
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    # By hand, to have it where it fails: a client that never connected waits half a minute when it is thrown away.
    client = distributed.Client.__new__(distributed.Client)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            client.__init__(address, timeout=_CONNECT_SECONDS, set_as_default=False, name="grade")
        return client
    except Exception as fault:
        client.status = "closed"
        said = display(" ".join(str(fault).split()), limit=160) or type(fault).__name__
        raise ClusterError(
            f"no Dask scheduler of a fitting version answers at {display(address, limit=120)} ({said}): "
            "start one with 'dask scheduler', or give the address that it names"
        ) from None


def _refuse_other_versions(client: Any, address: str) -> None:
    """Dask itself goes on with a warning, and fails later in ways that nobody understands."""
    try:
        versions = client.get_versions()
    except Exception as fault:
        said = display(" ".join(str(fault).split()), limit=160) or type(fault).__name__
        raise ClusterError(f"the scheduler at {address} does not tell its version ({said}): start it again") from None
    ends = {f"the scheduler at {address}": versions.get("scheduler") or {}}
    ends |= {f"the node {name}": about or {} for name, about in (versions.get("workers") or {}).items()}
    ours = _versions(versions["client"])
    for end, about in ends.items():
        theirs = _versions(about)
        for what, version in ours.items():
            if theirs[what] != version:
                raise ClusterError(
                    f"{end} has {what} {theirs[what]}, here is {version}: install the same version on both"
                )


def _versions(about: Mapping[str, Any]) -> dict[str, str]:
    packages = about.get("packages") or {}
    python = ".".join(str(packages.get("python")).split(".")[:2])
    return {"distributed": str(packages.get("distributed")), "Python": python}
