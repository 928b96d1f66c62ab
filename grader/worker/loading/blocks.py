"""Blocks at the top level of a file (``if``, ``try``), without those of their statements that do not define anything.

A block is run, since it often chooses between two definitions. A statement in it that does something is replaced by
``pass``, unless a definition needs a name that it binds, or what it changes.
"""

from __future__ import annotations

import ast
from typing import Any

from .files import File, Unit
from .findings import Findings
from .statements import names_of, trains

__all__ = ["definitions_only"]


_BODIES = frozenset({"body", "orelse", "finalbody"})


def definitions_only(statement: ast.stmt, file: File, unit: Unit, findings: Findings) -> ast.stmt:
    """``statement``, which is the unit's or lies in it; a copy without what is skipped if it is a block.

    What is skipped is added to ``findings``.
    """
    if not isinstance(statement, ast.If | ast.Try):
        return statement
    fields: dict[str, Any] = dict(ast.iter_fields(statement))
    for name, value in fields.items():
        if name in _BODIES:
            fields[name] = _body(value, file, unit, findings)
        elif name == "handlers":
            fields[name] = [_handler(handler, file, unit, findings) for handler in value]
    return ast.copy_location(type(statement)(**fields), statement)


def _handler(handler: ast.ExceptHandler, file: File, unit: Unit, findings: Findings) -> ast.ExceptHandler:
    body = _body(handler.body, file, unit, findings)
    return ast.copy_location(ast.ExceptHandler(type=handler.type, name=handler.name, body=body), handler)


def _body(statements: list[ast.stmt], file: File, unit: Unit, findings: Findings) -> list[ast.stmt]:
    body: list[ast.stmt] = []
    for statement in statements:
        why = file.scope.why_not(statement)
        if why is None:
            body.append(definitions_only(statement, file, unit, findings))
        elif file.is_to_run(statement, unit) or not (
            file.needed.isdisjoint(names_of(statement).bound) or trains(statement)
        ):
            body.append(statement)
        else:
            unit.left_change |= file.is_changing(statement, unit)
            body.append(ast.copy_location(ast.Pass(), statement))
            findings.skip(f"{unit.piece.name}, line {statement.lineno}", unit.piece.line(statement.lineno), why)
    return body
