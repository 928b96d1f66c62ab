"""The report as one HTML page for the marker: nothing loaded from elsewhere, no scripts, foreign text shown as text.

What the template prints is escaped, and its control characters made visible before that: ``finalize`` sees to both even
where the template forgets. Behind that, a content security policy admits the page's own style sheet, by its hash, and
nothing else.
"""

from __future__ import annotations

import base64
import hashlib
import re
from functools import lru_cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup, escape

from grader.display import display
from grader.report import Report, evidence, numbers, plots, summary
from grader.report.evidence import Curve, Difference
from grader.report.summary import PartSummary

__all__ = ["to_html"]


TEXT = 4_000
"""Most characters shown of one text."""
OUTPUT = 40_000
"""Most characters shown of what the student's code printed."""
ROWS = 200
"""Most rows shown of one table or list."""


def to_html(report: Report) -> str:
    """The whole page. Encode it as UTF-8; it holds no lone surrogates."""
    style = _style()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return _template().render(
        report=report,
        sheet=report.sheet,
        parts=summary.parts(report),
        wrong=summary.to_look_at(report),
        anchors={mark.id: f"criterion-{place}" for place, mark in enumerate(report.sheet.marks, 1)},
        style=Markup(style),
        policy=Markup(f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"),
    )


@lru_cache(maxsize=1)
def _template() -> Template:
    return _environment().get_template("report.html.j2")


@lru_cache(maxsize=1)
def _style() -> str:
    loader = _environment().loader
    assert loader is not None
    return loader.get_source(_environment(), "report.css")[0]


@lru_cache(maxsize=1)
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("grader.report"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_block,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        line=_line,
        prose=_prose,
        output=lambda text: _block(text, OUTPUT),
        points=numbers.points,
        figure=numbers.figure,
        seconds=numbers.seconds,
        evidence=evidence.read,
        facts=evidence.facts,
        shape=_shape,
        bar=_bar,
        curve=_curve,
        heat=_heat,
    )
    environment.globals.update(
        look=summary.look,
        reason=summary.reason,
        states=summary.STATES,
        marked=summary.marked,
        rows=ROWS,
        pending_sentence=summary.pending_sentence,
        bonus_sentence=summary.bonus_sentence,
        skipped_sentence=summary.skipped_sentence,
    )
    return environment


def _line(text: object) -> Markup:
    """One line of hostile text."""
    return escape(display(str(text), limit=TEXT))


def _block(text: object, limit: int = TEXT) -> Markup:
    """Hostile text that keeps its line breaks."""
    return text if isinstance(text, Markup) else escape(summary.block(str(text), limit))


def _prose(text: object) -> Markup:
    """Hostile text in which what stands between backticks is code."""
    # Escaped text holds no tag and no backtick of ours: only pairs of the text's own become one.
    return Markup(re.sub(r"`([^`\n]*[^`\s][^`\n]*)`", r"<code>\1</code>", str(_block(text))))


def _shape(shape: tuple[int, ...]) -> str:
    """A shape as Python writes it, whatever its length."""
    return str(shape)


def _bar(part: PartSummary) -> Markup:
    label = f"{numbers.points(part.points)} of {numbers.points(part.max_points)} points"
    if part.open_points:
        label += f", {numbers.points(part.open_points)} still open"
    return Markup(plots.bar(part.points, part.open_points, part.max_points, label))


def _curve(curve: Curve) -> Markup:
    return Markup(plots.line_plot(curve.expected, curve.actual, tolerance=curve.tolerance))


def _heat(difference: Difference) -> Markup:
    return Markup(plots.heat_map(difference.map, tolerance=difference.tolerance))
