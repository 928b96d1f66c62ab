"""The report in a terminal: readable, within its width, and unable to do anything to the terminal."""

from __future__ import annotations

import re

import pytest
import report_sample as sample
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from grader.marking.verdicts import Outcome
from grader.report.as_terminal import to_terminal

COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def plain(report: sample.Report, width: int = 100) -> str:
    return to_terminal(report, width=width, colour=False)


def test_says_what_the_student_needs() -> None:
    text = plain(sample.everything())
    for sentence in (
        "alice  Colouring horses (CSC413, 2020)",
        "2.25 / 7.5 points  Examined, needs review",
        "2.25 points are still to be marked by a person. 2 are open: cnn.device, C2.",
        "0.5 bonus points count in the score but not in the maximum of 7.5, so the score can reach 8.",
        "late: Handed in 26 minutes after the deadline.",
        "✓  The output has the right shape  cnn.shapes",
        "1.75 / 3.5",
        "batch-norm, ReLU.",
        "print(network(torch.ones(1, 1, 4, 4)).sum())",
        "tensor(-0.4180, grad_fn=<SumBackward0>)",
        "Not examined, because unet.shapes did not pass.",
        "G. Dilated convolution (bonus)",
        "a2-cnn.ipynb, cell 7, line 3: train(args) – training at the top level",
        "Batch-norm comes before pooling",
        "Epoch [1/25], loss: 2.4178",
        "isolation bubblewrap",
    ):
        assert " ".join(sentence.split()) in " ".join(text.split())


def test_every_outcome_has_a_symbol_and_open_points_a_dash() -> None:
    text = plain(sample.hostile("x"))
    symbols = [line[0] for line in text.splitlines() if re.search(r"(/ 1)$", line)]
    assert symbols == ["~", "✗", "!", "✓", "~", "✗", "–", "!", "…"]
    assert text.count("– / 1") == 3


def test_what_was_lost_stands_on_top_and_is_told_once() -> None:
    lines = plain(sample.everything()).splitlines()
    top = lines.index("To look at")
    assert all(line[:1] not in "✓~✗–!…" for line in lines[:top] if line)
    assert [line[0] for line in lines[top + 1 : lines.index("", top)] if line[0] != " "] == ["✗", "~", "✗", "!", "1"]
    assert lines[lines.index("", top) - 1] == "1 criterion was skipped; its feedback says why."
    assert sum("print(network" in line for line in lines) == 1


def test_nothing_to_look_at_has_no_heading() -> None:
    assert "To look at" not in plain(sample.report([sample.mark()]))


def test_questions_for_a_person_take_one_line_together() -> None:
    questions = [
        sample.mark(f"manual.a{number}", Outcome.PENDING, title=title, feedback="A person marks this.")
        for number, title in enumerate(("A1. Why", "A2. How", "Without a number of its own"), 1)
    ]
    unmarked = sample.mark("manual.a4", Outcome.PENDING, title="A4. Aside", max_points=sample.quarters(0))
    text = plain(sample.report([sample.mark(), *questions, unmarked]))
    assert "3 points are still to be marked by a person. 3 are open: A1, A2, a3." in text
    assert "A person marks this" not in text and "Aside" not in text


def test_many_questions_are_counted_and_the_first_named() -> None:
    many = [sample.mark(f"manual.{number}", Outcome.PENDING, title=f"{number}. Why") for number in range(30)]
    assert "30 are open: 0, 1, 2," in plain(sample.report(many)) and "19, …." in plain(sample.report(many))


@pytest.mark.parametrize("width", [30, 40, 60, 80, 120, 200])
@pytest.mark.parametrize("make", [sample.everything, sample.crowded], ids=["everything", "crowded"])
def test_keeps_within_its_width(make: object, width: int) -> None:
    lines = plain(make(), width).splitlines()  # type: ignore[operator]
    assert max(map(cell_len, lines)) <= width
    assert all(line == line.rstrip() for line in lines)


def test_without_colour_there_is_no_escape_sequence_and_with_it_only_colours() -> None:
    coloured = to_terminal(sample.everything(), width=90, colour=True)
    assert COLOURS.search(coloured)
    bare = COLOURS.sub("", coloured)
    assert "\x1b" not in bare
    unpadded = [line.rstrip() for line in bare.splitlines()]
    assert unpadded == plain(sample.everything(), 90).splitlines()


@pytest.mark.parametrize("name", ["NO_COLOR", "FORCE_COLOR", "COLUMNS", "TERM", "TTY_COMPATIBLE"])
def test_the_environment_has_no_say(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = [to_terminal(sample.everything(), width=80, colour=colour) for colour in (True, False)]
    monkeypatch.setenv(name, {"COLUMNS": "12", "TERM": "dumb"}.get(name, "1"))
    assert [to_terminal(sample.everything(), width=80, colour=colour) for colour in (True, False)] == usual


@pytest.mark.parametrize("text", ["[red]x[/red]", "[/]", "[link=http://example.com]x[/link]", ":horse:", "[bold"])
def test_markup_is_text(text: str) -> None:
    assert plain(sample.hostile(text)).count(text) > 20


@settings(derandomize=True, max_examples=40, deadline=None)
@given(st.text(alphabet=st.characters(exclude_categories=()), max_size=30), st.sampled_from([30, 80]), st.booleans())
def test_any_text_is_visible_and_harmless(text: str, width: int, colour: bool) -> None:
    shown = COLOURS.sub("", to_terminal(sample.hostile(text), width=width, colour=colour))
    assert all(character.isprintable() or character == "\n" for character in shown)
    assert max(map(cell_len, shown.splitlines())) <= width


def test_megabytes_are_bounded() -> None:
    for text in ("x" * 3_000_000, "x\n" * 1_500_000):
        assert len(plain(sample.hostile(text))) < 300_000


def test_long_lists_are_cut_and_counted() -> None:
    text = plain(sample.report(remarks=("again",) * 50))
    assert text.count("again") == 20 and "… and 30 more" in text


def test_a_passed_criterion_takes_one_line() -> None:
    text = plain(sample.report([sample.mark(outcome=Outcome.PASS)]))
    assert "All seven configurations" not in text


def test_output_that_is_cut_says_by_how_much():
    report = sample.report(
        output="a" * 60_000 + "\n[The output is cut here: at least 7 more characters were printed.]\n"
    )
    text = to_terminal(report, width=100, colour=False)
    assert "characters left out" in text and "at least 7 more characters" in text
