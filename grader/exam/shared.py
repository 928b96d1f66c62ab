"""Evidence of the reference that all jobs of a run share, by what it depends on: nothing of any submission.

Such evidence is asked for by a question, a record of plain values. Whoever has an examiner (``Exam.ask``) sends the
question there, and reads the value that comes back; else it is computed here. The question and the value travel as
MessagePack, and are read by their types.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

import msgspec
import torch
from torch import Tensor

if TYPE_CHECKING:
    from grader.exam.exam import Exam

__all__ = ["Shared", "question_from", "question_to_bytes", "value_from", "value_to_bytes"]

Value = TypeVar("Value")


class Shared(Generic[Value]):
    """A question whose value is computed once in a run. A subclass is a frozen dataclass of plain values."""

    value_type: ClassVar[Any]
    """The type of the value, as MessagePack is read by it."""

    @property
    def key(self) -> Hashable:
        """By which ``Exam.once`` stores the value."""
        return type(self).__name__, self

    def value(self, exam: Exam) -> Value:
        """Computed from the exam alone."""
        raise NotImplementedError

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        _KINDS[cls.__name__] = cls


_KINDS: dict[str, type[Shared[Any]]] = {}


def question_to_bytes(question: Shared[Any]) -> bytes:
    """A question as bytes."""
    return _ENCODER.encode((type(question).__name__, question))


def question_from(data: bytes) -> Shared[Any]:
    """The question in bytes. Raises ValueError where there is none."""
    match msgspec.msgpack.decode(data):
        case [str(name), plain] if name in _KINDS:
            question: Shared[Any] = msgspec.convert(plain, _KINDS[name])
            return question
    raise ValueError("no question that is known")


def value_to_bytes(value: object) -> bytes:
    """The value of a question as bytes."""
    return _ENCODER.encode(value)


def value_from(question: Shared[Value], data: bytes) -> Value:
    """The value of a question in bytes. Raises ValueError where there is none."""
    value: Value = msgspec.msgpack.decode(data, type=question.value_type, dec_hook=_tensor_from)
    return value


def _tensor_to(value: object) -> tuple[str, tuple[int, ...], bytes]:
    if isinstance(value, Tensor):
        return str(value.dtype).removeprefix("torch."), tuple(value.shape), value.contiguous().numpy().tobytes()
    raise NotImplementedError(f"{type(value).__name__} cannot be sent")


def _tensor_from(kind: type[Any], value: Any) -> Tensor:
    if kind is not Tensor:
        raise NotImplementedError(f"{kind} cannot be received")
    name, shape, data = value
    dtype = getattr(torch, name)
    return torch.frombuffer(bytearray(data), dtype=dtype).reshape(shape) if data else torch.empty(shape, dtype=dtype)


_ENCODER = msgspec.msgpack.Encoder(enc_hook=_tensor_to)
