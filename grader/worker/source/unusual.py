"""Constructs by which code could reach or change the examiner's part of its process, found by reading the source.

What a submission computes is compared as numbers and needs none of this. But for some evidence there is only the
worker's word: which class a layer has, how many parameters there are, whether an operation was given a dilation, or
whether something is tied to a device. Code that walks frames, reads the interpreter's tables, replaces functions of
torch or runs text as code could falsify that. Code for these assignments has no use for such constructs. So they are
named, and a person reads the code.

A list of names cannot be complete. But it is applied before any code of the submission runs, so the code cannot change
what it finds.
"""

from __future__ import annotations

import ast
import builtins
import functools
import sys
from collections.abc import Container, Iterable, Iterator
from types import ModuleType
from typing import Any

from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from ..protocol import UnusualCode
from ..trouble import bounded
from .names import MANY, STARRED, Aliases, dotted, is_too_long
from .pieces import Source

__all__ = ["unusual"]


_MOST = 20

_ATTRIBUTES = frozenset(
    {"f_back", "f_locals", "f_globals", "f_builtins", "f_code", "tb_frame", "gi_frame", "cr_frame", "ag_frame"}
    | {"__globals__", "__builtins__", "__closure__", "__code__", "__subclasses__", "__kwdefaults__", "__wrapped__"}
    | {"__torch_function__", "__torch_dispatch__", "__instancecheck__", "__subclasscheck__", "__mro_entries__"}
    | {"__getattribute__", "__reduce__", "__reduce_ex__", "__prepare__", "__loader__", "__spec__"}
    | {"_getframe", "_getframemodulename", "_current_frames", "_current_exceptions", "get_objects", "get_referrers"}
    | {"get_referents", "settrace", "setprofile", "currentframe", "getouterframes", "getinnerframes", "call_tracing"}
    | {"_disable_current_modes", "_DisableTorchDispatch", "_DisableTorchFunction", "_ExcludeDispatchKeyGuard"}
    | {"_named_members", "_call_impl", "start_new_thread", "run_in_executor", "addaudithook", "__self__", "__del__"}
    | {"__mro__", "__base__", "__bases__", "_make_subclass", "_make_wrapper_subclass", "_should_skip_dynamo"}
    | {"is_meta", "untyped_storage", "data_ptr", "_start_new_thread"}
)
"""Names that are reported whatever they are attributes of, and as strings too, which ``getattr`` takes."""

_NAMES = (
    *("eval", "exec", "compile", "__import__", "__builtins__", "__loader__", "__spec__"),
    *("builtins", "sys.modules", "sys.meta_path", "sys.path_hooks", "sys.monitoring", "ctypes", "cffi", "gc.callbacks"),
    *("inspect.stack", "inspect.trace", "marshal.loads", "pickle.loads", "dill", "cloudpickle"),
    *("unittest.mock", "mock"),
    *("importlib.import_module", "importlib.util", "importlib.machinery", "importlib._bootstrap", "runpy", "codeop"),
    *("code.InteractiveInterpreter", "code.InteractiveConsole", "timeit.timeit", "timeit.repeat", "timeit.Timer"),
    *("cProfile.run", "cProfile.runctx", "profile.run", "pdb.run", "pdb.runeval", "doctest.testmod", "trace.Trace"),
    *("types.FunctionType", "types.CodeType", "typing.get_type_hints", "operator.attrgetter", "operator.methodcaller"),
    *("os.write", "os.dup", "os.dup2", "os.fdopen", "os.fork", "socket.fromfd", "type.mro"),
    # code that runs while the examiner's own code does
    *("asyncio.to_thread", "signal.signal", "signal.setitimer", "weakref.finalize", "type.__setattr__"),
    # an object made from text, or from a name that exists only while the code runs
    *("pkgutil.resolve_name", "string.Formatter", "pydoc", "inspect.getmembers", "inspect.getattr_static"),
    *("torch.jit.CompilationUnit", "torch.jit.fork", "types.new_class", "type.__new__", "pickle.Unpickler"),
    *("threading.Thread", "threading.Timer", "concurrent.futures", "multiprocessing.pool", "multiprocessing.dummy"),
    *("torch.overrides", "torch.library", "torch.utils.cpp_extension", "worker", "grader"),
)
"""Full names that are reported, each with everything below it."""
_OURS = __name__.partition(".")[0]
"""The package that all our modules are in: ``worker`` in a sandbox."""

_CORE = ("torch", "builtins", "json", "sys", "inspect", "importlib", "gc", "worker")
"""Modules that the examiner relies on most: to add an attribute to one counts as changing it."""
_EXAMINERS = (
    *_CORE,
    *("contextlib", "unittest", "struct", "linecache", "dis", "ast", "types", "functools", "signal", "abc", "enum"),
    *("collections", "dataclasses", "re", "textwrap", "operator", "ctypes", "typing", "os"),
)
"""Modules that the examiner works with: to change one of their attributes is to change the examiner."""
_SETTINGS = (
    *("torch.backends", "torch.random", "os.environ"),
    *("sys.path", "sys.argv", "sys.stdout", "sys.stderr", "sys.stdin"),
)
"""Attributes of these modules that programs are meant to change."""
_CLOSED = frozenset({"torch", "torch.utils", "sys", "builtins", "gc", "inspect", "importlib", "operator", "types"})
"""Modules of which no attribute may be read under a name that is computed."""
_WHOLE = frozenset(
    {"torch", "torch.nn", "torch.nn.functional", "torch.nn.modules", "torch.nn.modules.module"}
    | {"torch.nn.modules.conv", "torch.utils", "builtins", "sys", "json", "inspect", "gc", "importlib"}
)
"""Modules that may not be passed on as values: under another name they could be changed."""
_ONLY_READING = frozenset(
    {"print", "dir", "help", "hasattr", "getattr", "isinstance", "type", "id", "str", "repr", "reload"}
)
"""Functions that may be given such a module, since they change nothing."""
_MODES = (TorchDispatchMode, TorchFunctionMode)
_LAYERS = ("torch.nn", "torch.optim", "torch.autograd", "torch.utils.data", "torch.distributions")
"""Parts of torch whose classes are meant to be extended, under old and new names."""
_BASES = ("torch.Tensor", "torch.nn.Parameter", "torch.nn.parameter.Parameter", "type")
"""Classes that may not be extended, as they are written where the class itself cannot be found."""


def unusual(sources: Iterable[Source]) -> dict[str, tuple[UnusualCode, ...]]:
    """Path → such constructs, in the source's order, at most 20 per file.

    A module of the submission's own may have any name, ``worker.py`` included, and names in it are not reported. But if
    it has the name of an installed module, an import of that name may give the installed one, so its names are.
    """
    sources = list(sources)
    own = {source.path.rpartition("/")[2].partition(".")[0] for source in sources}
    own = {stem for stem in own if stem == _OURS or (stem not in sys.modules and stem not in sys.stdlib_module_names)}
    return {source.path: _in_file(source, own) for source in sources}


class _Names:
    """The names of one file, followed into the modules that are installed here."""

    def __init__(self, source: Source, own: set[str]) -> None:
        self.aliases = Aliases(source)
        self.files = own
        """The submission's own modules."""
        self.imported = self.aliases.bindings.keys()
        # A definition in a block, or with a decorator, may leave the name what it was before.
        self.own = {
            statement.name
            for _, statement in source.body
            if isinstance(statement, ast.FunctionDef | ast.ClassDef) and not statement.decorator_list
        } - self.imported
        self.every = functools.cache(self._every)
        self.reached = functools.cache(self._reached)
        self.texts: dict[str, list[ast.expr]] = {}
        """The expressions that are assigned to each plain name."""
        for _, node in source.nodes:
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    if isinstance(target, ast.Name):
                        self.texts.setdefault(target.id, []).append(node.value)

    def _every(self, name: str) -> frozenset[str]:
        """Full names that ``name`` may stand for; none where it is the submission's own."""
        if name.partition(".")[0] in self.own:
            return frozenset()
        return frozenset(_canonical(full) for full in self.aliases.every(name) if not self._is_own(full))

    def _reached(self, name: str, bare: bool) -> tuple[str, ...]:
        """The full names to report that ``name`` stands for; ``bare``: it is written without a dot."""
        imported = name.partition(".")[0] in self.imported
        return tuple(full for full in sorted(self.every(name)) if _reaches(bare, full, name, imported))

    def _is_own(self, full: str) -> bool:
        return full.startswith(".") or full.partition(".")[0] in self.files


def _canonical(full: str) -> str:
    """The full name with each module by its own name: ``typing.sys.modules`` is ``sys.modules``."""
    parts = full.split(".")
    length = 1
    while length < len(parts):
        module = sys.modules.get(".".join(parts[:length]))
        inner = vars(module).get(parts[length]) if isinstance(module, ModuleType) else None
        name = vars(inner).get("__name__") if isinstance(inner, ModuleType) else None
        length += 1
        if isinstance(name, str) and sys.modules.get(name) is inner and name != ".".join(parts[:length]):
            parts = [*name.split("."), *parts[length:]]
            length = name.count(".") + 1
    return ".".join(parts)


def _real(full: str) -> Any:
    """The object of that full name if it can be found without running any code; else None."""
    parts = full.split(".")
    value: Any = sys.modules.get(parts[0]) or vars(builtins).get(parts[0])
    for part in parts[1:]:
        value = vars(value).get(part) if isinstance(value, ModuleType | type) else None
    return value


def _in_file(source: Source, own: set[str]) -> tuple[UnusualCode, ...]:
    names = _Names(source, own)
    # ``"google.colab" in sys.modules`` only compares.
    compared = {id(node.comparators[0]) for _, node in source.nodes if isinstance(node, ast.Compare)}
    not_passed_on = {id(part) for _, node in source.nodes if type(node) in _USING for part in _only_used(node)}
    constructs = {
        (piece.number or 0, int(getattr(node, "lineno", 0)), construct): piece
        for piece, node in source.nodes
        if type(node) in _REPORTING and id(node) not in compared
        for construct in (*_constructs(node, names), *_passed_on(node, not_passed_on, names))
    }
    # The outermost name of an attribute says it all: sys._getframe, and not _getframe again.
    in_order = sorted(constructs.items(), key=lambda item: item[0])[:_MOST]
    return tuple(UnusualCode(piece.number, line, bounded(construct)) for (_, line, construct), piece in in_order)


# Every node is tested for these: a set is faster than a call.
_USING = frozenset({ast.Attribute, ast.Call, ast.Assign, ast.Expr})
"""Kinds of nodes of which ``_only_used`` gives parts."""
_REPORTING = frozenset(
    {ast.Attribute, ast.Name, ast.Subscript, ast.Call, ast.Constant, ast.FunctionDef, ast.ClassDef}
    | {ast.MatchClass, ast.ImportFrom}
)
"""Kinds of nodes of which ``_constructs`` reports something."""


def _constructs(node: ast.AST, names: _Names) -> Iterator[str]:
    """The constructs that the node is, without its parts."""
    if not isinstance(node, ast.Name | ast.Subscript):
        yield from _by_itself(node, names)
    if isinstance(node, ast.Name | ast.Attribute | ast.Subscript):
        yield from _named(node, names)


def _by_itself(node: ast.AST, names: _Names) -> Iterator[str]:
    """What is reported for the form of the node, whatever its names stand for."""
    match node:
        case ast.Attribute(attr=name) if name in _ATTRIBUTES:
            yield dotted(node) or f"….{name}"
        case ast.Attribute() if is_too_long(node):
            yield MANY
        case ast.Attribute(attr="__class__", ctx=ast.Store()):
            yield "….__class__ = …"
        case ast.Attribute(attr="device", value=ast.Call(func=ast.Attribute(attr="storage"))):
            yield "….storage().device"
        case ast.Call(func=function, args=[*_, ast.Constant(value="__class__"), _]) if dotted(function) != "getattr":
            yield f"{dotted(function) or '…'}(…, '__class__', …)"
        case ast.Constant(value=str(text)) if text in _ATTRIBUTES:
            yield repr(text)
        case ast.FunctionDef(name=name) if name in _ATTRIBUTES or name == "__class__":
            yield f"def {name}"
        case ast.ClassDef(keywords=words) if any(
            word.arg == "metaclass" and not _abstract(word.value) for word in words
        ):
            yield "a metaclass"
        case ast.ClassDef(bases=bases):
            resolved = {full for base in bases for full in names.every(dotted(base) or "")}
            yield from (f"a subclass of {name}" for name in sorted(resolved) if _bends(name))
        case ast.MatchClass(cls=kind, kwd_attrs=attributes) if attributes:
            if dotted(kind) in ("object", "type") or any(name in _ATTRIBUTES or name[0] == "_" for name in attributes):
                yield f"case {dotted(kind) or '…'}({attributes[0]}=…)"
        case ast.ImportFrom(module=str(module), level=0, names=[ast.alias(name="*")]):
            if module not in _OPEN and _is_installed(module) and module.partition(".")[0] not in names.files:
                yield f"from {module} import *"
        case ast.Call(func=ast.Name(id="type"), args=[_, bases, _]) if "type" not in names.own:
            if not (isinstance(bases, ast.Tuple) and all(dotted(base) == "object" for base in bases.elts)):
                yield "type(…, bases, …)"
        case ast.Call(func=function, args=[first, ast.expr() as name, *_]) if dotted(function) in _ACCESSORS:
            yield from _accessed(str(dotted(function)), first, name, names)
        case ast.Call(func=ast.Name(id="vars"), args=[first]):
            if any(_is_examiners(full) for full in names.every(dotted(first) or "")):
                yield f"vars({dotted(first)})"
        case ast.Call(func=function, args=[ast.Call(func=inner), *_]) if _unpickles(function, inner, names.aliases):
            yield f"{dotted(function)}({dotted(inner)}(…))"
        case ast.Call(func=ast.Name(id="open"), args=[ast.Constant(value=int()), *_]):
            yield "open() of a descriptor"


_OPEN = STARRED | {
    *("torch.utils.data", "random", "time", "typing", "itertools", "collections", "copy", "os.path", "tkinter"),
    *("__future__", "dataclasses", "pathlib", "enum", "datetime", "glob", "string", "decimal", "fractions"),
}
"""Modules from which a star import brings no name that is on the lists here."""


def _is_installed(module: str) -> bool:
    root = module.partition(".")[0]
    return root in sys.modules or root in sys.stdlib_module_names


def _bends(base: str) -> bool:
    """Whether a subclass of ``base`` can change what operations do, or what a class is."""
    real = _real(base)
    if real is None and base.startswith("torch.") and not _below(base, _LAYERS):
        # It is in a part of torch that has not been imported, so it cannot be looked at.
        return True
    return base in _BASES or (isinstance(real, type) and issubclass(real, (Tensor, *_MODES, type)))


def _accessed(function: str, first: ast.expr, name: ast.expr, names: _Names) -> Iterator[str]:
    """``getattr``, ``setattr`` and ``delattr`` on what belongs to the examiner, or with a name that is put together."""
    written = dotted(first) or ""
    constructs: list[str] = []
    for full in sorted(names.every(written)):
        module = isinstance(_real(full), ModuleType)
        if function != "getattr" and _is_examiners(full) and (module or written.partition(".")[0] in names.imported):
            constructs.append(f"{function}({full}, …)")
        elif full in _CLOSED and not isinstance(name, ast.Constant):
            constructs.append(f"getattr({full}, …)")
        elif _is_private(f"{full}.{getattr(name, 'value', '')}"):
            constructs.append(f"{full}.{getattr(name, 'value', '')}")
        elif isinstance(name, ast.Constant) and _below(f"{full}.{name.value!s}", _NAMES):
            constructs.append(f"{full}.{name.value!s}")
    yield from constructs
    if not constructs and any(map(_put_together, [name, *names.texts.get(getattr(name, "id", ""), ())])):
        yield f"{function}({written or '…'}, {bounded(ast.unparse(name), 60)})"


def _put_together(text: ast.expr) -> bool:
    """Whether a name is put together for no reason, or begins like one on the list.

    ``"conv%d" % i`` has a part that varies; ``"tb_" + "frame"`` only hides the name.
    """
    if isinstance(text, ast.Constant | ast.Name | ast.Attribute):
        return False
    parts = list(ast.walk(text))
    pieces = [part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)]
    if not any(isinstance(part, ast.Name) for part in parts):
        return bool(pieces)
    return any(
        piece[:1] == "_" or ("_" in piece and any(name.startswith(piece) for name in _ATTRIBUTES)) for piece in pieces
    )


_ACCESSORS = ("getattr", "setattr", "delattr")


def _abstract(node: ast.expr) -> bool:
    return (dotted(node) or "").rpartition(".")[2] == "ABCMeta"


def _unpickles(function: ast.expr, inner: ast.expr, aliases: Aliases) -> bool:
    loads = ("pickle.load", "_pickle.load", "torch.load", "numpy.load", "joblib.load", "pickle.Unpickler")
    return aliases.resolve(dotted(function) or "") in loads and aliases.resolve(dotted(inner) or "") == "io.BytesIO"


def _named(node: ast.Name | ast.Attribute | ast.Subscript, names: _Names) -> Iterator[str]:
    target: ast.expr = node
    while isinstance(target, ast.Subscript):
        target = target.value
    name = dotted(target)
    if name is None:
        return
    imported = name.partition(".")[0] in names.imported
    if isinstance(node, ast.Subscript):
        if not isinstance(node.ctx, ast.Load) and imported:
            yield from (f"{full}[…] = …" for full in sorted(names.every(name)) if _is_examiners(full))
    elif isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load):
        # The owner's name is followed, and not the attribute's, which stands for what is assigned here.
        owners = sorted(names.every(name.rpartition(".")[0])) if imported else []
        changed = (f"{owner}.{node.attr}" for owner in owners)
        yield from (f"{full} = …" for full in changed if _is_examiners(full) and _matters(full))
    elif isinstance(node.ctx, ast.Load):
        yield from names.reached(name, isinstance(node, ast.Name))


def _reaches(bare: bool, full: str, name: str, imported: bool) -> bool:
    if full == MANY:
        return True
    tables = not bare and full.endswith(".__dict__") and _is_examiners(full.removesuffix(".__dict__"))
    telling = bare and imported and full.rpartition(".")[2] in _ATTRIBUTES
    return tables or telling or ((imported or "." not in name) and (_below(full, _NAMES) or _is_private(full)))


def _matters(full: str) -> bool:
    """Whether what is changed exists: ``collections.Iterable = …`` only gives old code what it misses."""
    return _below(full, _CORE) or _real(full) is not None or not isinstance(_real(full.rpartition(".")[0]), ModuleType)


def _only_used(node: ast.AST) -> list[ast.expr]:
    """Parts of ``node`` in which a module may stand, since it is not passed on there as a value.

    It stands before a dot, or as the argument of a function that only reads, or as the value of an alias that is
    followed, or as a statement of its own.
    """
    match node:
        case ast.Attribute(value=value):
            return [value]
        case ast.Call(func=function, args=arguments) if (dotted(function) or "").rpartition(".")[2] in _ONLY_READING:
            return arguments
        case ast.Call(func=function, args=[first, *_]) if dotted(function) in _ACCESSORS:
            return [first]
        case ast.Assign(targets=targets, value=value) if all(isinstance(target, ast.Name) for target in targets):
            return [value]
        case ast.Expr(value=value):
            return [value]
    return []


def _passed_on(node: ast.AST, not_passed_on: set[int], names: _Names) -> Iterator[str]:
    """A whole module of the examiner's as a value: ``change(torch)``, ``[torch][0].cat = …``."""
    is_read = isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load)
    if not is_read or id(node) in not_passed_on:
        return
    name = dotted(node) or ""
    if name.partition(".")[0] in names.imported:
        yield from (f"{full} as a value" for full in sorted(names.every(name)) if full in _WHOLE)


def _is_private(full: str) -> bool:
    """Whether it is, or lies in, a private part of torch, through which the worker's observations can be switched off.

    Private names in the modules of layers, initialisers and optimizers do not count (``_pair``, ``_ConvNd``), and
    neither does what torch had for Python 2.
    """
    root, *parts = full.split(".")
    module, _, _ = full.rpartition(".")
    if root != "torch" or full == "torch._six" or module == "torch._six":
        return False
    of_layers = _below(module, ("torch.nn", "torch.optim")) and not _below(module, ("torch.nn.modules.module",))
    return any(map(_underscored, parts[:-1] if of_layers else parts))


def _underscored(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def _is_examiners(full: str) -> bool:
    return _below(full, _EXAMINERS) and not _below(full, _SETTINGS)


def _below(full: str, names: Container[str]) -> bool:
    """Whether ``full`` is one of the dotted names, or something in one of them."""
    while full not in names:
        full, dot, _ = full.rpartition(".")
        if not dot:
            return False
    return True
