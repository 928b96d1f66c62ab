"""The part of ``grade --cluster`` that runs on the nodes: one submission is graded in this process.

Dask finds ``grade_there`` and ``leave`` by the name of this module. The scheduler imports it too, so what is imported
at the top must be light: torch is imported by the first submission.
"""

from __future__ import annotations

import contextlib
import platform
import socket
import tempfile
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from grader import __version__
from grader.cohort.parcel import unpack
from grader.display import display

if TYPE_CHECKING:
    from grader.pipeline import Options
    from grader.sandbox.terms import Isolation, Limits
    from reference.data import Horses

__all__ = ["NodeSettings", "grade_there", "leave", "versions"]


Reply = tuple[str, "dict[str, bytes] | str | None"]
"""What came of a submission, and more about it; see ``grade_there``."""


@dataclass(frozen=True)
class NodeSettings:
    """What a node needs in order to grade as the run's own machine would."""

    rubric: bytes
    """The content of the rubric's file."""
    options: Options
    horses: Horses
    isolation: Isolation
    limits: Limits
    versions: Mapping[str, str]
    """``versions`` of the run's own machine."""


def grade_there(run: str, settings: NodeSettings | None, packed: bytes, keys: Mapping[str, str]) -> Reply:
    """Grade one submission in this process. ``keys`` are its report's by assignment. Never raises an Exception.

    The reply is one of these pairs:

    ``report``: the report's files by name, ``report.json`` last.
    ``settings``: None; the settings of this run are not known here and must be sent with the submission.
    ``unfit``: why this node cannot grade at all.
    ``failed``: why the grader failed on this submission.
    """
    from grader.report.files import rendered

    try:
        with _post(run, settings) as post:
            if post is None:
                return "settings", None
            try:
                submission = unpack(packed)
                report = post.grading.grade(submission)
                key = keys[report.assignment_id]
                return "report", dict(rendered(report, key=key, folder=submission.folder).files)
            except Exception as fault:  # a failure of ours: what the submission's code raised is a verdict by now
                text = display(" ".join(str(fault).split()), limit=300)
                return "failed", f"{type(fault).__name__} on {socket.gethostname()}: {text}"
    except Exception as fault:
        return "unfit", display(f"{socket.gethostname()}: {' '.join(str(fault).split())}", limit=500)


def leave(run: str) -> None:
    """End a run's worker processes on this node, unless they are at work."""
    with _LOCK:
        if run in _POSTS and not _POSTS[run].users:
            _POSTS.pop(run).close()


def versions() -> dict[str, str]:
    """What both machines must have alike, by its name; only then are the marks the same."""
    import torch

    from grader.store.keys import source_sha256

    return {
        "grader": __version__,
        "source of the grader": source_sha256()[:16],
        "Python": ".".join(platform.python_version_tuple()[:2]),
        # Builds of one version for different GPUs compute the same on the CPU.
        "torch": str(torch.__version__).partition("+")[0],
    }


class _Unfit(Exception):
    """This node cannot grade as the run's own machine would; the text is one sentence."""


class _Post:
    """One run's ``Grading`` in this process, with its sandbox."""

    def __init__(self, settings: NodeSettings) -> None:
        import torch

        from grader.marking.rubric_file import load
        from grader.pipeline import Grading
        from grader.sandbox.gpu import Gpu
        from grader.sandbox.sandbox import Sandbox

        torch.set_num_threads(1)
        with tempfile.TemporaryDirectory(prefix="grade-") as folder:
            path = Path(folder) / "rubric.yaml"
            path.write_bytes(settings.rubric)
            rubric = load(path)
        self.users = 0
        """Submissions that are graded with it now."""
        with contextlib.ExitStack() as opened:
            sandbox = opened.enter_context(Sandbox(isolation=settings.isolation, limits=settings.limits))
            # This opens a session: what is missing on this node shows now, and not as a failure on every submission.
            _ = sandbox.layers
            gpu = None
            if settings.options.device == "cuda":
                gpu = opened.enter_context(Gpu.confirmed(isolation=settings.isolation, limits=settings.limits))
            self._open = opened.pop_all()
        self.grading = Grading(rubric, settings.horses, sandbox, settings.options, gpu=gpu)

    def close(self) -> None:
        self._open.close()


_POSTS: dict[str, _Post] = {}
"""By run. There are several only while submissions of an earlier run are still graded."""
_LOCK = threading.Lock()


@contextlib.contextmanager
def _post(run: str, settings: NodeSettings | None) -> Iterator[_Post | None]:
    """The post of a run, made if need be; None where it would have to be made and ``settings`` are not given."""
    with _LOCK:
        if run not in _POSTS:
            if settings is None:
                yield None
                return
            _refuse_to_differ(settings.versions)
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


def _refuse_to_differ(expected: Mapping[str, str]) -> None:
    actual = versions()
    for what, version in expected.items():
        if actual.get(what) != version:
            raise _Unfit(f"{what} is {actual.get(what)} there and {version} here: install the same on both")
