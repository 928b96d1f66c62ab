"""A handler for the tests of the sandbox: runs the source it is sent, as the code of a submission would run."""

from __future__ import annotations

from pathlib import Path
from typing import Any


class Handler:
    """Names live as long as the session; ``value`` (JSON) and ``tensors`` go back when the source sets them."""

    def __init__(self, scratch: Path) -> None:
        self._names: dict[str, Any] = {"scratch": scratch}

    def handle(self, message: dict[str, Any], tensors: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        self._names.update(value=None, tensors={}, sent=tensors)
        exec(message["source"], self._names)
        return {"value": self._names["value"]}, self._names["tensors"]
