"""What a top-level statement does, by its syntax tree and code: whether it only defines something, and what it needs.

A statement only defines something if it is an import, a function or a class, or assigns a value that is computed
without any call but those on the lists here. A list of what is allowed cannot be complete: a statement that is wrongly
skipped is run anyway where a wanted class needs a name that it binds.
"""

from __future__ import annotations

import ast
import dis
import inspect
import sys
import types
from collections.abc import Sequence
from dataclasses import dataclass

from ..source.names import Aliases, dotted
from ..source.python2_meaning import DIVIDE, DIVIDE_IN_PLACE

__all__ = [
    "NEW_SCOPE",
    "Names",
    "Scope",
    "is_main_guard",
    "names_mentioned",
    "names_of",
    "names_read",
    "reads_now",
    "trains",
]


# ---------------------------------------------------------------------------------- calls that only compute a value

_BUILTINS = frozenset(
    {"abs", "all", "any", "bool", "bytes", "callable", "chr", "complex", "dict", "divmod", "enumerate", "filter"}
    | {"float", "format", "frozenset", "getattr", "hasattr", "hash", "int", "isinstance", "issubclass", "iter", "len"}
    | {"list", "map", "max", "min", "object", "ord", "pow", "property", "range", "repr", "reversed", "round", "set"}
    | {"slice", "sorted", "staticmethod", "classmethod", "str", "sum", "super", "tuple", "type", "zip"}
    | {"xrange", "long", "unicode", DIVIDE, DIVIDE_IN_PLACE}
)
"""Built-in functions, of Python 2 as well, that only compute a value."""
_MODULES = frozenset(
    {"math", "functools", "itertools", "operator", "collections", "typing", "enum", "string", "copy", "os.path"}
    | {"re", "random", "numpy", "datetime", "time", "torch.nn.functional", "torch.nn.init"}
    | {"dataclasses", "pathlib", "types", "abc", "fractions", "decimal", "numpy.random", "logging"}
)
"""Modules whose functions only compute a value, except those of ``_UNSAFE``."""
_TORCH = frozenset(
    {"device", "tensor", "as_tensor", "from_numpy", "zeros", "ones", "empty", "full", "eye", "arange", "range"}
    | {"linspace", "rand", "randn", "randint", "zeros_like", "ones_like", "Tensor", "FloatTensor", "LongTensor"}
    | {"ByteTensor", "DoubleTensor", "Size", "cat", "stack", "sqrt", "Generator", "finfo", "is_tensor"}
)
_FUNCTIONS = frozenset(
    {"os.getcwd", "os.environ.get", "os.getenv", "torch.cuda.is_available", "torch.cuda.device_count"}
    | {"torch.backends.mps.is_available", "torch.autograd.Variable", "torch.backends.cudnn.is_available"}
    | {f"torch.{name}" for name in _TORCH}
)
"""Further functions that only compute a value."""
_UNSAFE = frozenset({"numpy.load", "numpy.save", "numpy.loadtxt", "numpy.genfromtxt", "time.sleep", "numpy.fromfile"})
_METHODS = frozenset(
    {"format", "split", "rsplit", "join", "strip", "lstrip", "rstrip", "replace", "lower", "upper", "startswith"}
    | {"endswith", "encode", "decode", "copy", "items", "keys", "values", "get", "count", "index", "astype"}
    | {"reshape", "view", "float", "long", "int", "unsqueeze", "squeeze", "size", "dim", "tolist", "item"}
    | {"transpose", "permute"}
)
"""Methods of strings, containers, arrays and tensors that only compute a value."""


@dataclass(frozen=True)
class Scope:
    """The names of one file, by which its statements are judged."""

    aliases: Aliases
    own: frozenset[str]
    """Names that the file binds by other statements than imports."""

    def harmless(self, node: ast.AST | None) -> str | None:
        """None if to evaluate ``node`` only computes a value; else the call that may do more."""
        waiting: list[ast.AST] = [node] if node is not None else []
        while waiting:
            inner = waiting.pop()
            if isinstance(inner, ast.Lambda):
                waiting += [*inner.args.defaults, *(value for value in inner.args.kw_defaults if value is not None)]
                continue
            if isinstance(inner, ast.Await | ast.Yield | ast.YieldFrom):
                return "await" if isinstance(inner, ast.Await) else "yield"
            if isinstance(inner, ast.Call) and not self._only_computes(inner.func):
                return f"{dotted(inner.func) or '…'}()"
            waiting += ast.iter_child_nodes(inner)
        return None

    def _only_computes(self, function: ast.expr) -> bool:
        """Whether a call of ``function`` only computes a value, by the lists above."""
        name = dotted(function)
        if name is not None and name.partition(".")[0] not in self.own:
            full = self.aliases.resolve(name)
            module, _, last = full.rpartition(".")
            if full in _UNSAFE:
                return False
            if full in _BUILTINS or full in _FUNCTIONS or module in _MODULES:
                return True
            if module.startswith(("torch.nn", "numpy", "collections")) and "." in full:
                # Layers and dtypes are classes; functions, as in torch.nn.utils, do things.
                return last[:1].isupper() or module.partition(".")[0] == "collections"
        # A method of a value; a function of a module was judged above.
        return (
            isinstance(function, ast.Attribute)
            and function.attr in _METHODS
            and (name is None or name.partition(".")[0] not in self.aliases.imports)
        )

    def why_not(self, statement: ast.stmt) -> str | None:
        """None if the statement only defines something; else why it is skipped. A block is judged by its parts."""
        match statement:
            case ast.Import() | ast.ImportFrom() | ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                return None
            case ast.Pass() | ast.Global() | ast.Expr(value=ast.Constant()):
                return None
            case ast.Assign(targets=targets, value=value):
                return self._why_not_assigned(targets, value)
            case ast.AnnAssign(target=target, value=value):
                return self._why_not_assigned([target], value)
            case ast.AugAssign(target=target, value=value):
                return self._why_not_assigned([target], value)
            case ast.If(test=test) if is_main_guard(test):
                return "runs only when the file is the program"
            case ast.If(test=test, body=body, orelse=orelse):
                culprit = self.harmless(test)
                if culprit is not None:
                    return f"its condition calls {culprit}"
                return self._why_no_part([*body, *orelse])
            case ast.Try(body=body, handlers=handlers, orelse=orelse, finalbody=final):
                inner = [part for handler in handlers for part in handler.body]
                return self._why_no_part([*body, *inner, *orelse, *final])
            case ast.For() | ast.While() | ast.AsyncFor():
                return "training loop at the top level" if trains(statement) else "loop at the top level"
            case ast.With() | ast.AsyncWith():
                return "with block at the top level"
            case ast.Expr(value=ast.Call(func=function)):
                return f"calls {dotted(function) or '…'}() at the top level"
            case ast.Expr():
                return "expression at the top level"
            case _ if type(statement).__name__ == "TypeAlias":
                return None
        return f"{type(statement).__name__.lower()} at the top level"

    def _why_not_assigned(self, targets: Sequence[ast.expr], value: ast.expr | None) -> str | None:
        for target in targets:
            changed = _root(target)
            if changed is not None and changed in self.aliases.imports and changed not in self.own:
                module = self.aliases.resolve(changed)
                if _is_module(module):
                    return f"changes the module {module}"
            if self.harmless(target) is not None:
                return f"calls {self.harmless(target)} at the top level"
        culprit = self.harmless(value)
        return None if culprit is None else f"calls {culprit} at the top level"

    def _why_no_part(self, parts: Sequence[ast.stmt]) -> str | None:
        """Why the first part is skipped if all parts are; None if one of them defines something."""
        reasons = [self.why_not(part) for part in parts if not isinstance(part, ast.Pass)]
        if not reasons or None in reasons:
            return None
        return reasons[0]


def _is_module(name: str) -> bool:
    """Whether it is a module that is installed, and not something in one."""
    return name in sys.modules or name.partition(".")[0] in sys.stdlib_module_names


def _root(target: ast.expr) -> str | None:
    """Name whose object an attribute or item assignment changes; None for a plain name."""
    if not isinstance(target, ast.Attribute | ast.Subscript):
        return None
    node: ast.expr = target
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def is_main_guard(test: ast.expr) -> bool:
    """Whether it is the condition of ``if __name__ == "__main__"``."""
    names = {node.id for node in ast.walk(test) if isinstance(node, ast.Name)}
    texts = {node.value for node in ast.walk(test) if isinstance(node, ast.Constant)}
    return "__name__" in names and "__main__" in texts


def trains(statement: ast.stmt) -> bool:
    """Whether it holds a step of training: ``loss.backward()``, ``optimizer.step()``."""
    return any(isinstance(node, ast.Attribute) and node.attr in ("backward", "step") for node in ast.walk(statement))


NEW_SCOPE = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
"""Nodes whose names are not the module's."""


@dataclass(frozen=True)
class Names:
    """What a statement does to the names of its module."""

    bound: frozenset[str] = frozenset()
    """Names that it binds."""
    changed: frozenset[str] = frozenset()
    """Names whose objects it may change: ``d`` in ``d["k"] = 1`` and in ``d.f()``."""
    imported: frozenset[str] = frozenset()
    """Those of ``bound`` that imports bind."""


def names_of(statement: ast.stmt) -> Names:
    """What the statement does to names, in its blocks as well, but not in the functions and classes in it."""
    bound: set[str] = set()
    imported: set[str] = set()
    changed: set[str] = set()
    waiting: list[ast.AST] = [statement]
    while waiting:
        node = waiting.pop()
        match node:
            case ast.Name(id=name, ctx=ast.Store()):
                bound.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                bound.add(name)
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                imported |= {alias.asname or alias.name.partition(".")[0] for alias in names}
            case ast.ExceptHandler(name=str(name)):
                bound.add(name)
            case ast.Attribute(ctx=ast.Store()) | ast.Subscript(ctx=ast.Store()):
                changed.add(_root(node) or "")
            case ast.Expr(value=ast.Call(func=ast.Attribute() as function)):
                changed.add(_root(function) or "")
        if not isinstance(node, NEW_SCOPE):
            waiting += ast.iter_child_nodes(node)
    return Names(frozenset(bound | imported), frozenset(changed), frozenset(imported))


_GLOBAL_READS = frozenset({"LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"})


def names_read(code: types.CodeType) -> set[str]:
    """Global names that running ``code``, and the functions and classes in it, looks up."""
    names: set[str] = set()
    waiting = [code]
    while waiting:
        inner = waiting.pop()
        names |= {str(step.argval) for step in dis.get_instructions(inner) if step.opname in _GLOBAL_READS}
        waiting += [constant for constant in inner.co_consts if isinstance(constant, types.CodeType)]
    return names


def reads_now(code: types.CodeType) -> set[str]:
    """Global names that running ``code`` looks up at once, in bodies of classes as well; functions do so later."""
    names = {str(step.argval) for step in dis.get_instructions(code) if step.opname in _GLOBAL_READS}
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType) and not constant.co_flags & inspect.CO_OPTIMIZED:
            names |= reads_now(constant)
    return names


def names_mentioned(code: types.CodeType) -> set[str]:
    """Every name in ``code`` that is not a local variable: globals, attributes, imported names."""
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names |= names_mentioned(constant)
    return names
