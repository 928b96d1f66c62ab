"""What a statement at the top level changes of what stands there: classes, values, modules; found by reading.

``UNet.forward = better``, ``for c in (CNN, UNet): c.forward = wrap(c.forward)``, ``setattr(UNet, "forward", better)``,
``patch(UNet)`` and ``F.conv2d = mine`` bind no name, but they change what the file defines. Values are followed through
names, containers, loops, and calls of the submission's own functions. What is only made of a class does not count:
``cnn = CNN(3, 32, 24); cnn.apply(start)`` changes no class.

Reading cannot follow everything: a name that is put together, a function of a module that is not here. What it sees is
enough to run a statement, or to show it to a person.
"""

from __future__ import annotations

import ast
import builtins
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

from ..source.names import Aliases, dotted
from ..source.outline import defined
from ..source.siblings import is_installed, is_public
from .statements import trains

__all__ = ["ANY", "DEFAULT_TYPES", "GRADIENTS_OFF", "GRADIENTS_ON", "NOTHING", "Change", "Reader"]


# ------------------------------------------------------------------------------------------------- lists of functions

_CHANGING = frozenset(
    {"append", "extend", "insert", "update", "setdefault", "pop", "popitem", "clear", "remove", "add", "discard"}
    | {"sort", "reverse", "__setitem__", "__delitem__", "__setattr__", "__delattr__"}
)
"""Methods that change a container. Methods of tensors that do so end with ``_``."""
_GIVING = frozenset({"values", "items", "get", "pop", "setdefault", "copy", "popitem", "__getitem__"})
"""Methods that give what a container holds."""
_PASSING_ON = frozenset(
    {"zip", "enumerate", "list", "tuple", "set", "frozenset", "dict", "sorted", "reversed", "iter", "next"}
    | {"itertools.chain", "itertools.product", "copy.copy"}
)
"""Functions whose result holds what their arguments hold."""
_SETTERS = frozenset({"setattr", "delattr", "type.__setattr__", "object.__setattr__", "type.__delattr__"})
_GRADIENTS = frozenset(
    {"torch.set_grad_enabled", "torch.autograd.set_grad_enabled", "torch.autograd.grad_mode.set_grad_enabled"}
)
_NO_GRADIENTS = frozenset(
    {"torch.no_grad", "torch.inference_mode", "torch.autograd.no_grad", "torch.autograd.inference_mode"}
)
_AS_IT_IS = ("float32", "torch.FloatTensor", "torch.float")
"""What the default type of torch is already, as it is written."""
_HOOKS = "torch.nn.modules.module.register_module_"
_SETTINGS = tuple(
    f"torch.{name}" for name in ("backends", "random", "hub", "cuda", "multiprocessing", "distributed", "utils", "jit")
)
"""Parts of torch that programs are meant to change, or that no network is made of."""
_MOST = 60
"""Things that one value may stand for."""

DEFAULT_TYPES = frozenset({"torch.set_default_dtype", "torch.set_default_tensor_type"})
"""Among what a statement changes in torch: the type of new tensors. The examiner has a type of its own."""
GRADIENTS_OFF = "torch.set_grad_enabled"
"""Among what a statement changes in torch: that gradients are switched off, by whatever function."""
GRADIENTS_ON = "torch.set_grad_enabled(True)"
"""That they are switched on."""
ANY = "*"
"""Among the names whose objects a statement changes: it may be any name."""


# ------------------------------------------------------------------------------------------------------------- values


class _Thing(NamedTuple):
    """Something that a value may be, or have to do with."""

    name: str
    """A name at the top level; ``#0`` for the first parameter of a function; ``globals()`` for the table of names."""
    how: str
    """``is``: the value is it, or a part of it; ``holds``: contains it; ``made``: is an instance; ``kind``: is its
    class."""
    path: str = ""
    """For what is imported, the full name of that, and of the part of it."""


_Value = frozenset[_Thing]
_NONE: _Value = frozenset()


def _with(value: _Value, how: str, among: tuple[str, ...]) -> _Value:
    return frozenset(thing._replace(how=how) for thing in value if thing.how in among)


def _holding(value: _Value) -> _Value:
    return _with(value, "holds", ("is", "holds"))


def _held(value: _Value) -> _Value:
    """What is taken out of a container, or a part of the thing itself."""
    return _with(value, "is", ("is", "holds"))


def _attribute(value: _Value, name: str) -> _Value:
    if name == "__class__":
        kinds = frozenset(thing._replace(how="kind") for thing in value if thing.name.startswith("#"))
        return kinds | _with(value, "is", ("made",))
    inner = _held(value)
    return frozenset(thing._replace(path=f"{thing.path}.{name}") if thing.path else thing for thing in inner)


@dataclass(frozen=True)
class Change:
    """What one statement changes."""

    names: frozenset[str] = frozenset()
    """Names at the top level whose objects it changes, and parts of the full names of what is imported."""
    torch: frozenset[str] = frozenset()
    """Full names of what it changes in torch."""
    trains: bool = False
    """Whether it, or a function that it calls, has a step of training."""
    followed: bool = True
    """Whether all functions that are given a class could be read."""


NOTHING = Change()


@dataclass
class _Effects:
    """What is found while statements are read."""

    changed: set[_Thing] = field(default_factory=set)
    returned: set[_Thing] = field(default_factory=set)
    rebinds: set[str] = field(default_factory=set)
    """Names that a function declares ``global``."""
    trains: bool = False
    followed: bool = True

    def take(self, other: _Effects) -> None:
        """Add what a part does; what it returns is its own."""
        self.changed |= other.changed
        self.trains |= other.trains
        self.followed &= other.followed


_Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


# ------------------------------------------------------------------------------------------------------------- reading


class Reader:
    """The functions of one file, by which its statements are read."""

    def __init__(self, body: Sequence[ast.stmt], aliases: Aliases) -> None:
        self.neighbours: Mapping[str, Reader] = {}
        """Readers of the submission's other files, by module name."""
        self._aliases = aliases
        self._functions: dict[str, list[_Function]] = {}
        self._methods: dict[str, list[ast.FunctionDef | ast.AsyncFunctionDef]] = {}
        self._classes: dict[str, list[ast.FunctionDef | ast.AsyncFunctionDef]] = {}
        """The constructors of each class."""
        self._names: dict[str, _Value] = {}
        """What each name at the top level may stand for after the statements that were read."""
        self._ever: dict[str, _Value] = {}
        """What each may stand for at any time."""
        self._summaries: dict[int, _Effects] = {}
        self._changes: dict[int, Change] = {}
        for statement in body:
            self._collect(statement)

    def _collect(self, statement: ast.stmt) -> None:
        for node in ast.walk(statement):
            if isinstance(node, ast.ClassDef):
                constructors = self._classes.setdefault(node.name, [])
                for member in (inner for part in node.body for inner in defined(part)):
                    if not isinstance(member, ast.ClassDef):
                        self._methods.setdefault(member.name, []).append(member)
                        constructors += [member] if member.name == "__init__" else []
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                self._functions.setdefault(node.name, []).append(node)
            elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda):
                for target in node.targets:
                    if isinstance(target, ast.Name):
                        self._functions.setdefault(target.id, []).append(node.value)

    def read(self, statement: ast.stmt) -> None:
        """Find out what the statement changes; statements are to be read in the order of the file."""
        with suppress(RecursionError):
            self._statement(statement, None, _Effects(), False)

    def change(self, statement: ast.stmt) -> Change:
        """What the statement changes, which was read, or lies in the block of one that was."""
        return self._changes.get(id(statement), NOTHING)

    # ------------------------------------------------------------------------------------------------------ statements

    def _block(self, body: Iterable[ast.stmt], names: dict[str, _Value] | None, effects: _Effects) -> None:
        for statement in body:
            self._statement(statement, names, effects, True)

    def _statement(self, node: ast.stmt, names: dict[str, _Value] | None, effects: _Effects, in_block: bool) -> None:
        """``names``: the local names of a function; None at the top level."""
        if names is not None:
            self._follow(node, names, effects, in_block)
            return
        own = _Effects()
        self._follow(node, None, own, in_block)
        if own.changed:
            self._changes[id(node)] = _change(own, trains(node))
        effects.take(own)

    def _follow(self, node: ast.stmt, names: dict[str, _Value] | None, effects: _Effects, in_block: bool) -> None:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                if names is not None:
                    inner = {**names, **dict.fromkeys(_parameters(node), _NONE)}
                    nested = _Effects()
                    self._block(node.body, inner, nested)
                    effects.take(nested)
                self._bind(node.name, frozenset({_Thing(node.name, "is")}), names, effects, in_block)
            case ast.ClassDef():
                self._bind(node.name, frozenset({_Thing(node.name, "is")}), names, effects, in_block)
            case ast.Import() | ast.ImportFrom():
                for alias in node.names:
                    local = alias.asname or alias.name.partition(".")[0]
                    self._bind(local, self._imported(local), names, effects, False)
            case ast.Global(names=declared):
                effects.rebinds.update(declared)
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    self._assign(target, value, names, effects, in_block)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                self._assign(target, value, names, effects, in_block)
            case ast.AugAssign(target=target, value=value):
                self._store(target, _holding(self._value(value, names, effects)), names, effects, True)
            case ast.Delete(targets=targets):
                for target in targets:
                    if isinstance(target, ast.Attribute | ast.Subscript):
                        self._store(target, _NONE, names, effects, True)
            case ast.For() | ast.AsyncFor():
                self._store(node.target, _held(self._value(node.iter, names, effects)), names, effects, True)
                self._block([*node.body, *node.orelse], names, effects)
            case ast.With() | ast.AsyncWith():
                for item in node.items:
                    entered = self._value(item.context_expr, names, effects, switches=False)
                    if item.optional_vars is not None:
                        self._store(item.optional_vars, entered, names, effects, in_block)
                self._block(node.body, names, effects)
            case ast.Return(value=ast.expr() as value):
                effects.returned |= self._value(value, names, effects)
            case _:
                for child in ast.iter_child_nodes(node):
                    self._part(child, names, effects)

    def _part(self, node: ast.AST, names: dict[str, _Value] | None, effects: _Effects) -> None:
        """A part of an ``if``, ``while``, ``try``, ``match`` or of an expression statement."""
        if isinstance(node, ast.stmt):
            self._statement(node, names, effects, True)
        elif isinstance(node, ast.expr):
            self._value(node, names, effects)
        else:
            for child in ast.iter_child_nodes(node):
                self._part(child, names, effects)

    def _assign(
        self, target: ast.expr, value: ast.expr, names: dict[str, _Value] | None, effects: _Effects, in_block: bool
    ) -> None:
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
            for inner, part in zip(target.elts, value.elts, strict=True):
                self._assign(inner, part, names, effects, in_block)
        else:
            self._store(target, self._value(value, names, effects), names, effects, in_block)

    def _store(
        self, target: ast.expr, value: _Value, names: dict[str, _Value] | None, effects: _Effects, in_block: bool
    ) -> None:
        """``target = value``; ``in_block``: it may not be reached, so what the name stood for stays possible."""
        match target:
            case ast.Name(id=name):
                self._bind(name, value, names, effects, in_block)
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                for part in parts:
                    self._store(part, _held(value), names, effects, in_block)
            case ast.Starred(value=inner):
                self._store(inner, value, names, effects, in_block)
            case ast.Attribute(value=owner, attr=attribute):
                effects.changed |= _changed(self._value(owner, names, effects), attribute)
                self._hold(owner, value, names)
            case ast.Subscript(value=owner, slice=key):
                container = self._value(owner, names, effects)
                effects.changed |= _changed(container, "[]")
                if any(thing.how == "names" for thing in container):
                    effects.changed |= self._named_by(key, names, effects)
                self._hold(owner, value, names)

    def _bind(
        self, name: str, value: _Value, names: dict[str, _Value] | None, effects: _Effects, in_block: bool
    ) -> None:
        if names is not None and name not in effects.rebinds:
            names[name] = value | names.get(name, _NONE) if in_block else value
            return
        if not any(thing.name == name for thing in value):
            value = value | {_Thing(name, "is")}
        if names is not None:
            effects.changed.add(_Thing(name, "is"))
        elif in_block:
            value |= self._names.get(name, _NONE)
        if len(value) <= _MOST:
            self._names[name] = value
            self._ever[name] = self._ever.get(name, _NONE) | value

    def _hold(self, owner: ast.expr, value: _Value, names: dict[str, _Value] | None) -> None:
        """Note that what ``owner`` begins with may contain ``value`` from now on."""
        while isinstance(owner, ast.Attribute | ast.Subscript):
            owner = owner.value
        if isinstance(owner, ast.Name) and value:
            table = self._names if names is None else names
            more = table.get(owner.id, _NONE) | _holding(value)
            if len(more) <= _MOST:
                table[owner.id] = more
                if names is None:
                    self._ever[owner.id] = self._ever.get(owner.id, _NONE) | more

    def _named_by(self, key: ast.expr, names: dict[str, _Value] | None, effects: _Effects) -> set[_Thing]:
        """What ``globals()[key]`` is."""
        match key:
            case ast.Constant(value=str(name)):
                return {_Thing(name, "is")}
            case ast.Attribute(value=owner, attr="__name__" | "__qualname__"):
                return set(_held(self._value(owner, names, effects)))
        return {_Thing(ANY, "is")}

    # ----------------------------------------------------------------------------------------------------- expressions

    def _imported(self, name: str) -> _Value:
        return frozenset({_Thing(name, "is", self._aliases.resolve(name))})

    def _name(self, name: str, names: dict[str, _Value] | None) -> _Value:
        if names is not None and name in names:
            return names[name]
        known = (self._names if names is None else self._ever).get(name)
        if known is not None:
            return known
        if name in self._aliases.imports:
            return self._imported(name)
        full = self._aliases.resolve(name)
        return frozenset({_Thing(name, "is", full if full != name else "")})

    def _value(
        self, node: ast.expr, names: dict[str, _Value] | None, effects: _Effects, *, switches: bool = True
    ) -> _Value:
        """What the expression may be; what it changes is added to ``effects``.

        ``switches``: whether a call that switches gradients off counts; as a context manager it does so for a while.
        """
        match node:
            case ast.Name(id=name):
                return self._name(name, names)
            case ast.Constant() | ast.Lambda():
                return _NONE
            case ast.Attribute(value=owner, attr=name):
                effects.trains |= name in ("backward", "step")
                return _attribute(self._value(owner, names, effects), name)
            case ast.Subscript(value=owner, slice=key):
                container = self._value(owner, names, effects)
                self._value(key, names, effects)
                if any(thing.how == "names" for thing in container):
                    return frozenset(self._named_by(key, names, effects))
                return _held(container)
            case ast.Call():
                return self._call(node, names, effects, switches)
            case ast.NamedExpr(target=target, value=value):
                inner = self._value(value, names, effects)
                self._store(target, inner, names, effects, True)
                return inner
            case ast.Starred(value=value):
                return _held(self._value(value, names, effects))
            case ast.IfExp() | ast.BoolOp() | ast.BinOp():
                parts = [part for part in ast.iter_child_nodes(node) if isinstance(part, ast.expr)]
                return _NONE.union(*(self._value(part, names, effects) for part in parts))
            case ast.Tuple() | ast.List() | ast.Set() | ast.Dict():
                parts = [part for part in ast.iter_child_nodes(node) if isinstance(part, ast.expr)]
                return _holding(_NONE.union(*(self._value(part, names, effects) for part in parts)))
            case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp():
                return self._comprehension(node, names, effects)
            case _:
                for child in ast.iter_child_nodes(node):
                    self._part(child, names, effects)
                return _NONE

    def _comprehension(
        self,
        node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp,
        names: dict[str, _Value] | None,
        effects: _Effects,
    ) -> _Value:
        inner = dict(self._names if names is None else names)
        for generator in node.generators:
            self._store(generator.target, _held(self._value(generator.iter, inner, effects)), inner, effects, False)
            for condition in generator.ifs:
                self._value(condition, inner, effects)
        parts = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        return _holding(_NONE.union(*(self._value(part, inner, effects) for part in parts)))

    # ----------------------------------------------------------------------------------------------------------- calls

    def _call(self, call: ast.Call, names: dict[str, _Value] | None, effects: _Effects, switches: bool) -> _Value:
        function = self._value(call.func, names, effects)
        receiver = self._value(call.func.value, names, effects) if isinstance(call.func, ast.Attribute) else _NONE
        given = [self._value(argument, names, effects) for argument in call.args]
        named = {word.arg or "**": self._value(word.value, names, effects) for word in call.keywords}
        everything = _NONE.union(*given, *named.values())
        written = dotted(call.func) or ""
        full = self._full(written, names)
        attribute = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        first = given[0] if given else _NONE

        if full in _SETTERS or attribute in ("__setattr__", "__delattr__"):
            owner, place = (first, 1) if full in _SETTERS else (receiver, 0)
            key = call.args[place] if len(call.args) > place else None
            effects.changed |= _changed(owner, str(key.value) if isinstance(key, ast.Constant) else "…")
            return _NONE
        if full.startswith("torch."):
            if switches:
                effects.changed |= _switched(call, full)
        elif attribute == "__enter__" and isinstance(call.func, ast.Attribute):
            inner = call.func.value
            if isinstance(inner, ast.Call) and self._full(dotted(inner.func) or "", names) in _NO_GRADIENTS:
                effects.changed.add(_Thing("torch", "is", GRADIENTS_OFF))
        builtin = self._built_in(call, full, given)
        if builtin is not None:
            return builtin
        if full in ("map", "filter") and len(given) > 1:
            results = self._apply(given[0], [_held(value) for value in given[1:]], {}, effects)
            return _holding(results if full == "map" else _NONE.union(*given[1:]))
        if full in _PASSING_ON:
            return _holding(everything) if full != "next" else _held(everything)
        results = self._apply(function, given, named, effects)
        if attribute in self._methods and not any(thing.path for thing in receiver):
            results |= self._apply_methods(attribute, receiver, given, named, effects)
        if attribute in _CHANGING or (attribute.endswith("_") and not attribute.endswith("__")):
            self._change_container(call, receiver, everything, names, effects)
        if attribute in _GIVING:
            results |= _held(receiver)
        classes = {thing for thing in everything if thing.how == "is" and thing.name in self._classes}
        if classes and self._is_elsewhere(full):
            effects.changed |= classes
            effects.followed = False
        made = frozenset(
            thing._replace(how="made")
            for thing in function
            if thing.how == "is" and (thing.name in self._classes or thing.name.startswith("#"))
        )
        return results | made

    def _full(self, written: str, names: dict[str, _Value] | None) -> str:
        """The full name of a function that is written so; empty where a local name hides it."""
        head = written.partition(".")[0]
        return "" if names is not None and head in names else self._aliases.resolve(written) if written else ""

    def _built_in(self, call: ast.Call, full: str, given: list[_Value]) -> _Value | None:
        """What a built-in function gives that looks into things; None for any other function."""
        first = given[0] if given else _NONE
        if full in ("globals", "locals", "vars") and not given:
            return frozenset({_Thing("globals()", "names")})
        if full == "vars":
            return _held(first)
        if full == "type" and len(given) == 1:
            return _attribute(first, "__class__")
        if full == "getattr" and len(given) > 1:
            key = call.args[1]
            return _attribute(first, str(key.value) if isinstance(key, ast.Constant) else "…")
        return None

    def _change_container(
        self,
        call: ast.Call,
        receiver: _Value,
        given: _Value,
        names: dict[str, _Value] | None,
        effects: _Effects,
    ) -> None:
        """``d.update(…)``: a module is no container, but its table of names is."""
        effects.changed |= {
            thing
            for thing in _changed(receiver, "[]")
            if not thing.path or thing.path.endswith(".__dict__.[]")
        }  # fmt: skip
        if isinstance(call.func, ast.Attribute):
            self._hold(call.func.value, given, names)
        if any(thing.how == "names" for thing in receiver):
            keys: list[ast.expr | None] = [
                key for argument in call.args if isinstance(argument, ast.Dict) for key in argument.keys
            ]
            if not call.args or not isinstance(call.args[0], ast.Dict):
                keys += call.args[:1]
            effects.changed |= {_Thing(word.arg or ANY, "is") for word in call.keywords}
            for key in keys:
                effects.changed |= self._named_by(key, names, effects) if key is not None else {_Thing(ANY, "is")}

    # ------------------------------------------------------------------------------------- functions of the submission

    def _apply(
        self, function: _Value, given: Sequence[_Value], named: Mapping[str, _Value], effects: _Effects
    ) -> _Value:
        """What a call gives of any function of the submission that ``function`` may be."""
        results = _NONE
        for thing in function:
            if thing.how == "made" and not thing.path and "__call__" in self._methods:
                results |= self._apply_methods("__call__", frozenset({thing}), given, named, effects)
            if thing.how != "is":
                continue
            for constructor in () if thing.path else self._classes.get(thing.name, ()):
                # What it changes otherwise, it changes whenever an instance is made, in the examination as well.
                bound = _bound(constructor, [_NONE, *given], named)
                effects.changed |= _put_in(
                    (change for change in self._summary(constructor).changed if change.name.startswith("#")), bound, ""
                )
            for reader, definition, module in self._definitions(thing):
                summary = reader._summary(definition)
                bound = _bound(definition, given, named)
                effects.changed |= _put_in(summary.changed, bound, module)
                effects.trains |= summary.trains
                effects.followed &= summary.followed
                results |= frozenset(_put_in(summary.returned, bound, module))
        return results

    def _definitions(self, thing: _Thing) -> Iterable[tuple[Reader, _Function, str]]:
        """The functions of that name, each with its reader and, if it is of another file, the name of its module."""
        if not thing.path:
            yield from ((self, definition, "") for definition in self._functions.get(thing.name, ()))
            if thing.name not in self._functions and thing.name not in self._classes:
                for module in self._aliases.starred:
                    yield from self._of_neighbour(module, thing.name)
            return
        module, _, name = thing.path.rpartition(".")
        yield from self._of_neighbour(module, name)

    def _of_neighbour(self, module: str, name: str) -> Iterable[tuple[Reader, _Function, str]]:
        last = module.rpartition(".")[2]
        other = self.neighbours.get(last)
        if other is not None and other is not self:
            yield from ((other, definition, last) for definition in other._functions.get(name, ()))

    def _apply_methods(
        self,
        name: str,
        receiver: _Value,
        given: Sequence[_Value],
        named: Mapping[str, _Value],
        effects: _Effects,
    ) -> _Value:
        """As ``_apply``, for the methods of that name in the file's classes."""
        results = _NONE
        for method in self._methods[name]:
            decorators = {dotted(decorator) for decorator in method.decorator_list}
            first: list[_Value] = [receiver]
            if "staticmethod" in decorators:
                first = []
            elif "classmethod" in decorators:
                first = [receiver | _attribute(receiver, "__class__")]
            summary = self._summary(method)
            bound = _bound(method, [*first, *given], named)
            effects.changed |= _put_in(summary.changed, bound, "")
            effects.trains |= summary.trains
            results |= frozenset(_put_in(summary.returned, bound, ""))
        return results

    def _summary(self, function: _Function) -> _Effects:
        """What a call of the function changes and gives, by its parameters ``#0``, ``#1``, … and the names it reads."""
        if id(function) not in self._summaries:
            effects = self._summaries[id(function)] = _Effects()
            names = {name: frozenset({_Thing(f"#{place}", "is")}) for place, name in enumerate(_parameters(function))}
            if isinstance(function, ast.Lambda):
                effects.returned |= self._value(function.body, names, effects)
            else:
                self._block(function.body, names, effects)
        return self._summaries[id(function)]

    def _is_elsewhere(self, full: str) -> bool:
        """Whether it is a function of a file that was not handed in."""
        top, dot, _ = full.partition(".")
        if full and not dot and full not in {*self._functions, *self._classes} and full not in vars(builtins):
            return any(self._is_elsewhere(f"{module}.{full}") for module in self._aliases.starred)
        if not dot or top not in {name.partition(".")[0] for name in self._aliases.modules}:
            return False
        return top not in self.neighbours and not is_public(top) and not is_installed(top)


def _parameters(function: _Function) -> list[str]:
    arguments = function.args
    variable = [part.arg for part in (arguments.vararg, arguments.kwarg) if part is not None]
    return [part.arg for part in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)] + variable


def _bound(function: _Function, given: Sequence[_Value], named: Mapping[str, _Value]) -> dict[str, _Value]:
    """``#0`` → what is passed for the first parameter."""
    names = _parameters(function)
    arguments = function.args
    places = len(arguments.posonlyargs) + len(arguments.args)
    bound: dict[str, _Value] = {}
    for place, value in enumerate(given):
        if place >= places and arguments.vararg is not None:
            place, value = names.index(arguments.vararg.arg), _holding(value)
        bound[f"#{place}"] = bound.get(f"#{place}", _NONE) | value
    for name, value in named.items():
        if name in names:
            bound[f"#{names.index(name)}"] = value
        elif arguments.kwarg is not None:
            place = names.index(arguments.kwarg.arg)
            bound[f"#{place}"] = bound.get(f"#{place}", _NONE) | _holding(value)
    return bound


def _put_in(things: Iterable[_Thing], bound: Mapping[str, _Value], module: str) -> set[_Thing]:
    """``things`` with the arguments in the place of the parameters; the others belong to ``module``."""
    found: set[_Thing] = set()
    for thing in things:
        if not thing.name.startswith("#"):
            own = module and not thing.path and thing.name != ANY
            found.add(thing._replace(path=f"{module}.{thing.name}.…") if own else thing)
            continue
        value = bound.get(thing.name, _NONE)
        if thing.how == "kind":
            found |= _with(value, "is", ("made",))
        elif thing.how == "made":
            found |= _with(value, "made", ("is",))
        elif thing.how == "holds":
            found |= _holding(value)
        else:
            found |= {inner for inner in value if inner.how != "made"}
    return found


def _changed(value: _Value, part: str) -> set[_Thing]:
    """The things that are changed where ``part`` of the value is bound; of what is imported, that part."""
    return {
        thing._replace(how="is", path=f"{thing.path}.{part}") if thing.path else thing
        for thing in value
        if thing.how in ("is", "kind")
    }


def _change(effects: _Effects, is_training: bool) -> Change:
    names: set[str] = set()
    for thing in effects.changed:
        parts = thing.path.split(".")
        if parts[0] != "torch" and parts[0] not in sys.stdlib_module_names:
            names |= {thing.name, *parts[:-1]} - {"", "…"}
    torch = frozenset(thing.path for thing in effects.changed if _is_torchs(thing.path))
    return Change(frozenset(names), torch, effects.trains or is_training, effects.followed)


def _switched(call: ast.Call, full: str) -> set[_Thing]:
    """What a call of a function of torch changes in torch."""
    first = call.args[0] if call.args else call.keywords[0].value if call.keywords else None
    if full in _GRADIENTS:
        is_on = isinstance(first, ast.Constant) and first.value is True
        return {_Thing("torch", "is", GRADIENTS_ON if is_on else GRADIENTS_OFF)}
    if full in DEFAULT_TYPES and first is not None:
        written = ast.unparse(first).strip("'\"")
        is_kept = written.endswith(_AS_IT_IS) or "cuda" in written or "device" in written
        return set() if is_kept else {_Thing("torch", "is", full)}
    return {_Thing("torch", "is", full)} if full.startswith(_HOOKS) else set()


def _is_torchs(path: str) -> bool:
    return (path.startswith("torch.")) and not any(path == part or path.startswith(f"{part}.") for part in _SETTINGS)
