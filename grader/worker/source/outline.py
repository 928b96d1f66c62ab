"""What a submission's source says about itself, without running any of it: classes, methods, calls, what is not Python.

The reply is made before any code of the student has run in the process, so it can be believed. Names are followed
through imports and plain assignments (``conv = F.conv2d``), as far as reading can. When the code runs, a name may be
bound to something else.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from ..protocol import Call, CodeFile, Definition, FileOutline, Method, NestedClass, Note, Outline, Problem
from ..trouble import bounded
from .appearance import looks_like_python
from .names import Aliases, dotted, holds_dilation, is_one
from .parsing import breaks_off
from .pieces import Piece, Source, walk
from .reading import read
from .siblings import meant

__all__ = ["defined", "is_empty", "outline", "outline_of"]


_MOST = 5000
"""Entries of each list."""

# Where the dilation stands among the positional arguments of each native operation, counted from 0.
_DILATION = {
    **dict.fromkeys(("conv1d", "conv2d", "conv3d", "convolution"), 5),
    **dict.fromkeys(("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"), 7),
    **dict.fromkeys(("Conv1d", "Conv2d", "Conv3d", "LazyConv2d"), 5),
    **dict.fromkeys(("ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d"), 8),
    **{"unfold": 2, "fold": 3, "Unfold": 1, "Fold": 2},
    **dict.fromkeys(("max_pool1d", "max_pool2d", "max_pool3d"), 4),
    **dict.fromkeys(("MaxPool1d", "MaxPool2d", "MaxPool3d"), 3),
}


def outline(files: Iterable[CodeFile]) -> Outline:
    """Read ``files`` and describe them; nothing is run and nothing is raised."""
    return outline_of(read(files))


def outline_of(sources: list[Source]) -> Outline:
    """As ``outline``, for sources that have been read."""
    tables = [Aliases(source) for source in sources]
    neighbours: dict[str, Aliases] = {}
    for source, table in zip(sources, tables, strict=True):
        neighbours.setdefault(PurePosixPath(source.path).stem, table)
        table.neighbours = neighbours
    others = meant((module for table in tables for module in table.modules), neighbours)
    neighbours.update({name: neighbours[stem] for name, stem in others.items()})
    own = {node.name for source in sources for _, statement in source.body for node in defined(statement)}
    own |= {name for source in sources for _, statement in source.body for name in _assigned(statement)}
    return Outline(tuple(_file(source, table, own) for source, table in zip(sources, tables, strict=True)))


_NAMING = frozenset({ast.Name, ast.Attribute, ast.Call})
_COMPARING = frozenset({ast.Call, ast.Compare})


def _file(source: Source, aliases: Aliases, own: set[str]) -> FileOutline:
    read = {node.attr for _, node in source.nodes if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load)}
    read |= {node.value for _, node in source.nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    classes: list[Definition] = []
    functions: list[Definition] = []
    values: list[Definition] = []
    for piece, statement in source.body:
        for node in defined(statement):
            if isinstance(node, ast.ClassDef):
                classes.append(_class(node, piece, aliases, own, read))
            else:
                functions.append(_named(node.name, node, piece, aliases, own))
        values += [_named(name, statement, piece, aliases, own) for name in _assigned(statement)]
    return FileOutline(
        path=source.path,
        classes=tuple(classes[:_MOST]),
        functions=tuple(functions[:_MOST]),
        nested=tuple(_nested(source)[:_MOST]),
        values=tuple(values[:_MOST]),
        imports=tuple(bounded(module) for module in aliases.modules[:_MOST]),
        problems=tuple(_problems(source)[:_MOST]),
        notes=tuple(_notes(source)[:_MOST]),
        written_by=source.written_by,
        web_page=source.web_page,
        python=looks_like_python(source),
        breaks_off=_end(source),
        headings={str(piece.number): piece.heading for piece in source.pieces if piece.heading is not None},
    )


def _end(source: Source) -> int | None:
    """The line in which a script breaks off."""
    last = source.pieces[-1] if source.pieces else None
    return breaks_off(last.text) if last is not None and last.number is None and last.problems else None


def _nested(source: Source) -> list[NestedClass]:
    return [
        NestedClass(name=inner.name, function=node.name, line=inner.lineno, cell=piece.number)
        for piece, statement in source.body
        for node in defined(statement)
        if not isinstance(node, ast.ClassDef)
        for inner in walk(node)
        if isinstance(inner, ast.ClassDef)
    ]


def _problems(source: Source) -> list[Problem]:
    return [
        Problem(piece.number, problem.line, problem.text, bounded(problem.message), problem.stands_in)
        for piece in source.pieces
        for problem in piece.problems
    ]


def _notes(source: Source) -> list[Note]:
    return [Note(piece.number, note.line, note.what, note.why) for piece in source.pieces for note in piece.notes]


_Function = ast.FunctionDef | ast.AsyncFunctionDef


def defined(statement: ast.stmt) -> Iterator[ast.ClassDef | _Function]:
    """Classes and functions that a statement defines in the module, in its blocks as well, but not inside functions."""
    waiting: list[ast.AST] = [statement]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.ClassDef | _Function):
            yield node
        elif isinstance(node, ast.stmt | ast.ExceptHandler | ast.match_case):
            waiting += reversed([child for child in ast.iter_child_nodes(node) if not isinstance(child, ast.expr)])


def _assigned(statement: ast.stmt) -> Iterator[str]:
    """Names that a plain assignment of the module binds."""
    if isinstance(statement, ast.Assign | ast.AnnAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        yield from (target.id for target in targets if isinstance(target, ast.Name))


def _class(node: ast.ClassDef, piece: Piece, aliases: Aliases, own: set[str], read: set[str]) -> Definition:
    """``read``: the names of the attributes that the file reads."""
    bases = tuple(dotted(base) or type(base).__name__ for base in node.bases)
    parts = walk(node)
    return Definition(
        name=node.name,
        line=node.lineno,
        end_line=node.end_lineno,
        cell=piece.number,
        calls=_calls(parts, aliases, aliases.resolve(bases[0]) if bases else "object"),
        uses=_uses(parts, aliases, own),
        bases=bases,
        methods={
            member.name: Method(member.lineno, _parameters(member.args), is_empty(member)) for member in _members(node)
        },
        spare=_spare(node, aliases, read),
    )


def _named(name: str, node: ast.stmt, piece: Piece, aliases: Aliases, own: set[str]) -> Definition:
    parts = walk(node)
    return Definition(
        name=bounded(name),
        line=node.lineno,
        end_line=node.end_lineno,
        cell=piece.number,
        calls=_calls(parts, aliases, "object"),
        uses=_uses(parts, aliases, own),
    )


def _uses(parts: list[ast.AST], aliases: Aliases, own: set[str]) -> dict[str, int]:
    """Names of torch and of the submission's definitions that ``parts`` read by any alias, each with its first line.

    A name of the submission's own is cut to its last part: ``.layers.Block`` is ``Block``. Classes that something is
    only compared with are not used.
    """
    uses: dict[str, int] = {}
    compared = {id(kind) for part in parts if type(part) in _COMPARING for kind in _compared_with(part)}
    for part in parts:
        if type(part) not in _NAMING or id(part) in compared:
            continue
        name = dotted(part)
        if name is None or name == "super()" or isinstance(getattr(part, "ctx", None), ast.Store):
            continue
        full = aliases.resolve(name)
        first, *rest = full.lstrip(".").split(".")
        if first != "torch" and rest and first in aliases.neighbours:
            full = rest[-1]
        elif first in own and first != "torch":
            full = first
        if full.startswith("torch.") or full in own:
            line: int = part.lineno  # type: ignore[attr-defined]
            uses[bounded(full)] = min(line, uses.get(full, line))
    return dict(list(uses.items())[:_MOST])


def _spare(node: ast.ClassDef, aliases: Aliases, read: set[str]) -> dict[str, tuple[str, ...]]:
    """Names of torch that the class uses only for attributes which the file never reads, with those attributes.

    Such an attribute is a layer that was left over.
    """
    unread: dict[int, str] = {}
    for statement in (statement for member in _members(node) for statement in member.body):
        match statement:
            case ast.Assign(
                targets=[ast.Attribute(value=ast.Name(id="self"), attr=name)], value=ast.Call(func=function)
            ) if name not in read:
                unread[id(function)] = name
    spare: dict[str, list[str]] = {}
    used: set[str] = set()
    for part in walk(node) if unread else ():
        written = dotted(part) if isinstance(part, ast.Name | ast.Attribute | ast.Call) else None
        if written is not None and id(part) in unread:
            spare.setdefault(bounded(aliases.resolve(written)), []).append(bounded(unread[id(part)]))
        elif written is not None:
            used.add(bounded(aliases.resolve(written)))
    return {full: tuple(names) for full, names in spare.items() if full not in used}


def _members(node: ast.ClassDef) -> Iterator[_Function]:
    """The methods of the class."""
    for statement in node.body:
        for member in defined(statement):
            if not isinstance(member, ast.ClassDef):
                yield member


def _parameters(arguments: ast.arguments) -> tuple[str, ...]:
    names = [parameter.arg for parameter in [*arguments.posonlyargs, *arguments.args]]
    if arguments.vararg:
        names.append("*" + arguments.vararg.arg)
    names += [parameter.arg for parameter in arguments.kwonlyargs]
    if arguments.kwarg:
        names.append("**" + arguments.kwarg.arg)
    return tuple(names)


def is_empty(function: _Function) -> bool:
    """Whether it does nothing: only strings, ``...``, ``pass``, ``return None`` or ``raise NotImplementedError``."""
    for statement in function.body:
        match statement:
            case ast.Pass() | ast.Expr(value=ast.Constant()) | ast.Return(value=None | ast.Constant(value=None)):
                continue
            case ast.Raise(exc=ast.Name(id="NotImplementedError") | ast.Call(func=ast.Name(id="NotImplementedError"))):
                continue
        return False
    return True


def _compared_with(node: ast.AST) -> list[ast.expr]:
    """Classes that something is compared with: ``isinstance(m, (nn.Conv2d, Mine))``, ``type(m) == nn.Conv2d``."""
    match node:
        case ast.Call(func=ast.Name(id="isinstance" | "issubclass"), args=[_, kind]):
            kinds = [kind]
        case ast.Compare(left=ast.Call(func=ast.Name(id="type")), comparators=comparators):
            kinds = [*comparators]
        case _:
            return []
    return kinds + [kind for group in kinds if isinstance(group, ast.Tuple | ast.List) for kind in group.elts]


def _calls(parts: list[ast.AST], aliases: Aliases, base: str) -> tuple[Call, ...]:
    """Every call among ``parts`` whose function has a name, in the order of the source."""
    calls: list[Call] = []
    for call in parts:
        if not isinstance(call, ast.Call):
            continue
        name = dotted(call.func)
        if name is None or name == "super()":
            continue
        resolved = aliases.resolve(name)
        if resolved.startswith("super()"):
            resolved = base + resolved.removeprefix("super()")
        calls.append(
            Call(
                name=bounded(name),
                resolved=bounded(resolved),
                line=call.lineno,
                keywords=tuple(word.arg or "**" for word in call.keywords),
                dilates=_dilates(call, resolved, aliases),
            )
        )
    return tuple(calls[:_MOST])


def _dilates(call: ast.Call, resolved: str, aliases: Aliases) -> bool:
    """Whether an operation of torch is given a dilation that is not written as 1."""
    arguments = aliases.spread(call.args)
    if resolved.rpartition(".")[2] == "partial" and arguments:
        resolved = aliases.resolve(dotted(arguments.pop(0)) or "")
    if resolved.endswith(".__init__"):
        resolved = resolved.removesuffix(".__init__")
        # In ``nn.Conv2d.__init__(self, …)`` the instance is not an argument of the layer.
        if isinstance(call.func, ast.Attribute) and not isinstance(call.func.value, ast.Call):
            arguments = arguments[1:]
    root, _, _ = resolved.partition(".")
    place = _DILATION.get(resolved.rpartition(".")[2])
    if place is None or root != "torch":
        return False
    for word in call.keywords:
        if word.arg == "dilation" and not is_one(word.value):
            return True
        if word.arg is None and (holds_dilation(word.value) or (dotted(word.value) or "") in aliases.dilating):
            return True
    return (
        len(arguments) > place
        and not any(isinstance(argument, ast.Starred) for argument in arguments[: place + 1])
        and not is_one(arguments[place])
    )
