"""A parent that cannot work is our failure, in one sentence; one that has died is replaced."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from sessions import LIMITS, run

from grader.sandbox.sandbox import Sandbox
from grader.sandbox.session import Session
from grader.sandbox.terms import SandboxError


@pytest.mark.slow
@pytest.mark.bubblewrap
def test_a_dead_parent_is_replaced_by_any_thread_and_its_sessions_are_our_failure(isolated: Sandbox) -> None:
    opened: list[Session] = []
    with isolated.open() as session:
        assert isolated._parent is not None
        isolated._parent._process.kill()
        with pytest.raises(SandboxError, match="killed from outside"):
            run(session, "while True: pass")
    thread = threading.Thread(target=lambda: opened.append(isolated.open()))
    thread.start()
    thread.join()
    # the thread that started the new parent is gone, the parent is not
    with opened[0] as session:
        assert run(session, "value = 1") == 1


@pytest.mark.slow
def test_a_parent_that_cannot_start_is_one_sentence(tmp_path: Path) -> None:
    broken = tmp_path / "handler.py"
    broken.write_text("import no_such_module")
    with (
        Sandbox(isolation="none", limits=LIMITS, handler=broken) as sandbox,
        pytest.raises(SandboxError, match="no_such_module") as caught,
    ):
        sandbox.open()
    assert "\n" not in str(caught.value)


def test_where_bubblewrap_is_missing_the_sentence_has_both_ways_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(SandboxError, match=r"install it .* or use --isolation none"):
        Sandbox(isolation="auto", limits=LIMITS)


def test_bubblewrap_that_does_not_work_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = tmp_path / "bwrap"
    fake.write_text("#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with (
        Sandbox(isolation="auto", limits=LIMITS) as sandbox,
        pytest.raises(SandboxError, match=r"No permissions.*--isolation none"),
    ):
        sandbox.open()
