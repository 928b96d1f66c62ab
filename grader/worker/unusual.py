"""Constructs by which code could reach, or change, the examiner that shares its process; told from the source alone.

What a submission computes is compared as numbers and needs none of this. But some evidence is the worker's word: which
class a layer has, how many parameters there are, whether an operation was given a dilation, whether something is tied
to a device. Code that walks frames, reads the interpreter's tables, replaces functions of torch or runs text as code
could bend that. Code for these assignments has no use for any of it, so it is named, and a person looks.

A list of names cannot be complete. It is read before any code of the submission runs, so it can't be tampered with.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Container, Iterable, Iterator
from typing import Any

from .outline import Aliases, defined, dotted
from .source import Source
from .trouble import bounded

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
    | {"is_meta", "untyped_storage", "data_ptr", "_start_new_thread"}
)
"""Names that say enough by themselves, whatever they are attributes of; as strings too, for ``getattr``."""

_NAMES = (
    *("eval", "exec", "compile", "__import__", "__builtins__", "__loader__", "__spec__"),
    *("builtins", "sys.modules", "sys.meta_path", "sys.path_hooks", "sys.monitoring", "ctypes", "cffi", "gc.callbacks"),
    *(
        "inspect.stack",
        "inspect.trace",
        "marshal.loads",
        "pickle.loads",
        "dill",
        "cloudpickle",
        "unittest.mock",
        "mock",
    ),
    *("importlib.import_module", "importlib.util", "importlib.machinery", "importlib._bootstrap", "runpy", "codeop"),
    *("code.InteractiveInterpreter", "code.InteractiveConsole", "timeit.timeit", "timeit.repeat", "timeit.Timer"),
    *("cProfile.run", "cProfile.runctx", "profile.run", "pdb.run", "pdb.runeval", "doctest.testmod", "trace.Trace"),
    *("types.FunctionType", "types.CodeType", "typing.get_type_hints", "operator.attrgetter", "operator.methodcaller"),
    *("os.write", "os.dup", "os.dup2", "os.fdopen", "os.fork", "socket.fromfd", "type.mro"),
    # what runs while the examiner's own code does is not seen by it
    *("asyncio.to_thread", "signal.signal", "signal.setitimer", "weakref.finalize", "type.__setattr__"),
    *("threading.Thread", "threading.Timer", "concurrent.futures", "multiprocessing.pool", "multiprocessing.dummy"),
    *("torch.overrides", "torch.library", "torch.utils.cpp_extension", "worker", "grader"),
)
"""Full names, each with everything below it."""
_OURS = __name__.partition(".")[0]

_EXAMINERS = ("torch", "builtins", "safetensors", "json", "sys", "inspect", "importlib", "gc", "worker")
"""Modules that the examiner works with; to change one of their attributes is to change the examiner."""
_SETTINGS = ("torch.backends", "sys.path", "sys.argv", "sys.stdout", "sys.stderr", "sys.stdin", "torch.random")
"""What of theirs is there to be changed."""
_CLOSED = frozenset({"torch", "torch.utils", "sys", "builtins", "gc", "inspect", "importlib", "operator", "types"})
"""Modules of which nothing is to be had under a name that is computed."""
_WHOLE = frozenset(
    {
        "torch",
        "torch.nn",
        "torch.nn.functional",
        "torch.nn.modules",
        "torch.utils",
        "builtins",
        "sys",
        "json",
        "inspect",
    }
    | {"gc", "importlib", "safetensors", "safetensors.torch", "torch.nn.modules.module", "torch.nn.modules.conv"}
)
"""Modules that have no business being passed around: under another name they could be changed."""
_ASKING = frozenset({"print", "dir", "help", "hasattr", "getattr", "isinstance", "type", "id", "str", "repr", "reload"})
_BASES = ("torch.Tensor", "torch.nn.Parameter", "torch.nn.parameter.Parameter", "type")


def unusual(sources: Iterable[Source]) -> dict[str, list[dict[str, Any]]]:
    """Path → ``cell``, ``line`` and ``what`` of each such construct, in the source's order, 20 a file at most.

    The submission's own modules may have any name: ``mine.py`` and ``worker.py`` are their authors' business. One that
    has the name of an installed module may not be what an import of that name gives, and excuses nothing.
    """
    sources = list(sources)
    own = {source.path.rpartition("/")[2].partition(".")[0] for source in sources}
    own = {stem for stem in own if stem == _OURS or (stem not in sys.modules and stem not in sys.stdlib_module_names)}
    return {source.path: _in_file(source, own) for source in sources}


def _in_file(source: Source, own: set[str]) -> list[dict[str, Any]]:
    aliases = Aliases(source)
    bound = {node.name for _, statement in source.body for node in defined(statement)} - aliases.imports.keys()
    looked_up = {id(node.comparators[0]) for _, node in source.nodes if isinstance(node, ast.Compare)}
    named = {id(part) for _, node in source.nodes for part in _followed(node)}
    found = {
        (piece.number or 0, int(getattr(node, "lineno", 0)), what): piece
        for piece, node in source.nodes
        # ``"google.colab" in sys.modules`` asks for nothing more
        if id(node) not in looked_up
        for what in (*_told(node, aliases, own | bound), *_passed_on(node, named, aliases, own))
    }
    # the outermost name of an attribute says it all: sys._getframe, and not _getframe again
    return [
        {"cell": piece.number, "line": line, "what": bounded(what)}
        for (_, line, what), piece in sorted(found.items(), key=lambda one: one[0])
    ][:_MOST]


def _told(node: ast.AST, aliases: Aliases, own: set[str]) -> Iterator[str]:
    match node:
        case ast.Attribute(attr=name) if name in _ATTRIBUTES:
            yield dotted(node) or f"….{name}"
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
            resolved = [aliases.resolve(dotted(base) or "") for base in bases]
            yield from (f"a subclass of {name}" for name in resolved if name in _BASES)
        case ast.Call(func=function, args=[first, ast.expr() as name, *_]) if dotted(function) in _ACCESSORS:
            full = aliases.resolve(dotted(first) or "")
            if dotted(function) != "getattr" and _is_examiners(full):
                yield f"{dotted(function)}({full}, …)"
            elif full in _CLOSED and not isinstance(name, ast.Constant):
                yield f"getattr({full}, …)"
            elif _is_private(f"{full}.{getattr(name, 'value', '')}"):
                yield f"{full}.{getattr(name, 'value', '')}"
        case ast.Call(func=ast.Name(id="vars"), args=[first]) if _is_examiners(aliases.resolve(dotted(first) or "")):
            yield f"vars({dotted(first)})"
        case ast.Call(func=function, args=[ast.Call(func=inner), *_]) if _unpickles(function, inner, aliases):
            yield f"{dotted(function)}({dotted(inner)}(…))"
        case ast.Call(func=ast.Name(id="open"), args=[ast.Constant(value=int()), *_]):
            yield "open() of a descriptor"
    if isinstance(node, ast.Name | ast.Attribute | ast.Subscript):
        yield from _named(node, aliases, own)


_ACCESSORS = ("getattr", "setattr", "delattr")


def _abstract(node: ast.expr) -> bool:
    return (dotted(node) or "").rpartition(".")[2] == "ABCMeta"


def _unpickles(function: ast.expr, inner: ast.expr, aliases: Aliases) -> bool:
    loads = ("pickle.load", "_pickle.load", "torch.load", "numpy.load", "joblib.load", "pickle.Unpickler")
    return aliases.resolve(dotted(function) or "") in loads and aliases.resolve(dotted(inner) or "") == "io.BytesIO"


def _named(node: ast.Name | ast.Attribute | ast.Subscript, aliases: Aliases, own: set[str]) -> Iterator[str]:
    target: ast.expr = node
    while isinstance(target, ast.Subscript):
        target = target.value
    name = dotted(target)
    if name is None or name.partition(".")[0] in own:
        return
    imported = name.partition(".")[0] in aliases.imports or name.partition(".")[0] in aliases.assigned
    full = aliases.resolve(name)
    if isinstance(node, ast.Subscript):
        if not isinstance(node.ctx, ast.Load) and imported and _is_examiners(full):
            yield f"{full}[…] = …"
        return
    if isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load):
        # the owner's name followed, and not the attribute's: that stands for what is assigned here
        owner = aliases.resolve(name.rpartition(".")[0])
        if imported and _is_examiners(f"{owner}.{node.attr}"):
            yield f"{owner}.{node.attr} = …"
    elif isinstance(node.ctx, ast.Load):
        bare = isinstance(node, ast.Name)
        tables = not bare and full.endswith(".__dict__") and _is_examiners(full.removesuffix(".__dict__"))
        telling = bare and imported and full.rpartition(".")[2] in _ATTRIBUTES
        if tables or telling or ((imported or "." not in name) and (_below(full, _NAMES) or _is_private(full))):
            yield full


def _followed(node: ast.AST) -> list[ast.expr]:
    """Parts of ``node`` in which a module may stand: before a dot, where only asked of, where the alias is followed."""
    match node:
        case ast.Attribute(value=value):
            return [value]
        case ast.Call(func=function, args=arguments) if (dotted(function) or "").rpartition(".")[2] in _ASKING:
            return arguments
        case ast.Call(func=function, args=[first, *_]) if dotted(function) in _ACCESSORS:
            return [first]
        case ast.Assign(targets=targets, value=value) if all(isinstance(one, ast.Name) for one in targets):
            return [value]
        case ast.Expr(value=value):
            return [value]
    return []


def _passed_on(node: ast.AST, named: set[int], aliases: Aliases, own: set[str]) -> Iterator[str]:
    """A whole module of the examiner's as a value: ``change(torch)``, ``[torch][0].cat = …``."""
    if not isinstance(node, ast.Name | ast.Attribute) or not isinstance(node.ctx, ast.Load) or id(node) in named:
        return
    name = dotted(node) or ""
    root = name.partition(".")[0]
    if root not in own and root in aliases.imports and aliases.resolve(name) in _WHOLE:
        yield f"{aliases.resolve(name)} as a value"


def _is_private(full: str) -> bool:
    """Whether it is, or lies in, a private part of torch: there switches of what the worker watches by are handed on.

    Private names in the modules of layers, initialisers and optimizers are none (``_pair``, ``_ConvNd``); neither is
    what torch had for Python 2.
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
