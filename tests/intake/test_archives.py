"""Archives that reach out, lie, explode, or are damaged."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from archive_makers import a_tar, a_zip, claiming, encrypted, tar_entry, zip_link
from hypothesis import given
from hypothesis import strategies as st

from grader.cpu import CpuBudget, CpuUsedUp
from grader.intake.archives import ArchiveError, Budget, TooLarge, archive_stem, is_archive, member_path, members

Made = Callable[..., bytes]
MAKERS = [a_zip, a_tar, lambda *entries: a_tar(*entries, gz=True)]


def unpack(
    archive: bytes, budget: Budget | None = None, wanted: Callable[[str], bool] = bool
) -> tuple[dict[str, bytes], list[tuple[str, str]]]:
    """Contents by path, and the kind and name of what was refused."""
    refused: list[tuple[str, str]] = []
    entries = members(
        io.BytesIO(archive),
        budget or Budget(),
        wanted=wanted,
        urgent=lambda path: path.endswith(".py"),
        refuse=lambda kind, _, name: refused.append((kind, name)),
    )
    return {member.path: b"".join(member.chunks) for member in entries}, refused


@pytest.mark.parametrize("make", MAKERS)
def test_plain_files_come_with_their_contents(make: Made) -> None:
    entries = (("a2.py", b"x = 1\n"), ("deep/er/b.txt", b"b" * 70_000), ("empty", b""))
    assert unpack(make(*entries)) == (dict(entries), [])


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize(
    "name",
    ["../up.py", "a/../../up.py", "/etc/passwd", "..\\up.py", "C:\\x.py", "c:x.py", "a/" + "x" * 300, "a/" * 600 + "x"],
)
def test_a_name_that_reaches_out_is_refused_and_the_rest_is_read(make: Made, name: str) -> None:
    contents, refused = unpack(make((name, b"bad"), ("a2.py", b"x = 1\n")))
    assert contents == {"a2.py": b"x = 1\n"}
    assert [kind for kind, _ in refused] == ["refused-name"]


@pytest.mark.parametrize(
    ("name", "path"), [("a.py", "a.py"), ("./a//b.py", "a/b.py"), ("src\\b.py", "src/b.py"), ("é\udcff", "é\\udcff")]
)
def test_other_names_become_plain_paths(name: str, path: str) -> None:
    assert member_path(name) == path


@given(st.text(st.characters() | st.sampled_from("./\\:C"), max_size=40))
def test_no_path_leads_out_or_breaks_utf8(name: str) -> None:
    try:
        path = member_path(name)
    except ArchiveError:
        return
    assert not path.startswith("/")
    assert not {"", ".", ".."} & set(path.split("/"))
    path.encode("utf-8")
    assert "\\" in path or member_path(path) == path  # a surrogate is written with a backslash


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_in_a_tar_are_refused(kind: bytes) -> None:
    contents, refused = unpack(a_tar(("a2.py", b"x"), more=[tar_entry("odd", kind, "a2.py")]))
    assert contents == {"a2.py": b"x"}
    assert refused == [("link" if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE) else "special-file", "odd")]


def test_links_in_a_zip_are_refused() -> None:
    assert unpack(zip_link("passwd.py", "/etc/passwd")) == ({}, [("link", "passwd.py")])


def test_each_encrypted_member_of_a_zip_is_refused() -> None:
    assert unpack(encrypted(a_zip(("a2.py", b"x = 1\n")))) == ({}, [("encrypted", "a2.py")])


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_methods_that_unpack_without_bound_are_refused(method: int) -> None:
    assert unpack(a_zip(("a2.py", b"x = 1\n"), method=method)) == ({}, [("damaged", "a2.py")])


def test_the_last_of_two_equal_names_in_a_zip_counts_as_it_would_when_unpacked() -> None:
    contents, refused = unpack(a_zip(("a2.py", b"old old old"), ("a2.py", b"new")))
    assert contents == {"a2.py": b"new"}
    assert refused == [("two-uploads", "a2.py")]


@pytest.mark.parametrize("make", MAKERS)
def test_more_bytes_than_the_budget_are_refused_while_reading(make: Made) -> None:
    with pytest.raises(TooLarge, match="MB"):
        unpack(make(("zeros", bytes(3_000_000))), Budget(bytes=1_000_000))


@pytest.mark.parametrize("make", MAKERS)
def test_more_files_than_the_budget_are_refused(make: Made) -> None:
    with pytest.raises(TooLarge, match="files"):
        unpack(make(*((f"{number}.py", b"") for number in range(6))), Budget(entries=5))


def test_code_comes_out_of_a_zip_before_a_bomb_does() -> None:
    bomb = a_zip(("a_bomb", bytes(3_000_000)), ("model.py", b"x = 1\n"))
    entries = members(
        io.BytesIO(bomb), Budget(bytes=1_000_000), wanted=bool, urgent=lambda path: path.endswith(".py"), refuse=print
    )
    first = next(entries)
    assert (first.path, b"".join(first.chunks)) == ("model.py", b"x = 1\n")
    with pytest.raises(TooLarge):
        b"".join(next(entries).chunks)


def test_a_zip_that_lies_about_a_size_gives_no_more_than_it_claims() -> None:
    budget = Budget()
    with pytest.raises(ArchiveError, match="damaged"):
        unpack(claiming(a_zip(("a2.py", bytes(5_000_000))), 10), budget)
    assert Budget().bytes - budget.bytes <= 10


def test_a_tar_header_that_asks_for_much_memory_is_refused() -> None:
    info = tarfile.TarInfo("pax")
    info.type, info.size = tarfile.XHDTYPE, (1 << 33) - 1
    with pytest.raises(ArchiveError):
        unpack(gzip.compress(info.tobuf(tarfile.USTAR_FORMAT) + bytes(5_000_000)))


def test_a_tar_of_nothing_but_headers_spends_the_budget_too() -> None:
    folders = a_tar(more=[tar_entry(f"{number}", tarfile.DIRTYPE) for number in range(500)], gz=True)
    with pytest.raises(TooLarge):
        unpack(folders, Budget(bytes=100_000))


@pytest.mark.parametrize("make", MAKERS)
def test_what_is_not_wanted_is_neither_counted_nor_given(make: Made) -> None:
    archive = make(("junk/x", b"x" * 10), ("a2.py", b"y"), ("junk/y", b"z" * 10))
    contents, _ = unpack(archive, Budget(entries=1), wanted=lambda path: not path.startswith("junk/"))
    assert contents == {"a2.py": b"y"}


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("part", [0.1, 0.4, 0.6])
def test_a_truncated_archive_is_one_sentence(make: Made, part: float) -> None:
    whole = make(("a2.py", bytes(range(256)) * 40), ("b.py", b"y" * 5_000))
    with pytest.raises(ArchiveError) as refused:
        unpack(whole[: int(part * len(whole))])
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "content", [b"", b"PK", b"PK\5\6" + bytes(18), b"\x1f\x8b", b"Rar!\x1a\x07\x00", b"x" * 600, b"\xfd7zXZ\0"]
)
def test_what_is_not_an_archive_is_an_archive_error_or_empty(content: bytes) -> None:
    try:
        assert unpack(content) == ({}, [])
    except ArchiveError as refused:
        assert "damaged" in str(refused) or "breaks off" in str(refused)


@given(
    st.sampled_from(MAKERS),
    st.lists(st.tuples(st.integers(0, 2_000), st.integers(0, 255)), max_size=8),
    st.integers(0, 3_000),
)
def test_damage_anywhere_is_an_archive_error_and_never_another(
    make: Made, damage: list[tuple[int, int]], cut: int
) -> None:
    content = bytearray(make(("a2.py", b"x = 1\n" * 30), ("deep/b.ipynb", b"{}" * 50), ("c.pdf", bytes(200))))
    for place, value in damage:
        content[place % len(content)] = value
    budget = Budget(bytes=100_000)
    with suppress(ArchiveError):
        unpack(bytes(content[: max(len(content) - cut, 1)]), budget)
    assert budget.bytes >= 0


@given(st.binary(max_size=1_200), st.sampled_from([b"PK\3\4", b"\x1f\x8b\x08", b""]))
def test_noise_is_an_archive_error_and_never_another(noise: bytes, start: bytes) -> None:
    with suppress(ArchiveError):
        unpack(start + noise)


@given(
    st.lists(st.tuples(st.text(st.characters(exclude_categories=["Cs"])), st.binary(max_size=50)), max_size=5),
    st.sampled_from(MAKERS),
)
def test_nothing_is_written_whatever_the_names_in_an_archive(entries: list[tuple[str, bytes]], make: Made) -> None:
    before = set(Path.cwd().iterdir())
    contents, _ = unpack(make(*((name or "x", content) for name, content in entries)))
    assert all(".." not in path.split("/") for path in contents)
    assert set(Path.cwd().iterdir()) == before


@pytest.mark.parametrize(("name", "stem"), [("a.zip", "a"), ("a.b.TAR.GZ", "a.b"), ("a.tgz", "a"), ("a.tar", "a")])
def test_archives_are_known_by_their_endings(name: str, stem: str) -> None:
    assert is_archive(name)
    assert archive_stem(name) == stem
    assert not is_archive("a.7z")


def test_every_name_of_a_directory_is_spent_before_it_is_looked_at() -> None:
    packed = a_zip(*((f".git/{number}", b"") for number in range(50)))
    with pytest.raises(TooLarge, match="names"):
        unpack(packed, Budget(names=49), wanted=lambda path: False)


@pytest.mark.parametrize("kind", [tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.REGTYPE])
def test_every_member_of_a_tar_is_spent_whatever_it_is(kind: bytes) -> None:
    packed = a_tar(more=[tar_entry(f"{number}", kind, "x") for number in range(50)], gz=True)
    with pytest.raises(TooLarge, match="names"):
        unpack(packed, Budget(names=49), wanted=lambda path: False)


@pytest.mark.parametrize("make", MAKERS)
def test_a_name_in_too_many_folders_is_refused_and_the_rest_is_read(make: Made) -> None:
    contents, refused = unpack(make(("d/" * 31 + "x.py", b"bad"), ("d/" * 30 + "y.py", b"deep"), ("a2.py", b"x = 1\n")))
    assert sorted(map(len, contents)) == [5, 64]
    assert [kind for kind, _ in refused] == ["refused-name"]


@pytest.mark.parametrize("make", MAKERS)
def test_an_archive_ends_where_the_processor_time_is_used_up(make: Made) -> None:
    spent = CpuBudget(0.0, clock=lambda: 0.0)
    with pytest.raises(CpuUsedUp, match="processor time"):
        unpack(make(("a2.py", b"x = 1\n")), Budget(cpu=spent))
