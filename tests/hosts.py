"""What the integrations' tests share: a submission, and the commands as a host has them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from places import ROOT

SUBMISSION = ROOT / "fixtures" / "submissions" / "csc413-2023" / "right" / "submission"
INTEGRATIONS = ROOT / "integrations"


def commands(folder: Path) -> Path:
    """``python``, ``grade`` and ``gradebook`` in a folder, as an installation makes them."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, module in (("python", ""), ("grade", "-m grader"), ("gradebook", "-m grader.cli.gradebook")):
        path = folder / name
        path.write_text(f'#!/bin/sh\nexec "{sys.executable}" {module} "$@"\n')
        path.chmod(0o755)
    return folder


def environment(**more: str) -> dict[str, str]:
    """The environment of a host, in which this checkout is installed."""
    return {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **more}
