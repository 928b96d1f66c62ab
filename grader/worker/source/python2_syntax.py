"""Python 2 source text, translated to Python 3 word for word, so that every statement keeps its line.

Literals and operators, wherever they stand:

==========================  ==========================
Python 2                    Python 3
==========================  ==========================
``0777``                    ``0o777``
``10L``                     ``10``
``ur"text"``                ``r"text"``
``a <> b``                  ``a != b``
```a```                     ``repr(a)``
==========================  ==========================

Statements, by their first word:

==========================  ==========================
Python 2                    Python 3
==========================  ==========================
``print``                   ``print()``
``print a, b``              ``print(a, b)``
``print a,``                ``print(a, end=' ')``
``print >>file, a``         ``print(a, file=file)``
``exec code in names``      ``exec(code, names)``
``raise E, text, trace``    ``raise E(text)``
``except E, error:``        ``except E as error:``
==========================  ==========================

Strings and comments do not change, and neither does a statement that Python 3 reads as a call: ``print("a")``.

Source: PEP 3100, PEP 3105 (print), PEP 3109 (raise), PEP 3110 (except), PEP 3127 (integer literals).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .lexing import BLANKS, Token, lex

__all__ = ["PYTHON_2", "from_python2"]


PYTHON_2 = "translated from Python 2"
"""The reason of a note on translated source."""


def from_python2(text: str) -> str:
    """``text`` with the statements and literals that Python 3 dropped in their new form, line for line."""
    tokens = list(lex(text))
    words = [_literal_or_operator(token) for token in tokens]
    _replace_backticks(tokens, words)
    for statement in _simple_statements(tokens, words):
        if tokens[statement.first].kind == "name":
            translate = _STATEMENTS.get(words[statement.first])
            if translate is not None:
                translate(statement)
    return "".join(words)


# ------------------------------------------------------------------------------------------- literals and operators

_OLD_OCTAL = re.compile(r"0[0-7]*[1-7][0-7]*[lL]?")


def _literal_or_operator(token: Token) -> str:
    word = token.text
    if token.kind == "number" and _OLD_OCTAL.fullmatch(word):
        return "0o" + word.lstrip("0").rstrip("lL")
    if token.kind == "number" and word[-1] in "lL":
        return word[:-1]
    if token.kind == "string" and word[:2].lower() == "ur":
        return word[1:]
    return "!=" if word == "<>" else word


def _replace_backticks(tokens: list[Token], words: list[str]) -> None:
    backticks = [place for place, token in enumerate(tokens) if token.kind == "operator" and token.text == "`"]
    for opening, closing in zip(backticks[::2], backticks[1::2], strict=False):
        words[opening], words[closing] = "repr(", ")"


# ------------------------------------------------------------------------------------------------------- statements


@dataclass(frozen=True)
class _Statement:
    """A simple statement, or the header of a block with its colon. To translate it is to change ``words``."""

    words: list[str]
    """The words of the whole text."""
    first: int
    """The place of the statement's first word."""
    end: int
    """The place after its last word."""
    rest: list[int]
    """The places of the words after the first one, without blanks."""

    def outside_brackets(self, wanted: str) -> list[int]:
        """The places at which the word ``wanted`` stands outside all brackets."""
        depth = 0
        places: list[int] = []
        for place in self.rest:
            word = self.words[place]
            if word.endswith(("(", "[", "{")):  # ``repr(`` of a backtick as well
                depth += 1
            elif word in (")", "]", "}"):
                depth -= 1
            if depth == 0 and word == wanted:
                places.append(place)
        return places

    def is_call_or_no_statement(self) -> bool:
        """Whether Python 3 reads ``print`` or ``exec`` as a name here: it is called, assigned or looked up."""
        return self._is_one_group() or self.words[self.rest[0]] in {"=", ".", ":", ")", "]"}

    def _is_one_group(self) -> bool:
        """Whether the words after the first one are a single expression in parentheses."""
        if self.words[self.rest[0]] != "(" or self.words[self.rest[-1]] != ")":
            return False
        depth = 0
        for place in self.rest:
            if self.words[place] in ("(", "[", "{"):
                depth += 1
            elif self.words[place] in (")", "]", "}"):
                depth -= 1
            if depth == 0:
                return place == self.rest[-1]
        return False

    def call_with(self, begin: int, last: int, more: str = "") -> None:
        """Make the first word a function whose arguments are the words from ``begin`` to ``last``, and ``more``."""
        for place in range(self.first + 1, begin):
            # A backslash would end up between the name and its bracket; inside the bracket it is still right.
            if "\n" not in self.words[place]:
                self.words[place] = ""
        self.words[self.first] += "("
        self.words[last] += f"{more})"


def _simple_statements(tokens: list[Token], words: list[str]) -> Iterator[_Statement]:
    """The statements of the text. A comment ends one, unless it stands inside brackets."""
    depth = 0
    places: list[int] = []
    for place, token in enumerate(tokens):
        is_operator = token.kind == "operator"
        if is_operator and token.text in "([{":
            depth += 1
        elif is_operator and token.text in ")]}":
            depth = max(0, depth - 1)
        ends = token.kind in ("newline", "comment") or (is_operator and token.text in ";:")
        if ends and depth == 0:
            if places and is_operator and token.text == ":":
                places.append(place)
            if places:
                yield _statement(tokens, words, places)
                places = []
        elif token.kind not in BLANKS:
            places.append(place)
    if places:
        yield _statement(tokens, words, places)


def _statement(tokens: list[Token], words: list[str], places: list[int]) -> _Statement:
    first, end = places[0], places[-1] + 1
    rest = [place for place in range(first + 1, end) if tokens[place].kind not in ("space", "newline", "join")]
    return _Statement(words, first, end, rest)


def _print(statement: _Statement) -> None:
    words, rest = statement.words, statement.rest
    if not rest:
        words[statement.first] = "print()"
    elif statement.is_call_or_no_statement():
        return
    elif words[rest[0]] == ">>":
        _print_to_file(statement)
    else:
        commas = statement.outside_brackets(",")
        ends_with_comma = bool(commas) and commas[-1] == rest[-1]
        statement.call_with(rest[0], rest[-1], " end=' '" if ends_with_comma else "")


def _print_to_file(statement: _Statement) -> None:
    words, rest = statement.words, statement.rest
    commas = statement.outside_brackets(",")
    comma = commas[0] if commas else statement.end
    file = "".join(words[rest[0] + 1 : comma]).strip()
    for place in range(rest[0], min(comma + 1, statement.end)):
        words[place] = "\n" * words[place].count("\n")
    values = [place for place in rest if place > comma]
    if values:
        statement.call_with(values[0], values[-1], f", file={file}")
    else:
        words[statement.first] = f"print(file={file})"


def _exec(statement: _Statement) -> None:
    if not statement.rest or statement.is_call_or_no_statement():
        return
    for place in statement.outside_brackets("in")[:1]:
        statement.words[place] = ","
    statement.call_with(statement.rest[0], statement.rest[-1])


def _raise(statement: _Statement) -> None:
    words = statement.words
    commas = statement.outside_brackets(",")
    if not commas:
        return
    words[commas[0]] = "("
    # The third expression is a traceback, which nothing here needs.
    for place in range(commas[1] if len(commas) > 1 else statement.end, statement.end):
        words[place] = ""
    last = next(place for place in reversed(statement.rest) if words[place])
    words[last] += ")"


def _except(statement: _Statement) -> None:
    commas = statement.outside_brackets(",")
    if commas and statement.words[statement.rest[-1]] == ":":
        statement.words[commas[0]] = " as"


_STATEMENTS: dict[str, Callable[[_Statement], None]] = {
    "print": _print,
    "exec": _exec,
    "raise": _raise,
    "except": _except,
}
