"""The forgeries are what their tables say: Python, unlike the honest source, and aimed at what the worker has."""

from __future__ import annotations

import ast
import importlib
import re
from operator import attrgetter
from pathlib import Path

import pytest
from places import ROOT

from .cases import HONEST
from .forging import FORGERIES
from .forging.forgery import Forgery

WORKER = ROOT / "grader" / "worker"
MODULES = {path.stem: ".".join(path.relative_to(ROOT).with_suffix("").parts) for path in WORKER.rglob("*.py")}
AIMS = [
    ("answer", "_ANSWERS"),
    ("answer", "BuildNetwork"),
    ("answer", "RunLayer"),
    ("devices", "DeviceFindings"),
    ("devices", "_on_the_cpu"),
    ("devices", "examine"),
    ("frames", "json.dumps"),
    ("handler", "Handler._answered"),
    ("handler", "Handler.handle"),
    ("handler", "reply_to_json"),
    ("legacy", "cuda_calls"),
    ("protocol", "reply_to_json"),
    ("watching", "NativeDilation.__torch_dispatch__"),
]
"""Modules of the worker, and what the forgeries replace in them."""


def _all_text(forgery: Forgery) -> str:
    return "\n".join([forgery.source(), *forgery.beside.values()])


@pytest.mark.parametrize("forgery", FORGERIES, ids=lambda forgery: forgery.name)
def test_a_forgery_is_python_and_not_the_honest_source(forgery: Forgery) -> None:
    assert forgery.source() != HONEST
    ast.parse(forgery.source())
    assert forgery.tries.endswith(".") and "<<" not in _all_text(forgery)


@pytest.mark.parametrize(("module", "name"), AIMS)
def test_what_the_forgeries_replace_is_in_the_worker(module: str, name: str) -> None:
    assert attrgetter(name)(importlib.import_module(MODULES[module])) is not None


def test_every_module_of_the_worker_that_a_forgery_names_exists() -> None:
    texts = "\n".join(map(_all_text, FORGERIES))
    names = set(re.findall(r"\bmodule\('(\w+)'\)|\bmodule\(\"(\w+)\"\)", texts))
    last_names = {first or second for first, second in names}
    assert last_names == {"answer", "frames", "handler", "legacy", "protocol", "watching"}
    assert last_names <= MODULES.keys()
    for dotted in re.findall(r"'(worker\.[\w.]+)'", texts):
        assert Path(ROOT, "grader", *dotted.split(".")).with_suffix(".py").is_file(), dotted
