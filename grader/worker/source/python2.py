"""Python 2 source, translated so that it can be examined."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from .lexing import Token, lex
from .pieces import Source

__all__ = ["DIVIDE", "DIVIDE_IN_PLACE", "GONE", "PYTHON_2", "PYTHON_2_NAMES", "Python2", "from_python2", "is_python2"]


DIVIDE = "__divide_as_python_2__"
DIVIDE_IN_PLACE = "__divide_in_place_as_python_2__"
"""Names of the functions that ``/`` and ``/=`` become in Python 2 files; the namespace must offer them."""

PYTHON_2 = "translated from Python 2"


# ------------------------------------------------------------------------------------------------------ Python 2


def from_python2(text: str) -> str:
    """``text`` with the statements and literals that Python 3 dropped in their new form, line for line."""
    tokens = list(lex(text))
    words = [token[1] for token in tokens]
    for place, (kind, word, *_) in enumerate(tokens):
        if kind == "number" and re.fullmatch(r"0[0-7]*[1-7][0-7]*[lL]?", word):
            words[place] = "0o" + word.lstrip("0").rstrip("lL")
        elif kind == "number" and word[-1] in "lL":
            words[place] = word[:-1]
        elif kind == "string" and word[:2].lower() == "ur":
            words[place] = word[1:]
        elif word == "<>":
            words[place] = "!="
    ticks = [place for place, (kind, word, *_) in enumerate(tokens) if kind == "operator" and word == "`"]
    for opening, closing in zip(ticks[::2], ticks[1::2], strict=False):
        words[opening], words[closing] = "repr(", ")"
    for begin, end in _simple_statements(tokens):
        _modernise(tokens, words, begin, end)
    return "".join(words)


def _simple_statements(tokens: list[Token]) -> Iterator[tuple[int, int]]:
    """Ranges of tokens (first, past the last) without the blanks around them, block headers with their colon."""
    depth = 0
    members: list[int] = []
    for place, (kind, word, *_) in enumerate(tokens):
        if kind == "operator":
            depth = depth + 1 if word in "([{" else max(0, depth - 1) if word in ")]}" else depth
        stops = kind == "newline" or (kind == "operator" and word in ";:")
        if (stops and depth == 0) or kind == "comment":
            if members and kind == "operator" and word == ":":
                members.append(place)
            if members and (kind != "comment" or depth == 0):
                yield members[0], members[-1] + 1
                members = []
        elif kind not in ("space", "newline", "join"):
            members.append(place)
    if members:
        yield members[0], members[-1] + 1


def _modernise(tokens: list[Token], words: list[str], begin: int, end: int) -> None:
    """Rewrite one statement of Python 2 in ``words``."""
    inner = [place for place in range(begin + 1, end) if tokens[place][0] not in ("space", "newline", "join")]
    first = words[begin]
    if tokens[begin][0] != "name" or first not in ("print", "exec", "raise", "except"):
        return
    if not inner:
        if first == "print":
            words[begin] = "print()"
        return
    commas = _top_level(words, inner, ",")
    if first == "except":
        if commas and words[inner[-1]] == ":":
            words[commas[0]] = " as"
    elif first == "raise":
        if commas:
            words[commas[0]] = "("
            # The third expression is a traceback, which nothing here needs.
            for place in range(commas[1] if len(commas) > 1 else end, end):
                words[place] = ""
            last = next(place for place in reversed(inner) if words[place])
            words[last] += ")"
    elif _is_one_group(words, inner) or words[inner[0]] in {"=", ".", ":", ")", "]"}:
        return
    elif first == "exec":
        into = _top_level(words, inner, "in")
        if into:
            words[into[0]] = ","
        _wrap(words, begin, inner[0], inner[-1], "")
    elif words[inner[0]] == ">>":
        target_end = commas[0] if commas else end
        target = "".join(words[inner[0] + 1 : target_end]).strip()
        for place in range(inner[0], min(target_end + 1, end)):
            words[place] = "\n" * words[place].count("\n")
        rest = [place for place in inner if place > target_end]
        if rest:
            _wrap(words, begin, rest[0], rest[-1], f", file={target}")
        else:
            words[begin] = f"print(file={target})"
    elif commas and commas[-1] == inner[-1]:
        _wrap(words, begin, inner[0], inner[-1], " end=' '")
    else:
        _wrap(words, begin, inner[0], inner[-1], "")


def _wrap(words: list[str], begin: int, first: int, last: int, more: str) -> None:
    """Parenthesise the words from ``first`` to ``last``, directly after the word at ``begin``."""
    for place in range(begin + 1, first):
        # A backslash would end up between the name and its bracket; inside brackets it is still right.
        words[place] = words[place] if "\n" in words[place] else ""
    words[begin] += "("
    words[last] += more + ")"


def _top_level(words: list[str], inner: list[int], wanted: str) -> list[int]:
    depth, places = 0, []
    for place in inner:
        word = words[place]
        depth += (word[-1:] in "([{" and len(word) > 0) - (word in (")", "]", "}"))
        if depth == 0 and word == wanted:
            places.append(place)
    return places


def _is_one_group(words: list[str], inner: list[int]) -> bool:
    """Whether the words are one parenthesised expression, so that Python 3 reads them as a call."""
    if words[inner[0]] != "(" or words[inner[-1]] != ")":
        return False
    depth = 0
    for place in inner:
        depth += (words[place] in ("(", "[", "{")) - (words[place] in (")", "]", "}"))
        if depth == 0:
            return place == inner[-1]
    return False


GONE = re.compile(r"\b(?:xrange|raw_input|unicode|basestring|has_key|iteritems|itervalues|iterkeys)\b")
_GONE_NAMES = {"xrange", "raw_input", "unicode", "basestring"}
_GONE_METHODS = {"iteritems": "items", "itervalues": "values", "iterkeys": "keys"}


def is_python2(source: Source) -> bool:
    """Whether the file was written for Python 2: by its syntax or its names, and by nothing that only Python 3 has."""
    translated = any(note.why == PYTHON_2 for piece in source.pieces for note in piece.notes)
    if not translated and not any(GONE.search(piece.text) for piece in source.pieces):
        return False
    nodes = [node for _, node in source.nodes]
    if any(map(_only_python3, nodes)):
        return False
    bound = {node.id for node in nodes if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)}
    bound |= {alias.asname or alias.name for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names}
    bound |= {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    return translated or any(
        (isinstance(node, ast.Name) and node.id in _GONE_NAMES - bound)
        or (isinstance(node, ast.Attribute) and (node.attr in _GONE_METHODS or node.attr == "has_key"))
        for node in nodes
    )


def _only_python3(node: ast.AST) -> bool:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return (node.func.id == "super" and not node.args) or (node.func.id == "print" and _has_new_print(node))
    return isinstance(node, ast.JoinedStr | ast.AnnAssign | ast.Nonlocal | ast.AsyncFunctionDef | ast.NamedExpr) or (
        isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult)
    )


def _has_new_print(call: ast.Call) -> bool:
    # The translation writes ``file=`` and ``end=' '`` itself.
    return any(
        word.arg in ("sep", "flush") or (word.arg == "end" and getattr(word.value, "value", None) != " ")
        for word in call.keywords
    )


@dataclass
class Python2(ast.NodeTransformer):
    """What Python 2 meant by ``/`` between integers, ``has_key`` and ``iteritems``."""

    divide: bool

    def all(self, body: Iterable[ast.stmt]) -> tuple[ast.stmt, ...]:
        """The statements transformed; one that is nested too deeply stays as it is."""
        out: list[ast.stmt] = []
        for statement in body:
            try:
                out.append(ast.fix_missing_locations(self.visit(statement)))
            except RecursionError:
                out.append(statement)
        return tuple(out)

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        if self.divide and isinstance(node.op, ast.Div):
            return ast.copy_location(_call(DIVIDE, node.left, node.right), node)
        return node

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.stmt:
        self.generic_visit(node)
        if self.divide and isinstance(node.op, ast.Div):
            read = ast.parse(ast.unparse(node.target), mode="eval").body
            value = _call(DIVIDE_IN_PLACE, read, node.value)
            return ast.copy_location(ast.Assign(targets=[node.target], value=value), node)
        return node

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        if isinstance(node.func, ast.Attribute):
            if node.func.attr == "has_key" and len(node.args) == 1 and not node.keywords:
                inside = ast.Compare(left=node.args[0], ops=[ast.In()], comparators=[node.func.value])
                return ast.copy_location(inside, node)
            node.func.attr = _GONE_METHODS.get(node.func.attr, node.func.attr)
        return node


def _call(name: str, *arguments: ast.expr) -> ast.Call:
    return ast.Call(func=ast.Name(id=name, ctx=ast.Load()), args=list(arguments), keywords=[])


def _divide(left: Any, right: Any) -> Any:
    """``/`` of Python 2, where integers divide to an integer."""
    return left // right if _are_integers(left, right) else left / right


def _divide_in_place(left: Any, right: Any) -> Any:
    if _are_integers(left, right):
        return left // right
    left /= right
    return left


def _are_integers(*values: Any) -> bool:
    return all(isinstance(value, int) for value in values)


def _listing(function: Callable[..., Any]) -> Callable[..., list[Any]]:
    def listed(*arguments: Any) -> list[Any]:
        return list(function(*arguments))

    return listed


PYTHON_2_NAMES: dict[str, Any] = {
    DIVIDE: _divide,
    DIVIDE_IN_PLACE: _divide_in_place,
    "xrange": range,
    "raw_input": input,
    "unicode": str,
    "basestring": str,
    "long": int,
    "unichr": chr,
    "reduce": functools.reduce,
    "file": open,
    **{function.__name__: _listing(function) for function in (range, map, filter, zip)},
}
