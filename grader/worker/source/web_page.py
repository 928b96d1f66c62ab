"""Source that was saved as a web page: its blocks of code, with the tags taken out and the entities undone.

A browser that shows a script or a notebook saves it as HTML: the lines stand in ``<pre>``, and ``<`` has become
``&lt;``. Source: the HTML standard, on ``pre`` and on named character references.
"""

from __future__ import annotations

import re
from collections import Counter
from html import unescape
from html.parser import HTMLParser

__all__ = ["blocks", "is_web_page", "without_entities"]

_START = re.compile(r"[\ufeff\s]*<(?:!doctype|!--|\?xml|[a-z][a-z0-9]*[\s>/])", re.IGNORECASE)
_ENTITY = re.compile(r"&(?:lt|gt|amp|quot|apos|nbsp|#\d{1,6}|#x[0-9a-f]{1,6});", re.IGNORECASE)


def is_web_page(text: str) -> bool:
    """Whether it begins as a web page does; no Python does."""
    return _START.match(text) is not None


def without_entities(text: str) -> str:
    """The text with ``&lt;`` and the like undone, line for line."""
    return _ENTITY.sub(lambda match: _plain(unescape(match[0])).replace("\n", " "), text)


def blocks(text: str) -> tuple[str, ...]:
    """The blocks of code on a page, in order; if it has none, all its text as one block.

    A page that was made from a notebook has a block for each cell. Outputs and line numbers are left out.
    """
    page = _Page()
    page.feed(_closed(text))
    page.close()
    found = [_plain(text) for text in map("".join, page.blocks) if text.strip()]
    return tuple(found) or tuple(filter(str.strip, [_plain("".join(page.rest))]))


def _closed(text: str) -> str:
    """The page without the beginnings of tags and comments that never end.

    The parser looks for the end of each of them, through all that follows.
    """
    text = text.replace("<![", "<[")
    last = text.rfind("-->") + 1
    text = text[:last] + text[last:].replace("<!--", "")
    last = text.rfind(">") + 1
    return text[:last] + text[last:].replace("<", "")


def _plain(text: str) -> str:
    return text.replace("\xa0", " ").replace("\r\n", "\n").replace("\r", "\n")


_CODE = frozenset({"pre", "textarea"})
_HIDDEN = frozenset({"script", "style", "head", "title", "button"})
_WITHOUT_END = frozenset({"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"})
_LINES = frozenset({"p", "div", "li", "tr", "h1", "h2", "h3", "h4", "section"})
"""Elements that begin a line of their own."""
_BESIDE_CODE = re.compile(
    r"(?<!\S)(?:(?:jp-)?output|jp-rendered|text_cell|line-?no|line-?num|blob-num|gutter)", re.IGNORECASE
)
"""The beginning of a class of elements that stand beside the code: outputs, prose, line numbers."""


class _Page(HTMLParser):
    """Collects the text that a page shows."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.blocks: list[list[str]] = []
        """The pieces of text of each block."""
        self.rest: list[str] = []
        """Text outside the blocks."""
        self._open: list[tuple[str, str]] = []
        """The elements around the text: the tag of each, and ``code``, ``hidden`` or nothing."""
        self._around: Counter[str] = Counter()
        """How many of these elements have each tag, and are of each kind."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "br":
            self.handle_data("\n")
        if tag in _LINES:
            self._begin_line()
        if tag in _WITHOUT_END:
            return
        name = next((value or "" for key, value in attrs if key == "class"), "")
        kind = "hidden" if tag in _HIDDEN or _BESIDE_CODE.search(name) else "code" if tag in _CODE else ""
        if kind == "code" and not self._is_in("code", "hidden"):
            self.blocks.append([])
        self._open.append((tag, kind))
        self._around.update((f"<{tag}>", kind))

    def handle_endtag(self, tag: str) -> None:
        while self._around[f"<{tag}>"]:
            last, kind = self._open.pop()
            self._around.subtract((f"<{last}>", kind))
            if last == tag:
                break
        if tag in _LINES:
            self._begin_line()

    def handle_data(self, data: str) -> None:
        if self._is_in("hidden"):
            return
        if self._is_in("code"):
            self.blocks[-1].append(data)
        else:
            self.rest.append(data)

    def _begin_line(self) -> None:
        text = self.blocks[-1] if self._is_in("code") else self.rest
        if text and not text[-1].endswith("\n"):
            text.append("\n")

    def _is_in(self, *kinds: str) -> bool:
        return any(self._around[kind] for kind in kinds)
