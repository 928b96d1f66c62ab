"""The cohort's page: it shows everybody, loads nothing, and no name becomes part of its structure."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import pytest
import report_sample as sample
from cohort_sample import RUBRIC
from hypothesis import given
from hypothesis import strategies as st
from report.test_as_html import HOSTILE, Page

from grader.display import display
from grader.gradebook.as_index import to_index
from grader.gradebook.tally import AssignmentTally, CriterionTally, Tally
from grader.marking.rubric_file import load
from grader.marking.verdicts import Flag, Outcome
from grader.report.as_json import to_json
from grader.report.rows import Row, row_of


def row(id: str = "alice", folder: str = "alice", **changes: object) -> Row:
    marks = [
        sample.mark("cnn.shapes"),
        sample.mark("cnn.device", Outcome.FAIL, mistake="cuda-hard-coded"),
        sample.mark("manual.a1", Outcome.PENDING, max_points=Fraction(2)),
    ]
    return row_of(folder, json.loads(to_json(sample.report(marks, submission_id=id, **changes))))


def page_of(rows: Sequence[Row], **how: object) -> str:
    tally = Tally()
    for row in rows:
        tally.add(row)
    return "".join(to_index(rows, tally, **how))  # type: ignore[arg-type]


def test_every_submission_has_a_line_with_a_link_to_its_report() -> None:
    page = Page(page_of([row("alice", "alice"), row("bob", "bob-0123456789")]))
    assert page.attributes("href") == [
        "#everyone",
        "#assignment-1",
        "#mistakes",
        "./gradebook.csv",
        "./alice/report.html",
        "./bob-0123456789/report.html",
    ]
    for text in ("alice", "bob", "csc413-2020", "1 / 4", "cuda-hard-coded", "cnn.shapes"):
        assert text in page.text


def test_who_needs_a_person_first_stands_on_top_with_the_reasons() -> None:
    flags = tuple(Flag("two-files", f"Reason {number}.") for number in range(5))
    failed = sample.report([sample.mark("cnn.shapes", Outcome.ERROR)], submission_id="failed")
    rows = [
        row("flagged", flags=flags),
        row_of("failed", json.loads(to_json(failed))),
    ]
    text = Page(page_of(rows)).text
    top = text[text.index("Needs a person first") : text.rindex("All submissions")]
    assert top.index("failed") < top.index("The grader failed on cnn.shapes.") < top.index("flagged")
    assert "two-files: Reason 2." in top
    assert "Reason 3." not in top
    assert "2 more flags." in top
    assert "with a grader error" in text[: text.index("Needs a person first")]


def test_the_page_says_how_the_criteria_did() -> None:
    rows = []
    for number, outcomes in enumerate([(1, 1, 1), (1, 0, 1), (0, 0, 0), (1, 1, 1)]):
        marks = [
            sample.mark(f"a.{letter}", Outcome.PASS if passed else Outcome.FAIL)
            for letter, passed in zip("abc", outcomes, strict=True)
        ]
        report = sample.report(marks, submission_id=str(number))
        rows.append(row_of(str(number), json.loads(to_json(report))))
    html = page_of(rows)
    lines = [
        re.sub(r"<[^>]*>", " ", line).split() for line in html.split("\n") if '<span class="mono quiet">a.' in line
    ]
    # By hand: 1.25 / sqrt(0.75 * 2.75), and 1 / sqrt(1 * 3).
    assert lines == [
        ["a.a", "75", "%", "4", "0", "+0.87"],
        ["a.b", "50", "%", "4", "0", "+0.58"],
        ["a.c", "75", "%", "4", "0", "+0.87"],
    ]
    assert 'aria-label="submissions by percent of the decided points; 0 to 10 percent: 1; 60 to 70 percent: 1; ' in html


def test_the_list_of_all_comes_before_the_statistics() -> None:
    text = Page(page_of([row(flags=(Flag("late", "Late."),))], missing=[("bob", "Bob")])).text
    text = text[text.index("Needs a person first") :]
    titles = ["Needs a person first", "All submissions", "Handed nothing in", "How it went", "The most common mistakes"]
    places = [text.index(title) for title in titles]
    assert places == sorted(places)


def test_criteria_have_their_titles_where_the_rubric_is_known(tmp_path: Path) -> None:
    path = tmp_path / "rubric.yaml"
    path.write_text(RUBRIC)
    plain = sample.report([sample.mark("unet.shapes", Outcome.FAIL, mistake="skip-missing")])
    page = Page(page_of([row_of("alice", json.loads(to_json(plain)))], rubric=load(path).assignments))
    assert " ".join(page.text.split()).count("The output has the right shape unet.shapes") == 2


def test_a_question_without_points_is_not_counted_as_open(tmp_path: Path) -> None:
    path = tmp_path / "rubric.yaml"
    aside = "          - {id: manual.a1, title: A1. Aside, points: 0, look_for: Not marked. A word.}\n"
    path.write_text(RUBRIC + aside)
    marks = [sample.mark("unet.shapes"), sample.mark("manual.a1", Outcome.PENDING, max_points=Fraction(0))]
    report = sample.report(marks)
    page = Page(page_of([row_of("alice", json.loads(to_json(report)))], rubric=load(path).assignments))
    assert "A1. Aside manual.a1 none Not marked. A word." in " ".join(page.text.split())


@pytest.mark.parametrize(
    ("passed", "of", "shown"),
    [
        (29, 41, "71 %"),
        (1, 2, "50 %"),
        (1, 8, "13 %"),
        (999, 1000, "99 %"),
        (1, 1000, "1 %"),
        (0, 3, "0 %"),
        (3, 3, "100 %"),
    ],
)
def test_shares_are_rounded_and_all_and_none_are_kept_apart(passed: int, of: int, shown: str) -> None:
    tally = CriterionTally(decided=of, passed=passed)
    cohort = Tally(count=1, assignments={"a": AssignmentTally("a", "A", criteria={"cnn.shapes": tally})})
    assert f">{shown}<" in "".join(to_index([], cohort))


def test_a_bonus_is_explained_where_scores_are_listed() -> None:
    marks = [sample.mark("cnn.shapes"), sample.mark("dilated.values", bonus=True)]
    with_bonus = row_of("alice", json.loads(to_json(sample.report(marks))))
    assert "Bonus points count in the score" in page_of([with_bonus])
    assert "on average 100.0 % of the points decided so far, bonus points left out." in page_of([with_bonus])
    assert "Bonus" not in page_of([row()])


def test_an_empty_cohort_has_a_page() -> None:
    assert "There are no reports yet." in Page(page_of([])).text


def test_one_page_loads_nothing_and_allows_nothing() -> None:
    html = page_of([row()], missing=[("bob", "Bob")])
    page = Page(html)
    names = {name for name, _ in page.elements}
    assert names.isdisjoint({"script", "link", "img", "iframe", "object", "embed", "form", "base"})
    (policy,) = [value for value in page.attributes("content") if value and "default-src" in value]
    digest = base64.b64encode(hashlib.sha256(page.style.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert page.attributes("style") == page.attributes("src") == []
    assert "url(" not in page.style
    assert "@import" not in page.style


PLAIN = Page(page_of([row("x", "x", flags=(Flag("x", "x"),), assignment_title="x")], missing=[("x", "x")]))


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_shown_and_never_obeyed(text: str) -> None:
    rows = [row(text, re.sub("[/\0\ud800]", "", text), flags=(Flag(text, text),), assignment_title=text)]
    html = page_of(rows, name_of=lambda id: text, missing=[(text, text)])
    page = Page(html)
    assert [name for name, _ in page.elements] == [name for name, _ in with_name(PLAIN)]
    shown = text.encode("utf-8", "backslashreplace").decode()
    assert page.text.count(display(shown)) >= 4
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", html)
    html.encode("utf-8")


def with_name(page: Page) -> Iterator[tuple[str, object]]:
    """The plain page's elements, with those that show a name in the list of all."""
    elements = list(page.elements)
    last = max(place for place, (name, _) in enumerate(elements) if name == "a")
    yield from (*elements[: last + 1], ("span", ()), *elements[last + 1 :])


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1))
def test_a_link_leads_below_the_page_whatever_the_folder_is_called(folder: str) -> None:
    (link,) = [
        href for href in Page(page_of([row(folder=folder)])).attributes("href") if href and href.endswith("report.html")
    ]
    assert re.fullmatch(r"\./[A-Za-z0-9_.~%-]+/report\.html", link)


def test_rows_are_taken_as_the_page_is_written() -> None:
    asked = 0
    plain = row()

    def rows() -> Iterator[Row]:
        nonlocal asked
        for _ in range(2_000):
            asked += 1
            yield plain

    pieces = to_index(rows(), Tally(count=2_000))
    while "./alice/report.html" not in next(pieces):
        pass
    assert asked < 500
