"""One message across the sandbox's boundary: JSON and tensors, bounded, and checked before they are believed.

A frame is two 4-byte big-endian unsigned lengths, that of the JSON part and that of the tensor part, then both parts.
The JSON part is one object in UTF-8 without NaN or Infinity. The tensor part is empty, or a safetensors file
(https://github.com/huggingface/safetensors#format): an 8-byte little-endian length, a JSON header, the data. A tensor
on the device meta, which has a shape and no data, goes under the dtype ``SHAPE``, which that format does not have.

Whoever reads a frame trusts nothing in it. The lengths are compared with the limit first, then the header of the tensor
part with its length. Only then is memory taken for the data, exactly as much as was announced. There are two outcomes:
a clean value or a ``FrameError``.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    # Whoever opens the sandbox imports torch after it: both processes then import it at the same time.
    import torch

__all__ = [
    "DTYPES",
    "FRAME_BYTES",
    "JSON_BYTES",
    "REQUEST_JSON_BYTES",
    "FrameError",
    "FrameTooLong",
    "Receive",
    "decode",
    "encode",
    "lengths",
    "read",
]


FRAME_BYTES = 256 * 2**20
"""Bytes of a whole frame, unless a caller says otherwise."""
JSON_BYTES = 4 * 2**20
"""Bytes of the JSON part. Parsed, it takes up to fifty times as much memory, which is still less than a whole frame."""
REQUEST_JSON_BYTES = 16 * 2**20
"""The same for requests to the sandbox, which carry a submission's source."""
_HEADER_BYTES = 2**20
_TENSORS = 10_000
_NAME_CHARACTERS = 300
_AXES = 16
_DEPTH = 40
_DIGITS = 400

_LENGTHS = struct.Struct(">II")
lengths = _LENGTHS.pack
"""The beginning of a frame, from the numbers of bytes of its JSON and of its tensors."""
_HEADER_LENGTH = struct.Struct("<Q")
_DTYPES = {
    "F16": ("float16", 2),
    "BF16": ("bfloat16", 2),
    "F32": ("float32", 4),
    "F64": ("float64", 8),
    "I64": ("int64", 8),
    "I32": ("int32", 4),
    "U8": ("uint8", 1),
    "BOOL": ("bool", 1),
}
"""The name in a safetensors header → the name in torch and the bytes of one element. No other dtype is allowed."""
_CODES = {name: (code, element_bytes) for code, (name, element_bytes) in _DTYPES.items()}
DTYPES = frozenset(_CODES)
"""The dtypes of tensors that can be sent, by their names in torch."""
_SHAPE = "SHAPE"
_MOST_ELEMENTS = 2**59
"""Elements of a tensor, where an axis of size 0 counts as 1. Torch cannot count many more."""

Receive = Callable[[int], bytes]
"""Waits for bytes and returns at least one and at most the given number; ``b""`` when the other side has hung up."""


@dataclass(frozen=True)
class _Entry:
    """One tensor of a safetensors header."""

    name: str
    dtype: str
    """The name in torch: ``float32``; ``SHAPE`` if there is no data."""
    shape: tuple[int, ...]
    begin: int
    """Where in the data it begins, in bytes."""
    end: int
    """Where in the data it ends, in bytes."""


class FrameError(Exception):
    """A frame that cannot be sent or believed; the text is one sentence."""


class FrameTooLong(FrameError):
    """A frame of more bytes than are allowed."""


def encode(
    message: Mapping[str, Any],
    tensors: Mapping[str, torch.Tensor] | None = None,
    *,
    limit: int = FRAME_BYTES,
    json_limit: int = JSON_BYTES,
) -> bytes:
    """The frame of ``message`` (JSON values) and ``tensors`` (any shape; copied to the CPU, without their gradients).

    Raises FrameError for a value that JSON or the dtype allow-list does not know, and for a frame above
    ``limit`` bytes (FrameTooLong).
    """
    try:
        # "replace": text of a submission may contain lone surrogates, which UTF-8 cannot carry.
        text = json.dumps(dict(message), ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")
    except (TypeError, ValueError, RecursionError) as exc:
        raise FrameError(f"the message cannot be written as JSON: {exc}") from exc
    data = _tensor_part(tensors) if tensors else b""
    _check_lengths(len(text), len(data), limit, json_limit)
    return b"".join((_LENGTHS.pack(len(text), len(data)), text, data))


def _tensor_part(tensors: Mapping[str, torch.Tensor]) -> bytes:
    """A safetensors file. The format's own library takes ten times as long for many small tensors, as they are here."""
    codes: dict[str, str] = {}
    sizes: dict[str, int] = {}
    for name, tensor in tensors.items():
        dtype = str(tensor.dtype).removeprefix("torch.")
        if tensor.is_meta:
            codes[name], sizes[name] = _SHAPE, 0
        elif dtype in _CODES:
            codes[name], sizes[name] = _CODES[dtype]
        else:
            raise FrameError(f"the tensor {name!r} has dtype {tensor.dtype}: allowed are {', '.join(sorted(_CODES))}")
    header: dict[str, Any] = {}
    data: list[memoryview] = []
    begin = 0
    # The largest elements come first, so that all of them are aligned.
    for name in sorted(tensors, key=lambda name: (-sizes[name], name)):
        end = begin
        if sizes[name]:
            data.append(_bytes_of(tensors[name].detach().cpu().contiguous()))
            end += len(data[-1])
        header[name] = {"dtype": codes[name], "shape": list(tensors[name].shape), "data_offsets": [begin, end]}
        begin = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % _HEADER_LENGTH.size)
    return b"".join((_HEADER_LENGTH.pack(len(text)), text, *data))


def _bytes_of(tensor: torch.Tensor) -> memoryview:
    """The memory of a contiguous tensor, which is not copied."""
    import torch

    # A tensor of one element is contiguous with any stride, and view() wants a stride of 1.
    return tensor.as_strided((tensor.numel(),), (1,)).view(torch.uint8).numpy().data


def decode(frame: bytes, *, limit: int = FRAME_BYTES) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """The message and the tensors of one whole frame, with nothing after it. Raises FrameError, and nothing else."""
    position = 0

    def receive(count: int) -> bytes:
        nonlocal position
        piece = frame[position : position + count]
        position += len(piece)
        return piece

    content = read(receive, limit=limit)
    if content is None:
        raise FrameError("the frame is empty")
    if position != len(frame):
        raise FrameError(f"{len(frame) - position} bytes follow the frame's end")
    return content


def read(
    receive: Receive, *, limit: int = FRAME_BYTES, json_limit: int = JSON_BYTES
) -> tuple[dict[str, Any], dict[str, torch.Tensor]] | None:
    """The next frame's message and tensors, or None if the other side hung up before a frame began.

    Takes at most ``limit`` bytes of memory, and none before the lengths and the tensors' header have been checked.
    Raises FrameError, and whatever ``receive`` raises.
    """
    start = receive(_LENGTHS.size)
    if not start:
        return None
    start += _exactly(receive, _LENGTHS.size - len(start))
    json_bytes, tensor_bytes = _LENGTHS.unpack(start)
    _check_lengths(json_bytes, tensor_bytes, limit, json_limit)
    message = _object(bytes(_exactly(receive, json_bytes)), "message")
    if not tensor_bytes:
        return message, {}
    if tensor_bytes < _HEADER_LENGTH.size:
        raise FrameError(f"the tensor part has {tensor_bytes} bytes, too few for its header's length")
    (header_bytes,) = _HEADER_LENGTH.unpack(_exactly(receive, _HEADER_LENGTH.size))
    data_bytes = tensor_bytes - _HEADER_LENGTH.size - header_bytes
    if header_bytes > _HEADER_BYTES or data_bytes < 0:
        allowed = min(_HEADER_BYTES, tensor_bytes - _HEADER_LENGTH.size)
        raise FrameError(f"the tensors' header claims {header_bytes} bytes: at most {allowed} are allowed here")
    entries = _entries(_object(bytes(_exactly(receive, header_bytes)), "tensors' header"), data_bytes)
    return message, _tensors(entries, _exactly(receive, data_bytes))


def _check_lengths(json_bytes: int, tensor_bytes: int, limit: int, json_limit: int) -> None:
    if json_bytes > json_limit:
        raise FrameError(f"the frame's JSON has {json_bytes} bytes: at most {json_limit} are allowed")
    total = _LENGTHS.size + json_bytes + tensor_bytes
    if total > limit:
        raise FrameTooLong(f"the frame has {total} bytes: at most {limit} are allowed")


def _exactly(receive: Receive, count: int) -> bytearray:
    # It grows as bytes arrive, so that an announcement alone takes no memory.
    data = bytearray()
    while len(data) < count:
        piece = receive(min(count - len(data), 2**20))
        if not piece:
            raise FrameError(f"the frame breaks off {count - len(data)} bytes early")
        data += piece
    return data


def _object(text: bytes, what: str) -> dict[str, Any]:
    try:
        value = json.loads(
            text.decode("utf-8"),
            parse_constant=_refuse,
            parse_float=_finite,
            parse_int=_integer,
            object_pairs_hook=_without_duplicates,
        )
        if not isinstance(value, dict):
            raise ValueError("it is not an object")
        _check_values(value)
    except (ValueError, RecursionError) as exc:
        # ValueError is the root of JSONDecodeError, UnicodeError and of the limit on an integer's digits
        raise FrameError(f"the {what} is not the JSON it should be: {str(exc)[:200]}") from exc
    return value


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not a JSON number")


def _integer(digits: str) -> int:
    # The time to read a number grows with the square of its length, and not every Python limits it.
    if len(digits) > _DIGITS:
        raise ValueError(f"an integer has more than {_DIGITS} digits")
    return int(digits)


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError("a number is too large for a float")
    return number


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("an object has the same key twice")
    return value


def _check_values(value: dict[str, Any]) -> None:
    """Refuse deep nesting, and text that UTF-8 cannot carry: reports and schemas recurse, and are written to files."""
    level: list[Any] = [value]
    for _ in range(_DEPTH):
        below: list[Any] = []
        for item in level:
            kind = type(item)  # JSON knows these and no subclass
            if kind is str:
                if not item.isascii():
                    item.encode("utf-8")
            elif kind is dict:
                below += item.keys()
                below += item.values()
            elif kind is list:
                below += item
        if not below:
            return
        level = below
    raise ValueError(f"it is nested more than {_DEPTH} deep")


def _entries(header: dict[str, Any], data_bytes: int) -> list[_Entry]:
    """The tensors of the header in the order of the data. Every byte belongs to exactly one. Raises FrameError."""
    if len(header) > _TENSORS:
        raise FrameError(f"the frame holds {len(header)} tensors: at most {_TENSORS} are allowed")
    entries: list[_Entry] = []
    for name, fields in header.items():
        shown = repr(name[:_NAME_CHARACTERS])
        if len(name) > _NAME_CHARACTERS:
            raise FrameError(f"the tensor {shown}… has a name of more than {_NAME_CHARACTERS} characters")
        if not isinstance(fields, dict) or fields.keys() != {"dtype", "shape", "data_offsets"}:
            raise FrameError(f"the tensor {shown} needs dtype, shape and data_offsets, and nothing else")
        dtype, shape, offsets = fields["dtype"], fields["shape"], fields["data_offsets"]
        if not isinstance(dtype, str) or dtype not in (*_DTYPES, _SHAPE):
            raise FrameError(f"the tensor {shown} has dtype {str(dtype)[:40]!r}: allowed are {', '.join(_DTYPES)}")
        torch_name, element_bytes = _DTYPES.get(dtype, (_SHAPE, 0))
        if not _are_sizes(shape) or len(shape) > _AXES:
            raise FrameError(f"the tensor {shown} has a shape that is not a list of at most {_AXES} sizes")
        if not _are_sizes(offsets) or len(offsets) != 2:
            raise FrameError(f"the tensor {shown} has data_offsets that are not a beginning and an end")
        begin, end = offsets
        if end - begin != math.prod(shape) * element_bytes:
            raise FrameError(
                f"the tensor {shown} has {end - begin} bytes, but its shape {shape} and {dtype} do not take that"
            )
        if math.prod(max(1, size) for size in shape) > _MOST_ELEMENTS:
            raise FrameError(f"the tensor {shown} has a shape that torch cannot count the elements of")
        if element_bytes and begin % element_bytes:
            raise FrameError(f"the tensor {shown} begins at byte {begin}, which is not a multiple of {element_bytes}")
        entries.append(_Entry(name, torch_name, tuple(shape), begin, end))
    entries.sort(key=lambda entry: (entry.begin, entry.end))
    position = 0
    for entry in entries:
        if entry.begin != position:
            raise FrameError(
                f"the tensor {entry.name!r} begins at byte {entry.begin} of the data: it should begin at {position}"
            )
        position = entry.end
    if position != data_bytes:
        raise FrameError(f"the tensors cover {position} of {data_bytes} bytes of data")
    return entries


def _are_sizes(values: Any) -> bool:
    return isinstance(values, list) and all(type(value) is int and 0 <= value < 2**40 for value in values)


def _tensors(entries: list[_Entry], data: bytearray) -> dict[str, torch.Tensor]:
    import torch

    tensors = {}
    for entry in entries:
        if entry.dtype == _SHAPE:
            tensors[entry.name] = torch.empty(entry.shape, device="meta")
            continue
        count = math.prod(entry.shape)
        # A bool whose byte is not 0 or 1 would compare unequal to both, so bools are read as numbers first.
        stored = torch.uint8 if entry.dtype == "bool" else getattr(torch, entry.dtype)
        if count:
            tensor = torch.frombuffer(data, dtype=stored, count=count, offset=entry.begin).reshape(entry.shape)
        else:
            tensor = torch.empty(entry.shape, dtype=stored)
        if entry.dtype == "bool":
            if count and int(tensor.max()) > 1:
                raise FrameError(f"the tensor {entry.name!r} has booleans that are neither 0 nor 1")
            tensor = tensor.bool()
        tensors[entry.name] = tensor
    return tensors
