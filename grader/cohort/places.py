"""Where reports may be written: never among the submissions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from grader.display import display
from grader.intake import Found
from grader.store.files import StoreError

__all__ = ["refuse_to_write_among"]


def refuse_to_write_among(
    submissions: Sequence[Found], out: Path, *, many: bool, searched: Sequence[Path] = ()
) -> None:
    """Raises StoreError where reports in ``out`` would be taken for submissions, or would hide some.

    ``searched`` are the paths on which the submissions were found.
    """
    out = out.resolve()
    for folder in (path.resolve() for path in searched if many):
        if folder.is_dir() and (folder == out or (folder in out.parents and _is_around(out, submissions))):
            raise StoreError(
                f"{display(str(out), limit=300)} is where the submissions are, and reports there would be taken for "
                "submissions: name another folder with --out"
            )
    for found in submissions:
        report = out / found.folder
        for source in (path.resolve() for path in found.sources):
            # Reports of one submission may be inside it: reading passes them over.
            inside_one_of_many = len(submissions) > 1 and source in out.parents
            if source in (out, report) or report in source.parents or inside_one_of_many:
                raise StoreError(
                    "reports must not be written among the submissions, and "
                    f"{display(str(source), limit=300)} is a submission: name another folder with --out"
                )


def _is_around(out: Path, submissions: Sequence[Found]) -> bool:
    """Whether any of the submissions is in ``out``."""
    return any(out in found.sources[0].parents for found in submissions)
