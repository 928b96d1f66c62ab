"""What every HTML page shares: one Jinja environment, the style sheets, and the content security policy.

A page loads nothing from elsewhere, has no scripts, and shows foreign text as text. Three layers see to that. Filters
make control characters visible and escape the rest. ``finalize`` does the same where a template forgets the filter. The
content security policy admits the page's own style sheet, by its hash, and nothing else.

A function that belongs to one page is given to that page's template when it is rendered.
"""

from __future__ import annotations

import base64
import hashlib
import re
from functools import lru_cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup, escape

from grader.display import display
from grader.report import numbers, summary
from grader.report.facts import facts

__all__ = ["policy", "read_templates", "style", "template"]


TEXT = 4_000
"""Most characters shown of one text."""
BRIEF = 300
"""Most characters shown of one text in a long table."""
OUTPUT = 40_000
"""Most characters shown of what the student's code printed."""


@lru_cache(maxsize=8)
def template(name: str) -> Template:
    """A template of ``templates``. It raises an error where it uses a variable that it is not given."""
    return _environment().get_template(name)


def read_templates() -> None:
    """Read every template now, so that processes that are forked later need not."""
    for name in _environment().list_templates(extensions=["j2"]):
        template(name)


@lru_cache(maxsize=8)
def style(*names: str) -> Markup:
    """Style sheets of ``templates``, one after the other."""
    loader = _environment().loader
    assert loader is not None
    return Markup("".join(loader.get_source(_environment(), name)[0] for name in names))


def policy(style: str) -> Markup:
    """The content security policy of a page with this style sheet: it admits the style sheet and nothing else."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return Markup(f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'")


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
        brief=_brief,
        prose=_prose,
        output=_output,
        points=numbers.points,
        figure=numbers.figure,
        seconds=numbers.seconds,
        facts=facts,
    )
    environment.globals.update(states=summary.STATES, stages=summary.STAGES)
    return environment


def _line(text: object) -> Markup:
    """Hostile text on one line."""
    return escape(display(str(text), limit=TEXT))


def _brief(text: object) -> Markup:
    """Hostile text on one line, cut short for a long table."""
    return escape(display(str(text), limit=BRIEF))


def _block(text: object, limit: int = TEXT) -> Markup:
    """Hostile text that keeps its line breaks; what is markup already stays as it is."""
    return text if isinstance(text, Markup) else escape(summary.block(str(text), limit))


def _output(text: object) -> Markup:
    """What the student's code printed."""
    return _block(text, OUTPUT)


def _prose(text: object) -> Markup:
    """Hostile text in which what stands between backticks is code."""
    # Escaped text holds no tag and no backtick of ours: only pairs of the text's own become one.
    return Markup(re.sub(r"`(?=[^`\n]*`)(?=\s*[^`\s])([^`\n]+)`", r"<code>\1</code>", str(_block(text))))
