"""The report as one HTML page for the marker. See ``page`` for how foreign text is kept from doing harm."""

from __future__ import annotations

from markupsafe import Markup

from grader.marking.evidence import Curve, Difference
from grader.report import Report, numbers, page, plots, summary
from grader.report.summary import PartSummary

__all__ = ["to_html"]


ROWS = 200
"""Most rows shown of one table or list."""


def to_html(report: Report) -> str:
    """The whole page. Encode it as UTF-8; it holds no lone surrogates."""
    style = page.style("report.css")
    return page.template("report.html.j2").render(
        report=report,
        sheet=report.sheet,
        parts=summary.parts(report),
        wrong=summary.to_look_at(report),
        anchors={mark.id: f"criterion-{place}" for place, mark in enumerate(report.sheet.marks, 1)},
        most_rows=ROWS,
        style=style,
        policy=page.policy(style),
        look=summary.look,
        marked=summary.marked,
        reason=summary.reason,
        pending_sentence=summary.pending_sentence,
        bonus_sentence=summary.bonus_sentence,
        which_files=summary.which_files,
        skipped_sentence=summary.skipped_sentence,
        bar=_bar,
        curve_plot=_curve_plot,
        heat_map=_heat_map,
    )


def _bar(part: PartSummary) -> Markup:
    label = f"{numbers.points(part.points)} of {numbers.points(part.max_points)} points"
    if part.open_points:
        label += f", {numbers.points(part.open_points)} still open"
    return Markup(plots.bar(part.points, part.open_points, part.max_points, label))


def _curve_plot(curve: Curve) -> Markup:
    return Markup(plots.line_plot(curve.expected, curve.actual, tolerance=curve.tolerance))


def _heat_map(difference: Difference) -> Markup:
    return Markup(plots.heat_map(difference.map, tolerance=difference.tolerance))
