"""What the examiner rests on, compared by identity: the tables of names of modules and of classes.

Reading the source (``source/unusual.py``) finds a change by the name under which it is made, and code can reach a thing
under a name that nobody foresees: through a loop, a container, a function of a library. But whoever changes a module or
a class changes its ``__dict__``, however it was reached. So these dictionaries are noted before any code of a
submission runs, and compared after each request.

CPython up to 3.13 numbers every change of a dictionary. There a comparison takes a few nanoseconds a table, and what
was changed and changed back in the meantime is seen as well. Elsewhere the identities of all values are compared.

What was noted lies in the closures that ``compared`` gives, and nowhere else. Python code reaches these only by frames
or by the collector's tables, which the audit hook reports.
"""

from __future__ import annotations

import builtins
import ctypes
import functools
import gc
import sys
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass
from types import BuiltinFunctionType, CellType, FunctionType, ModuleType
from typing import Any, NamedTuple

import numpy
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from ..source.examiners import CORE, EXAMINERS, SETTINGS, below
from ..trouble import names_of_theirs

__all__ = ["Compared", "Table", "compared", "watched"]

# Functions that are defined from here on find built-in names in a copy: to replace one in builtins changes none here.
globals()["__builtins__"] = dict(vars(builtins))


@dataclass(frozen=True)
class Table:
    """The names of a module or of a class, or a dictionary of theirs."""

    name: str
    """How one would write it: ``torch.nn.functional``, ``torch.nn.Module``."""
    names: dict[Any, Any]
    """The dictionary itself, not a copy."""
    is_library: bool = False
    """Whether it is a module that is not ours. There plain values are state, and an import adds modules."""
    may_grow: bool = False
    """Whether a new name in it changes nothing."""
    is_dictionary: bool = False
    """Whether it is the table of neither a module nor a class."""


class Compared(NamedTuple):
    """What compares tables with what they were."""

    changes: Callable[[], list[str]]
    """Tells what was changed since it was last asked, as ``torch.nn.functional.conv2d = … (models.py, line 12)``. The
    place is that of the new value, where it is a function of the submission or a class with one."""
    accept: Callable[[], None]
    """Takes everything as it is now, after changes of our own."""


# ------------------------------------------------------------------------------------------------- what is looked at

_TORCH = frozenset(
    {"torch", "torch.functional", "torch.overrides", "torch.storage", "torch.cuda", "torch.utils", "torch._tensor"}
    | {"torch._C", "torch._C._nn", "torch._ops", "torch._VF", "torch.utils._python_dispatch", "torch.utils._device"}
    | {"torch.utils._contextlib", "torch.autograd", "torch.autograd.function", "torch.autograd.grad_mode"}
    | {"torch.nn", "torch.nn.functional", "torch.nn.init", "torch.nn.parameter"}
)
_LAYERS = frozenset({"torch.nn.modules"})
"""A part of torch of which all modules are looked at."""
_PYTHONS = frozenset({"contextlib", "functools", "unittest.mock", "json", "abc", "enum", "types"})
"""Modules of Python whose classes the examiner makes use of."""
_HOOKS = "torch.nn.modules.module"
"""The module whose dictionaries hold what runs at every call of a layer."""
_IMMUTABLE = 1 << 8
"""The flag of a class that cannot be changed, as most of those that are written in C."""


def watched(worker: str) -> list[Table]:
    """The tables of what is imported now and what the examiner rests on. ``worker`` is the package of our modules."""
    modules = {
        name: module
        for name, module in sorted(sys.modules.items(), key=lambda item: item[0].count("."))
        if type(module) is ModuleType and (_is_ours(name, worker) or _is_rested_on(name))
    }
    tables = [
        Table(name, vars(module), not _is_ours(name, worker), not (_is_ours(name, worker) or below(name, CORE)))
        for name, module in modules.items()
    ]
    tables += [Table(name, _names_of(kind)) for kind, name in _classes(modules).items()]
    tables += [
        Table(f"{name}.{key}", value, is_dictionary=True)
        for name, module in modules.items()
        if _is_ours(name, worker) or name == _HOOKS
        for key, value in vars(module).items()
        if isinstance(value, dict) and not key.startswith("__")
    ]
    tables += [Table(str(operation), vars(operation)) for operation in _dilating()]
    tables += [
        Table(f"{table.name}.{value.__name__}.__kwdefaults__", value.__kwdefaults__, is_dictionary=True)
        for table in tables
        for value in table.names.values()
        if type(value) is FunctionType and value.__kwdefaults__
    ]
    # What has several names is told by the shortest.
    return list({id(table.names): table for table in reversed(tables)}.values())


def _dilating() -> Iterator[Any]:
    """The operations of torch that take a dilation, as those who watch operations get them."""
    for schema in torch._C._jit_get_all_schemas():
        space, _, name = schema.name.partition("::")
        is_plain = space == "aten" and not schema.overload_name and not name.endswith("backward")
        if is_plain and any(argument.name == "dilation" for argument in schema.arguments):
            yield getattr(torch.ops.aten, name).default


def _is_ours(name: str, worker: str) -> bool:
    return name == worker or name.startswith(f"{worker}.")


def _is_rested_on(name: str) -> bool:
    if name.partition(".")[0] == "torch":
        return name in _TORCH or below(name, _LAYERS)
    return name in EXAMINERS or name == "unittest.mock"


def _classes(modules: dict[str, ModuleType]) -> dict[type, str]:
    """The classes that these modules define, their bases and their metaclasses, each with its name."""
    found: dict[type, str] = {}
    for name, module in modules.items():
        for key, value in vars(module).items():
            if isinstance(value, type) and _has_methods_of_use(value, modules):
                own = f"{value.__module__}.{value.__qualname__}"
                found.setdefault(value, own if "._" in name else f"{name}.{key}")
    for kind in [*found]:
        for base in [*kind.__mro__, *type(kind).mro(type(kind))]:
            found.setdefault(base, f"{base.__module__}.{base.__qualname__}")
    return {kind: name for kind, name in found.items() if not kind.__flags__ & _IMMUTABLE}


def _has_methods_of_use(kind: type, modules: Container[str]) -> bool:
    root = kind.__module__.partition(".")[0]
    known = kind.__module__ in modules and kind.__module__ != "torch._C"
    return known and (root not in sys.stdlib_module_names or kind.__module__ in _PYTHONS)


def _names_of(kind: type) -> dict[Any, Any]:
    """The dictionary of a class; its ``__dict__`` is only a view of that."""
    return next(each for each in gc.get_referents(type.__dict__["__dict__"].__get__(kind)) if isinstance(each, dict))


# --------------------------------------------------------------------------------------------------------- comparing

_UNTOLD = frozenset({"__annotations__", "__warningregistry__", "__builtins__", "__doc__"})
"""Names that Python itself adds to a table."""
_PLAIN = frozenset({bool, int, float, str, type(None)})
"""Classes of values that cannot be called."""
_ORDINARY: tuple[type[Any], ...] = (Tensor, nn.Parameter, TorchDispatchMode, TorchFunctionMode)
"""Classes whose subclasses take part in operations."""
_UNSTEADY = frozenset({"sys", "torch", "torch.cuda", "torch.utils._python_dispatch"})
"""Tables that are changed and changed back by whoever runs."""
_REPLACED = frozenset({"torch.manual_seed"})
"""What torch itself replaces when its compiler is imported. The examiner works with none of it."""
_KEYS = frozenset({str, int, type})
"""Classes of keys that are compared as Python compares them."""
_MISSING = object()


def compared(tables: Sequence[Table]) -> Compared:
    """What compares these tables with what they are now."""
    theirs, loaded, insides = names_of_theirs(), sys.modules, _insides(tables)
    mark, differing = _marks([table.names for table in tables], insides)
    known: list[dict[Any, Any]] = [dict(table.names) for table in tables]
    before, below_before = mark(), [type.__subclasses__(kind) for kind in _ORDINARY]

    def accept() -> None:
        nonlocal before
        after = mark()
        for place in differing(before, after):
            if place < len(tables):
                known[place] = dict(tables[place].names)
        before = after

    def changes() -> list[str]:
        nonlocal before
        after, found = mark(), list[str]()
        for place in differing(before, after):
            if place >= len(tables):
                found.append(f"{insides[place - len(tables)].name} = …")
                continue
            present = dict(tables[place].names)
            found += _differences(tables[place], known[place], present, loaded, theirs)
            known[place] = present
        before = after
        for place, kind in enumerate(_ORDINARY):
            below_now = type.__subclasses__(kind)
            if len(below_now) != len(below_before[place]):
                new = [each for each in below_now if not any(each is one for one in below_before[place])]
                found += [
                    f"a subclass of {_name_of(kind)}{_place(each, theirs)}" for each in new if not _is_in(each, loaded)
                ]
                below_before[place] = below_now
        return found

    return Compared(changes, accept)


def _differences(
    table: Table, known: dict[Any, Any], present: dict[Any, Any], loaded: dict[str, ModuleType], theirs: set[str]
) -> Iterator[str]:
    """What of a table is not as it was; that it was changed and changed back where that is all that is known."""
    # Keys of other classes may have an equality of their own, which would run code here.
    now = {key: value for key, value in present.items() if type(key) in _KEYS}
    names = [key for key in {**known, **now} if known.get(key, _MISSING) is not now.get(key, _MISSING)]
    for name in names:
        value, old = now.get(name, _MISSING), known.get(name, _MISSING)
        full = f"{table.name}[…]" if table.is_dictionary else f"{table.name}.{name}"
        is_state = table.is_library and type(value) in _PLAIN and type(old) in _PLAIN
        is_import = old is _MISSING and table.is_library and loaded.get(full, _MISSING) is value
        is_harmless = (
            name in _UNTOLD or full in _REPLACED or is_state or is_import or (old is _MISSING and table.may_grow)
        )
        if not is_harmless and not below(full, SETTINGS):
            yield f"{full} = …{_place(value, theirs)}"
    if len(now) < len(present):
        yield f"{table.name}[…] = …"
    elif not names and table.name not in _UNSTEADY:
        yield f"{table.name} was changed and changed back"


def _place(value: object, theirs: set[str]) -> str:
    """Where the submission defines a function, or the first method of a class, that stands in a table now."""
    inner: list[Any] = list(_names_of(value).values()) if isinstance(value, type) else [value]
    for each in inner:
        while type(each) in _WRAPPING:
            each = _WRAPPING[type(each)](each)
        if type(each) is FunctionType and each.__code__.co_filename in theirs:
            return f" ({each.__code__.co_filename}, line {each.__code__.co_firstlineno})"
    return ""


def _is_in(kind: type, loaded: dict[str, ModuleType]) -> bool:
    """Whether a class belongs to a part of torch that was imported in the meantime."""
    module = loaded.get(kind.__module__) if type(kind.__module__) is str else None
    return kind.__module__.startswith("torch.") and type(module) is ModuleType and kind in vars(module).values()


def _name_of(kind: type) -> str:
    return f"{'torch' if kind is Tensor else kind.__module__}.{kind.__qualname__}"


_WRAPPING: dict[type, Callable[[Any], Any]] = {
    property: property.__dict__["fget"].__get__,
    staticmethod: staticmethod.__dict__["__func__"].__get__,
    classmethod: classmethod.__dict__["__func__"].__get__,
    functools.partial: functools.partial.__dict__["func"].__get__,
}
"""Classes of objects with a function inside, which can be put into one that is there already; and what gives it."""


_CLOSELY = frozenset(
    {"torch.nn.functional", "torch.nn.Module", "torch.Tensor", "torch.utils._python_dispatch", "torch.overrides"}
)
"""Tables of torch, with those in them, of which the insides of functions are looked at too."""


class _Inside(NamedTuple):
    """Something that can be changed without a change of a table."""

    name: str
    read: Callable[[Any], Any]
    """What gives the function in it."""
    thing: Any


def _insides(tables: Sequence[Table]) -> list[_Inside]:
    """The functions in such objects, and those in closures."""
    close = [table for table in tables if not table.name.startswith("torch") or below(table.name, _CLOSELY)]
    values = [(f"{table.name}.{key}", value) for table in close for key, value in table.names.items()]
    wrapped = [_Inside(name, _WRAPPING[type(value)], value) for name, value in values if type(value) in _WRAPPING]
    cells = [
        _Inside(f"what {name} closes over", _CONTENTS, cell)
        for name, value in values
        if type(value) is FunctionType
        for cell in value.__closure__ or ()
        if _holds_function(cell)
    ]
    return list({id(inside.thing): inside for inside in reversed((*wrapped, *cells))}.values())


_CONTENTS: Callable[[Any], Any] = CellType.__dict__["cell_contents"].__get__


def _holds_function(cell: CellType) -> bool:
    """Whether it holds what a decorated function calls."""
    try:
        return type(_CONTENTS(cell)) in (FunctionType, BuiltinFunctionType)
    except ValueError:  # It is empty.
        return False


# ------------------------------------------------------------------------------------------------- what is noted

_FIRST_FIELD = object.__basicsize__
"""Where an object has its first field: of a cell and of what holds a function, that is what it holds."""
_NUMBER_AT = _FIRST_FIELD + 8
"""Where CPython up to 3.13 has the number of the last change in a dictionary: behind its length."""


def _marks(
    dictionaries: Sequence[dict[Any, Any]], insides: Sequence[_Inside]
) -> tuple[Callable[[], Any], Callable[[Any, Any], list[int]]]:
    """What notes the dictionaries and the insides as they are, and what gives the places where two notes differ."""
    if _are_numbered() and all(
        _word_at(id(each.thing) + _FIRST_FIELD) == id(each.read(each.thing)) for each in insides
    ):
        # One array over all the memory that they lie in, and of it the elements that are looked at: to ask each object
        # by another one would take much longer, since little of them is in the processor's cache.
        addresses = [id(each) + _NUMBER_AT for each in dictionaries]
        addresses += [id(each.thing) + _FIRST_FIELD for each in insides]
        first, word = min(addresses), ctypes.sizeof(ctypes.c_uint64)
        memory = (ctypes.c_uint64 * ((max(addresses) - first) // word + 1)).from_address(first)
        places = numpy.array([(address - first) // word for address in addresses])
        taken = numpy.frombuffer(memoryview(memory), dtype=numpy.uint64).take
        return lambda: taken(places), lambda one, other: (one != other).nonzero()[0].tolist()
    return (
        lambda: [
            *((list(each), list(map(id, each.values()))) for each in dictionaries),
            *(id(each.read(each.thing)) for each in insides),
        ],
        lambda one, other: [place for place, pair in enumerate(zip(one, other, strict=True)) if pair[0] != pair[1]],
    )


def _word_at(address: int) -> int:
    return ctypes.c_uint64.from_address(address).value


def _are_numbered() -> bool:
    """Whether the interpreter is found to number the changes of dictionaries, in the place where it is looked for."""
    if sys.implementation.name != "cpython" or sys.version_info >= (3, 14):
        return False
    tried: dict[str, int] = {"a": 0}
    cell = ctypes.c_uint64.from_address(id(tried) + _NUMBER_AT)
    seen = [cell.value]
    for change in (lambda: tried.update(a=1), lambda: tried.update(a=0), lambda: tried.update(b=0), tried.popitem):
        change()
        seen.append(cell.value)
        if tried.get("a") is None or cell.value != seen[-1]:
            return False
    return len(set(seen)) == len(seen)
