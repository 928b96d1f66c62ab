"""Folders of hand-ins for tests, by the names in them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from grader.intake import Findings

__all__ = ["deny", "ids", "lay"]


def lay(top: Path, *names: str, content: str = "x = 1\n") -> Path:
    """Files of these names below ``top``; a name that ends in ``/`` is an empty folder."""
    for name in names:
        path = top / name
        if name.endswith("/"):
            path.mkdir(parents=True, exist_ok=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
    return top


def ids(findings: Findings) -> list[str]:
    return [submission.id for submission in findings.found]


def deny(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """As for a user who is not root: these may not be opened, nor looked into."""
    access, stat, scan = os.access, os.stat, os.scandir

    def denied(path: object) -> bool:
        return any(part in names for part in Path(os.fsdecode(path)).parts)  # type: ignore[arg-type]

    def refuse(path: object, here: bool) -> None:
        if denied(path if here else Path(os.fsdecode(path)).parent):  # type: ignore[arg-type]
            raise PermissionError(13, "Permission denied", str(path))

    def scandir(path: object) -> object:
        refuse(path, here=True)
        return scan(path)  # type: ignore[call-overload]

    def status(path: object, **how: object) -> object:
        refuse(path, here=False)
        return stat(path, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "access", lambda path, mode: not denied(path) and access(path, mode))
    monkeypatch.setattr(os, "scandir", scandir)
    monkeypatch.setattr(os, "stat", status)
