"""Cells of a CSV file: made safe for a spreadsheet, read back, and recognised where a spreadsheet has changed them.

A spreadsheet takes a cell for a formula, a number or a date where it can. Formulas are dangerous, so what we write gets
an apostrophe in front. Numbers and dates spoil ids: ``0429`` becomes ``429``, ``1001234567890123456`` becomes
``1.00123E+18``, ``891e3`` becomes ``891000``, and ``mar1`` becomes ``01-Mar``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Hashable
from decimal import Decimal

from grader.display import display

__all__ = ["looks_spoilt", "may_have_been", "neutral", "restored", "spoilt_forms"]


_FORMULA = tuple("=+-@＝＋－＠")
_SPACES = "\t\n\r\x0b\x0c\x85\u2028\u2029"


def neutral(text: str) -> str:
    """A cell without control characters that no spreadsheet takes for a formula.

    A text that begins with ``= + - @`` (or their wide forms), a tab or a carriage return gets an apostrophe in front:
    to a spreadsheet it means that text follows. Line ends and tabs become spaces. Other invisible characters are
    written out, as in every report.
    """
    if text.isascii() and text.isprintable() and text.lstrip()[:1] not in _FORMULA:
        return text  # quick way out for nearly every cell: points and outcomes
    spaced = "".join(" " if character in _SPACES else character for character in text)
    printable = "".join(character for character in spaced if unicodedata.category(character) != "Cc")
    shown = display(printable, limit=max(200, 10 * len(printable)))
    risky = text[:1] in ("\t", "\r") or shown.lstrip()[:1] in _FORMULA
    return f"'{shown}" if risky and shown else shown


def restored(cell: str) -> str:
    """The text that ``neutral`` put an apostrophe in front of; any other cell as it is."""
    return cell[1:].strip() if cell.startswith("'") and cell[1:].lstrip()[:1] in _FORMULA else cell


# --- ids that a spreadsheet has changed -------------------------------------------------------------------------------

_DIGITS_KEPT = 15
"""Significant digits of a number that a spreadsheet keeps; later ones become zeros."""
_DIGITS_SHOWN = 6
"""Significant digits of a long number that a spreadsheet writes, as in ``1.00123E+18``."""
_WHOLE = re.compile(r"\d{1,40}")
_GROUPED = re.compile(r"\d{1,3}(?:,\d{3}){1,12}")
_DECIMAL = re.compile(r"\d{1,40}[.,]\d{1,20}")
_SCIENTIFIC = re.compile(r"(?P<digits>\d{1,20}(?:[.,]\d{1,20})?)E(?P<exponent>[+-]?\d{1,3})", re.IGNORECASE)
_MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november"),
    "december",
)
_MONTH_AND_NUMBER = re.compile(r"(?P<month>[a-z]{3,9})[-_ /.]?(?P<number>\d{1,4})", re.IGNORECASE)
_NUMBER_AND_MONTH = re.compile(r"(?P<number>\d{1,4})[-_ /.]?(?P<month>[a-z]{3,9})(?:[- ]\d{2,4})?", re.IGNORECASE)
_NUMBERS = re.compile(r"(\d{1,4})[-/.](\d{1,2})(?:[-/.](\d{1,4}))?(?: 0?0:00(?::00)?)?")
_WRITTEN_SO = re.compile(r"\d{1,2}-[A-Z][a-z]{2}|[A-Z][a-z]{2}-\d\d|\d([.,]\d+)?E\+\d+")


def looks_spoilt(cell: str) -> bool:
    """Whether a cell is written as only a spreadsheet writes: ``01-Mar``, ``Mar-99``, ``1.00123E+18``."""
    return bool(_WRITTEN_SO.fullmatch(cell))


def may_have_been(cell: str, id: str) -> bool:
    """Whether a spreadsheet may have made ``cell`` of ``id``."""
    if cell.casefold() == id.casefold():
        return False
    if _dates(cell) & _dates(id):
        return True
    shown, true = _number(cell), _number(id)
    if shown is None or true is None:
        return False
    scientific = _SCIENTIFIC.fullmatch(cell)
    places = len(re.sub(r"\D", "", scientific["digits"])) if scientific else _DIGITS_KEPT
    return abs(true - shown) <= _unit(true, places)


def spoilt_forms(text: str) -> set[Hashable]:
    """Keys of a text: two texts of which one may have been the other have a key in common."""
    number = _number(text)
    return {*_dates(text)} if number is None else {*_dates(text), *_begins(number)}


def _number(text: str) -> Decimal | None:
    """The number for which a spreadsheet takes a text; None for any other text."""
    if _WHOLE.fullmatch(text):
        return Decimal(text)
    if _GROUPED.fullmatch(text):
        return Decimal(text.replace(",", ""))
    if _DECIMAL.fullmatch(text) or _SCIENTIFIC.fullmatch(text):
        return Decimal(text.replace(",", "."))
    return None


def _unit(number: Decimal, places: int) -> Decimal:
    """The last of ``places`` significant digits of a number; 0 where the number has no more digits than that."""
    beyond = number.adjusted() + 1 - places
    return Decimal(1).scaleb(beyond) if beyond > 0 else Decimal(0)


def _begins(number: Decimal) -> set[Hashable]:
    """What a number begins with, cut off one digit before a spreadsheet rounds, and the same with one more."""
    start = int(number.scaleb(_DIGITS_SHOWN - 2 - number.adjusted())) if number else 0
    return {("begins", number.adjusted(), start), ("begins", number.adjusted(), start + 1)}


def _dates(text: str) -> set[tuple[int, int]]:
    """Month and day (or month and year) of the dates for which a spreadsheet may take a text."""
    if match := _MONTH_AND_NUMBER.fullmatch(text) or _NUMBER_AND_MONTH.fullmatch(text):
        name, number = match["month"].lower(), int(match["number"]) % 100
        return {(month, number) for month, full in enumerate(_MONTHS, 1) if name in (full, full[:3])}
    if match := _NUMBERS.fullmatch(text):
        numbers = [int(number) for number in match.groups() if number]
        return {(one, other % 100) for one in numbers for other in numbers if 1 <= one <= 12}
    return set()
