"""Constructs by which code could reach, or change, the examiner that shares its process; told from the source alone.

What a submission computes is compared as numbers and needs none of this. But some evidence is the worker's word: which
class a layer has, how many parameters there are, whether an operation was given a dilation, whether something is tied
to a device. Code that walks frames, reads the interpreter's tables, replaces functions of torch or runs text as code
could bend that. Code for these assignments has no use for any of it, so it is named, and a person looks.

A list of names cannot be complete. It is read before any code of the submission runs, so it can't be tampered with.
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
from .names import STARRED, Aliases, dotted
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
    # text, or a name that only running gives, made into an object
    *("pkgutil.resolve_name", "string.Formatter", "pydoc", "inspect.getmembers", "inspect.getattr_static"),
    *("torch.jit.CompilationUnit", "torch.jit.fork", "types.new_class", "type.__new__", "pickle.Unpickler"),
    *("threading.Thread", "threading.Timer", "concurrent.futures", "multiprocessing.pool", "multiprocessing.dummy"),
    *("torch.overrides", "torch.library", "torch.utils.cpp_extension", "worker", "grader"),
)
"""Full names, each with everything below it."""
_OURS = __name__.partition(".")[0]

_CORE = ("torch", "builtins", "json", "sys", "inspect", "importlib", "gc", "worker")
"""Modules that the examiner rests on most: to add to them is to change them as well."""
_EXAMINERS = (
    *_CORE,
    *("contextlib", "unittest", "struct", "linecache", "dis", "ast", "types", "functools", "signal", "abc", "enum"),
    *("collections", "dataclasses", "re", "textwrap", "operator", "ctypes", "typing", "os"),
)
"""Modules that the examiner works with; to change one of their attributes is to change the examiner."""
_SETTINGS = (
    "torch.backends",
    "sys.path",
    "sys.argv",
    "sys.stdout",
    "sys.stderr",
    "sys.stdin",
    "torch.random",
    "os.environ",
)
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
    | {"gc", "importlib", "torch.nn.modules.module", "torch.nn.modules.conv"}
)
"""Modules that have no business being passed around: under another name they could be changed."""
_ASKING = frozenset({"print", "dir", "help", "hasattr", "getattr", "isinstance", "type", "id", "str", "repr", "reload"})
_MODES = (TorchDispatchMode, TorchFunctionMode)
_LAYERS = ("torch.nn", "torch.optim", "torch.autograd", "torch.utils.data", "torch.distributions")
"""What there is in torch to be extended, under the names of any age."""
_BASES = ("torch.Tensor", "torch.nn.Parameter", "torch.nn.parameter.Parameter", "type")


def unusual(sources: Iterable[Source]) -> dict[str, tuple[UnusualCode, ...]]:
    """The path of each file → its constructs of this kind, in the source's order, at most 20 per file.

    The submission's own modules may have any name: ``mine.py`` and ``worker.py`` are their authors' business. One that
    has the name of an installed module may not be what an import of that name gives, and excuses nothing.
    """
    sources = list(sources)
    own = {source.path.rpartition("/")[2].partition(".")[0] for source in sources}
    own = {stem for stem in own if stem == _OURS or (stem not in sys.modules and stem not in sys.stdlib_module_names)}
    return {source.path: _in_file(source, own) for source in sources}


class _Names:
    """The names of one file, followed as far as the modules themselves that are here."""

    def __init__(self, source: Source, own: set[str]) -> None:
        self.aliases = Aliases(source)
        self.files = own
        """The submission's own modules."""
        self.imported = self.aliases.bindings.keys()
        # in a block, or decorated, it may come to nothing, and the name be what it always was
        self.own = {
            statement.name
            for _, statement in source.body
            if isinstance(statement, ast.FunctionDef | ast.ClassDef) and not statement.decorator_list
        } - self.imported
        self.every = functools.cache(self._every)
        self.reached = functools.cache(self._reached)
        self.texts: dict[str, list[ast.expr]] = {}
        """Expressions that are assigned to each plain name."""
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
        """What of the lists here is reached by reading ``name``; ``bare``: as a name alone, without a dot."""
        imported = name.partition(".")[0] in self.imported
        return tuple(full for full in sorted(self.every(name)) if _reaches(bare, full, name, imported))

    def _is_own(self, full: str) -> bool:
        return full.startswith(".") or full.partition(".")[0] in self.files


def _canonical(full: str) -> str:
    """``typing.sys.modules`` is ``sys.modules``: through every module that is here, by the name it has itself."""
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
    """The object of that full name, if it is here and is had without running anything; else None."""
    parts = full.split(".")
    value: Any = sys.modules.get(parts[0]) or vars(builtins).get(parts[0])
    for part in parts[1:]:
        value = vars(value).get(part) if isinstance(value, ModuleType | type) else None
    return value


def _in_file(source: Source, own: set[str]) -> tuple[UnusualCode, ...]:
    names = _Names(source, own)
    looked_up = {id(node.comparators[0]) for _, node in source.nodes if isinstance(node, ast.Compare)}
    named = {id(part) for _, node in source.nodes if type(node) in _FOLLOWED for part in _followed(node)}
    found = {
        (piece.number or 0, int(getattr(node, "lineno", 0)), what): piece
        for piece, node in source.nodes
        # ``"google.colab" in sys.modules`` asks for nothing more
        if type(node) in _TELLING and id(node) not in looked_up
        for what in (*_told(node, names), *_passed_on(node, named, names))
    }
    # the outermost name of an attribute says it all: sys._getframe, and not _getframe again
    constructs = sorted(found.items(), key=lambda one: one[0])[:_MOST]
    return tuple(UnusualCode(piece.number, line, bounded(what)) for (_, line, what), piece in constructs)


_FOLLOWED = frozenset({ast.Attribute, ast.Call, ast.Assign, ast.Expr})
_TELLING = frozenset(
    {ast.Attribute, ast.Name, ast.Subscript, ast.Call, ast.Constant, ast.FunctionDef, ast.ClassDef}
    | {ast.MatchClass, ast.ImportFrom}
)
"""What ``_followed`` and ``_told`` say anything of; they are asked of every node."""


def _told(node: ast.AST, names: _Names) -> Iterator[str]:
    if not isinstance(node, ast.Name | ast.Subscript):
        yield from _by_itself(node, names)
    if isinstance(node, ast.Name | ast.Attribute | ast.Subscript):
        yield from _named(node, names)


def _by_itself(node: ast.AST, names: _Names) -> Iterator[str]:
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
            resolved = {full for base in bases for full in names.every(dotted(base) or "")}
            yield from (f"a subclass of {name}" for name in sorted(resolved) if _bends(name))
        case ast.MatchClass(cls=kind, kwd_attrs=attributes) if attributes:
            if dotted(kind) in ("object", "type") or any(one in _ATTRIBUTES or one[0] == "_" for one in attributes):
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
"""Modules of which a star import brings nothing that is on the lists here."""


def _is_installed(module: str) -> bool:
    root = module.partition(".")[0]
    return root in sys.modules or root in sys.stdlib_module_names


def _bends(base: str) -> bool:
    """Whether to extend ``base`` is to change what operations do, or what a class is."""
    real = _real(base)
    if real is None and base.startswith("torch.") and not _below(base, _LAYERS):
        # of a part of torch that nothing has imported so far, and nobody can say what it is
        return True
    return base in _BASES or (isinstance(real, type) and issubclass(real, (Tensor, *_MODES, type)))


def _accessed(function: str, first: ast.expr, name: ast.expr, names: _Names) -> Iterator[str]:
    """``getattr``, ``setattr`` and ``delattr``: of what belongs to the examiner, and by names that are put together."""
    written = dotted(first) or ""
    told = [function]
    for full in sorted(names.every(written)):
        module = isinstance(_real(full), ModuleType)
        if function != "getattr" and _is_examiners(full) and (module or written.partition(".")[0] in names.imported):
            told.append(f"{function}({full}, …)")
        elif full in _CLOSED and not isinstance(name, ast.Constant):
            told.append(f"getattr({full}, …)")
        elif _is_private(f"{full}.{getattr(name, 'value', '')}"):
            told.append(f"{full}.{getattr(name, 'value', '')}")
        elif isinstance(name, ast.Constant) and _below(f"{full}.{name.value!s}", _NAMES):
            told.append(f"{full}.{name.value!s}")
    yield from told[1:]
    if len(told) == 1 and any(map(_put_together, [name, *names.texts.get(getattr(name, "id", ""), ())])):
        yield f"{function}({written or '…'}, {bounded(ast.unparse(name), 60)})"


def _put_together(text: ast.expr) -> bool:
    """Whether a name is made of parts that could as well be written out, or begins as one on the list does.

    ``"conv%d" % i`` has a part that varies; ``"tb_" + "frame"`` hides what it says.
    """
    if isinstance(text, ast.Constant | ast.Name | ast.Attribute):
        return False
    parts = list(ast.walk(text))
    pieces = [part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)]
    if not any(isinstance(part, ast.Name) for part in parts):
        return bool(pieces)
    return any(
        piece[:1] == "_" or ("_" in piece and any(one.startswith(piece) for one in _ATTRIBUTES)) for piece in pieces
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
        # the owner's name followed, and not the attribute's: that stands for what is assigned here
        owners = sorted(names.every(name.rpartition(".")[0])) if imported else []
        changed = (f"{owner}.{node.attr}" for owner in owners)
        yield from (f"{full} = …" for full in changed if _is_examiners(full) and _matters(full))
    elif isinstance(node.ctx, ast.Load):
        yield from names.reached(name, isinstance(node, ast.Name))


def _reaches(bare: bool, full: str, name: str, imported: bool) -> bool:
    tables = not bare and full.endswith(".__dict__") and _is_examiners(full.removesuffix(".__dict__"))
    telling = bare and imported and full.rpartition(".")[2] in _ATTRIBUTES
    return tables or telling or ((imported or "." not in name) and (_below(full, _NAMES) or _is_private(full)))


def _matters(full: str) -> bool:
    """Whether what is changed is there: ``collections.Iterable = …`` gives old code what it misses."""
    return _below(full, _CORE) or _real(full) is not None or not isinstance(_real(full.rpartition(".")[0]), ModuleType)


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


def _passed_on(node: ast.AST, named: set[int], names: _Names) -> Iterator[str]:
    """A whole module of the examiner's as a value: ``change(torch)``, ``[torch][0].cat = …``."""
    if not isinstance(node, ast.Name | ast.Attribute) or not isinstance(node.ctx, ast.Load) or id(node) in named:
        return
    name = dotted(node) or ""
    if name.partition(".")[0] in names.imported:
        yield from (f"{full} as a value" for full in sorted(names.every(name)) if full in _WHOLE)


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
