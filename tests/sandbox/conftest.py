"""Sandboxes and sessions that the tests of a module share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sessions import HANDLER, LIMITS

from grader.sandbox.sandbox import Sandbox
from grader.sandbox.session import Session


@pytest.fixture(scope="module")
def isolated() -> Iterator[Sandbox]:
    """For tests that are marked ``bubblewrap``."""
    with Sandbox(isolation="bubblewrap", limits=LIMITS, handler=HANDLER) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def plain() -> Iterator[Sandbox]:
    """Without isolation."""
    with Sandbox(isolation="none", limits=LIMITS, handler=HANDLER) as sandbox:
        yield sandbox


@pytest.fixture(scope="module", params=[pytest.param("isolated", marks=pytest.mark.bubblewrap), "plain"])
def either(request: pytest.FixtureRequest) -> Sandbox:
    """First one, then the other."""
    sandbox: Sandbox = request.getfixturevalue(request.param)
    return sandbox


@pytest.fixture
def session(isolated: Sandbox) -> Iterator[Session]:
    """A session of its own for each test that is marked ``bubblewrap``."""
    with isolated.open() as session:
        yield session
