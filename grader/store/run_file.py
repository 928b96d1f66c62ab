"""``run.json``: the seed with which a reports folder was begun. It also says that the folder holds reports."""

from __future__ import annotations

import json
import secrets
from pathlib import Path

from grader.reports_folder import RUN, SCHEMA
from grader.store.files import StoreError, atomic_file, display_path, error_text, unwritable

__all__ = ["read_seed", "record_seed", "seed_for"]


_MOST_BYTES = 100_000


def seed_for(out: Path, given: int | None, *, fresh: bool) -> int:
    """The seed to grade with: the given one, or else the one with which ``out`` was begun, or else a new one.

    With ``fresh`` the recorded one does not count. Nothing is written. Raises StoreError when ``out`` belongs to
    something else.
    """
    recorded = read_seed(out)
    if given is not None:
        return given
    if fresh or recorded is None:
        return secrets.randbelow(2**32)
    return recorded


def record_seed(out: Path, seed: int) -> None:
    """Write down what a resumed run has to know before it reads any report. Raises StoreError."""
    try:
        with atomic_file(out / RUN) as file:
            file.write(json.dumps({"schema": SCHEMA, "seed": seed}).encode() + b"\n")
    except OSError as error:
        raise unwritable(out, error) from error


def read_seed(out: Path) -> int | None:
    """The seed with which ``out`` was begun; None where there is no ``run.json``.

    Raises StoreError when ``out`` is a file, or when something else wrote ``run.json``.
    """
    path = out / RUN
    if out.exists() and not out.is_dir():
        raise StoreError(f"{display_path(out)} is a file, not a folder for reports: name another with --out")
    try:
        run = json.loads(path.read_bytes()[:_MOST_BYTES])
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise StoreError(f"{display_path(path)} cannot be read ({error_text(error)}): check its permissions") from error
    except ValueError:
        run = None
    seed = run.get("seed") if isinstance(run, dict) and run.get("schema") == SCHEMA else None
    if not isinstance(seed, int) or isinstance(seed, bool):
        raise StoreError(
            f"{display_path(path)} was not written by this version of the grader: name another folder with --out, "
            f"or move {display_path(out)} away"
        )
    return seed
