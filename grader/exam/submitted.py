"""A submission as a candidate: probes go to its worker, and every reply is checked before it is believed.

If a worker hangs or dies, the reply to that probe is ``Trouble``, and a new worker is started for the next probe. So
the failure of one criterion does not cost the marks of another. A malformed reply counts as trouble too, since only
the code of the submission can have changed it.

A probe with a ``device`` goes to another worker, which may use the GPU for as long as the submission has the lease.
That worker is restarted in the same way, and takes no part in what the worker on the CPU answers.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol, TypeVar

from torch import Tensor

from grader.exam.replies import MalformedReply, misfit, read_reply, too_many
from grader.sandbox.allowance import OUTER
from grader.sandbox.floor import Floor, FloorOfThreads
from grader.sandbox.terms import NoGpu
from grader.worker.protocol import (
    ClassProbe,
    CodeFile,
    Construction,
    DataFile,
    Definitions,
    LoadDefinitions,
    Outline,
    OutlineSource,
    Probe,
    RunOnDevice,
    Several,
    Tensors,
    Trace,
    Trouble,
    bundle,
    probe_to_json,
    unbundle,
)

__all__ = ["GpuLease", "Session", "Submitted", "Unexaminable"]

R = TypeVar("R")

_OUTPUT = 20_000
"""Most characters that are kept of what the code printed."""
_HANGS = 2
"""A class that did not finish in time this many times is not tried again."""
_BESIDE_TENSORS = 5 * 2**20
"""The bytes that a reply may have beside its tensors: its JSON, and their header."""
_HUNG = "the code did not finish in time when it was tried before"


class Unexaminable(Exception):
    """The worker could not read the source at all. The text is a sentence about the submission."""


class Session(Protocol):
    """A session of the sandbox; see ``grader/sandbox/session.py``."""

    def ask(
        self, message: Mapping[str, Any], tensors: Mapping[str, Tensor] = ..., *, seconds: float, reply_bytes: int
    ) -> tuple[dict[str, Any], Tensors]: ...
    def close(self) -> None: ...
    @property
    def output(self) -> str: ...
    @property
    def dropped(self) -> int: ...
    @property
    def spent(self) -> float: ...


class GpuLease(Protocol):
    """A submission's lease of the GPU; see ``grader/sandbox/gpu.py``."""

    def acquire(self, *, wait: bool) -> bool: ...
    def open(self) -> Session: ...
    def release(self) -> None: ...


class Submitted:
    """The worker of one submission.

    ``open`` starts a session when one is first needed. ``failure`` is the exception by which a session says that the
    submission broke it. ``seconds`` is the time for all probes of the submission, and ``probe_seconds`` that for one
    probe: the session's own processor time first (``sandbox/allowance.py``). The time in which the examiner computes
    between probes is not counted in ``seconds``, nor is a probe that hangs.

    What ends at a limit is asked once more, alone on the ``floor``, before it counts: other jobs may have slowed it
    down. A class that hangs is asked alone from then on, and one that hangs twice is not tried a third time. Where the
    time for the submission is used up, there is as much again, alone. Once per submission, a session that is killed is
    replaced and asked again.

    ``gpu`` is the lease of the GPU on which probes with a ``device`` are answered. Several probes go to the worker in
    one message if their tensors have at most ``most_together`` bytes. The tensors of all replies together may have
    ``evidence_bytes``, since checks keep them. What this process takes to send questions and to read answers may have
    ``reading_seconds`` of processor time; honest ones take a hundredth. ``clock`` returns the wall time in seconds.
    """

    def __init__(
        self,
        open: Callable[[], Session],
        failure: type[Exception],
        *,
        seconds: float,
        probe_seconds: float,
        gpu: GpuLease | None = None,
        floor: Floor | None = None,
        most_together: int = 2**24,
        evidence_bytes: int = 96 * 2**20,
        reading_seconds: float = 20.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._open = open
        self._most_together = most_together
        self._reading = reading_seconds
        """What is left of the processor time of this process for questions and answers."""
        self._room = evidence_bytes
        """How many bytes the tensors of further replies may have."""
        self._clock = clock
        self._lease = gpu
        self._floor = floor or FloorOfThreads()
        self._is_alone = False
        """Whether this submission has the floor for itself now."""
        self._on_gpu = (
            Submitted(gpu.open, failure, seconds=math.inf, probe_seconds=probe_seconds, floor=self._floor)
            if gpu is not None
            else None
        )
        self.used_gpu = False
        """Whether the GPU has answered a probe."""
        self._failure = failure
        self._left = seconds
        self._wall_left = OUTER * seconds
        self._seconds_alone = seconds
        """What is left of the time alone, which begins when the other time is used up."""
        self._probe_seconds = probe_seconds
        self._session: Session | None = None
        self._load: LoadDefinitions | None = None
        self._output = ""
        self._dropped = 0
        """Characters that were printed and are not in ``_output``."""
        self._hangs: Counter[str] = Counter()
        self._killed = False
        """Whether a session was killed. The first time, the system may have run out of memory; the second time, the
        code is to blame.
        """
        self.threaded = False
        """Whether the submission used threads of its own, in which operations are not watched."""
        self._seen: dict[str, None] = {}
        self._troubled: str | None = None
        """The class that met trouble last in the open session; None if none did."""

    @property
    def output(self) -> str:
        """What the code printed in all sessions: the first 20,000 characters, and how many more there were."""
        session = self._session
        text = self._output + (session.output if session else "")
        more = max(0, len(text) - _OUTPUT) + self._dropped + (session.dropped if session else 0)
        if not more:
            return text
        return f"{text[:_OUTPUT].rstrip()}\n[The output is cut here: at least {more:,} more characters were printed.]\n"

    @property
    def seen(self) -> tuple[str, ...]:
        """What the code was seen to do to the worker's process, which it shares with our code, or to its replies."""
        return tuple(dict.fromkeys((*self._seen, *(self._on_gpu.seen if self._on_gpu else ()))))

    def outline(self, files: Sequence[CodeFile]) -> Outline:
        """What the source says, before any code runs. Raises Unexaminable."""
        reply, _ = self._ask(OutlineSource(files=tuple(files)), {})
        if isinstance(reply, Trouble):
            raise Unexaminable(f"The source could not be parsed: {reply.text}.")
        return reply

    def load(
        self, files: Sequence[CodeFile], wanted: Sequence[str], data: Sequence[DataFile] = ()
    ) -> Definitions | Trouble:
        """Run the definitions. ``Trouble`` is what stops the worker altogether.

        A line that no examined class needs may have stopped it: loading is tried once more without such lines.
        """
        probe = LoadDefinitions(files=tuple(files), data=tuple(data), wanted=tuple(wanted))
        self._load = probe
        reply, _ = self._ask(probe, {})
        if not isinstance(reply, Trouble):
            return reply
        self._load = replace(probe, sparing=True)
        spared, _ = self._ask(self._load, {})
        return reply if isinstance(spared, Trouble) else spared

    def answer(self, probe: ClassProbe[R], tensors: Tensors) -> tuple[R | Trouble, Tensors]:
        """The reply to a probe, and the tensors that come with it.

        A class may use up memory or threads, or change what all classes share. After trouble with one class, the next
        class gets a session of its own. A probe with a ``device`` is answered on that device; if that is impossible,
        the reply is ``Trouble`` too.
        """
        if probe.device is not None:
            return self._answer_on_gpu(probe, tensors)
        return self._answer_here(probe, tensors)

    def answers(self, asked: Sequence[tuple[ClassProbe[R], Tensors]]) -> Iterator[tuple[R | Trouble, Tensors]]:
        """The replies to several probes of one class, in the same order.

        They go in one message, since a message costs both sides as much as a small probe. If that fails, each probe is
        asked by itself when its turn comes, so that no probe suffers from another.
        """
        together = self._answer_together(asked) if len(asked) > 1 else None
        yield from together or (self.answer(probe, tensors) for probe, tensors in asked)

    def _answer_together(
        self, asked: Sequence[tuple[ClassProbe[R], Tensors]]
    ) -> list[tuple[R | Trouble, Tensors]] | None:
        """None if the probes cannot be answered in one message."""
        several = Several(probes=tuple(probe for probe, _ in asked))
        heavy = sum(value.nbytes for _, tensors in asked for value in tensors.values()) > self._most_together
        on_gpu = any(probe.device is not None for probe, _ in asked)
        slow = self._used_up() or self._seconds_alone <= 0 or self._hangs[several.subject] > 0
        if heavy or on_gpu or slow:
            return None
        if self._ready(several) is not None:
            return None
        replies, outputs = self._exchange(several, bundle(tensors for _, tensors in asked))
        if isinstance(replies, Trouble):
            return None
        answered = zip(asked, replies.replies, unbundle(outputs, len(asked)), strict=True)
        return [self._believed(probe, tensors, reply, own) for (probe, tensors), reply, own in answered]

    def _answer_here(self, probe: Probe[R], tensors: Tensors) -> tuple[R | Trouble, Tensors]:
        obstacle = self._ready(probe)
        return (obstacle, {}) if obstacle is not None else self._ask(probe, tensors)

    def _ready(self, probe: Probe[Any]) -> Trouble | None:
        """Make sure that a session has loaded the definitions for a probe. Returns what prevents it, or None."""
        if self._hangs[probe.subject] >= _HANGS:
            return _stopped(_HUNG)
        if self._troubled not in (None, probe.subject):
            self._end()
        if self._session is None and self._load is not None:
            reply, _ = self._ask(self._load, {})
            if isinstance(reply, Trouble):
                return reply
        return None

    def _answer_on_gpu(self, probe: ClassProbe[R], tensors: Tensors) -> tuple[R | Trouble, Tensors]:
        """Waits for the lease only if the GPU alone can answer. Training is done on the CPU just as well."""
        if self._lease is None or self._on_gpu is None:
            return _stopped("there is no GPU"), {}
        answered: tuple[R | Trouble, Tensors] = _stopped("the GPU was busy with another submission"), {}
        try:
            if self._lease.acquire(wait=isinstance(probe, RunOnDevice)):
                self._on_gpu._load = self._load
                answered = self._on_gpu._answer_here(probe, tensors)
                self.used_gpu = self.used_gpu or not isinstance(answered[0], Trouble)
        except NoGpu as why:
            self._on_gpu.close()
            answered = _stopped(str(why)), {}
        if self._on_gpu._session is None:
            # It hung or died. Other submissions need not wait for what this one does next.
            self._lease.release()
        return answered

    def close(self) -> None:
        """End the workers, and give the GPU back."""
        if self._on_gpu is not None and self._lease is not None:
            try:
                self._on_gpu.close()
            finally:
                self._lease.release()
        self._end()

    def _end(self) -> None:
        """End the session of this worker."""
        if self._session is not None:
            self._output += self._session.output
            self._dropped += self._session.dropped
            self._session.close()
            self._session = None
            self._troubled = None

    def _ask(self, probe: Probe[R], tensors: Tensors) -> tuple[R | Trouble, Tensors]:
        if self._hangs[probe.subject] >= _HANGS:
            return _stopped(_HUNG), {}
        if self._used_up():
            if self._seconds_alone <= 0:
                return _stopped("the time allowed for one submission was used up"), {}
            self._left, self._wall_left = self._seconds_alone, OUTER * self._seconds_alone
            self._seconds_alone = 0.0
        slow = self._seconds_alone <= 0 or self._hangs[probe.subject] > 0
        if slow and not self._is_alone:
            return self._alone(probe, tensors)
        killed_before, hangs_before = self._killed, self._hangs[probe.subject]
        reply, outputs = self._exchange(probe, tensors)
        hung = self._hangs[probe.subject] > hangs_before
        killed = self._killed and not killed_before
        out_of_time = isinstance(reply, Trouble) and self._used_up() and self._seconds_alone > 0
        if (hung and not self._is_alone) or killed or out_of_time:
            return self._alone(probe, tensors)
        return (reply, {}) if isinstance(reply, Trouble) else self._believed(probe, tensors, reply, outputs)

    def _alone(self, probe: Probe[R], tensors: Tensors) -> tuple[R | Trouble, Tensors]:
        """The reply to a probe while no other submission of the run is at work."""
        ask = self._ask if isinstance(probe, OutlineSource | LoadDefinitions) else self._answer_here
        if self._is_alone:
            return ask(probe, tensors)
        with self._floor.alone():
            self._is_alone = True
            try:
                return ask(probe, tensors)
            finally:
                self._is_alone = False

    def _used_up(self) -> bool:
        """Whether the time for the submission is used up."""
        return self._left <= 0 or self._wall_left <= 0

    def _exchange(self, probe: Probe[R], tensors: Tensors) -> tuple[R | Trouble, Tensors]:
        """The session's reply in the agreed form, or ``Trouble``. Without such a reply the session is ended."""
        with contextlib.nullcontext() if self._is_alone else self._floor.shared():
            return self._exchanged(probe, tensors)

    def _exchanged(self, probe: Probe[R], tensors: Tensors) -> tuple[R | Trouble, Tensors]:
        if self._session is None:
            self._session = self._open()
        session, start = self._session, self._clock()
        spent, read = session.spent, time.thread_time()
        try:
            seconds = min(self._left, self._probe_seconds)
            message, outputs = session.ask(
                probe_to_json(probe), tensors, seconds=seconds, reply_bytes=_BESIDE_TENSORS + self._room
            )
        except self._failure as failure:
            if getattr(failure, "kind", "") == "timeout" and seconds < self._probe_seconds:
                self._left = 0.0
            elif getattr(failure, "kind", "") == "timeout":
                # The time that one class wastes is not taken from the others. What is loaded whole may hang twice: it
                # is loaded once more without what no class needs.
                if not (self._is_alone and isinstance(probe, LoadDefinitions) and not probe.sparing):
                    self._hangs[probe.subject] += 1
            else:
                self._take(session.spent - spent, self._clock() - start)
            detail = getattr(failure, "detail", str(failure))
            if getattr(failure, "kind", "") == "protocol":
                self._seen[detail] = None
            self._end()
            self._pay(time.thread_time() - read)
            self._killed = self._killed or getattr(failure, "killed", False)
            return _stopped(detail), {}
        except BaseException:  # a failure of ours: who asks next must not find what is left of this reply
            self._end()
            raise
        self._take(session.spent - spent, self._clock() - start)
        self._pay(time.thread_time() - read)
        self._room = max(0, self._room - sum(value.nbytes for value in outputs.values() if not value.is_meta))
        if "failure" in message:
            self._end()
            failed = message["failure"]
            return _stopped(str(failed.get("detail") if isinstance(failed, dict) else failed)[:300]), {}
        try:
            reply = read_reply(probe, message)
        except MalformedReply as why:
            self._end()
            return self._malformed(str(why)[:120]), {}
        for event in message.get("seen", ()):
            self._seen[event] = None
        self.threaded = self.threaded or "threads" in message
        return reply, outputs

    def _pay(self, seconds: float) -> None:
        """Count processor time of this process. Where it is used up, so is the time for the submission."""
        self._reading -= seconds
        if self._reading <= 0:
            self._left = self._seconds_alone = 0.0

    def _take(self, spent: float, wall: float) -> None:
        """Take time away from what is left for the submission."""
        self._left -= spent
        self._wall_left -= wall

    def _believed(
        self, probe: Probe[R], tensors: Tensors, reply: R | Trouble, outputs: Tensors
    ) -> tuple[R | Trouble, Tensors]:
        """A reply of the agreed form, or ``Trouble`` if it does not fit its probe."""
        if isinstance(reply, Trouble) or (isinstance(reply, Construction) and reply.stopped is not None):
            self._troubled = probe.subject
        if isinstance(reply, Trouble):
            return reply, outputs
        contradiction = misfit(probe, tensors, reply, outputs)
        if contradiction:
            return self._malformed(contradiction), {}
        if isinstance(reply, Trace) and (too_large := too_many(reply)):
            return _stopped(too_large), {}
        return reply, outputs

    def _malformed(self, why: str) -> Trouble:
        """The trouble of a reply that the submission's code has changed; that it did is remembered."""
        event = f"its reply was not of the agreed form ({why})"
        self._seen[event] = None
        return _stopped(event)


def _stopped(why: str) -> Trouble:
    return Trouble("Stopped", why)
