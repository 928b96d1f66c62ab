"""``grade --cluster``: submissions are graded on other machines, by the workers of a Dask scheduler.

    this machine                            scheduler ──► node: one Grading with its own sandbox per process
    read ──► submission's bytes, keys ─────────────────► check, mark, render
    store ◄── report.html, feedback.md, report.json ◄───

The submission is read here, once, and travels as compressed JSON of bounded size (``parcel``). Nothing of it is ever
unpickled, and finished files come back. The run's settings (rubric, options, pictures, limits) travel once to each
process: a process that does not have them says so, and is sent them together with the same submission. Both ends must
have the same source, Python and torch, because only then are the marks the same; a node that differs ends the run with
a sentence.

When a node is lost, nothing is lost: the scheduler gives its submissions to others. A submission during which several
nodes in a row were lost counts as one on which the grader failed. See ``docs/cluster.md``.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import hashlib
import importlib
import logging
import secrets
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import Any

from grader.cohort.grader import KeyOf, RunError, Settings, Watch
from grader.cohort.node import NodeSettings, grade_there, leave, versions
from grader.cohort.parcel import pack
from grader.display import display
from grader.examined import Earlier
from grader.intake import Found, read
from grader.report.files import FILES, RenderedReport, from_files
from grader.sandbox.terms import Isolation

__all__ = ["Cluster", "ClusterError", "ClusterGrader"]


CONNECT_SECONDS = 15.0
_LEAVE_SECONDS = 5
_CLOSE_SECONDS = 5
_POLL_SECONDS = 1.0
_PATIENCE_SECONDS = 30.0
"""How long there may be no node before somebody is told."""
_GO_ON = "reports written so far are whole, and the same command goes on from there"


class ClusterError(Exception):
    """The cluster cannot be used; the text is one sentence."""


class Cluster:
    """A connection to a Dask scheduler; a context manager. Raises ClusterError when it cannot be used."""

    def __init__(self, address: str, *, connect_seconds: float = CONNECT_SECONDS) -> None:
        self.address = address
        self.client = _connected(address, connect_seconds)
        """Dask's client."""
        self.run = secrets.token_hex(8)
        """Names this run to the nodes."""
        try:
            _refuse_other_versions(self.client, address)
        except BaseException:
            self.client.close(timeout=2)
            raise

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        # In a thread, because nodes that do not answer are not waited for.
        leaving = threading.Thread(target=self._leave, daemon=True)
        leaving.start()
        leaving.join(_LEAVE_SECONDS)
        with contextlib.suppress(Exception, asyncio.CancelledError):
            self.client.close(timeout=_CLOSE_SECONDS)

    def _leave(self) -> None:
        with contextlib.suppress(Exception, asyncio.CancelledError):
            if self.client.status == "running":
                self.client.run(leave, self.run, on_error="ignore")


class ClusterGrader:
    """A ``Grader`` whose submissions are graded by the nodes of a cluster. See ``cohort.grader.Grader``."""

    def __init__(self, cluster: Cluster, settings: Settings, *, isolation: Isolation) -> None:
        """``isolation`` is what the command line asks of the nodes. Raises ClusterError when the rubric's file was
        changed since it was loaded."""
        self.settings = settings
        self._cluster = cluster
        self._client = cluster.client
        rubric = settings.rubric.path.read_bytes()
        if hashlib.sha256(rubric).hexdigest() != settings.rubric.sha256:
            raise ClusterError(f"{display(str(settings.rubric.path))} was changed since it was read: run again")
        self._node_settings = NodeSettings(
            rubric, settings.options, settings.horses, isolation, settings.limits, versions()
        )
        self._mutex = threading.Lock()
        self._last_reply = time.monotonic()
        """When a node was there for the last time, by the monotonic clock in seconds."""
        self._notified = False

    @property
    def jobs(self) -> int:
        """Enough to keep every thread of every node busy, and some for nodes that join later."""
        threads = 0
        with contextlib.suppress(Exception):
            threads = sum(self._client.ncores().values())
        return max(16, 2 * threads)

    def grade(self, found: Found, key_of: KeyOf, watch: Watch, earlier: Earlier) -> RenderedReport:
        """The report on one submission, which is read here and graded on a node. All of it is examined there."""
        watch.stage("reading")
        submission = read(found)
        keys = {id: key_of(submission.sha256, id) for id in self.settings.rubric.assignments}
        watch.stage("on the cluster")
        return from_files(self._files(pack(submission), keys, watch), folder=found.folder)

    def stop(self) -> None:
        """Nothing to do: whoever waits for a reply drops what is under way."""

    def _files(self, packed: bytes, keys: Mapping[str, str], watch: Watch) -> dict[str, bytes]:
        """The files of a report, from any node."""
        settings: NodeSettings | None = None
        while True:
            kind, content = self._reply(settings, packed, keys, watch)
            if kind == "report":
                return _checked(content)
            if kind == "unfit":
                raise RunError(f"the node {content}; {_GO_ON}")
            if kind != "settings":
                raise RuntimeError(str(content))
            settings = self._node_settings

    def _reply(
        self, settings: NodeSettings | None, packed: bytes, keys: Mapping[str, str], watch: Watch
    ) -> tuple[str, object]:
        """What a node replies; see ``grade_there``. The reply has still to be checked."""
        future = None
        with self._losses_as_sentences():
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # Dask warns that the pictures are large; they are sent rarely
                    future = self._client.submit(
                        grade_there, self._cluster.run, settings, packed, dict(keys), pure=False
                    )
                while True:
                    with contextlib.suppress(TimeoutError, asyncio.TimeoutError, concurrent.futures.TimeoutError):
                        kind, content = future.result(timeout=_POLL_SECONDS)
                        self._notified, self._last_reply = False, time.monotonic()
                        return str(kind), content
                    if watch.stopped():
                        raise RuntimeError("the run was stopped")
                    self._notice_missing_nodes(watch.notice)
            finally:
                if future is not None and not future.done():
                    with contextlib.suppress(Exception, asyncio.CancelledError):
                        future.cancel(force=True)

    @contextlib.contextmanager
    def _losses_as_sentences(self) -> Iterator[None]:
        """Turn what Dask raises when the scheduler is lost, or lacks the grader, into a RunError."""
        address = self._cluster.address
        try:
            yield
        except (asyncio.CancelledError, concurrent.futures.CancelledError, OSError) as loss:
            raise RunError(
                f"the scheduler at {address} was lost ({type(loss).__name__}): start it again; {_GO_ON}"
            ) from loss
        except ModuleNotFoundError as missing:
            raise RunError(
                f"a node or the scheduler lacks the grader ({missing}): install it there as it is here"
            ) from None
        except Exception as fault:
            if self._client.status not in ("running", "connecting"):
                raise RunError(f"the scheduler at {address} was lost: start it again; {_GO_ON}") from fault
            if "deserialization" in str(fault):
                raise RunError(
                    "the scheduler cannot read what is sent: install the grader there as it is here"
                ) from fault
            raise

    def _notice_missing_nodes(self, notice: Callable[[str], None]) -> None:
        """Ask now and then, by one thread at a time, whether there is any node, and say so where there is none."""
        if time.monotonic() - self._last_reply < _PATIENCE_SECONDS or self._notified:
            return
        if not self._mutex.acquire(blocking=False):
            return
        try:
            if not self._client.ncores():
                self._notified = True
                notice("No node is there to work; the run waits for one to join. Ctrl-C stops it, and nothing is lost.")
            self._last_reply = time.monotonic()
        finally:
            self._mutex.release()


def _checked(content: object) -> dict[str, bytes]:
    """A node's files, if they have the agreed form."""
    if (
        not isinstance(content, dict)
        or tuple(content) != FILES
        or not all(isinstance(file, bytes) for file in content.values())
    ):
        raise RuntimeError("a node's reply is not of the agreed form")
    return dict(content)


def _connected(address: str, seconds: float) -> Any:
    """A client of the scheduler at ``address``, which gets so many seconds to answer."""
    try:
        distributed: Any = importlib.import_module("distributed")
    except ImportError:
        raise ClusterError(
            "--cluster needs Dask, which is not installed: pip install 'colour-grade[cluster]', or leave --cluster out"
        ) from None
    # Dask's warnings are replaced by sentences of our own.
    for name in [*logging.root.manager.loggerDict]:
        if name.partition(".")[0] in ("distributed", "dask"):
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    # The client is made in two steps, to have it where connecting fails: one that never connected waits for half a
    # minute when it is garbage-collected, unless its status says that it is closed.
    client = distributed.Client.__new__(distributed.Client)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            client.__init__(address, timeout=seconds, set_as_default=False, name="grade")
        return client
    except Exception as fault:
        client.status = "closed"
        reason = display(" ".join(str(fault).split()), limit=160) or type(fault).__name__
        raise ClusterError(
            f"no Dask scheduler of a compatible version answers at {display(address, limit=120)} ({reason}): "
            "start one with 'dask scheduler', or give the address that it prints"
        ) from None


def _refuse_other_versions(client: Any, address: str) -> None:
    """Raises ClusterError where the scheduler or a node has another version of Dask or Python.

    Dask itself only warns, and fails later in ways that are hard to understand.
    """
    try:
        answer = client.get_versions()
    except Exception as fault:
        reason = display(" ".join(str(fault).split()), limit=160) or type(fault).__name__
        raise ClusterError(
            f"the scheduler at {address} does not say which version it has ({reason}): start it again"
        ) from None
    ends = {f"the scheduler at {address}": answer.get("scheduler") or {}}
    ends |= {f"the node {name}": about or {} for name, about in (answer.get("workers") or {}).items()}
    ours = _packages(answer["client"])
    for end, about in ends.items():
        theirs = _packages(about)
        for what, version in ours.items():
            if theirs[what] != version:
                raise ClusterError(
                    f"{end} has {what} {theirs[what]}, here is {version}: install the same version on both"
                )


def _packages(about: Mapping[str, Any]) -> dict[str, str]:
    """The versions that must be the same at both ends, from what Dask says about one of them."""
    packages = about.get("packages") or {}
    python = ".".join(str(packages.get("python")).split(".")[:2])
    return {"distributed": str(packages.get("distributed")), "Python": python}
