"""Wrong answers that try to pass for right ones, one table per way: ``forgery`` says how to read them."""

from __future__ import annotations

from ..cases import Case
from . import borrowed, claims, dilation, names, reach, recorded, replies, tools

__all__ = ["CASES", "FORGERIES"]

_TABLES = (tools, reach, claims, dilation, names, replies, borrowed, recorded)

FORGERIES = [forgery for table in _TABLES for forgery in table.FORGERIES]

CASES: list[Case] = [forgery.case() for forgery in FORGERIES]
