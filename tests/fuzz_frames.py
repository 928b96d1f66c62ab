"""``python -m tests.fuzz_frames N [SEED]``: N mutated frames into the decoder, which must answer with a value or a FrameError.

Mutations start from good frames of every kind: bytes flipped, lengths rewritten, pieces cut, doubled, spliced, numbers in
the headers replaced. Prints how many there were, how many were believed, and the first that broke a promise.
"""

# ruff: noqa: E501 - mutations and pieces are data
from __future__ import annotations

import json
import random
import struct
import sys
import time
from collections.abc import Iterator

import torch

from grader.worker.session.frames import FrameError, decode, encode

LIMIT = 20_000
_TOKENS = [
    b"null", b"true", b"-1", b"0", b"1e400", b"NaN", b"-Infinity", b"9" * 30, b"9" * 500, b"[]", b"{}", b'""', b'"\\ud800"', b"[" * 50, b"]" * 50, b",", b":",
    b'"F32"', b'"BOOL"', b'"I64"', b'"C64"', b'"SHAPE"', b'"dtype"', b'"shape"', b'"data_offsets"', b'"__metadata__"', b"\xff", b"\0", b"1099511627776", b"4294967295",
]  # fmt: skip


def good() -> list[bytes]:
    """Frames of every shape that crosses: with and without tensors, of every dtype, empty ones, deep JSON."""
    dtypes = [
        torch.float16,
        torch.bfloat16,
        torch.float32,
        torch.float64,
        torch.int64,
        torch.int32,
        torch.uint8,
        torch.bool,
    ]
    return [
        encode({}),
        encode({"serial": "ab" * 16, "reply": {"trouble": {"type": "E", "text": "é\n", "frames": []}}}),
        encode(
            {"serial": "0", "reply": {"x": [1, -2.5, None, True, {"y": [[[]]]}]}},
            {"eval": torch.ones(2, 3), "train": torch.zeros(1, 2, 2)},
        ),
        encode({"a": 1}, {str(index): torch.ones(index % 3, 2).to(dtype) for index, dtype in enumerate(dtypes)}),
        encode({"deep": json.loads("[" * 30 + "]" * 30)}, {"none": torch.empty(0, 4)}),
        encode({}, {"large": torch.empty(2**20, 2**20, device="meta"), "small": torch.ones(2)}),
    ]


def mutated(frames: list[bytes], random_: random.Random) -> bytes:
    """One of the frames, changed in one to four places."""
    frame = bytearray(random_.choice(frames))
    for _ in range(random_.randint(1, 4)):
        place = random_.randrange(len(frame) + 1) if frame else 0
        match random_.randrange(8):
            case 0 if place < len(frame):
                frame[place] = random_.randrange(256)
            case 1 if place < len(frame):
                frame[place] ^= 1 << random_.randrange(8)
            case 2:
                del frame[place : place + random_.randint(1, 8)]
            case 3:
                frame[place:place] = random_.choice(_TOKENS)
            case 4:
                token = random_.choice(_TOKENS)
                frame[place : place + len(token)] = token
            case 5 if len(frame) >= 8:
                struct.pack_into(
                    ">I",
                    frame,
                    random_.choice((0, 4)),
                    random_.choice(
                        (0, 1, 7, 8, 9, len(frame), len(frame) - 8, LIMIT, 2**31, 2**32 - 1, random_.randrange(400))
                    ),
                )
            case 6:
                other = random_.choice(frames)
                frame[place:] = other[random_.randrange(len(other)) :]
            case 7 if len(frame) >= 8:
                # lengths that fit again, so that what lies behind them is reached
                text = int.from_bytes(frame[:4], "big")
                if 8 + text <= len(frame):
                    struct.pack_into(">I", frame, 4, len(frame) - 8 - text)
    return bytes(frame)


def broken_promise(frame: bytes) -> str | None:
    """What the decoder did that it must not; None if it kept its word."""
    try:
        message, tensors = decode(frame, limit=LIMIT)
    except FrameError as refused:
        return None if str(refused) and "\n" not in str(refused) else f"an odd sentence: {refused!r}"
    except BaseException as other:
        return f"{type(other).__name__}: {other}"
    if sum(tensor.nbytes for tensor in tensors.values() if not tensor.is_meta) > len(frame):
        return "tensors larger than their frame"
    json.dumps(message, allow_nan=False).encode()
    return None if decode(encode(message, tensors))[0] == message else "what was read cannot be written again"


def frames(count: int, seed: int) -> Iterator[bytes]:
    """The same frames for the same seed."""
    random_, start = random.Random(seed), good()
    for _ in range(count):
        yield mutated(start, random_)


def main() -> int:
    count, seed = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0
    clock, believed = time.perf_counter(), 0
    for number, frame in enumerate(frames(count, seed)):
        broken = broken_promise(frame)
        if broken is not None:
            print(f"input {number} of seed {seed}: {broken}\n{frame!r}")
            return 1
        try:
            decode(frame, limit=LIMIT)
            believed += 1
        except FrameError:
            pass
    print(
        f"{count:,} inputs of seed {seed}: none broke a promise, {believed:,} were well formed, {time.perf_counter() - clock:.0f} s"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
