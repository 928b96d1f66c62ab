"""Source text as tokens, whatever state it is in.

The standard library's ``tokenize`` stops at the first error and reads no Python 2; here every text has tokens.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["ASSIGNED_MAGIC", "BLANKS", "Token", "lex"]


_TOKEN = re.compile(
    r"""
      (?P<string>(?:[uU][rR]|[rRbBfFuU]{0,2})(?:
            \"\"\"[^"\\]*(?:(?:\\.|"(?!""))[^"\\]*)*\"\"\"
          | '''[^'\\]*(?:(?:\\.|'(?!''))[^'\\]*)*'''
          | "[^"\\\n]*(?:\\.[^"\\\n]*)*"
          | '[^'\\\n]*(?:\\.[^'\\\n]*)*' ))
    | (?P<comment>\#[^\n]*)
    | (?P<number>0[xXbBoO][0-9a-fA-F_]+[lL]?|(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?[jJlL]?)
    | (?P<name>[^\W\d]\w*)
    | (?P<join>\\\n)
    | (?P<newline>\n)
    | (?P<space>[ \t\f]+)
    | (?P<operator><>|<<=?|>>=?|\*\*=?|//=?|->|:=|[-+*/%&|^@=!<>]=|.)
    """,
    re.VERBOSE | re.DOTALL,
)
_MAGIC = re.compile(r"[ \t]*(?:%{1,2}[^\W\d]|!|\?{1,2}[^\W\d]|[^\W\d][\w.]*\?{1,2}[ \t]*(?:\#.*)?$)", re.MULTILINE)
ASSIGNED_MAGIC = re.compile(r"([ \t]*[^\W\d][\w., \t\[\]'\"]*?(?<![=!<>])=[ \t]*)(!|%[^\W\d])")
"""What is before an assigned magic (1), and the beginning of the magic (2)."""
_ANEW = re.compile(
    r"(?:class|def|async[ ]+def|import)[ ]+\w|from[ ]+[\w.]+[ ]+import\b"
    r"|@\w[^\n]*\n(?:[ \t]*(?:\#[^\n]*)?\n)*(?:@|class|def)"
)
"""The beginning of a statement that no expression can contain."""
BLANKS = frozenset({"space", "comment", "join", "newline"})
"""Kinds of tokens that mean nothing to Python, a line break at the end of a statement apart."""


class Token(NamedTuple):
    """A word of the source, or the blanks between two words."""

    kind: str
    """``string``, ``comment``, ``number``, ``name``, ``join`` (a backslash at the end of a line), ``newline``,
    ``space``, ``operator``, or ``magic`` (a command of IPython's)."""
    text: str
    line: int
    """Counted from 1."""
    column: int
    """Counted from 0."""
    is_first: bool
    """Whether a statement begins with it."""


def lex(text: str, *, magics: bool = False) -> Iterator[Token]:
    """Tokens of Python 2, Python 3 or neither; any text has some, and together they are the text.

    With ``magics``, a command of IPython's (and the lines it continues on) is one token of the kind ``magic``.
    """
    position, line, line_start, depth = 0, 1, 0, 0
    at_start = True  # of a statement
    while position < len(text):
        if depth and position == line_start and _ANEW.match(text, position):
            # Inside an expression, no line begins like this: the bracket was never closed.
            depth, at_start = 0, True
        if at_start and magics and (_MAGIC.match(text, position) or ASSIGNED_MAGIC.match(text, position)):
            # The indentation belongs to it.
            kind, word = "magic", text[position : _end_of_magic(text, position)]
        else:
            match = _TOKEN.match(text, position)
            assert match is not None and match.lastgroup is not None
            kind, word = match.lastgroup, match[0]
        is_blank = kind in BLANKS
        yield Token(kind, word, line, position - line_start, at_start and not is_blank)
        if kind == "operator":
            depth = depth + 1 if word in "([{" else max(0, depth - 1) if word in ")]}" else depth
        if not is_blank:
            at_start = False
        elif kind == "newline" and depth == 0:
            at_start = True
        position += len(word)
        breaks = word.count("\n")
        if breaks:
            line += breaks
            line_start = position - len(word) + word.rindex("\n") + 1


def _end_of_magic(text: str, begin: int) -> int:
    """Where the line ends on which the magic begins, or a later one if it is continued with backslashes."""
    end = text.find("\n", begin)
    while end >= 0 and text[end - 1] == "\\":
        end = text.find("\n", end + 1)
    return len(text) if end < 0 else end
