"""What a target made, put where it was asked for: one file or a folder, whole or not at all."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from grader.export.records import ExportError
from grader.store.files import atomic_file, display_path, error_text, sync_folder

__all__ = ["check_place", "write_file", "write_folder"]


def check_place(out: Path, *, folder: bool, beside: Iterable[Path] = ()) -> None:
    """Raises ExportError where nothing can be written to ``out``, or something else would be lost there.

    ``beside`` are files and folders that must stay as they are.
    """
    shown = display_path(out)
    try:
        for path in beside:
            if out.exists() and path.exists() and out.samefile(path):
                raise ExportError(f"--out is {shown} itself, which would be lost: name another place")
            if path.is_dir() and path.resolve() in out.resolve().parents:
                raise ExportError(f"--out {shown} lies among the reports: name a place outside of them")
        if not out.name:
            raise ExportError(f"--out {shown} has no name of its own: name a file or folder in it")
        if folder and out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise ExportError(f"{shown} is there already: name a folder that is not, or an empty one")
        if not folder and out.is_dir():
            raise ExportError(f"{shown} is a folder, and one file is to be written: name a file in it")
        if not out.absolute().parent.is_dir():
            raise ExportError(f"there is no folder {display_path(out.absolute().parent)}: make it, or name another one")
    except OSError as error:
        raise unwritable(out, error) from error
    except ValueError:
        raise ExportError(f"{shown} cannot be a path: name another place with --out") from None


def write_file(out: Path, content: bytes) -> None:
    """Write one file. Raises ExportError."""
    try:
        with atomic_file(out) as file:
            file.write(content)
    except OSError as error:
        raise unwritable(out, error) from error


def write_folder(out: Path, files: Iterable[tuple[str, bytes]]) -> int:
    """Write a folder of files; names may have folders in them. How many there are. Raises ExportError.

    Files are written into another folder beside it, which is then renamed.
    """
    staged = out.with_name(f".{out.name}.{secrets.token_hex(8)}.tmp")
    count = 0
    try:
        staged.mkdir()
        for name, content in files:
            path = staged / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("xb") as file:
                file.write(content)
            count += 1
        with suppress(FileNotFoundError):
            out.rmdir()  # an empty one; any other was refused
        staged.rename(out)
        sync_folder(out.absolute().parent)
    except OSError as error:
        raise unwritable(out, error) from error
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    return count


def unwritable(out: Path, error: OSError) -> ExportError:
    """The error for a place that cannot be written."""
    return ExportError(
        f"{display_path(out)} cannot be written ({error_text(error)}): make room, change its permissions, or name "
        "another place with --out; nothing was written"
    )
