"""Every page has one environment: what it prints is escaped and visible, even where a template forgets it."""

from __future__ import annotations

import base64
import hashlib

import pytest
from jinja2 import UndefinedError

from grader.report import page

HOSTILE = "<b>\x1b[31m\u202e"


def shown(source: str, **values: object) -> str:
    """A template of the pages' environment, rendered."""
    return page.template("report.html.j2").environment.from_string(source).render(**values)


@pytest.mark.parametrize("source", ["{{ text }}", "{{ text|line }}", "{{ text|brief }}", "{{ text|prose }}"])
def test_hostile_text_is_escaped_and_its_control_characters_are_visible(source: str) -> None:
    assert shown(source, text=HOSTILE) == r"&lt;b&gt;\x1b[31m\u202e"


def test_a_brief_text_is_cut_short_and_stays_on_one_line() -> None:
    text = shown("{{ text|brief }}", text="a\n" * 1_000)
    assert len(text) <= 300
    assert "\n" not in text


def test_a_variable_that_a_page_is_not_given_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        shown("{{ nothing }}")


def test_the_policy_admits_the_style_sheet_by_its_hash() -> None:
    style = page.style("report.css", "index.css")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in page.policy(style)
    assert style == page.style("report.css") + page.style("index.css")
