"""A file of lines about keys, in which the last line about a key counts."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from grader.store.files import atomic_file

__all__ = ["LineFile"]


class LineFile:
    """Lines that are appended one by one and found by their key. Several threads may use it.

    Only the place of each line is in memory. A line that was torn when a process was killed is passed over. ``key_of``
    is the key of a line, None for one that is not valid.
    """

    def __init__(self, path: Path, key_of: Callable[[bytes], str | None]) -> None:
        self._path = path
        self._places: dict[str, tuple[int, int]] = {}
        """Start and length in bytes of the line that counts, by key."""
        self._lines = 0
        """Valid lines in the file, whether they count or not."""
        self._mutex = threading.Lock()
        self._reading: BinaryIO | None = None
        self._appending: int | None = None
        with suppress(OSError):
            self._reading = path.open("rb")
            start = 0
            for line in self._reading:
                if (key := key_of(line)) is not None:
                    self._places[key] = start, len(line)
                    self._lines += 1
                start += len(line)

    def open_to_append(self) -> None:
        """From now on lines can be appended. Raises OSError."""
        if self._lines > 2 * len(self._places) + 100:
            self._compact()
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        self._appending = os.open(self._path, flags, 0o666)
        if self._reading is None:
            self._reading = self._path.open("rb")

    def _compact(self) -> None:
        """Write the file anew with the lines that count."""
        assert self._reading is not None
        places: dict[str, tuple[int, int]] = {}
        end = 0
        with atomic_file(self._path) as file:
            for key, (start, length) in self._places.items():
                self._reading.seek(start)
                file.write(self._reading.read(length))
                places[key] = end, length
                end += length
        self._reading.close()
        self._reading = self._path.open("rb")
        self._places, self._lines = places, len(places)

    def line(self, key: str) -> bytes | None:
        """The line about a key; None where there is none."""
        with self._mutex:
            if key not in self._places or self._reading is None:
                return None
            start, length = self._places[key]
            self._reading.seek(start)
            return self._reading.read(length)

    def append(self, key: str, content: bytes) -> None:
        """Add a line about a key, without a line end in ``content``. Does nothing where the file cannot be written."""
        with self._mutex, suppress(OSError):
            if self._appending is None:
                return
            # The first line end completes a line that was torn.
            line = b"\n" + content + b"\n"
            start = os.fstat(self._appending).st_size
            if os.write(self._appending, line) == len(line):
                self._places[key] = start + 1, len(line) - 1
                self._lines += 1

    def close(self) -> None:
        if self._reading is not None:
            self._reading.close()
        if self._appending is not None:
            os.close(self._appending)
            self._appending = None
