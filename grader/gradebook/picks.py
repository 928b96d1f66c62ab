"""The list of the files that a person picked: CSV with a student's id and the name of a file that counts.

A student may have several lines, one for each file that counts. The name is the file's own, or the end of its path.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path

from grader.gradebook.lists import ListError, id_columns, ids_of, read_table

__all__ = ["read_picks", "to_csv"]


def read_picks(path: Path) -> dict[str, tuple[str, ...]]:
    """The files by the student's id. Columns are known by their headings, or are id and file. Raises ListError."""
    table = read_table(path, {**id_columns(), "file": ("file", "filename", "file name", "path", "pick")})
    if table.columns and ("file" not in table.columns or len(table.columns) < 2):
        raise ListError(f"{table.name}, line 1: the columns must be 'id' and 'file', were {table.heading}")
    picks: dict[str, list[str]] = {}
    for line, cells in table.rows:
        id = next(iter(ids_of(cells)), "") if table.columns else cells["0"]
        file = cells.get("file" if table.columns else "1", "")
        if not id or not file:
            what = "id" if not id else "file"
            raise ListError(f"{table.name}, line {line}: the {what} is empty: fill it in or remove the line")
        picks.setdefault(id, []).append(file)
    return {id: tuple(dict.fromkeys(files)) for id, files in picks.items()}


def to_csv(picks: Mapping[str, tuple[str, ...]]) -> bytes:
    """The list as a reports folder remembers it."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["id", "file"])
    writer.writerows((id, file) for id, files in sorted(picks.items()) for file in files)
    return text.getvalue().encode()
