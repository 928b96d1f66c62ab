"""What a name in the source refers to: aliases, dotted names, bindings."""

from __future__ import annotations

import ast
import functools
import importlib
from collections.abc import Mapping

from .pieces import Piece, Source

__all__ = ["STARRED", "Aliases", "dotted", "holds_dilation", "is_one"]

_MOST_STEPS = 20
_MOST_NAMES = 200
STARRED = {
    "torch",
    "torch.nn",
    "torch.nn.functional",
    "torch.nn.init",
    "torch.autograd",
    "torch.optim",
    "numpy",
    "math",
}
"""Modules whose star imports are followed: assignments begin with them."""


def dotted(node: ast.AST) -> str | None:
    """``a.b.c`` as written; ``super().f`` counts as a name, and so does ``getattr(a, "b")``; None for anything else."""
    parts: list[str] = []
    while True:
        if isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        elif isinstance(node, ast.Name):
            return ".".join([node.id, *reversed(parts)])
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id == "super":
                return ".".join(["super()", *reversed(parts)])
            if node.func.id != "getattr" or len(node.args) < 2 or not isinstance(node.args[1], ast.Constant):
                return None
            parts.append(str(node.args[1].value))
            node = node.args[0]
        else:
            return None


# A union is made anew each time it is written in a test, and these tests are made of every node.
_BINDING = frozenset({ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign, ast.NamedExpr})


def _place(piece: Piece, node: ast.AST) -> tuple[int, int]:
    return piece.number or 0, getattr(node, "lineno", 0)


class Aliases:
    """The names of one file and what they stand for, at any level: later bindings win."""

    def __init__(self, source: Source) -> None:
        self.neighbours: Mapping[str, Aliases] = {}
        """Tables of the submission's other files, by module name."""
        self.imports: dict[str, str] = {}
        """Names bound by imports, with the dotted name of what is imported."""
        self.assigned: dict[str, str] = {}
        self.bindings: dict[str, set[str]] = {}
        """All that each name is ever bound to, by imports and plain assignments."""
        self.starred: list[str] = []
        self.modules: list[str] = []
        """Modules imported, in order, once each."""
        self.dilating: set[str] = set()
        """Dictionaries with a key ``dilation``, to be passed with ``**``."""
        # Few names are used over and over; they are asked for once the table is whole, and its neighbours' are.
        self.resolve = functools.cache(self._resolve)
        self.every = functools.cache(self._every)
        # Later bindings win, so they are read in the order of the source.
        for _, node in sorted(
            (entry for entry in source.nodes if type(entry[1]) in _BINDING), key=lambda entry: _place(*entry)
        ):
            self._read(node)
        self.modules = list(dict.fromkeys(self.modules))

    def _read(self, node: ast.AST) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                self.modules.append(alias.name)
                top = alias.name.partition(".")[0]
                self._import(alias.asname or top, alias.name if alias.asname else top)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            self.modules.append(module)
            for alias in node.names:
                if alias.name == "*":
                    self.starred.append(module)
                else:
                    self._import(alias.asname or alias.name, f"{module}.{alias.name}")
        elif isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                self._assign(target, node.value)

    def _import(self, name: str, full: str) -> None:
        self.imports[name] = full
        self.bindings.setdefault(name, set()).add(full)

    def _assign(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
            for inner, part in zip(target.elts, value.elts, strict=True):
                self._assign(inner, part)
            return
        name, of = dotted(target), dotted(value)
        if isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Constant):
            if target.slice.value == "dilation":
                self.dilating.add(dotted(target.value) or "")
        elif name is None:
            return
        elif of is not None and of != name:
            self.assigned[name] = of
            self.bindings.setdefault(name, set()).add(of)
        elif holds_dilation(value):
            self.dilating.add(name)

    def _resolve(self, name: str) -> str:
        """``name`` with imports and aliases followed: ``F.conv2d`` is ``torch.nn.functional.conv2d``."""
        current = name
        for _ in range(_MOST_STEPS):
            following = self._step(current)
            if following is None:
                return self._through_neighbour(current)
            current = following
        # ``a = b.c; b = a.d`` grows for ever.
        return name

    def _every(self, name: str) -> frozenset[str]:
        """``resolve`` by whichever binding of an alias; a name that is bound twice may stand for either."""
        found: set[str] = {self.resolve(name)}
        seen, waiting = {name}, [name]
        while waiting and len(seen) < _MOST_NAMES:
            parts = waiting.pop().split(".")
            following = {
                ".".join([known, *parts[length:]])
                for length in range(len(parts), 0, -1)
                for known in self.bindings.get(".".join(parts[:length]), ())
            }
            found |= {self._through_neighbour(one) for one in following}
            waiting += following - seen
            seen |= following
        return frozenset(found)

    def _step(self, name: str) -> str | None:
        parts = name.split(".")
        for length in range(len(parts), 0, -1):
            head = ".".join(parts[:length])
            known = self.assigned.get(head) or self.imports.get(head)
            if known is not None:
                return ".".join([known, *parts[length:]]) if known != head else None
        return self._through_star(name)

    def _through_star(self, name: str) -> str | None:
        head = name.partition(".")[0]
        if head == "torch":
            # Already a full name; ``torch.nn.functional`` happens to hold a ``torch`` as well.
            return None
        for module in self.starred:
            if module in STARRED and hasattr(importlib.import_module(module), head):
                return f"{module}.{name}"
        return None

    def _through_neighbour(self, name: str) -> str:
        module, _, rest = name.lstrip(".").partition(".")
        table = self.neighbours.get(module)
        if table is None or table is self or not rest:
            return name
        head = rest.partition(".")[0]
        return table.resolve(rest) if head in table.imports or head in table.assigned else name


def holds_dilation(value: ast.expr) -> bool:
    if isinstance(value, ast.Dict):
        return any(
            isinstance(key, ast.Constant) and key.value == "dilation" and not is_one(of)
            for key, of in zip(value.keys, value.values, strict=True)
        )
    return (
        isinstance(value, ast.Call)
        and isinstance(value.func, ast.Name)
        and value.func.id == "dict"
        and any(word.arg == "dilation" and not is_one(word.value) for word in value.keywords)
    )


def is_one(node: ast.expr) -> bool:
    if isinstance(node, ast.Tuple | ast.List):
        return all(is_one(part) for part in node.elts)
    return isinstance(node, ast.Constant) and node.value == 1
