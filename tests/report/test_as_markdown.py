"""The student's Markdown: parsed back, it has our structure, and every foreign text as text."""

from __future__ import annotations

import re

import pytest
import report_sample as sample
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from grader.display import display
from grader.marking.verdicts import Outcome
from grader.report.as_markdown import to_markdown

PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])

HOSTILE = [
    "# heading",
    "1. one",
    "1) one",
    "- item",
    "+ item",
    "> quoted",
    "---",
    "===",
    "    indented",
    "| a | b |",
    "a|b\\|c\\",
    "**bold** _slanted_ __strong__ ~~gone~~",
    "[link](http://example.com) ![image](x.png) [ref]",
    "[x]: http://example.com",
    "<b>bold</b> <script>alert(1)</script> <!-- x -->",
    "<http://example.com>",
    "&lt;b&gt; &#60; &amp;",
    "`code` ``more`` ```",
    "```\nfence\n```",
    "~~~\nfence\n~~~",
    "\\`escaped\\`",
    "$x^2$",
    "]]>",
    "a  \nb",
    "\x1b[31m\u202etxt.exe\x00\ud800",
    "num_filters_",
]


def shape(tokens: list[Token]) -> list[tuple[str, str, int]]:
    """Kinds and levels of all tokens; code within a line is text, and neighbouring runs of text count as one."""
    kinds: list[tuple[str, str, int]] = []
    for token in tokens:
        kind = ("text", "", token.level) if token.type == "code_inline" else (token.type, token.tag, token.level)
        if kind[0] != "text" or kinds[-1:] != [kind]:
            kinds.append(kind)
        kinds += shape(token.children or [])
    return kinds


def words(markdown: str) -> str:
    """All text, without the invisible joiners."""
    return "\n".join(
        "".join(child.content for child in token.children or []) if token.type == "inline" else token.content
        for token in PARSER.parse(markdown)
    ).replace("\u2060", "")


def test_says_what_the_student_needs() -> None:
    text = words(to_markdown(sample.everything()))
    for sentence in (
        "Colouring horses (CSC413, 2020): alice",
        "2.25 / 7.5 points · Examined, needs review",
        "2.25 points are still to be marked by a person.",
        "0.5 bonus points count in the score but not in the maximum of 7.5, so the score can reach 8.",
        "~ CNN has the right number of trainable parameters (0.75 / 1): 24 is written where num_colours is meant: with",
        "1 criterion was skipped; its feedback says why.",
        "C. Skip connections",
        "✗ CNN computes the same function as the handout's network, under any parameters",
        "0.75 / 1 · partly · cnn.parameters",
        "0.5 / 0.5 · passed · bonus · dilated.values",
        "print(network(torch.ones(1, 1, 4, 4)).sum())",
        "tensor(-0.4180, grad_fn=<SumBackward0>)",
        "a2-cnn.ipynb, cell 7, line 3: train(args) – training at the top level",
        "Batch-norm comes before pooling",
        "Epoch [1/25], loss: 2.4178",
        "The file name a2-cnn.ipynb is that of csc413-2020.",
    ):
        assert sentence in text


def test_what_was_lost_comes_first_with_links_to_its_headings() -> None:
    markdown = to_markdown(sample.everything())
    links = re.findall(r"^- \[(.+)\]\(#(.+)\) \(", markdown, re.M)
    headings = [re.sub(r"[^a-z0-9_ -]", "", line.lower()[4:]).replace(" ", "-") for line in markdown.splitlines()]
    assert [title[0] for title, _ in links] == ["✗", "~", "✗", "!"]
    assert all(anchor in headings for _, anchor in links)
    assert markdown.index("## To look at") < markdown.index("| part | points")


def test_nothing_to_look_at_has_no_heading() -> None:
    assert "To look at" not in to_markdown(sample.report([sample.mark()]))


def test_what_lost_points_without_a_reason_ends_in_its_points() -> None:
    partly = sample.mark(
        "manual.a1", Outcome.PARTIAL, title="A1", points=sample.quarters(1), max_points=sample.quarters(4), feedback=""
    )
    assert "- [~ A1](#-a1) (0.25 / 1)\n" in to_markdown(sample.report([partly]))


@pytest.mark.parametrize(
    ("text", "written"), [("0.925 points off.", "0.925 points off."), ("1. One", "1\\. One"), ("1.", "1\\.")]
)
def test_a_number_keeps_its_point_and_begins_no_list(text: str, written: str) -> None:
    markdown = to_markdown(sample.report([sample.mark(feedback=text)], remarks=(text,)))
    assert f"\n\n{written}\n" in markdown and f"\n- {written}\n" in markdown
    assert words(markdown).splitlines().count(text) == 2


def test_a_question_without_points_is_not_waiting_for_a_mark() -> None:
    aside = sample.mark(
        "manual.a4", Outcome.PENDING, title="A4. Aside", max_points=sample.quarters(0), feedback="Mark me."
    )
    markdown = to_markdown(sample.report([aside]))
    assert "**no points** · not marked" in markdown and "Mark me" not in markdown


def test_keeps_to_itself_what_is_for_the_marker() -> None:
    markdown = to_markdown(sample.everything())
    for secret in ("Details lost by pooling", "81,302", "learning_rate", "0.7765", "239,872", "26 minutes"):
        assert secret not in markdown


def test_ordinary_prose_stays_readable_in_the_file_itself() -> None:
    feedback = "CNN(3, 32, 24, 1): num_filters was 24, expected (8, 24, 32, 32); see the figure. It's 12.5 % more!"
    assert feedback in to_markdown(sample.report([sample.mark(feedback=feedback)]))


def test_quoted_code_and_names_in_feedback_are_code() -> None:
    feedback = "See m.__init__() (a.py, line 3: `self.conv_1 = nn.Conv2d(_n, 3)`), not ``x`` or snake_case, a ` b."
    markdown = to_markdown(sample.report([sample.mark(feedback=feedback)]))
    assert "m.`__init__`() (a.py, line 3: `self.conv_1 = nn.Conv2d(_n, 3)`), not" in markdown
    assert "\\_" not in markdown
    assert feedback.replace("`", "") in words(markdown).replace("`", "")


PLAIN = shape(PARSER.parse(to_markdown(sample.hostile("x"))))


@pytest.mark.parametrize("text", [text for text in HOSTILE if "\n" not in text])
def test_hostile_text_stays_text(text: str) -> None:
    markdown = to_markdown(sample.hostile(text))
    assert shape(PARSER.parse(markdown)) == PLAIN
    shown = display(text).strip().replace("`", "")
    assert words(markdown).replace("`", "").count(shown) == words(to_markdown(sample.hostile("zz"))).count("zz") > 20


@pytest.mark.parametrize("text", HOSTILE)
def test_feedback_of_several_lines_becomes_paragraphs_and_nothing_else(text: str) -> None:
    before, after = "First line.", "Last line."
    markdown = to_markdown(sample.report([sample.mark(feedback=f"{before}\n{text}\n\n{after}")]))
    plain = to_markdown(sample.report([sample.mark(feedback=f"{before}\n\n{after}")]))
    kinds, usual = (shape(PARSER.parse(source)) for source in (markdown, plain))
    paragraph = [("paragraph_open", "p", 0), ("inline", "", 1), ("text", "", 0), ("paragraph_close", "p", 0)]
    extra = paragraph * len([line for line in text.split("\n") if line.strip()])
    assert any(kinds == usual[:place] + extra + usual[place:] for place in range(len(usual)))


@pytest.mark.parametrize("ticks", ["`", "```", "`````"])
def test_no_text_ends_the_fence_or_the_code_span_around_it(ticks: str) -> None:
    text = f"{ticks}\n# free\n{ticks}python\n"
    report = sample.report(output=text, left_out=(sample.LeftOut(ticks, f"{ticks}a{ticks}", "why"),))
    tokens = PARSER.parse(to_markdown(report))
    fences = [token for token in tokens if token.type == "fence"]
    assert [fence.content for fence in fences] == [text]
    spans = [child.content for token in tokens for child in token.children or [] if child.type == "code_inline"]
    assert spans == [ticks, f"{ticks}a{ticks}"]


@pytest.mark.parametrize(
    "text",
    [
        "http://example.com",
        "HTTPS://example.com",
        "ftp://example.com",
        "www.example.com",
        "WWW.example.com",
        "alice@example.com",
        "@alice",
        "#12",
        "mailto:bob@example.com",
    ],
)
def test_what_github_would_link_by_itself_is_broken_up(text: str) -> None:
    markdown = to_markdown(sample.report([sample.mark(feedback=f"See {text} now.")]))
    # The extended autolinks of GFM, 6.9, and GitHub's mentions and references, all looked for in unescaped text.
    seen = re.sub(r"\\([@#])", r"\1", markdown)
    assert not re.search(r"(?i)(https?|ftp)://|www\.|@\w|(?<![\w#])#\d", seen)
    assert f"See {text} now." in words(markdown)


def test_megabytes_are_bounded() -> None:
    for text in ("`" * 3_000_000, "x\n" * 1_500_000):
        assert len(to_markdown(sample.hostile(text))) < 1_000_000


@pytest.mark.slow
@settings(derandomize=True, max_examples=80, deadline=None)
@given(
    st.lists(
        st.sampled_from([*"\\`*_{}[]()<>#+-.!|~&$@:=1", "  ", "```", "http://", "](x)", "&amp;", "<b>", "a", "_"])
        | st.text(alphabet=st.characters(exclude_categories=()), min_size=1, max_size=3),
        min_size=1,
        max_size=10,
    )
    .map("".join)
    .filter(lambda text: text.strip() and not re.search(r"[\r\n]", text))
)
def test_any_line_of_text_stays_text(text: str) -> None:
    markdown = to_markdown(sample.hostile(text))
    assert shape(PARSER.parse(markdown)) == PLAIN
    markdown.encode("utf-8")


def test_output_that_is_cut_says_by_how_much():
    report = sample.report(
        output="a" * 60_000 + "\n[The output is cut here: at least 7 more characters were printed.]\n"
    )
    text = to_markdown(report)
    assert "characters left out" in text and "at least 7 more characters" in text
