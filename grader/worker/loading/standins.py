"""What stands in for modules that were not handed in and are not installed here: nothing in them fails.

A student's file should not be lost because it says ``import cv2`` for a plot. So an absent module becomes a StandIn,
whose attributes are StandIns too: it can be called, subclassed, used as a decorator or context manager, indexed and
iterated over (nothing comes out). Where an old name has an exact modern equivalent (``six.moves.range``,
``collections.Iterable``), that is used instead. torch, numpy and math are never stood in for.
"""

from __future__ import annotations

import builtins
import collections.abc
import importlib
import types
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NoReturn

from torch import nn

__all__ = ["ALWAYS_REAL", "StandIn", "conventional", "equivalent", "fill_missing", "real_or_stand_in"]


ALWAYS_REAL = frozenset({"torch", "torch.nn", "torch.nn.functional", "numpy", "math"})
"""Modules whose missing attributes stay missing: what is examined must not rest on a stand-in."""

Remark = Callable[[str, str], None]
"""Called with the dotted name that is missing and what was done about it."""


class StandInBase:
    """What a class derives from when its base is a stand-in: takes any arguments, has any attribute."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return StandIn(f"{type(self).__name__}.{name}")


class StandInModule(nn.Module):
    """What a network derives from whose base is a stand-in called ``…Module``, as of PyTorch Lightning: an nn.Module,
    in which what such bases add does nothing."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__()

    def __getattr__(self, name: str) -> Any:
        return StandIn(f"{type(self).__name__}.{name}") if name in _ADDED_TO_MODULES else super().__getattr__(name)


_ADDED_TO_MODULES = frozenset(
    {"save_hyperparameters", "hparams", "log", "log_dict", "logger", "trainer", "print", "optimizers", "lr_schedulers"}
    | {"manual_backward", "all_gather", "current_epoch", "global_step", "example_input_array"}
)


class StandIn:
    """An object, or a module, that is not here: every use of it is harmless and yields nothing."""

    # Star imports ask for it, and take nothing.
    __all__: Sequence[str] = ()

    def __init__(self, name: str) -> None:
        self.__name__ = name
        self.__qualname__ = name

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            # Protocols are found on the class; claiming them all would make this a tensor, an array and a coroutine.
            raise AttributeError(name)
        full = f"{self.__name__}.{name}"
        found, value = equivalent(full)
        if not found:
            exception = name == "error" or name.endswith(("Error", "Exception", "Warning"))
            value = type(name, (Exception,), {}) if exception else StandIn(full)
        # Kept, so that the same name is the same object each time.
        self.__dict__[name] = value
        return value

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        if len(arguments) == 1 and not keywords and isinstance(arguments[0], types.FunctionType | type):
            # As a decorator it leaves what it decorates as it is.
            return arguments[0]
        return StandIn(f"{self.__name__}()")

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[type, ...]:
        absent = [base for base in bases if isinstance(base, StandIn)]
        present = [base for base in bases if isinstance(base, type)]
        if next((base for base in absent if base._is_network), absent[0]) is not self:
            return ()
        if self._is_network and not any(issubclass(base, nn.Module) for base in present):
            return (StandInModule,)
        return () if present else (StandInBase,)

    @property
    def _is_network(self) -> bool:
        return self.__name__.endswith("Module")

    def __instancecheck__(self, instance: object) -> bool:
        return False

    def __subclasscheck__(self, subclass: type) -> bool:
        return False

    def __reduce__(self) -> tuple[type[StandIn], tuple[str]]:
        return StandIn, (self.__name__,)

    def __repr__(self) -> str:
        return f"<stand-in for {self.__name__}>"

    def __format__(self, specification: str) -> str:
        return repr(self)

    def __bool__(self) -> bool:
        return False

    def __len__(self) -> int:
        return 0

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __next__(self) -> NoReturn:
        raise StopIteration

    def __contains__(self, item: object) -> bool:
        return False

    def __getitem__(self, key: object) -> StandIn:
        return StandIn(f"{self.__name__}[]")

    def __setitem__(self, key: object, value: object) -> None:
        pass

    def __delitem__(self, key: object) -> None:
        pass

    def __delattr__(self, name: str) -> None:
        self.__dict__.pop(name, None)

    def __enter__(self) -> StandIn:
        return self

    def __exit__(self, *exception: object) -> None:
        return None

    def __int__(self) -> int:
        return 0

    def __index__(self) -> int:
        return 0

    def __float__(self) -> float:
        return 0.0

    def __hash__(self) -> int:
        return hash(self.__name__)

    def __eq__(self, other: object) -> bool:
        return self is other


def _nothing(name: str) -> Callable[..., StandIn]:
    def operation(self: StandIn, *others: object) -> StandIn:
        return StandIn(self.__name__)

    operation.__name__ = name
    return operation


def _never(self: StandIn, other: object) -> bool:
    return False


_OPERATORS = (
    *("add", "sub", "mul", "matmul", "truediv", "floordiv", "mod", "pow"),
    *("and", "or", "xor", "lshift", "rshift"),
)
for _operator in _OPERATORS:
    for _prefix in ("", "r"):
        setattr(StandIn, f"__{_prefix}{_operator}__", _nothing(_operator))
for _operator in ("neg", "pos", "abs", "invert", "round"):
    setattr(StandIn, f"__{_operator}__", _nothing(_operator))
for _operator in ("lt", "le", "gt", "ge"):
    setattr(StandIn, f"__{_operator}__", _never)


# Old names that something real still answers to, exactly.
_EQUIVALENTS = {
    "cPickle": "pickle",
    "Queue": "queue",
    "ConfigParser": "configparser",
    "StringIO": "io",
    "cStringIO": "io",
    "urllib2": "urllib.request",
    "urlparse": "urllib.parse",
    "__builtin__": "builtins",
    "itertools.izip": "builtins.zip",
    "itertools.imap": "builtins.map",
    "itertools.ifilter": "builtins.filter",
    "itertools.izip_longest": "itertools.zip_longest",
    "fractions.gcd": "math.gcd",
    "time.clock": "time.perf_counter",
    "string.letters": "string.ascii_letters",
    "string.lowercase": "string.ascii_lowercase",
    "string.uppercase": "string.ascii_uppercase",
    "inspect.getargspec": "inspect.getfullargspec",
    "urllib.urlretrieve": "urllib.request.urlretrieve",
    "urllib.urlopen": "urllib.request.urlopen",
    "urllib.urlencode": "urllib.parse.urlencode",
    "urllib.quote": "urllib.parse.quote",
    "os.getcwdu": "os.getcwd",
    "six.moves.range": "builtins.range",
    "six.moves.xrange": "builtins.range",
    "six.moves.zip": "builtins.zip",
    "six.moves.map": "builtins.map",
    "six.moves.filter": "builtins.filter",
    "six.moves.input": "builtins.input",
    "six.moves.reduce": "functools.reduce",
    "six.moves.reload_module": "importlib.reload",
    "six.moves.zip_longest": "itertools.zip_longest",
    "six.moves.cPickle": "pickle",
    "six.moves.builtins": "builtins",
    "six.moves.queue": "queue",
    "six.moves.configparser": "configparser",
    "six.moves.urllib": "urllib",
    "six.moves.urllib.request": "urllib.request",
    "six.moves.urllib.parse": "urllib.parse",
    "six.moves.urllib.error": "urllib.error",
    "past.builtins.range": "builtins.range",
    "past.builtins.xrange": "builtins.range",
    "torch._six.inf": "math.inf",
    "torch._six.container_abcs": "collections.abc",
    **{f"collections.{name}": f"collections.abc.{name}" for name in collections.abc.__all__},
}


def _unchanged(iterable: Any = (), *arguments: Any, **keywords: Any) -> Any:
    return iterable


_VALUES: dict[str, Any] = {
    "six.PY2": False,
    "six.PY3": True,
    "six.string_types": (str,),
    "six.text_type": str,
    "six.integer_types": (int,),
    "six.iteritems": lambda mapping: iter(mapping.items()),
    "six.iterkeys": lambda mapping: iter(mapping.keys()),
    "six.itervalues": lambda mapping: iter(mapping.values()),
    "torch._six.string_classes": (str, bytes),
    "torch._six.int_classes": (int,),
    # A progress bar round a loop must not empty the loop.
    "tqdm.tqdm": _unchanged,
    "tqdm.trange": lambda *arguments, **keywords: range(*arguments),
    "tqdm.tqdm_notebook": _unchanged,
    "tqdm.auto.tqdm": _unchanged,
    "tqdm.notebook.tqdm": _unchanged,
    "tqdm.autonotebook.tqdm": _unchanged,
}


def equivalent(name: str) -> tuple[bool, Any]:
    """Whether something here is exactly what the dotted ``name`` was, and what."""
    if name in _VALUES:
        return True, _VALUES[name]
    modern = _EQUIVALENTS.get(name)
    if modern is None:
        return False, None
    try:
        return True, importlib.import_module(modern)
    except ImportError:
        module, _, attribute = modern.rpartition(".")
        return True, getattr(importlib.import_module(module), attribute)


_CONVENTIONS = {
    "torch": "torch",
    "nn": "torch.nn",
    "F": "torch.nn.functional",
    "optim": "torch.optim",
    "Variable": "torch.autograd.Variable",
    "Parameter": "torch.nn.Parameter",
    "np": "numpy",
    "numpy": "numpy",
    "npr": "numpy.random",
    "math": "math",
    **{name: name for name in ("os", "sys", "time", "random", "copy", "pickle", "itertools", "functools", "argparse")},
}


def conventional(name: str) -> tuple[bool, Any]:
    """What everybody calls ``name`` (``nn``, ``F``, ``np``), for a star import from a module that is not here."""
    full = _CONVENTIONS.get(name)
    if full is None:
        return False, None
    try:
        return True, importlib.import_module(full)
    except ImportError:
        module, _, attribute = full.rpartition(".")
        return True, getattr(importlib.import_module(module), attribute)


class _View(types.ModuleType):
    """A real module with names added, for one import statement: the module itself stays as it is."""

    def __init__(self, module: types.ModuleType, added: dict[str, Any]) -> None:
        super().__init__(module.__name__)
        self.__dict__["_module"] = module
        self.__dict__.update(added)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_module"], name)


def fill_missing(module: types.ModuleType, added: dict[str, Any]) -> types.ModuleType:
    """``module`` as an import statement should see it, with the names in ``added`` as well."""
    return _View(module, added) if added else module


def real_or_stand_in(name: str, fromlist: Sequence[str], remark: Remark) -> Any:
    """What ``import name`` (no ``fromlist``: the top-level module) or ``from name import …`` binds or reads from.

    The real thing where there is one. Raises ImportError only for names that ALWAYS_REAL modules do not have.
    """
    try:
        module = builtins.__import__(name, fromlist=fromlist)
    except Exception as error:
        # Installed libraries can fail in any way while they are imported, not with ImportError alone.
        if name in ALWAYS_REAL:
            raise
        return _absent(name, fromlist, remark, "not here" if isinstance(error, ImportError) else "cannot be imported")
    if not fromlist or name in ALWAYS_REAL:
        return module
    added: dict[str, Any] = {}
    for wanted in fromlist:
        if wanted == "*" or hasattr(module, wanted):
            continue
        full = f"{name}.{wanted}"
        found, value = equivalent(full)
        remark(full, "its modern equivalent is used" if found else "no longer there: stood in for")
        added[wanted] = value if found else StandIn(full)
    return fill_missing(module, added)


def _absent(name: str, fromlist: Sequence[str], remark: Remark, why: str) -> Any:
    """The stand-in for ``name``, hung under its nearest parent that is really here."""
    found, value = equivalent(name)
    remark(name, "its modern equivalent is used" if found else f"{why}: stood in for")
    parts = name.split(".")
    if fromlist or len(parts) == 1:
        return value if found else StandIn(name)
    for length in range(len(parts) - 1, 0, -1):
        try:
            parent = importlib.import_module(".".join(parts[:length]))
        except Exception:
            continue
        missing = ".".join(parts[: length + 1])
        if not hasattr(parent, parts[length]):
            setattr(parent, parts[length], value if found and missing == name else StandIn(missing))
        return importlib.import_module(parts[0])
    return StandIn(parts[0])
