"""What a name in the source stands for, as far as reading can follow imports and plain assignments."""

from __future__ import annotations

import ast
import functools
import importlib
from collections.abc import Mapping

from .pieces import Piece, Source

__all__ = ["MANY", "STARRED", "Aliases", "dotted", "holds_dilation", "is_one", "is_too_long"]


STARRED = frozenset(
    {"torch", "torch.nn", "torch.nn.functional", "torch.nn.init", "torch.autograd", "torch.optim", "numpy", "math"}
)
"""Modules whose star imports are followed, because the assignments' own files begin with them."""
_MOST_STEPS = 20
"""Aliases of aliases that are followed."""
_MOST_NAMES = 200
"""Names that one name is followed to."""
_MOST_PARTS = 32
"""Parts of a name between its dots. Following one takes time by the square of their number."""
MANY = f"a name that may stand for more than {_MOST_NAMES} others, or for one of more than {_MOST_PARTS} parts"
"""What stands among the meanings of a name of which not all can be followed."""


def dotted(node: ast.AST) -> str | None:
    """``a.b.c`` as it is written; None if the expression is not a name, or is one that is too long.

    ``super().f`` is one, and ``getattr(a, "b")`` is ``a.b``.
    """
    parts: list[str] = []
    while len(parts) < _MOST_PARTS:
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
    return None


def is_too_long(node: ast.AST) -> bool:
    """Whether it is a name of more parts than are followed."""
    for _ in range(_MOST_PARTS):
        if not isinstance(node, ast.Attribute):
            return False
        node = node.value
    return True


# Every node is tested for these: a set is faster than a union of types.
_BINDING = frozenset({ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign, ast.NamedExpr})


def _place(piece: Piece, node: ast.AST) -> tuple[int, int]:
    """Cell and line, for sorting."""
    return piece.number or 0, getattr(node, "lineno", 0)


class Aliases:
    """The names of one file and what they stand for, at any level: later bindings win."""

    def __init__(self, source: Source) -> None:
        self.neighbours: Mapping[str, Aliases] = {}
        """Tables of the submission's other files, by module name."""
        self.imports: dict[str, str] = {}
        """Names bound by imports, with the dotted name of what is imported."""
        self.assigned: dict[str, str] = {}
        """Names bound by plain assignments, with the dotted name that is assigned."""
        self.bindings: dict[str, set[str]] = {}
        """All that each name is ever bound to, by imports and plain assignments."""
        self.starred: list[str] = []
        """Modules from which everything is imported."""
        self.modules: list[str] = []
        """Modules imported, in order, once each."""
        self.dilating: set[str] = set()
        """Names of dictionaries with a key ``dilation``, which may be passed with ``**``."""
        # The same few names are asked for again and again, after this table and its neighbours' are complete.
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
        name, other = dotted(target), dotted(value)
        if isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Constant):
            if target.slice.value == "dilation":
                self.dilating.add(dotted(target.value) or "")
        elif name is None:
            return
        elif other is not None and other != name:
            self.assigned[name] = other
            self.bindings.setdefault(name, set()).add(other)
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
        # ``a = b.c; b = a.d`` would grow without end.
        return name

    def _every(self, name: str) -> frozenset[str]:
        """All names that ``name`` may stand for: an alias that is bound twice may stand for either.

        ``MANY`` is among them where these are too many to follow.
        """
        names: set[str] = {self.resolve(name)}
        seen, waiting = {name}, [name]
        while waiting:
            parts = waiting.pop().split(".")
            heads = {".".join(parts[:length]): parts[length:] for length in range(1, len(parts) + 1)}
            bound = {head: self.bindings[head] for head in heads if head in self.bindings}
            if len(seen) + sum(map(len, bound.values())) > _MOST_NAMES or (bound and len(parts) > _MOST_PARTS):
                names.add(MANY)
                break
            for head, known in bound.items():
                following = {".".join([full, *heads[head]]) for full in known}
                names |= {self._through_neighbour(full) for full in following}
                # ``x = x.data`` would grow without end, and says no more the second time.
                waiting += {".".join([full, *heads[head]]) for full in known if not full.startswith(f"{head}.")} - seen
                seen |= following
        return frozenset(names)

    def _step(self, name: str) -> str | None:
        """``name`` with its longest part replaced that is an alias; None if it has none."""
        parts = name.split(".")
        for length in range(len(parts), 0, -1):
            head = ".".join(parts[:length])
            known = self.assigned.get(head) or self.imports.get(head)
            if known is not None:
                return ".".join([known, *parts[length:]]) if known != head else None
        return self._through_star(name)

    def _through_star(self, name: str) -> str | None:
        """The full name of what a star import binds to ``name``."""
        head = name.partition(".")[0]
        if head == "torch":
            # Already a full name; ``torch.nn.functional`` happens to hold a ``torch`` as well.
            return None
        for module in self.starred:
            if module in STARRED and hasattr(importlib.import_module(module), head):
                return f"{module}.{name}"
        return None

    def _through_neighbour(self, name: str) -> str:
        """``helper.conv`` by the aliases of the submission's file ``helper``."""
        module, _, rest = name.lstrip(".").partition(".")
        table = self.neighbours.get(module)
        if table is None or table is self or not rest:
            return name
        head = rest.partition(".")[0]
        return table.resolve(rest) if head in table.imports or head in table.assigned else name


def holds_dilation(value: ast.expr) -> bool:
    """Whether it is a dictionary with a key ``dilation`` whose value is not written as 1."""
    if isinstance(value, ast.Dict):
        return any(
            isinstance(key, ast.Constant) and key.value == "dilation" and not is_one(item)
            for key, item in zip(value.keys, value.values, strict=True)
        )
    return (
        isinstance(value, ast.Call)
        and isinstance(value.func, ast.Name)
        and value.func.id == "dict"
        and any(word.arg == "dilation" and not is_one(word.value) for word in value.keywords)
    )


def is_one(node: ast.expr) -> bool:
    """Whether it is written as 1, or as a tuple or list of ones."""
    if isinstance(node, ast.Tuple | ast.List):
        return all(is_one(part) for part in node.elts)
    return isinstance(node, ast.Constant) and node.value == 1
