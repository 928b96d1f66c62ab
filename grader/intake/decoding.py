"""Bytes of a code file to text, as Python would read them and more kindly where Python would refuse.

Python's rules are PEP 263: a byte-order mark, else a coding comment in the first two lines, else UTF-8. Beyond them,
UTF-16 (saved by some Windows editors) is read by its mark, and bytes that are none of it as Latin-1, which never fails;
each time with a remark, because the student's own Python refuses such a file.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

__all__ = ["Decoded", "decode"]


_COOKIE = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
_COMMENT = re.compile(rb"^[ \t\f]*(?:#.*)?$")
# Codecs by name come from the student: only those that do nothing but map bytes to characters.
_SAFE = frozenset(
    {"utf-8", "utf8", "ascii", "us-ascii", "latin-1", "latin1", "iso-8859-1", "iso-8859-2", "iso-8859-5", "iso-8859-7"}
    | {"iso-8859-9", "iso-8859-15", "cp437", "cp850", "cp1250", "cp1251", "cp1252", "cp1253", "cp1254", "windows-1250"}
    | {"windows-1251", "windows-1252", "windows-1253", "windows-1254", "koi8-r", "mac-roman", "gbk", "gb2312"}
    | {"gb18030", "cp936", "big5", "cp950", "shift-jis", "cp932", "euc-jp", "euc-kr", "cp949"}
)
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


@dataclass(frozen=True)
class Decoded:
    """Text of a file, with what had to be done to get it."""

    text: str
    """Lines end in ``\\n``; no NUL and no lone surrogate is left in it."""
    remarks: tuple[str, ...] = ()
    """One clause each, such as ``is not UTF-8 and was read as Latin-1``."""


def decode(content: bytes, *, coding_comment: bool = True) -> Decoded:
    """The text of ``content``, which never fails; ``coding_comment`` is for Python source, notebooks have none."""
    remarks: list[str] = []
    text = _decode(content, coding_comment, remarks)
    if "\0" in text:
        remarks.append(f"holds {text.count(chr(0))} NUL characters, which were taken out")
        text = text.replace("\0", "")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return Decoded(text, tuple(remarks))


def _decode(content: bytes, coding_comment: bool, remarks: list[str]) -> str:
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            if encoding != "utf-8":
                remarks.append(f"is {encoding.upper()} and not UTF-8")
            try:
                return content[len(mark) :].decode(encoding)
            except UnicodeDecodeError:
                remarks.append(f"is not wholly {encoding.upper()}: damaged characters were replaced by \ufffd")
                return content[len(mark) :].decode(encoding, "replace")
    named = _cookie(content) if coding_comment else None
    if named is not None and named not in _SAFE:
        remarks.append(f"names the coding '{named[:40]}', which is not read here")
    for encoding in ([named] if named in _SAFE and named is not None else []) + ["utf-8"]:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            remarks.append(f"is not the {encoding.upper()} that it should be")
    remarks.append("was read as Latin-1")
    return content.decode("latin-1")


def _cookie(content: bytes) -> str | None:
    """The coding that a comment in the first two lines names (PEP 263), in small letters and with hyphens."""
    for line in re.split(rb"\r\n|\r|\n", content[:4096], maxsplit=2)[:2]:
        if found := _COOKIE.match(line):
            return found[1].decode("ascii", "replace").lower().replace("_", "-")
        if not _COMMENT.match(line):
            return None
    return None
