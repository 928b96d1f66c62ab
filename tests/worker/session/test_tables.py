"""A change of what the examiner rests on is told with table, name and place, however it is made."""

from __future__ import annotations

import builtins
import functools
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

import grader.worker.handler
from grader.worker.probes import answer
from grader.worker.probes.watching import NativeDilation, Poison
from grader.worker.session import tables
from grader.worker.session.tables import Table, compared, watched
from grader.worker.trouble import remember

assert grader.worker.handler  # Whatever a session imports is to be looked at.
WATCHED = watched("grader.worker")


def replaced(owner: Any, name: str, value: object = None) -> tuple[Callable[[], object], Callable[[], object]]:
    """What replaces an attribute, and what puts it back."""
    before = vars(owner)[name]
    return lambda: setattr(owner, name, value), lambda: setattr(owner, name, before)


def added(owner: Any, name: str) -> tuple[Callable[[], object], Callable[[], object]]:
    return lambda: setattr(owner, name, None), lambda: delattr(owner, name)


def decorated(function: Callable[[], int]) -> Callable[[], int]:
    return lambda: function()


@pytest.fixture
def numbered(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """With the interpreter's numbers of changes, and without."""
    if not request.param:
        monkeypatch.setattr(tables, "_are_numbered", lambda: False)
    yield


both = pytest.mark.parametrize("numbered", [True, False], indirect=True, ids=["numbered", "by identity"])


@both
@pytest.mark.usefixtures("numbered")
@pytest.mark.parametrize(
    ("change", "name"),
    [
        (replaced(F, "conv2d"), "torch.nn.functional.conv2d"),
        (replaced(torch, "cat"), "torch.cat"),
        (replaced(nn, "Conv2d"), "torch.nn.Conv2d"),
        (replaced(nn.Module, "named_parameters"), "torch.nn.Module.named_parameters"),
        (replaced(torch.Tensor, "backward"), "torch.Tensor.backward"),
        (added(torch.Tensor, "numel"), "torch.Tensor.numel"),
        (added(nn.Conv2d, "__call__"), "torch.nn.Conv2d.__call__"),
        (replaced(TorchDispatchMode, "__enter__"), "torch.utils._python_dispatch.TorchDispatchMode.__enter__"),
        (replaced(NativeDilation, "__torch_dispatch__"), "….probes.watching.NativeDilation.__torch_dispatch__"),
        (added(NativeDilation, "__enter__"), "….probes.watching.NativeDilation.__enter__"),
        (replaced(answer, "run_layer"), "….probes.answer.run_layer"),
        (replaced(builtins, "any"), "builtins.any"),
        (added(F, "len"), "torch.nn.functional.len"),
    ],
)  # fmt: skip
def test_a_change_is_told_with_its_table_and_its_name(change, name):
    look, _ = compared(WATCHED)
    make, put_back = change
    make()
    try:
        assert look() == [f"{name.replace('…', 'grader.worker')} = …"]
        assert look() == []
    finally:
        put_back()
    assert len(look()) == 1


@both
@pytest.mark.usefixtures("numbered")
def test_dictionaries_of_ours_and_hooks_of_all_layers_are_tables_too():
    look, _ = compared(WATCHED)
    kept = answer._ANSWERS.popitem()
    handle = nn.modules.module.register_module_forward_hook(lambda *values: None)
    answers, hooks = (
        "grader.worker.probes.answer._ANSWERS[…] = …",
        "torch.nn.modules.module._global_forward_hooks[…] = …",
    )
    assert sorted(look()) == [answers, hooks]
    handle.remove()
    answer._ANSWERS[kept[0]] = kept[1]
    assert sorted(look()) == [answers, hooks]


def test_the_place_of_what_is_put_in_is_told():
    source = "class Mine:\n    def __call__(self): pass\n\n\ndef mine(*a): pass\n"
    remember("theirs.py", source)
    theirs: dict[str, Any] = {}
    exec(compile(source, "theirs.py", "exec"), theirs)
    look, accept = compared(WATCHED)
    for value, line in ((theirs["mine"], 5), (staticmethod(theirs["mine"]), 5), (theirs["Mine"], 2)):
        make, put_back = replaced(F, "conv2d", value)
        make()
        assert look() == [f"torch.nn.functional.conv2d = … (theirs.py, line {line})"]
        put_back()
        accept()


def test_what_is_changed_inside_an_object_is_told():
    class Holder:
        text = property(lambda self: "a")
        plain = staticmethod(len)
        part = functools.partial(len)
        inner = decorated(lambda: 1)

    table = Table("Holder", tables._names_of(Holder))
    look, _ = compared([table])
    property.__init__(vars(Holder)["text"], lambda self: "b")
    staticmethod.__init__(vars(Holder)["plain"], max)
    vars(Holder)["part"].__setstate__((max, (), {}, {}))
    vars(Holder)["inner"].__closure__[0].cell_contents = max
    told = {"Holder.text", "Holder.plain", "Holder.part", "what Holder.inner closes over"}
    assert set(look()) == {f"{name} = …" for name in told}


def test_defaults_that_are_changed_in_place_are_told():
    look, _ = compared(WATCHED)
    defaults = nn.Module.load_state_dict.__kwdefaults__ or nn.Module.state_dict.__kwdefaults__
    kept = dict(defaults)
    defaults.update(dict.fromkeys(kept, 3))
    told = look()
    defaults.update(kept)
    assert told and all(".__kwdefaults__[…] = …" in each for each in told)


@pytest.mark.skipif(not tables._are_numbered(), reason="this interpreter does not number changes")
@pytest.mark.parametrize("owner", [F, TorchDispatchMode, NativeDilation, nn.Module, answer])
def test_what_is_changed_and_changed_back_is_told(owner):
    look, _ = compared(WATCHED)
    name = next(name for name, value in vars(owner).items() if callable(value))
    make, put_back = replaced(owner, name)
    make()
    put_back()
    (told,) = look()
    assert told.endswith(" was changed and changed back")


def test_a_new_subclass_of_what_takes_part_in_operations_is_told():
    look, _ = compared(WATCHED)

    class Mine(torch.Tensor):
        pass

    class Alike(nn.Parameter):
        pass

    class Mode(TorchDispatchMode):
        pass

    assert sorted(look()) == [
        "a subclass of torch.Tensor",
        "a subclass of torch.nn.parameter.Parameter",
        "a subclass of torch.utils._python_dispatch.TorchDispatchMode",
    ]
    assert Mine and Alike and Mode


@both
@pytest.mark.usefixtures("numbered")
def test_what_honest_code_and_our_own_probes_do_changes_nothing():
    look, _ = compared(WATCHED)

    class Mine(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(1, 1, 3)

        def forward(self, x):
            return F.relu(self.conv(x))

    with NativeDilation(), Poison():
        Mine()(torch.ones(1, 1, 8, 8)).sum().backward()
    torch.manual_seed(0)
    torch.backends.cudnn.deterministic = torch.backends.cudnn.deterministic
    torch.set_default_dtype(torch.float32)
    torch.set_printoptions()
    stdout, sys.stdout = sys.stdout, sys.stderr
    sys.stdout = stdout
    sys.path.append("x")
    sys.path.pop()
    assert look() == []


def test_a_part_of_torch_that_is_imported_later_is_no_change():
    package = types.ModuleType("torch.utils.new")
    look, _ = compared(WATCHED)
    sys.modules["torch.utils.new"] = torch.utils.new = package
    try:
        assert look() == []
    finally:
        del sys.modules["torch.utils.new"], torch.utils.new


def test_what_is_accepted_is_not_told():
    look, accept = compared(WATCHED)
    make, put_back = replaced(F, "conv2d")
    make()
    accept()
    assert look() == []
    put_back()
    assert look() == ["torch.nn.functional.conv2d = …"]


def test_a_replaced_built_in_function_does_not_stop_the_comparison(monkeypatch):
    look, _ = compared(WATCHED)
    with monkeypatch.context() as patch:
        for name in ("map", "zip", "enumerate", "id", "list", "dict", "any", "len"):
            patch.setattr(builtins, name, None)
        told = look()
    assert set(told) == {
        f"builtins.{name} = …" for name in ("map", "zip", "enumerate", "id", "list", "dict", "any", "len")
    }
