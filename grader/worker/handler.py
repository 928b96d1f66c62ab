"""What a session answers: outline, load, then probes. One handler a session, inside the sandbox."""

from __future__ import annotations

import ctypes
import functools
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .bundle import bundle, unbundle
from .loading.loader import load
from .probes import devices
from .probes.answer import answer
from .probes.modules import EVERY_MY_CONV2D
from .source.outline import outline_of
from .source.reading import read
from .source.unusual import unusual

__all__ = ["Handler"]


# Taken before any code of a submission runs.
_process_time, _thread_time = time.process_time_ns, time.thread_time_ns
_NOISE = 20_000
"""Nanoseconds that clocks may be coarse by; to start a thread takes many times as long."""


def _driver_is_there() -> bool:
    """Whether torch can start CUDA, whose driver has threads of its own. Looking for cards is enough, which torch does
    at the first gradient."""
    if torch.version.cuda is None:
        return False
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    return True


_DRIVER_IS_THERE = _driver_is_there()


class Handler:
    """Answers one submission's messages in order."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._classes: dict[str, Any] = {}
        self._elsewhere: devices.Elsewhere | None = None

    def handle(self, message: dict[str, Any], tensors: dict[str, Tensor]) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """``outline`` parses and runs nothing; ``load`` runs the definitions; ``gpu`` tries the graphics card;
        ``several`` holds probes to be answered in turn;
        everything else is a probe.

        A reply has ``threads`` if any but this one has worked: what watches operations does so in one thread. Whatever
        started them, and by whatever name, the process has then worked for longer than the thread: a session is forked
        from one, and read in this order the process's clock is never ahead of its only thread's.
        """
        reply, out = self._answered(message, tensors)
        if not _DRIVER_IS_THERE and _process_time() - _thread_time() > _NOISE:
            reply = {**reply, "threads": True}
        return reply, out

    def _answered(
        self, message: dict[str, Any], tensors: dict[str, Tensor]
    ) -> tuple[dict[str, Any], dict[str, Tensor]]:
        match message["do"]:
            case "outline":
                return _outline(message["files"]), {}
            case "load":
                return self._load(message), {}
            case "gpu":
                return {"name": devices.computed_on(message["device"])}, {}
            case "several":
                return self._several(message["probes"], tensors)
            case "device" if "device" in message:
                return devices.confirm(message, tensors, self._classes), {}
            case "device":
                assert self._elsewhere is not None  # loading comes first
                return devices.examine(message, tensors, self._classes, self._elsewhere), {}
            case _:
                return answer(message, tensors, self._classes)

    def _several(
        self, probes: list[dict[str, Any]], tensors: dict[str, Tensor]
    ) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """Each probe's answer, as it was when it was given: its tensors are copies."""
        answered = [
            self._answered(probe, own) for probe, own in zip(probes, unbundle(tensors, len(probes)), strict=True)
        ]
        return {"replies": [reply for reply, _ in answered]}, bundle(found for _, found in answered)

    def _load(self, message: dict[str, Any]) -> dict[str, Any]:
        files = message["files"]
        again = functools.partial(
            load, files, folder=self._scratch, wanted=message["wanted"], sparing=message["sparing"]
        )
        self._elsewhere = devices.Elsewhere(files, again)
        loaded = again()
        self._classes = {**loaded.classes, EVERY_MY_CONV2D: loaded.every.get("MyConv2d", ())}
        return {
            "classes": sorted(loaded.classes),
            "chosen": loaded.chosen,
            "conflicts": loaded.conflicts,
            "left_out": loaded.left_out[:500],
            "failed": loaded.failed[:100],
            "stood_in": loaded.stood_in[:100],
            "notes": loaded.notes[:200],
        }


def _outline(files: list[dict[str, Any]]) -> dict[str, Any]:
    sources = read(files)
    reply, found = outline_of(sources), unusual(sources)
    for file in reply["files"]:
        file["unusual"] = found[file["path"]]
    return reply
