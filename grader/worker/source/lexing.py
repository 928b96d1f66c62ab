"""Source text as tokens, whatever state it is in."""

from __future__ import annotations

import re
from collections.abc import Iterator

__all__ = ["ASSIGNED_MAGIC", "Token", "lex"]


# -------------------------------------------------------------------------------------------------------- tokens

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
_ANEW = re.compile(
    r"(?:class|def|async[ ]+def|import)[ ]+\w|from[ ]+[\w.]+[ ]+import\b"
    r"|@\w[^\n]*\n(?:[ \t]*(?:\#[^\n]*)?\n)*(?:@|class|def)"
)

Token = tuple[str, str, int, int, bool]
"""Kind, text, 1-based line, 0-based column, and whether it is the first of a statement's line."""


def lex(text: str, *, magics: bool = False) -> Iterator[Token]:
    """Tokens of Python 2, Python 3 or neither; any text has some. Blanks, comments and line ends are tokens as well.

    With ``magics``, a line of IPython's own (and the lines it continues on) is one token of the kind ``magic``.
    """
    position, line, line_start, depth, fresh = 0, 1, 0, 0, True
    while position < len(text):
        if depth and position == line_start and _ANEW.match(text, position):
            # No expression holds these words there: the bracket was never closed.
            depth, fresh = 0, True
        kind = ""
        if fresh and magics and (_MAGIC.match(text, position) or ASSIGNED_MAGIC.match(text, position)):
            kind, end = "magic", position
            while True:
                end = text.find("\n", end)
                if end < 0:
                    end = len(text)
                    break
                if text[end - 1] != "\\":
                    break
                end += 1
            # The blanks before it stay a token, so that columns are those of the magic.
            word = text[position:end]
        else:
            match = _TOKEN.match(text, position)
            assert match is not None and match.lastgroup is not None
            kind, word = match.lastgroup, match[0]
        silent = kind in ("space", "comment", "join", "newline")
        yield kind, word, line, position - line_start, fresh and not silent
        if kind == "operator":
            depth = depth + 1 if word in "([{" else max(0, depth - 1) if word in ")]}" else depth
        if not silent:
            fresh = False
        elif kind == "newline" and depth == 0:
            fresh = True
        position += len(word)
        breaks = word.count("\n")
        if breaks:
            line += breaks
            line_start = position - len(word) + word.rindex("\n") + 1
