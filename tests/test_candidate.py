"""A submission's worker as the checks see it: what stops it becomes evidence, and costs no more than it must."""

from __future__ import annotations

from grader import candidate
from grader.candidate import Submitted

LOADED = {"classes": ["CNN"], "chosen": {}, "conflicts": [], "left_out": [], "failed": [], "stood_in": [], "notes": []}


class _Stopped(Exception):
    kind, detail = "timeout", "the code did not finish within 1 second"


class _Session:
    """Stops at loading as long as a message is not among those it ``can`` answer."""

    output = ""

    def __init__(self, can: tuple[bool, ...], asked: list[bool]) -> None:
        self._can, self._asked = can, asked

    def ask(self, message, tensors, *, seconds):
        self._asked.append(message["sparing"])
        if message["sparing"] not in self._can:
            raise _Stopped
        return LOADED, {}

    def close(self) -> None:
        pass


def _loaded(*can: bool) -> tuple[dict, list[bool]]:
    asked: list[bool] = []
    candidate = Submitted(lambda: _Session(can, asked), _Stopped, seconds=100, probe_seconds=1)
    return candidate.load([], ["CNN"]), asked


def test_definitions_that_load_are_loaded_once_and_whole():
    assert _loaded(True, False) == (LOADED, [False])


def test_what_stops_at_loading_is_tried_again_without_what_nothing_needs():
    assert _loaded(True) == (LOADED, [False, True])


def test_what_stops_both_times_says_why_it_stopped_first():
    reply, asked = _loaded()
    assert asked == [False, True]
    assert reply["trouble"]["text"] == "the code did not finish within 1 second"


class _Slow(_Session):
    """Takes so many seconds for each probe."""

    def __init__(self, clock: list[float], seconds: float) -> None:
        self._clock, self._seconds = clock, seconds

    def ask(self, message, tensors, *, seconds):
        self._clock[0] += self._seconds
        return {"trainable": 0, "frozen": 0, "listed": True, "outputs": [], "trainable_after": 0}, {}


def test_only_the_time_in_which_it_answers_is_a_submissions(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(candidate.time, "monotonic", lambda: clock[0])
    slow = Submitted(lambda: _Slow(clock, 4), _Stopped, seconds=10, probe_seconds=5)
    replies = []
    for _ in range(4):
        replies.append(slow.answer({"do": "build", "cls": "CNN", "inputs": []}, {})[0])
        clock[0] += 1000  # the examiner computes
    assert ["trouble" in reply for reply in replies] == [False, False, False, True]
    assert replies[3]["trouble"]["text"] == "the time allowed for one submission was used up"
