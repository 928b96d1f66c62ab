"""Whether the worker's word can be taken: what the source holds that could bend it.

Evidence in numbers needs no trust. The rest (owners of layers, counts, dilations seen, devices) comes from the process
in which the submission runs, see ``grader/worker/unusual.py``. Where its source has means to bend that, the marks stand
and a person looks before they go out.
"""

from __future__ import annotations

from typing import Any

from grader.verdicts import Flag

__all__ = ["doubts"]

_SHOWN = 5


def doubts(outline: dict[str, Any]) -> tuple[Flag, ...]:
    """A flag for each file whose source could reach the examiner, with names and lines."""
    flags = []
    for file in outline["files"]:
        found = file.get("unusual", [])
        if found:
            places = [f"{_place(one)}: {one['what']}" for one in found[:_SHOWN]]
            more = f"; and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
            told = f"{file['path']} could change what the examiner sees ({'; '.join(places)}{more}): read it before the marks go out."
            flags.append(Flag("untrusted-evidence", told))
    return tuple(flags)


def _place(one: dict[str, Any]) -> str:
    return f"cell {one['cell']}, line {one['line']}" if one.get("cell") else f"line {one['line']}"
