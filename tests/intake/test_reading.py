"""Reading one submission: everything that is there, nothing that is not the student's, and no surprise."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import random
import shutil
import tempfile
import zipfile
from pathlib import Path

import pytest
from archive_makers import a_tar, a_zip, encrypted, tar_entry, zip_link
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grader.intake import Found, Submission, find, read, reading

SCRIPT = "import torch\n"
NOTEBOOK = json.dumps(
    {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {},
        "cells": [
            {"cell_type": "markdown", "metadata": {}, "source": "# A2"},
            {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": 1, "source": "%cd /content\nx = 1"},
        ],
    }
)


def put(top: Path, **files: str | bytes) -> Path:
    """Files below ``top``, by path."""
    for name, content in files.items():
        path = top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return top


def read_at(path: Path, **bounds: int) -> Submission:
    (place,) = find([path], mode="one").found
    return read(place, **bounds)


def sources(submission: Submission) -> dict[str, list[tuple[int | None, str]]]:
    return {file.path: [(cell.number, cell.source) for cell in file.cells] for file in submission.code}


def paths(submission: Submission) -> list[str]:
    return [file.path for file in submission.files]


def kinds(submission: Submission) -> list[str]:
    return [flag.kind for flag in submission.flags]


def test_a_folder_is_read_whole_with_its_code_decoded_and_its_writeup_listed(tmp_path: Path) -> None:
    alice = put(tmp_path / "alice", **{"a2.ipynb": NOTEBOOK, "src/models.PY": SCRIPT, "a2-writeup.pdf": b"%PDF-1.7"})
    submission = read_at(alice)
    assert (submission.id, submission.folder, submission.flags) == ("alice", "alice", ())
    assert sources(submission) == {"a2.ipynb": [(2, "%cd /content\nx = 1")], "src/models.PY": [(None, SCRIPT)]}
    assert paths(submission) == ["a2-writeup.pdf", "a2.ipynb", "src/models.PY"]
    pdf = submission.files[0]
    assert (pdf.bytes, pdf.sha256) == (8, hashlib.sha256(b"%PDF-1.7").hexdigest())


def test_the_hash_is_over_sorted_paths_and_hashes_as_its_docstring_says(tmp_path: Path) -> None:
    contents = {"b.py": b"b", "a/z.py": b"z", "é.pdf": b"p"}
    lines = [f"{path}\0{hashlib.sha256(contents[path]).hexdigest()}\n" for path in sorted(contents)]
    expected = hashlib.sha256("".join(lines).encode()).hexdigest()
    assert read_at(put(tmp_path / "alice", **contents)).sha256 == expected
    assert read_at(put(tmp_path / "bob", **dict(reversed(contents.items())))).sha256 == expected


def test_the_hash_changes_with_a_name_or_a_byte_and_not_with_a_time(tmp_path: Path) -> None:
    alice = put(tmp_path / "alice", **{"a.py": "x"})
    before = read_at(alice).sha256
    os.utime(alice / "a.py", (1, 1))
    assert read_at(alice).sha256 == before
    (alice / "a.py").rename(alice / "b.py")
    renamed = read_at(alice).sha256
    assert renamed != before
    put(alice, **{"b.py": "y"})
    assert read_at(alice).sha256 not in (before, renamed)


JUNK = [
    *(
        ".git/config.py",
        "__MACOSX/._a2.py",
        "._a2.py",
        ".DS_Store",
        ".ipynb_checkpoints/a2-checkpoint.ipynb",
        "Thumbs.db",
    ),
    *("src/__pycache__/a2.py", "venv/lib/torch.py", "env/pyvenv.cfg", "env/lib/site.py", "lib/site-packages/x.py"),
]


@pytest.mark.parametrize("packed", [False, True])
def test_what_tools_leave_behind_is_not_part_of_a_submission(tmp_path: Path, packed: bool) -> None:
    names = [name for name in JUNK if not (packed and name.startswith("env/"))]
    if packed:
        put(tmp_path, **{"alice.zip": a_zip(("a2.py", b"x"), *((name, b"junk") for name in names))})
        assert list(sources(read_at(tmp_path / "alice.zip"))) == ["a2.py"]
    else:
        put(tmp_path / "alice", **{"a2.py": "x"}, **dict.fromkeys(names, "junk"))
        assert paths(read_at(tmp_path / "alice")) == ["a2.py"]


def test_links_are_refused_wherever_they_lead(tmp_path: Path) -> None:
    put(tmp_path / "secret", **{"solution.py": "secret"})
    alice = put(tmp_path / "alice", **{"a2.py": SCRIPT})
    (alice / "out.py").symlink_to(tmp_path / "secret" / "solution.py")
    (alice / "folder").symlink_to(tmp_path / "secret", target_is_directory=True)
    (alice / "around").symlink_to(alice, target_is_directory=True)
    (alice / "inside.py").symlink_to(alice / "a2.py")
    (alice / "dangling").symlink_to("nowhere")
    submission = read_at(alice)
    assert paths(submission) == ["a2.py"]
    (flag,) = submission.flags
    assert (flag.kind, flag.detail) == ("link", "around, dangling, folder and 2 more: symbolic links are not followed.")


def test_a_source_that_became_a_link_or_went_away_is_not_followed(tmp_path: Path) -> None:
    put(tmp_path, **{"solution.py": "secret"})
    (tmp_path / "alice.py").symlink_to(tmp_path / "solution.py")
    for name in ("alice.py", "gone.py"):
        submission = read(Found("alice", "alice", (tmp_path / name,)))
        assert (submission.files, submission.code, kinds(submission)) == ((), (), ["unreadable"])


def test_pipes_are_not_waited_for(tmp_path: Path) -> None:
    alice = put(tmp_path / "alice", **{"a2.py": SCRIPT})
    os.mkfifo(alice / "pipe.py")
    submission = read_at(alice)
    assert (paths(submission), kinds(submission)) == (["a2.py"], ["special-file"])


def test_an_empty_submission_has_nothing_in_it(tmp_path: Path) -> None:
    submission = read_at(tmp_path)
    assert (submission.files, submission.code, submission.flags) == ((), (), ())
    assert submission.sha256 == hashlib.sha256(b"").hexdigest()


def test_a_folder_or_file_that_cannot_be_read_affects_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alice = put(tmp_path / "alice", **{"a2.py": SCRIPT, "closed/b.py": SCRIPT, "closed.py": SCRIPT})
    scan, open_ = os.scandir, os.open

    def denied(path: Path) -> None:
        if path.name.startswith("closed"):
            raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", lambda path: denied(path) or scan(path))
    monkeypatch.setattr(os, "open", lambda path, *rest, **more: denied(Path(path)) or open_(path, *rest, **more))
    submission = read_at(alice)
    assert paths(submission) == ["a2.py"]
    assert [flag.detail for flag in submission.flags] == ["closed/, closed.py: cannot be opened (Permission denied)."]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("alice.zip", a_zip(("a2.py", SCRIPT.encode()), ("w/a2.pdf", b"%PDF"))),
        ("alice.tar", a_tar(("a2.py", SCRIPT.encode()), ("w/a2.pdf", b"%PDF"))),
        ("alice.tar.gz", a_tar(("a2.py", SCRIPT.encode()), ("w/a2.pdf", b"%PDF"), gz=True)),
        ("alice.tgz", a_tar(("./a2.py", SCRIPT.encode()), ("w/a2.pdf", b"%PDF"), gz=True)),
    ],
)
def test_an_archive_is_read_like_the_folder_in_it(tmp_path: Path, name: str, content: bytes) -> None:
    submission = read_at(put(tmp_path, **{name: content}) / name)
    assert sources(submission) == {"a2.py": [(None, SCRIPT)]}
    assert paths(submission) == ["a2.py", name, "w/a2.pdf"]
    assert submission.flags == ()
    assert submission.code[0].modified is not None


def test_archives_in_a_submission_are_opened_and_archives_in_those_but_no_deeper(tmp_path: Path) -> None:
    third = a_zip(("deepest.py", b"3"))
    second = a_tar(("deeper.py", b"2"), ("third.zip", third), gz=True)
    first = a_zip(("deep.py", b"1"), ("second.tar.gz", second))
    submission = read_at(put(tmp_path / "alice", **{"first.zip": first, "a2.py": "0"}))
    assert list(sources(submission)) == ["a2.py", "first.zip/deep.py", "first.zip/second.tar.gz/deeper.py"]
    assert paths(submission)[-1] == "first.zip/second.tar.gz/third.zip"
    assert kinds(submission) == ["nested-archive"]


HOSTILE = {
    "leads out": (a_zip(("../../up.py", b"bad"), ("a2.py", b"x")), "refused-name", ["a2.py"]),
    "is absolute": (a_tar(("/tmp/abs.py", b"bad"), ("a2.py", b"x")), "refused-name", ["a2.py"]),
    "is a link in a zip": (zip_link("passwd.py", "/etc/passwd"), "link", []),
    "is a link in a tar": (a_tar(("a2.py", b"x"), more=[tar_entry("l.py", b"2", "/etc/passwd")]), "link", ["a2.py"]),
    "is a device": (a_tar(("a2.py", b"x"), more=[tar_entry("dev", b"3")]), "special-file", ["a2.py"]),
    "is encrypted": (encrypted(a_zip(("a2.py", b"x"))), "encrypted", []),
    "is no archive": (b"<html>not found</html>", "damaged", []),
    "is truncated": (a_tar(("a2.py", b"x" * 20_000))[:9_000], "damaged", ["a2.py"]),
    "comes twice": (a_tar(("a2.py", b"old"), ("a2.py", b"x")), "two-uploads", ["a2.py"]),
    "is a file and a folder": (a_zip(("a2.py", b"x"), ("a2.py/b.py", b"y")), "refused-name", ["a2.py"]),
}


@pytest.mark.parametrize(("content", "kind", "code"), HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_archive_is_flagged_and_the_rest_of_it_is_read(
    tmp_path: Path, content: bytes, kind: str, code: list[str]
) -> None:
    inside, outside = tmp_path / "in" / "deep", set(tmp_path.rglob("*"))
    name = "alice.zip" if content.startswith(b"PK") else "alice.tar"
    submission = read_at(put(inside, **{name: content}) / name)
    assert kinds(submission)[0] == kind
    assert list(sources(submission)) == code
    assert all(flag.detail.isprintable() for flag in submission.flags)
    assert set(tmp_path.rglob("*")) - outside == {tmp_path / "in", inside, inside / name}


def test_code_that_breaks_off_in_an_archive_is_code_with_a_problem(tmp_path: Path) -> None:
    put(tmp_path, **{"alice.tar": a_tar(("a2.py", b"x" * 20_000))[:9_000]})
    (file,) = read_at(tmp_path / "alice.tar").code
    assert file.cells == ()
    assert "breaks off" in str(file.problem)


def test_a_member_with_a_wrong_checksum_affects_no_other(tmp_path: Path) -> None:
    whole = a_zip(("a2.py", b"right"), ("b.py", b"wrong"), method=zipfile.ZIP_STORED)
    submission = read_at(put(tmp_path, **{"alice.zip": whole.replace(b"wrong", b"wr0ng")}) / "alice.zip")
    assert sources(submission) == {"a2.py": [(None, "right")], "b.py": []}
    assert kinds(submission) == ["damaged"]


def test_a_bomb_is_refused_and_what_lies_beside_it_is_read(tmp_path: Path) -> None:
    bomb = a_zip(("a_bomb.bin", bytes(1_000_000)), ("model.py", SCRIPT.encode()))
    alice = put(tmp_path / "alice", **{"bomb.zip": bomb, "a2.py": SCRIPT, "other.zip": a_zip(("b.py", b"x"))})
    submission = read_at(alice, most_bytes=500_000, most_files=20)
    assert list(sources(submission)) == ["a2.py", "bomb.zip/model.py", "other.zip/b.py"]
    assert kinds(submission) == ["too-large"]


def test_a_tar_bomb_is_refused_while_it_unpacks(tmp_path: Path) -> None:
    bomb = a_tar(("a2.py", b"x"), ("bomb.bin", bytes(1_000_000)), ("late.py", b"y"), gz=True)
    submission = read_at(put(tmp_path, **{"alice.tgz": bomb}) / "alice.tgz", most_bytes=500_000, most_files=20)
    assert list(sources(submission)) == ["a2.py"]
    assert "too-large" in kinds(submission)


def test_data_beyond_the_bound_is_left_and_code_comes_first(tmp_path: Path) -> None:
    contents = {"a_data.bin": bytes(5_000), "a2.py": SCRIPT, "w.pdf": b"%PDF", "b.zip": a_zip(("b.py", b"x"))}
    submission = read_at(put(tmp_path / "alice", **contents), most_bytes=1_000, most_files=20)
    assert paths(submission) == ["a2.py", "b.zip", "b.zip/b.py", "w.pdf"]
    assert [flag.kind for flag in submission.flags] == ["too-large"]
    assert "a_data.bin" in submission.flags[0].detail


def test_more_files_than_the_bound_are_left_and_the_top_ones_are_read(tmp_path: Path) -> None:
    alice = put(tmp_path / "alice", **{f"data/{number}": "x" for number in range(10)}, **{"z.py": SCRIPT})
    submission = read_at(alice, most_files=5)
    assert len(submission.files) == 5
    assert list(sources(submission)) == ["z.py"]
    assert kinds(submission) == ["too-large"]


PROBLEMS = {
    "big.py": (b"#" * 3_000_000, "larger than the 2 MB"),
    "big.ipynb": (b" " * 20_000_001, "larger than the 20 MB"),
    "really_html.ipynb": (b"<html></html>", "web page"),
    "really_py.ipynb": (b"import torch\n", "begins with 'import torch'"),
    "cut.ipynb": (NOTEBOOK[:-30].encode(), "breaks off at line 1"),
    "really_ipynb.py": (NOTEBOOK.encode(), "is a notebook under a script's name"),
    "zeros.py": (bytes(5_000), "is not text"),
    "really_pdf.py": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n" + random.Random(0).randbytes(5_000), "is not text"),
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_code_that_cannot_be_read_has_a_problem_that_names_it(tmp_path: Path, name: str) -> None:
    content, words = PROBLEMS[name]
    submission = read_at(put(tmp_path / "alice", **{name: content, "good.py": SCRIPT}))
    bad = next(file for file in submission.code if file.path == name)
    assert bad.cells == ()
    assert bad.problem is not None
    assert bad.problem.startswith(name)
    assert words in bad.problem
    assert sources(submission)["good.py"] == [(None, SCRIPT)]
    assert paths(submission) == sorted([name, "good.py"])


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a2.rar", "pack it as a .zip"),
        ("work/A2.7Z", "pack it as a .zip"),
        ("a2-code.py.txt", "let it end in .py and"),
        ("a2-code.ipynb.json", "let it end in .ipynb"),
    ],
)
def test_a_file_that_may_hold_code_but_is_not_read_is_flagged_with_what_to_do(
    tmp_path: Path, name: str, words: str
) -> None:
    submission = read_at(put(tmp_path / "alice", **{name: b"Rar!", "notes.txt": b"x", "colours.npy": b"x"}))
    (flag,) = submission.flags
    assert flag.kind == "not-read"
    assert flag.detail.startswith(name) and words in flag.detail
    assert not submission.code


def test_odd_encodings_and_damaged_cells_are_flagged(tmp_path: Path) -> None:
    damaged = json.dumps({"nbformat": 4, "cells": [3, {"cell_type": "code", "source": "x"}]})
    submission = read_at(
        put(tmp_path / "alice", **{"a.py": "é".encode("latin-1"), "b.ipynb": damaged, "c.py": "é".encode("utf-16")})
    )
    assert sources(submission) == {"a.py": [(None, "é")], "b.ipynb": [(2, "x")], "c.py": [(None, "é")]}
    assert sorted((flag.kind, flag.detail[:7]) for flag in submission.flags) == [
        ("encoding", "a.py: i"),
        ("encoding", "c.py: i"),
        ("notebook", "b.ipynb"),
    ]


def test_a_submission_that_deserves_thousands_of_remarks_gets_a_bounded_number(tmp_path: Path) -> None:
    alice = put(tmp_path / "alice", **{f"{number:03}.py": "x\0" * (number + 1) for number in range(100)})
    flags = read_at(alice).flags
    assert len(flags) == 41
    assert flags[-1].detail.startswith("040.py, 041.py, 042.py and 57 more: there is more")


def test_files_that_a_platform_renamed_are_called_as_they_were(tmp_path: Path) -> None:
    put(tmp_path, **{"alice_12345_678_a2-code-1.ipynb": NOTEBOOK, "alice_12345_679_a2-writeup.pdf": b"%PDF"})
    (place,) = find([tmp_path]).found
    submission = read(place)
    assert paths(submission) == ["a2-code.ipynb", "a2-writeup.pdf"]
    assert sources(submission) == {"a2-code.ipynb": [(2, "%cd /content\nx = 1")]}


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        (["alice/a2.py", "alice/src/b.py", "bob/a2.py"], {"alice": ["a2.py", "src/b.py"], "bob": ["a2.py"]}),
        (["x/alice/a2.py", "x/bob/a2.py"], {"alice": ["a2.py"], "bob": ["a2.py"]}),
        (["al_12345_678_a2-1.py", "bo_12346_679_a2.py"], {"al_12345": ["a2.py"], "bo_12346": ["a2.py"]}),
        (["alice.zip", "bob.zip"], {"alice": ["m.py"], "bob": ["m.py"]}),
    ],
)
def test_students_of_one_zip_get_their_own_files_only(
    tmp_path: Path, entries: list[str], expected: dict[str, list[str]]
) -> None:
    nested = a_zip(("m.py", b"x"))
    content = a_zip(*((name, nested if name.endswith(".zip") else b"x") for name in entries))
    findings = find([put(tmp_path, **{"all.zip": content}) / "all.zip"])
    assert {place.id: list(sources(read(place))) for place in findings.found} == expected


def test_a_folder_of_students_can_be_read_one_after_another(tmp_path: Path) -> None:
    put(tmp_path, **{"alice/a2.py": "a", "bob/a2.py": "b", "carol/w.pdf": "c"})
    assert [len(read(place).code) for place in find([tmp_path]).found] == [1, 1, 0]


def test_our_own_failure_is_not_blamed_on_the_submission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full() -> None:
        raise OSError(28, "No space left on device")

    put(tmp_path, **{"alice.zip": a_zip(("a2.py", b"x"))})
    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    with pytest.raises(OSError, match="No space left"):
        read_at(tmp_path / "alice.zip")


hostile_names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20)
entries = st.lists(
    st.tuples(
        hostile_names | st.sampled_from(["a2.py", "a2.ipynb", "../x.py", "w.zip", "a2.py/b.py"]), st.binary(max_size=80)
    ),
    max_size=6,
)


@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(entries, st.sampled_from([a_zip, a_tar]), st.integers(0, 400), st.binary(max_size=4))
def test_whatever_is_handed_in_reading_returns_and_writes_nothing(
    tmp_path: Path, files: list[tuple[str, bytes]], make: object, at: int, damage: bytes
) -> None:
    content = bytearray(make(*files))  # type: ignore[operator]
    content[at : at + len(damage)] = damage
    name = "alice.zip" if make is a_zip else "alice.tar"
    put(tmp_path, **{name: bytes(content)})
    with contextlib.chdir(tmp_path) if hasattr(contextlib, "chdir") else contextlib.nullcontext():
        submission = read_at(tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert paths(submission) == sorted(set(paths(submission)))
    for file in submission.code:
        file.path.encode("utf-8")
        assert (file.problem is None) or (file.cells == () and file.problem.isprintable())
    assert all(flag.detail.isprintable() for flag in submission.flags)
    (tmp_path / name).unlink()


def test_small_data_beside_the_code_is_read_and_large_data_is_not(tmp_path: Path) -> None:
    large = b"1" * (reading._MOST_DATA + 1)
    alice = put(
        tmp_path / "alice",
        **{"a2.ipynb": NOTEBOOK, "config.json": b"{}", "data/Palette.NPY": b"\x93", "big.csv": large, "x.pkl": b"1"},
    )
    read_ = read_at(alice)
    assert {file.path: base64.b64decode(file.content) for file in read_.data} == {
        "config.json": b"{}",
        "data/Palette.NPY": b"\x93",
    }
    assert read_.flags == ()


def test_data_in_an_archive_lies_beside_the_code_of_the_archive(tmp_path: Path) -> None:
    archive = tmp_path / "alice.zip"
    archive.write_bytes(a_zip(("a2/a2.py", SCRIPT.encode()), ("a2/config.json", b"{}")))
    assert [file.path for file in read_at(archive).data] == ["a2/config.json"]


def test_data_has_a_budget_in_number_and_bytes(tmp_path: Path) -> None:
    many = {f"{number:04}.txt": b"1" for number in range(2 * reading._MOST_DATA_FILES)}
    assert len(read_at(put(tmp_path / "alice", **many)).data) == reading._MOST_DATA_FILES
    heavy = {f"{number}.txt": b"1" * reading._MOST_DATA for number in range(10)}
    held = sum(len(file.content) for file in read_at(put(tmp_path / "bob", **heavy)).data)
    assert 0 < held <= reading._MOST_DATA_IN_ALL


def test_of_too_much_code_the_small_files_at_the_top_are_read_and_one_flag_names_the_rest(
    tmp_path: Path,
) -> None:
    large = "#" * 400
    alice = put(
        tmp_path / "alice", **{"a2.py": SCRIPT, "m1.py": large, "m2.py": large, "m3.py": large, "lib/x.py": "x"}
    )
    submission = read_at(alice, most_code=1000)
    assert [file.path for file in submission.code] == ["a2.py", "lib/x.py", "m1.py", "m2.py"]
    assert [(flag.kind, "m3.py" in flag.detail) for flag in submission.flags] == [("too-large", True)]
    assert "m3.py" in paths(submission)


@given(st.text(max_size=200), st.integers(0, 800), st.booleans())
def test_what_is_not_a_script_is_recognised_as_by_counting_each_character(text: str, size: int, odd: bool) -> None:
    controls = sum(character < " " and character not in "\n\t\f" for character in text)
    expected = odd and (50 * controls > len(text) or 3 * len(text) + 4 < size)
    assert (reading._why_not_a_script(text, size, odd=odd) is not None) == bool(expected)


@pytest.mark.parametrize("name", ["a2.py", "a2.ipynb"])
@pytest.mark.parametrize("content", [b"", b" \n\n", b"\xef\xbb\xbf"])
def test_an_empty_script_is_refused_as_an_empty_notebook_is(tmp_path: Path, name: str, content: bytes) -> None:
    (file,) = read_at(put(tmp_path / "alice", **{name: content})).code
    assert file.cells == ()
    assert "is empty: " in str(file.problem)


def test_an_empty_file_that_makes_a_package_is_code_like_any_other(tmp_path: Path) -> None:
    alice = put(tmp_path / "alice", **{"net/__init__.py": "", "net/models.py": SCRIPT})
    assert all(file.problem is None and file.cells for file in read_at(alice).code)


@pytest.mark.parametrize(
    ("others", "is_code"),
    [
        ({}, True),
        ({"load_data.py": b"def load(): pass\n"}, True),
        ({"load_data.py": b"class Data: pass\n"}, True),
        ({"a2.py": b"class CNN(nn.Module): pass\n"}, False),
    ],
)
def test_a_web_page_is_code_where_it_has_a_class_that_no_other_file_has(tmp_path: Path, others, is_code) -> None:
    page = b"<html><pre><span class='k'>class</span> <span>CNN</span>(nn.Module):\n    pass\n</pre></html>"
    submission = read_at(put(tmp_path / "alice", **{"a2.html": page, **others}))
    assert ("a2.html" in [file.path for file in submission.code]) is is_code


def test_a_zip_that_was_cut_off_is_named_as_that(tmp_path: Path) -> None:
    whole = put(tmp_path / "whole", **{"a2.py": SCRIPT})
    archive = Path(shutil.make_archive(str(tmp_path / "alice"), "zip", whole))
    archive.write_bytes(archive.read_bytes()[:-30])
    submission = read_at(archive)
    assert [(flag.kind, "breaks off before its end" in flag.detail) for flag in submission.flags] == [("damaged", True)]


def test_when_the_processor_time_is_used_up_one_flag_says_so(tmp_path: Path) -> None:
    put(tmp_path, **{"a2.py": SCRIPT, "data.zip": a_zip(("b.py", b"x = 1\n"))})
    (place,) = find([tmp_path], mode="one").found
    submission = read(place, most_seconds=0.0)
    assert submission.code == ()
    assert [(flag.kind, "0 seconds of processor time" in flag.detail) for flag in submission.flags] == [
        ("too-large", True)
    ]


def test_a_folder_that_lies_too_deep_is_flagged_and_the_rest_is_read(tmp_path: Path) -> None:
    put(tmp_path, **{"d/" * 31 + "x.py": SCRIPT, "d/" * 30 + "y.py": SCRIPT, "a2.py": SCRIPT})
    submission = read_at(tmp_path)
    assert len(paths(submission)) == 2
    assert kinds(submission) == ["refused-name"]


def test_of_much_more_code_than_is_read_little_is_held_and_the_same_counts(tmp_path: Path) -> None:
    files = {f"m{number:02}.py": f"# {number}\n" + "x = 1\n" * 10 for number in range(50)}
    put(tmp_path, **files)
    all_at_once = read_at(tmp_path, most_code=1_000)
    assert [file.path for file in all_at_once.code] == [f"m{number:02}.py" for number in range(15)]
    assert kinds(all_at_once) == ["too-large"]
