"""Text that somebody else wrote, made safe to show in a terminal.

File names, notebook cells and what a program prints are hostile: an escape sequence can retitle a terminal or hide a
line, a bidirectional override can make ``fail`` read as ``pass``, and a carriage return can overwrite the text before
it. These functions show every character that is not visible as its Python escape. They are pure. HTML has to be escaped
as well.
"""

from __future__ import annotations

import unicodedata

__all__ = ["counted", "display", "display_block"]


# Their Unicode category is that of letters and symbols, but they are blank.
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")
# More combining marks than this on one letter cover the neighbouring lines. No living script stacks four.
_MOST_MARKS = 3


def counted(count: int, one: str, several: str = "") -> str:
    """``1 flag``, ``2 flags``; ``several`` is for what does not end in ``s``, such as ``marks are``."""
    return f"{count:,} {one if count == 1 else several or f'{one}s'}"


def display(text: str, *, limit: int = 200) -> str:
    """``text`` on one line of at most ``limit`` characters, all of them visible.

    Control, formatting (bidirectional overrides, zero-width), unassigned and surrogate characters and line ends become
    ``\\n``, ``\\x1b``, ``\\u202e``, …; a text that was cut ends in ``…``. A text that is safe and short enough is
    returned unchanged.
    """
    if text.isascii() and text.isprintable():  # the usual case
        return text if len(text) <= limit else text[: max(limit - 1, 0)] + "…"[:limit]
    shown: list[str] = []
    length = marks = 0
    for character in text:
        marks = marks + 1 if unicodedata.combining(character) else 0
        safe = character.isprintable() and character not in _BLANK and marks <= _MOST_MARKS
        piece = character if safe else _escape(character)
        shown.append(piece)
        length += len(piece)
        if length > limit:
            return "".join(shown)[: max(limit - 1, 0)] + "…"[:limit]
    return "".join(shown)


def display_block(text: str, *, lines: int = 200, limit: int = 200) -> str:
    """The same for text of several lines: at most ``lines`` lines of at most ``limit`` characters.

    The line ends of every system count as line ends, and a tab becomes spaces up to the next of every four columns. A
    last line says how many lines were left out.
    """
    every = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    shown = [display(line.expandtabs(4), limit=limit) for line in every[:lines]]
    if len(every) > lines:
        left = len(every) - lines
        shown.append(f"… {left} more line{'s' if left > 1 else ''}")
    return "\n".join(shown)


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
