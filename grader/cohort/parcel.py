"""A submission as bytes, to send it to another machine: compressed JSON of bounded size, never a pickle."""

from __future__ import annotations

import dataclasses
import json
import zlib

from grader.intake.records import Aside, Cell, CodeFile, DataFile, StoredFile, Submission
from grader.marking.verdicts import Flag

__all__ = ["MOST_BYTES", "pack", "unpack"]


MOST_BYTES = 64 << 20
"""Most bytes of one submission as JSON. The sandbox accepts a quarter of it."""


def pack(submission: Submission, *, most_bytes: int = MOST_BYTES) -> bytes:
    """What was read of a submission, as compressed JSON. Raises ValueError when it is too large to send."""
    content = json.dumps(dataclasses.asdict(submission), separators=(",", ":")).encode()
    if len(content) > most_bytes:
        raise ValueError(f"its code has {len(content):,} bytes, and at most {most_bytes:,} are sent to another machine")
    return zlib.compress(content, 1)


def unpack(packed: bytes, *, most_bytes: int = MOST_BYTES) -> Submission:
    """The submission that was packed. Raises ValueError when this is not one, or when it is too large."""
    opening = zlib.decompressobj()
    try:
        content = opening.decompress(packed, most_bytes)
    except zlib.error as error:
        raise ValueError(f"this is not a packed submission ({error})") from None
    if not opening.eof:
        raise ValueError("the packed submission breaks off, or is too large")
    record = json.loads(content)
    return Submission(
        id=record["id"],
        folder=record["folder"],
        files=tuple(StoredFile(**file) for file in record["files"]),
        code=tuple(
            CodeFile(
                **{
                    **file,
                    "cells": tuple(Cell(**cell) for cell in file["cells"]),
                    "attempt": tuple(file["attempt"]),
                    "asides": tuple(Aside(**aside) for aside in file["asides"]),
                }
            )
            for file in record["code"]
        ),
        sha256=record["sha256"],
        flags=tuple(Flag(**flag) for flag in record["flags"]),
        known_as=tuple(record["known_as"]),
        assignment=record["assignment"],
        data=tuple(DataFile(**file) for file in record["data"]),
        picked=tuple(record["picked"]),
        starters=tuple(record["starters"]),
        submitted=record["submitted"],
    )
