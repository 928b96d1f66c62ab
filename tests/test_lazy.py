"""An attribute is computed once an object, and one object's computing holds up no other's."""

from __future__ import annotations

import threading

from grader.lazy import lazy


class Examined:
    def __init__(self, wait: threading.Event | None = None) -> None:
        self.wait, self.computed = wait, 0

    @lazy
    def rows(self) -> int:
        """How many there are."""
        if self.wait is not None:
            assert self.wait.wait(30)
        self.computed += 1
        return self.computed


def test_it_is_computed_once_and_kept():
    one = Examined()
    assert (one.rows, one.rows, one.computed) == (1, 1, 1)
    assert Examined.rows.__doc__ == "How many there are."


def test_an_object_that_hangs_holds_up_no_other():
    release = threading.Event()
    hanging, other = Examined(release), Examined()
    thread = threading.Thread(target=lambda: hanging.rows)
    thread.start()
    assert other.rows == 1 and hanging.computed == 0
    release.set()
    thread.join()
    assert hanging.computed == 1
