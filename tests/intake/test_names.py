"""Folders for students: safe on any file system, one each, the same every time."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.intake.names import encodable, folder_names

ids = st.one_of(
    st.text(st.characters(), max_size=100),
    st.sampled_from(["..", ".", "", "con", "CON.txt", "nul", "a/b", "a\\b", "~", "-rf", "index.html", " ", "x" * 400]),
    st.text("aAbB-0", max_size=4),
)
DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


@pytest.mark.parametrize("plain", ["alice", "Alice", "a2-alice", "alice_12345", "alice@x.org", "s.1+2", "0042"])
def test_a_safe_id_is_its_own_folder(plain: str) -> None:
    assert folder_names([plain]) == {plain: plain}


@pytest.mark.parametrize(
    ("id", "readable"),
    [
        ("Alice Example_123", "Alice-Example_123"),
        ("Zoë", "Zoe"),
        ("张伟", "student"),
        ("..", "student"),
        ("", "student"),
        ("con", "con"),
        ("LPT1.py", "LPT1-py"),
        ("gradebook.csv", "gradebook-csv"),
        ("../../etc/passwd", "etc-passwd"),
        ("alice\u202ebob", "alicebob"),
        ("a\nb", "a-b"),
        ("x" * 300, "x" * 60),
        ("alice.", "alice"),
        ("alice-0123456789", "alice-0123456789"),
    ],
)
def test_any_other_id_is_its_readable_characters_and_a_hash(id: str, readable: str) -> None:
    name = folder_names([id])[id]
    assert re.fullmatch(re.escape(readable) + "-[0-9a-f]{10}", name)


@given(st.lists(ids, max_size=12, unique=True))
def test_folders_are_safe_and_no_two_ids_share_one(several: list[str]) -> None:
    names = folder_names(several)
    assert list(names) == several
    for name in names.values():
        assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._@+-]*", name)
        assert len(name) <= 80
        assert not name.endswith(".")
        assert not DEVICES.fullmatch(name)
    assert len({name.casefold() for name in names.values()}) == len(several)


@given(st.lists(ids.map(str.lower), max_size=6, unique=True))
def test_a_folder_does_not_depend_on_who_else_hands_in(several: list[str]) -> None:
    assert folder_names(several) == {id: folder_names([id])[id] for id in several}


def test_ids_that_differ_by_case_or_by_unicode_form_get_folders_of_their_own() -> None:
    forms = [unicodedata.normalize(form, "José") for form in ("NFC", "NFD")]
    names = folder_names(["alice", "Alice", "ALICE", *forms])
    assert names["alice"] == "alice"
    assert len({name.casefold() for name in names.values()}) == 5


def test_an_id_that_looks_like_another_ids_hashed_name_does_not_take_its_folder() -> None:
    taken = folder_names(["Alice Example"])["Alice Example"]
    names = folder_names(["Alice Example", taken, taken.lower()])
    assert len({name.casefold() for name in names.values()}) == 3


@given(st.text(st.characters()))
def test_every_name_can_be_encoded(name: str) -> None:
    encodable(name).encode("utf-8")
