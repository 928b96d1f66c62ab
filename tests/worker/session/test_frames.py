"""A frame is a clean value or a FrameError, whatever its bytes are."""

from __future__ import annotations

import json
import math
import struct
from typing import Any

import pytest
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.worker.session import frames
from grader.worker.session.frames import FrameError, decode, encode, read

DTYPES = [
    torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.int64, torch.int32, torch.uint8, torch.bool,
]  # fmt: skip
steady = settings(derandomize=True, deadline=None, max_examples=150)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)
messages = st.dictionaries(texts, values, max_size=4)
tensors = st.builds(
    lambda dtype, shape, seed: torch.randint(0, 2, shape, generator=torch.Generator().manual_seed(seed)).to(dtype),
    st.sampled_from(DTYPES),
    st.lists(st.integers(0, 4), max_size=4).map(tuple),
    st.integers(0, 9),
)


def raw(text: bytes, tensor_part: bytes = b"") -> bytes:
    return struct.pack(">II", len(text), len(tensor_part)) + text + tensor_part


def with_header(header: Any, data: bytes) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return raw(b"{}", struct.pack("<Q", len(text)) + text + data)


def entry(dtype: str = "F32", shape: Any = (2,), offsets: Any = (0, 8), **more: Any) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets, **more}


@pytest.mark.slow
@steady
@given(messages, st.dictionaries(st.text("abcdefgh._0", min_size=1, max_size=8), tensors, max_size=4))
def test_what_is_encoded_is_decoded(message: dict[str, Any], sent: dict[str, torch.Tensor]) -> None:
    back, received = decode(encode(message, sent))
    assert back == message and received.keys() == sent.keys()
    for name, tensor in sent.items():
        assert received[name].dtype == tensor.dtype and received[name].shape == tensor.shape
        assert torch.equal(received[name], tensor)


@steady
@given(st.binary(max_size=200))
def test_any_bytes_are_a_frame_error_or_a_value(data: bytes) -> None:
    check(data)


@steady
@given(st.data())
def test_a_good_frame_with_some_bytes_changed_is_a_frame_error_or_a_value(data: st.DataObject) -> None:
    good = encode({"serial": "ab", "reply": {"x": [1, 2.5, None]}}, {"a": torch.ones(2, 3), "b": torch.ones(5).bool()})
    frame = bytearray(good)
    for _ in range(data.draw(st.integers(1, 4))):
        frame[data.draw(st.integers(0, len(frame) - 1))] = data.draw(st.integers(0, 255))
    check(bytes(frame[: data.draw(st.integers(0, len(frame)) | st.just(len(frame)))]))


@pytest.mark.slow
@steady
@given(
    st.dictionaries(
        texts,
        st.fixed_dictionaries(
            {
                "dtype": st.sampled_from(["F32", "BOOL", "F16", "I64", "C64", "SHAPE", ""]) | values,
                "shape": st.lists(st.integers(-2, 2**41) | st.integers(0, 3), max_size=4) | values,
                "data_offsets": st.lists(st.integers(-1, 40), min_size=1, max_size=3) | values,
            }
        )
        | values,
        max_size=4,
    ),
    st.binary(max_size=40),
)
def test_any_header_is_a_frame_error_or_a_value(header: dict[str, Any], data: bytes) -> None:
    check(with_header(header, data))


def check(frame: bytes) -> None:
    try:
        message, received = decode(frame, limit=10_000)
    except FrameError as exc:
        assert "\n" not in str(exc) and str(exc)
        return
    json.dumps(message, allow_nan=False).encode()
    assert all(tensor.dtype in DTYPES for tensor in received.values())
    assert sum(tensor.nbytes for tensor in received.values() if not tensor.is_meta) <= len(frame)


@pytest.mark.parametrize(
    ("header", "data", "words"),
    [
        ({"a": entry("F8_E4M3", (8,))}, bytes(8), "allowed are F16"),
        ({"a": entry("C64", (1,))}, bytes(8), "allowed are F16"),
        ({"a": entry(shape=(3,))}, bytes(8), "do not take that"),
        ({"a": entry(shape=(2**39, 2**39))}, bytes(8), "do not take that"),
        ({"a": entry(shape=(-1, -2))}, bytes(8), "not a list of at most"),
        ({"a": entry(shape=(2.0,))}, bytes(8), "not a list of at most"),
        ({"a": entry(shape=(True, 2))}, bytes(8), "not a list of at most"),
        ({"a": entry(shape=[1] * 17 + [2])}, bytes(8), "not a list of at most"),
        ({"a": entry("U8", (0, 2**39, 2**39), (0, 0))}, b"", "cannot count"),
        ({"a": entry("SHAPE", (2**39, 2**39), (0, 0))}, b"", "cannot count"),
        ({"a": entry("SHAPE", (2,), (0, 8))}, bytes(8), "do not take that"),
        ({"a": entry(offsets=(0, 8, 8))}, bytes(8), "not a beginning and an end"),
        ({"a": entry(offsets=(8, 0))}, bytes(8), "do not take that"),
        ({"a": entry(), "b": entry()}, bytes(8), "it should begin at 8"),
        ({"a": entry(offsets=(8, 16))}, bytes(16), "it should begin at 0"),
        ({"a": entry()}, bytes(16), "cover 8 of 16"),
        ({"a": entry(offsets=(0, 8))}, bytes(4), "cover 8 of 4"),
        ({"a": entry("U8", (1,), (0, 1)), "b": entry(offsets=(1, 9))}, bytes(9), "not a multiple of 4"),
        ({"a": entry("BOOL", (2,), (0, 2))}, b"\x01\x07", "neither 0 nor 1"),
        ({"a": entry(more=1)}, bytes(8), "and nothing else"),
        ({"__metadata__": {"format": "pt"}}, b"", "needs dtype"),
        ({"a" * 301: entry()}, bytes(8), "more than 300 characters"),
        ([], b"", "not an object"),
        (b'{"a": 1, "a": 2}', b"", "the same key twice"),
        ({str(n): entry("U8", (0,), (0, 0)) for n in range(10_001)}, b"", "at most 10000"),
    ],
)
def test_a_header_that_lies_is_refused(header: Any, data: bytes, words: str) -> None:
    with pytest.raises(FrameError, match=words):
        decode(with_header(header, data))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "Expecting value"),
        (b"[]", "not an object"),
        (b'{"a": NaN}', "NaN is not"),
        (b'{"a": -Infinity}', "-Infinity is not"),
        (b'{"a": 1e999}', "too large"),
        (b'{"a": ' + b"9" * 100_000 + b"}", "more than 400 digits"),
        (b'{"a": 1, "a": 1}', "the same key twice"),
        (b'{"a": "\\ud800"}', "surrogates not allowed"),
        (b'{"\\udfff": 1}', "surrogates not allowed"),
        (b'{"a": "\xff"}', "can't decode"),
        (b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "not the JSON it should be"),
        (b'{"a": ' + b"[" * 50 + b"]" * 50 + b"}", "nested more than 40"),
        (b"{} {}", "Extra data"),
    ],
)
def test_json_that_is_not_clean_is_refused(text: bytes, words: str) -> None:
    with pytest.raises(FrameError, match=words):
        decode(raw(text))


def test_lengths_are_refused_before_anything_is_read() -> None:
    asked: list[int] = []

    def receive(count: int) -> bytes:
        asked.append(count)
        return struct.pack(">II", 2, 2**31)[:count]

    with pytest.raises(FrameError, match=r"at most 1000 are allowed"):
        read(receive, limit=1000)
    assert asked == [8]
    with pytest.raises(FrameError, match="JSON has"):
        decode(struct.pack(">II", frames.JSON_BYTES + 1, 0), limit=2**40)


def test_the_header_is_refused_before_the_data_is_read() -> None:
    header = json.dumps({"a": entry(shape=(3,), offsets=(0, 2**20))}).encode()
    frame = struct.pack(">II", 2, 8 + len(header) + 2**20) + b"{}" + struct.pack("<Q", len(header)) + header
    position = 0

    def receive(count: int) -> bytes:
        nonlocal position
        assert count <= len(frame) - position, "the data was asked for"
        position += count
        return frame[position - count : position]

    with pytest.raises(FrameError, match="do not take that"):
        read(receive)


def test_a_frame_arrives_in_whatever_pieces() -> None:
    frame = encode({"a": "é"}, {"t": torch.arange(5.0)})
    pieces = iter(frame[index : index + 1] for index in range(len(frame)))
    content = read(lambda count: next(pieces))
    assert content is not None and content[0] == {"a": "é"} and torch.equal(content[1]["t"], torch.arange(5.0))


def test_the_end_before_a_frame_is_none_and_the_end_within_one_is_an_error() -> None:
    assert read(lambda count: b"") is None
    frame = encode({"a": 1}, {"t": torch.ones(3)})
    for length in range(1, len(frame)):
        with pytest.raises(FrameError):
            decode(frame[:length])
    with pytest.raises(FrameError, match="follow"):
        decode(frame + b"x")


@pytest.mark.parametrize("value", [math.nan, math.inf, object(), {1, 2}, b"bytes", torch.ones(1)])
def test_values_that_json_does_not_know_are_not_sent(value: object) -> None:
    with pytest.raises(FrameError, match="cannot be written as JSON"):
        encode({"a": value})


def test_tensors_are_sent_by_value_whatever_they_are_views_of() -> None:
    base = torch.arange(12.0, requires_grad=True).reshape(3, 4)
    sent = {"turned": base.t(), "part": base[1:, ::2], "again": base, "spread": torch.ones(1).expand(5)}
    sent |= {"one": base[0, 1::4], "none": base[:0, ::2], "number": base[1, 1]}
    _, back = decode(encode({}, sent))
    assert all(torch.equal(back[name], tensor) and not back[name].requires_grad for name, tensor in sent.items())
    with pytest.raises(FrameError, match=r"dtype torch\.complex64: allowed are"):
        encode({}, {"z": torch.ones(1, dtype=torch.complex64)})
    with pytest.raises(FrameError, match="at most 100 are allowed"):
        encode({}, {"z": torch.ones(100)}, limit=100)


def test_a_tensor_without_values_crosses_as_its_shape() -> None:
    sent = {"large": torch.empty(2**20, 2**30, device="meta"), "small": torch.arange(3.0)}
    frame = encode({}, sent)
    _, back = decode(frame)
    assert len(frame) < 300 and torch.equal(back["small"], sent["small"])
    assert back["large"].is_meta and back["large"].shape == (2**20, 2**30)


def test_text_with_lone_surrogates_is_sent_without_them() -> None:
    assert decode(encode({"a": "x\ud800y"}))[0] == {"a": "x?y"}


@steady
@given(st.dictionaries(st.text("abc./0", min_size=1, max_size=5), tensors, min_size=1, max_size=4))
def test_the_tensor_part_is_what_the_formats_own_library_reads_and_writes(given):
    frame = encode({}, given)
    text_bytes, tensor_bytes = struct.unpack(">II", frame[:8])
    read = safetensors.torch.load(frame[8 + text_bytes :])
    written = decode(raw(b"{}", safetensors.torch.save(given)))[1]
    for name, value in given.items():
        assert torch.equal(read[name], value) and read[name].dtype == value.dtype
        assert torch.equal(written[name], value) and written[name].dtype == value.dtype
    assert read.keys() == written.keys() == given.keys()
    assert len(frame) == 8 + text_bytes + tensor_bytes
