"""Flags for code that could change what the worker reports."""

from __future__ import annotations

from sittings import exam_of, sitting_of

from grader.checks.network import network_of
from grader.checks.trust import counted_otherwise, doubts, witnessed
from grader.worker.protocol import FileOutline, Outline, UnusualCode


def test_a_plain_source_has_no_flag():
    assert doubts(Outline((FileOutline("a.py", ()),))) == ()


def test_each_file_with_unusual_code_has_a_flag_that_quotes_five_places():
    code = tuple(UnusualCode(None, line, f"construct {line}") for line in range(1, 8))
    (flag,) = doubts(Outline((FileOutline("a.py", (), unusual=code), FileOutline("b.py", ()))))
    assert flag.kind == "untrusted-evidence"
    assert flag.detail.startswith("a.py could change what the examiner sees (line 1: construct 1; ")
    assert "construct 5; and 2 more)" in flag.detail and "construct 6" not in flag.detail


def test_a_place_in_a_notebook_is_called_by_its_heading():
    file = FileOutline("a.ipynb", unusual=(UnusualCode(3, 2, "exec"),), headings={"3": "Part A"})
    assert '(cell 3 under "Part A", line 2: exec)' in doubts(Outline((file,)))[0].detail


def test_what_was_seen_while_the_code_ran_is_one_flag():
    assert witnessed(()) == ()
    (flag,) = witnessed(("it took a frame",))
    assert "(it took a frame)" in flag.detail


def test_a_network_that_counts_its_own_parameters_rightly_has_no_flag():
    network = network_of(sitting_of("UNet = given.UNet", exam_of()), "unet")
    assert counted_otherwise(network, "unet.parameters") == ()
