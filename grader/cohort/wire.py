"""What a run and its jobs' processes say to each other: records, over a channel that also carries descriptors.

A message is its length (4 bytes, big-endian), its form (1 byte) and a record: as MessagePack, or as JSON where a name
has bytes that are no UTF-8. A job handles what a student wrote, so what it says is checked against its record here, is
bounded, and is nothing but data.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec

from grader.examined import Earlier
from grader.intake import Found
from grader.report.rows import Row

__all__ = ["Channel", "Done", "Failed", "Forked", "HungUp", "NewSession", "Stage", "Task", "ToJob", "ToRun"]


class HungUp(BaseException):
    """The other end of a channel is gone. It is not an Exception, so nothing takes it for a failure of a check."""


class Task(msgspec.Struct, frozen=True, tag=True):
    """Grade this submission."""

    found: Found
    earlier: Earlier
    cores: list[int]
    """Numbers of the cores to work on."""
    alone: bool
    """Whether no other submission may be at work meanwhile."""


class Forked(msgspec.Struct, frozen=True, tag=True):
    """A session was forked; or not, in a sentence."""

    failure: str = ""


class Stage(msgspec.Struct, frozen=True, tag=True):
    """What is examined next."""

    what: str


class NewSession(msgspec.Struct, frozen=True, tag=True):
    """Have the sandbox fork a session; its three descriptors come with this."""

    gpu: bool
    scratch: str
    cores: list[int]


class Done(msgspec.Struct, frozen=True, tag=True):
    """The report on the submission, as ``RenderedReport`` has it."""

    files: dict[str, bytes]
    row: Row
    last: bool
    """Whether the process ends now."""


class Failed(msgspec.Struct, frozen=True, tag=True):
    """The grader failed on the submission: why, in a sentence. The process ends."""

    reason: str


ToJob = Task | Forked
ToRun = Stage | NewSession | Done | Failed

Sent = TypeVar("Sent")
Received = TypeVar("Received")

_HEAD = struct.Struct(">I?")
"""The number of bytes that follow, and whether they are JSON."""
_MOST_BYTES = 64 * 2**20
_DESCRIPTORS = 3
_PIECE = 2**18


class Channel(Generic[Sent, Received]):
    """One end of a channel. Used by one thread at a time, but for ``hang_up``; ``close`` it."""

    def __init__(self, connection: socket.socket, received: Any) -> None:
        """``received`` is the type of what comes from the other end."""
        self._connection = connection
        self._received = received
        self._decoder = msgspec.msgpack.Decoder(received, dec_hook=_from_plain)
        self._arrived = bytearray()
        self._descriptors: list[int] = []
        """Those that came with a message that has not been received yet."""

    def send(self, message: Sent, descriptors: Sequence[int] = ()) -> None:
        """Raises HungUp."""
        content, is_json = _as_bytes(message)
        data = memoryview(_HEAD.pack(len(content), is_json) + content)
        try:
            if descriptors:
                data = data[socket.send_fds(self._connection, [data], descriptors) :]
            self._connection.sendall(data)
        except OSError as lost:
            raise HungUp from lost

    def receive(self) -> tuple[Received, list[int]]:
        """The next message, and its descriptors, which are the caller's to close.

        Raises HungUp, and ValueError for anything but a message.
        """
        while (end := self._end()) is None:
            try:
                piece, descriptors, _, _ = socket.recv_fds(self._connection, _PIECE, _DESCRIPTORS)
            except OSError as lost:
                raise HungUp from lost
            self._descriptors += descriptors
            if not piece:
                raise HungUp
            self._arrived += piece
        message = self._message(memoryview(self._arrived)[_HEAD.size : end])
        del self._arrived[:end]
        # Whoever sends descriptors waits for a reply before the next message.
        descriptors, self._descriptors = ([], self._descriptors) if self._arrived else (self._descriptors, [])
        return message, descriptors

    def _message(self, content: memoryview) -> Received:
        message: Received
        if not _HEAD.unpack_from(self._arrived)[1]:
            message = self._decoder.decode(content)
            return message
        try:
            message = msgspec.convert(json.loads(bytes(content)), self._received, dec_hook=_from_plain)
        except RecursionError:
            raise ValueError("a message too deep to be one") from None
        return message

    def _end(self) -> int | None:
        """Where the first message ends in what has arrived; None where it has not arrived whole."""
        if len(self._arrived) < _HEAD.size:
            return None
        end = _HEAD.size + int(_HEAD.unpack_from(self._arrived)[0])
        if end > _MOST_BYTES:
            raise ValueError(f"a message of {end:,} bytes")
        return end if len(self._arrived) >= end else None

    def hang_up(self) -> None:
        """End what both ends wait for."""
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Idempotent."""
        self._connection.close()
        for descriptor in self._descriptors:
            os.close(descriptor)
        self._descriptors.clear()


def _as_bytes(message: object) -> tuple[bytes, bool]:
    """A message, and whether it is JSON: MessagePack has no text that UTF-8 does not have."""
    try:
        return _ENCODER.encode(message), False
    except UnicodeEncodeError:
        return json.dumps(msgspec.to_builtins(message, enc_hook=_as_plain)).encode("ascii"), True


def _as_plain(value: object) -> str:
    """What MessagePack does not have, as text."""
    if isinstance(value, Fraction | Path):
        return str(value)
    raise NotImplementedError(f"{type(value).__name__} cannot be sent")


def _from_plain(kind: type[Any], value: object) -> Any:
    if kind in (Fraction, Path) and isinstance(value, str):
        return kind(value)
    raise NotImplementedError(f"{kind} cannot be received")


_ENCODER = msgspec.msgpack.Encoder(enc_hook=_as_plain)
