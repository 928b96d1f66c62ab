"""The student's form of a final report, as one HTML page. See ``page`` for how foreign text is kept from doing harm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from grader.report import Report, page, summary

__all__ = ["to_student_html"]


ROWS = 50
"""Most rows shown of one list."""


def to_student_html(report: Report, *, who: str, mark: str, sums: Sequence[str], comments: Mapping[str, str]) -> str:
    """The whole page. ``report`` has the points that count, and nothing that is for markers alone.

    ``sums`` are sentences on how the mark follows from the points; ``comments`` are people's, by criterion.
    """
    style = page.style("report.css")
    return page.template("student.html.j2").render(
        report=report,
        who=who,
        mark=mark,
        sums=sums,
        comments=comments,
        parts=summary.parts(report),
        most_rows=ROWS,
        style=style,
        policy=page.policy(style),
        look=summary.look,
        marked=summary.marked,
        bonus_sentence=summary.bonus_sentence,
        which_files=summary.which_files,
    )
