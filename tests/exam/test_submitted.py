"""A submission's worker as the checks see it: what stops it becomes evidence, and costs no more than it must."""

from __future__ import annotations

from contextlib import contextmanager
from itertools import pairwise

import pytest
import torch

from grader.exam.submitted import Submitted
from grader.sandbox.floor import FloorOfThreads
from grader.worker.protocol import (
    BuildNetwork,
    Construction,
    Definitions,
    DeviceFindings,
    LayerRun,
    Outline,
    Output,
    RunLayer,
    RunOnDevice,
    Trace,
    TracedTensor,
    TraceNetwork,
    Trouble,
    reply_to_json,
    to_json,
)

LOADED = Definitions(classes=("CNN",))
BUILT = Construction(trainable=0, frozen=0, listed=True, trainable_after=0)
SETTLED = DeviceFindings((), settled=True)


def _build(*arguments: int) -> BuildNetwork:
    return BuildNetwork(cls="CNN", arguments=arguments, inputs=(), image=(1, 1, 8, 8))


def _build_json(**changed: object) -> dict:
    """A reply to ``_build`` that has been changed on its way."""
    return {"evidence": {**to_json(BUILT), **changed}}


class _Stopped(Exception):
    kind, detail = "timeout", "the code did not finish within 1 second"


class _Session:
    """Stops at loading as long as a message is not among those it ``can`` answer."""

    output = ""
    dropped = 0
    spent = 0.0

    def __init__(self, can: tuple[bool, ...], asked: list[bool]) -> None:
        self._can, self._asked = can, asked

    def ask(self, message, tensors, *, seconds, reply_bytes):
        self._asked.append(message["sparing"])
        if message["sparing"] not in self._can:
            raise _Stopped
        return reply_to_json(LOADED), {}

    def close(self) -> None:
        pass


def _loaded(*can: bool) -> tuple[Definitions | Trouble, list[bool]]:
    asked: list[bool] = []
    candidate = Submitted(lambda: _Session(can, asked), _Stopped, seconds=100, probe_seconds=1)
    return candidate.load([], ["CNN"]), asked


def test_definitions_that_load_are_loaded_once_and_whole():
    assert _loaded(True, False) == (LOADED, [False])


def test_what_stops_at_loading_is_tried_alone_and_then_without_what_nothing_needs():
    assert _loaded(True) == (LOADED, [False, False, True])


def test_what_stops_each_time_says_why_it_stopped_first():
    reply, asked = _loaded()
    assert asked == [False, False, True]
    assert reply.text == "the code did not finish within 1 second"


class _Slow(_Session):
    """Takes so many seconds for each probe."""

    def __init__(self, clock: list[float], seconds: float) -> None:
        self._clock, self._seconds, self.spent = clock, seconds, 0.0

    def ask(self, message, tensors, *, seconds, reply_bytes):
        self._clock[0] += self._seconds
        self.spent += self._seconds
        return reply_to_json(BUILT), {}


def test_only_the_time_in_which_it_answers_is_a_submissions_and_there_is_as_much_again_alone():
    clock = [0.0]
    slow = Submitted(lambda: _Slow(clock, 4), _Stopped, seconds=10, probe_seconds=5, clock=lambda: clock[0])
    replies = []
    for _ in range(7):
        replies.append(slow.answer(_build(), {})[0])
        clock[0] += 1000  # the examiner computes
    assert [isinstance(reply, Trouble) for reply in replies] == [*[False] * 6, True]
    assert replies[6].text == "the time allowed for one submission was used up"


def test_what_ends_with_the_time_of_the_submission_is_asked_again_alone():
    class Short(_Slow):
        def ask(self, message, tensors, *, seconds, **rest):
            if seconds < 4:
                raise _Stopped
            return super().ask(message, tensors, seconds=seconds, **rest)

    clock = [0.0]
    short = Submitted(lambda: Short(clock, 4), _Stopped, seconds=10, probe_seconds=5, clock=lambda: clock[0])
    replies = [short.answer(_build(), {})[0] for _ in range(5)]
    assert [isinstance(reply, Trouble) for reply in replies] == [*[False] * 4, True]


class _Starved(_Slow):
    """Answers after so much wall time, in which it hardly got a core."""

    def ask(self, message, tensors, *, seconds, reply_bytes):
        self._clock[0] += self._seconds
        self.spent += 0.01
        return reply_to_json(BUILT), {}


def test_wall_time_is_only_a_far_bound():
    clock = [0.0]
    starved = Submitted(lambda: _Starved(clock, 20), _Stopped, seconds=10, probe_seconds=5, clock=lambda: clock[0])
    replies = [starved.answer(_build(), {})[0] for _ in range(7)]
    assert [isinstance(reply, Trouble) for reply in replies] == [*[False] * 6, True]


class _Hanging(_Session):
    """Does not finish in time at these questions: by their place among all that were ever asked."""

    def __init__(self, asked: list[str], hangs: tuple[int, ...], floor: _Watched) -> None:
        self._asked, self._hangs, self._floor = asked, hangs, floor

    def ask(self, message, tensors, *, seconds, reply_bytes):
        self._asked.append(f"{message['do']} {'alone' if self._floor.is_taken else 'beside others'}")
        if len(self._asked) in self._hangs:
            raise _Stopped
        return reply_to_json({"load": LOADED, "build": BUILT}[message["do"]]), {}


class _Watched(FloorOfThreads):
    is_taken = False

    @contextmanager
    def alone(self):
        with super().alone():
            self.is_taken = True
            yield
            self.is_taken = False


def _hanging(*hangs: int, probes: int = 2) -> tuple[list[str], list[bool]]:
    asked: list[str] = []
    floor = _Watched()
    candidate = Submitted(lambda: _Hanging(asked, hangs, floor), _Stopped, seconds=99, probe_seconds=1, floor=floor)
    assert candidate.load([], ["CNN"]) == LOADED
    return asked, [isinstance(candidate.answer(_build(), {})[0], Trouble) for _ in range(probes)]


def test_what_hangs_beside_others_is_asked_once_more_alone_and_then_costs_nothing():
    asked, troubled = _hanging(2)
    assert troubled == [False, False]
    assert asked == ["load beside others", "build beside others", "load alone", "build alone", "build alone"]


def test_what_hangs_alone_too_is_trouble_and_its_class_is_not_tried_again():
    asked, troubled = _hanging(2, 4)
    assert troubled == [True, True]
    assert asked == ["load beside others", "build beside others", "load alone", "build alone"]


class _Replying:
    """Gives one reply to whatever it is asked, or raises it."""

    output = ""
    dropped = 0
    spent = 0.0

    def __init__(self, reply) -> None:
        self._reply = reply

    def ask(self, message, tensors, *, seconds, reply_bytes):
        if isinstance(self._reply, Exception):
            raise self._reply
        return dict(self._reply), {}

    def close(self) -> None:
        pass


class _Killed(Exception):
    kind, detail, killed = "died", "the code's process was ended by the signal SIGKILL", True


class _Mortal:
    """Answers, but for the questions at which it is killed: by their place among all that were ever asked."""

    output = ""
    dropped = 0
    spent = 0.0

    def __init__(self, asked: list[str], deaths: tuple[int, ...]) -> None:
        self._asked, self._deaths = asked, deaths

    def ask(self, message, tensors, *, seconds, reply_bytes):
        self._asked.append(message["do"])
        if len(self._asked) in self._deaths:
            raise _Killed
        replies = {"outline": Outline(), "load": LOADED, "device": SETTLED}
        return reply_to_json(replies[message["do"]]), {}

    def close(self) -> None:
        pass


class _Disturbed(Exception):
    kind, detail = "protocol", "the code disturbed the channel to the grader"


class _Died(Exception):
    kind, detail = "died", "the code ended its process"


@pytest.mark.parametrize(
    ("reply", "seen"),
    [
        ({**_build_json(), "seen": ["sys._getframe (a.py, line 3)"]}, "sys._getframe (a.py"),
        (_build_json(trainable=-1), "its reply was not of the agreed form"),
        (_build_json(outputs=[{"shape": [1], "dtype": "x", "finite": True}]), "number of outputs"),
        (_Disturbed(), "the code disturbed the channel"),
    ],
)
def test_tampering_is_remembered(reply, seen):
    candidate = Submitted(lambda: _Replying(reply), Exception, seconds=100, probe_seconds=1)
    candidate.answer(_build(), {})
    assert len(candidate.seen) == 1 and seen in candidate.seen[0]


@pytest.mark.parametrize(
    ("probe", "reply"),
    [
        (_build(), _build_json()),
        (_build(), _Died()),
        (TraceNetwork(cls="CNN"), reply_to_json(Trace((TracedTensor("w", (2**26,), ("a",), False),)))),
    ],
)
def test_what_honest_code_may_do_is_no_tampering(probe, reply):
    candidate = Submitted(lambda: _Replying(reply), Exception, seconds=100, probe_seconds=1)
    candidate.answer(probe, {})
    assert candidate.seen == ()


@pytest.mark.parametrize(
    ("deaths", "asked"),
    [
        ((), ["outline", "load", "device"]),
        ((1,), ["outline", "outline", "load", "device"]),
        ((2,), ["outline", "load", "load", "device"]),
        ((3,), ["outline", "load", "device", "load", "device"]),
    ],
)
def test_a_session_that_the_system_killed_costs_nothing_the_first_time(deaths, asked):
    seen: list[str] = []
    candidate = Submitted(lambda: _Mortal(seen, deaths), _Killed, seconds=100, probe_seconds=1)
    assert candidate.outline([]) == Outline()
    assert candidate.load([], ["CNN"]) == LOADED
    assert candidate.answer(RunOnDevice(cls="CNN"), {})[0] == SETTLED
    assert seen == asked


def test_code_that_is_killed_each_time_has_itself_to_blame():
    seen: list[str] = []
    candidate = Submitted(lambda: _Mortal(seen, (2, 4)), _Killed, seconds=100, probe_seconds=1)
    assert candidate.load([], ["CNN"]) == LOADED
    reply, _ = candidate.answer(RunOnDevice(cls="CNN"), {})
    assert "SIGKILL" in reply.text
    assert seen == ["load", "device", "load", "device"]


class _Together(_Session):
    """Answers probes; several at once only where ``company`` allows it. Tells what it was asked."""

    def __init__(self, company, asked: list[str]) -> None:
        self._company, self._asked = company, asked

    def ask(self, message, tensors, *, seconds, reply_bytes):
        self._asked.append(message["do"])
        if message["do"] != "several":
            return _build_json(frozen=message["arguments"][0]), {}
        if isinstance(self._company, Exception):
            raise self._company
        return self._company([_build_json(frozen=probe["arguments"][0]) for probe in message["probes"]]), {}


def _several(replies: list[dict]) -> dict:
    return {"evidence": {"replies": replies}}


def _asked_together(company) -> tuple[list[Construction], list[str], Submitted]:
    asked: list[str] = []
    candidate = Submitted(lambda: _Together(company, asked), Exception, seconds=100, probe_seconds=1)
    questions = [(_build(number), {}) for number in range(3)]
    return [reply for reply, _ in candidate.answers(questions)], asked, candidate


def test_several_probes_of_a_class_go_in_one_message():
    replies, asked, _ = _asked_together(_several)
    assert [reply.frozen for reply in replies] == [0, 1, 2]
    assert asked == ["several"]


@pytest.mark.parametrize(
    "company",
    [
        _Stopped(),
        _Died(),
        _Killed(),
        _Disturbed(),
        lambda replies: _several(replies[:2]),
        lambda replies: _several([_build_json(trainable=-1)] * 3),
        lambda replies: {"failure": {"kind": "exception", "detail": "the reply is too large"}},
        lambda replies: {"trouble": {"type": "Stopped", "text": "no", "frames": []}},
    ],
)
def test_where_several_probes_cannot_be_answered_at_once_each_is_asked_by_itself(company):
    replies, asked, _ = _asked_together(company)
    assert [reply.frozen for reply in replies] == [0, 1, 2]
    assert asked == ["several", "build", "build", "build"]


def test_another_number_of_replies_than_probes_is_remembered():
    _, _, candidate = _asked_together(lambda replies: _several(replies * 2))
    assert "another number of replies than probes" in candidate.seen[0]


def test_each_probe_of_several_gets_its_own_tensors_back():
    class Echo(_Session):
        def __init__(self) -> None:
            pass

        def ask(self, message, tensors, *, seconds, reply_bytes):
            reply = reply_to_json(LayerRun((), Output((1,), "torch.float32", True)))
            outputs = {f"{name.partition('/')[0]}/output": value for name, value in tensors.items()}
            return _several([reply] * len(message["probes"])), outputs

    candidate = Submitted(Echo, Exception, seconds=100, probe_seconds=1)
    probe = RunLayer(cls="MyConv2d")
    asked = [(probe, {"input": torch.tensor([float(number)])}) for number in range(12)]
    assert [outputs["output"].item() for _, outputs in candidate.answers(asked)] == [float(n) for n in range(12)]


def test_what_is_heavy_is_asked_alone():
    asked: list[str] = []
    candidate = Submitted(lambda: _Together(_several, asked), Exception, seconds=100, probe_seconds=1, most_together=7)
    list(candidate.answers([(_build(1), {"input": torch.zeros(1)})] * 2))
    assert asked == ["build", "build"]


@pytest.mark.parametrize(
    ("printed", "dropped", "said"),
    [
        ("a" * 20_000, 0, ""),
        ("a" * 20_001, 0, "at least 1 more characters"),
        ("a" * 60_000, 1_000_000, "at least 1,040,000 more characters"),
        ("a", 5, "at least 5 more characters"),
    ],
)
def test_output_that_is_cut_says_by_how_much(printed, dropped, said):
    session = _Replying({"evidence": to_json(BUILT)})
    session.output, session.dropped = printed, dropped
    candidate = Submitted(lambda: session, _Stopped, seconds=100, probe_seconds=10)
    candidate.answer(_build(), {})
    for _ in range(2):
        cut = f"\n[The output is cut here: {said} were printed.]\n" if said else ""
        assert candidate.output == printed[:20_000] + cut
        candidate.close()


class _Generous(_Session):
    """Answers with so many bytes, and tells how many it was allowed."""

    def __init__(self, count: int, allowed: list[int]) -> None:
        self._count, self._allowed = count, allowed

    def ask(self, message, tensors, *, seconds, reply_bytes):
        self._allowed.append(reply_bytes)
        reply = reply_to_json(LayerRun((), Output((1,), "torch.float32", True)))
        return reply, {"output": torch.zeros(self._count, dtype=torch.uint8)}


def test_what_a_submission_may_still_send_back_shrinks_by_what_it_has_sent():
    allowed: list[int] = []
    candidate = Submitted(lambda: _Generous(400, allowed), Exception, seconds=100, probe_seconds=1, evidence_bytes=1000)
    for _ in range(4):
        candidate.answer(RunLayer(cls="MyConv2d"), {})
    assert [before - after for before, after in pairwise(allowed)] == [400, 400, 200]


def test_answers_that_take_long_to_read_use_up_the_time_of_the_submission():
    allowed: list[int] = []
    candidate = Submitted(lambda: _Generous(4, allowed), Exception, seconds=100, probe_seconds=1, reading_seconds=0.0)
    replies = [candidate.answer(RunLayer(cls="MyConv2d"), {})[0] for _ in range(3)]
    assert [getattr(reply, "text", "") for reply in replies] == [
        "",
        *["the time allowed for one submission was used up"] * 2,
    ]
    assert len(allowed) == 1


def test_an_answer_comes_back_in_the_type_in_which_it_was_given():
    candidate = Submitted(lambda: _Generous(400, []), Exception, seconds=100, probe_seconds=1)
    assert candidate.answer(RunLayer(cls="MyConv2d"), {})[1]["output"].dtype == torch.uint8
