"""Bytes of a code file to text: as Python reads them, and with a remark where Python would refuse them.

Python's rules are PEP 263: a byte-order mark, else a coding comment in the first two lines, else UTF-8. The standard
library's ``tokenize.detect_encoding`` applies them. Two more rules follow, each with a remark, because the student's
own Python refuses such a file: UTF-16, which some Windows editors save, is recognised by its byte-order mark; and bytes
that are none of these are read as Latin-1, which never fails.
"""

from __future__ import annotations

import codecs
import tokenize
from dataclasses import dataclass

__all__ = ["Decoded", "decode"]


@dataclass(frozen=True)
class Decoded:
    """Text of a file, with what had to be done to get it."""

    text: str
    """Lines end in ``\\n``; it holds no NUL and no lone surrogate."""
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


_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


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
    named = _named_encoding(content, remarks) if coding_comment else "utf-8"
    for encoding in dict.fromkeys((named, "utf-8")):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            remarks.append(f"is not the {encoding.upper()} that it should be")
    remarks.append("was read as Latin-1")
    return content.decode("latin-1")


# A codec's name comes from the student. These are the codecs that do nothing but map bytes to characters.
_ALLOWED = frozenset(
    {"utf-8", "utf8", "ascii", "us-ascii", "latin1", "iso-8859-1", "iso-8859-2", "iso-8859-5", "iso-8859-7"}
    | {"iso-8859-9", "iso-8859-15", "cp437", "cp850", "cp1250", "cp1251", "cp1252", "cp1253", "cp1254", "windows-1250"}
    | {"windows-1251", "windows-1252", "windows-1253", "windows-1254", "koi8-r", "mac-roman", "gbk", "gb2312"}
    | {"gb18030", "cp936", "big5", "cp950", "shift-jis", "cp932", "euc-jp", "euc-kr", "cp949"}
)
_HEAD = 4096
"""Bytes of the file in which a coding comment is looked for."""
_AS_ASCII = bytes(code if code < 128 else ord("?") for code in range(256))


def _named_encoding(content: bytes, remarks: list[str]) -> str:
    """The allowed encoding that a coding comment names, in small letters and with hyphens; UTF-8 without one."""
    # Python's parser looks at the ASCII alone of these lines and takes any line end; ``detect_encoding`` does neither.
    lines = iter(content[:_HEAD].translate(_AS_ASCII).splitlines(keepends=True))
    try:
        encoding, _ = tokenize.detect_encoding(lambda: next(lines, b""))
    except SyntaxError as error:
        remarks.append(f"names a coding that Python does not know ({error.msg[:60]})")
        return "utf-8"
    encoding = encoding.lower().replace("_", "-")
    if encoding not in _ALLOWED:
        remarks.append(f"names the coding '{encoding[:40]}', which is not read here")
        return "utf-8"
    return encoding
