"""What a session answers, message by message. There is one handler per session; it runs inside the sandbox."""

from __future__ import annotations

import ctypes
import dataclasses
import functools
import time
from pathlib import Path
from typing import Any

import torch

from .loading.loader import load
from .probes import devices
from .probes.answer import answer
from .probes.modules import EVERY_MY_CONV2D
from .protocol import (
    ClassProbe,
    CodeFile,
    Definitions,
    DeviceName,
    LoadDefinitions,
    NameDevice,
    Outline,
    OutlineSource,
    Probe,
    Replies,
    Reply,
    RunOnDevice,
    Several,
    Tensors,
    bundle,
    probe_from_json,
    reply_to_json,
    unbundle,
)
from .source.outline import outline_of
from .source.reading import read
from .source.unusual import unusual

__all__ = ["Handler"]


# Taken before any code of a submission runs.
_process_time, _thread_time = time.process_time_ns, time.thread_time_ns
_is_grad_enabled = torch.is_grad_enabled
_NOISE = 20_000
"""Nanoseconds by which two clocks may differ because they are coarse. Starting a thread takes many times as long."""


def _driver_is_there() -> bool:
    """Whether torch can start CUDA, whose driver starts threads. It does so as soon as torch looks for GPUs, which
    happens at the first gradient."""
    if torch.version.cuda is None:
        return False
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    return True


_DRIVER_IS_THERE = _driver_is_there()


class Handler:
    """Answers the probes on one submission, in their order."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._classes: dict[str, Any] = {}
        self._elsewhere: devices.Elsewhere | None = None
        self._gradients = True

    def handle(self, message: dict[str, Any], tensors: Tensors) -> tuple[dict[str, Any], Tensors]:
        """The reply to a probe, both as ``protocol.py`` has them in JSON, and the tensors that come with it.

        A reply has ``threads`` if another thread than this one has worked, since operations are watched in this thread
        only. It shows however the thread was started: the process has then used more time than this thread. A session
        begins with a single thread, and in this order the clock of the process is never ahead of that thread's.
        """
        reply, outputs = self._answered(probe_from_json(message), tensors)
        sent = reply_to_json(reply)
        if not _DRIVER_IS_THERE and _process_time() - _thread_time() > _NOISE:
            sent["threads"] = True
        return sent, outputs

    def _answered(self, probe: Probe[Any], tensors: Tensors) -> tuple[Reply, Tensors]:
        match probe:
            case OutlineSource():
                return _outline(probe.files), {}
            case LoadDefinitions():
                return self._load(probe), {}
            case NameDevice():
                return DeviceName(devices.computed_on(probe.device)), {}
            case Several():
                return self._several(probe, tensors)
            case RunOnDevice(device=str(device)):
                return devices.confirm(probe, torch.device(device), tensors, self._classes), {}
            case RunOnDevice():
                assert self._elsewhere is not None  # loading comes first
                return devices.examine(probe, tensors, self._classes, self._elsewhere), {}
            case ClassProbe():
                return answer(probe, tensors, self._classes, gradients=self._gradients)
        raise TypeError(f"{type(probe).__name__} is not a probe that can be answered")

    def _several(self, several: Several[Any], tensors: Tensors) -> tuple[Replies[Any], Tensors]:
        """The reply to each probe. Its tensors are copies, so that a later probe cannot change them."""
        own = unbundle(tensors, len(several.probes))
        answered = [self._answered(probe, inputs) for probe, inputs in zip(several.probes, own, strict=True)]
        return Replies(tuple(reply for reply, _ in answered)), bundle(outputs for _, outputs in answered)

    def _load(self, probe: LoadDefinitions) -> Definitions:
        again = functools.partial(
            load, probe.files, probe.data, folder=self._scratch, wanted=probe.wanted, sparing=probe.sparing
        )
        self._elsewhere = devices.Elsewhere(probe.files, again)
        loaded = again()
        self._gradients = _is_grad_enabled()
        self._classes = {**loaded.classes, EVERY_MY_CONV2D: loaded.every.get("MyConv2d", ())}
        return Definitions(
            classes=tuple(sorted(loaded.classes)),
            chosen=loaded.chosen,
            conflicts=tuple(loaded.conflicts),
            skipped=tuple(loaded.skipped[:500]),
            failures=tuple(loaded.failures[:100]),
            replacements=tuple(loaded.replacements[:100]),
            notes=tuple(loaded.notes[:200]),
            changes=tuple(loaded.changes[:100]),
        )


def _outline(files: tuple[CodeFile, ...]) -> Outline:
    sources = read(files)
    constructs = unusual(sources)
    outline = outline_of(sources)
    return Outline(tuple(dataclasses.replace(file, unusual=constructs[file.path]) for file in outline.files))
