"""Folders on disk and archives are the same tree of nodes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from archive_makers import a_zip
from laid_out import lay

from grader.intake.archives import ArchiveError
from grader.intake.nodes import Node, age, is_code, is_junk, node_of, packed_node, path_of

NAMES = ("a2/models.py", "a2/data/horses.npz", "a2.ipynb")


def tree(node: Node) -> object:
    """A folder's children by name, and the kind of anything else."""
    return {child.name: tree(child) for child in node.children()} if node.kind == "folder" else node.kind


def test_an_archive_has_the_tree_that_unpacking_it_would_make(tmp_path: Path) -> None:
    (tmp_path / "a2.zip").write_bytes(a_zip(*((name, b"x = 1\n") for name in NAMES)))
    assert tree(packed_node(tmp_path / "a2.zip")) == tree(node_of(lay(tmp_path / "folder", *NAMES)))


def test_a_name_that_is_both_a_file_and_a_folder_is_what_comes_first(tmp_path: Path) -> None:
    (tmp_path / "a2.zip").write_bytes(a_zip(("a", b"a file that comes after the code"), ("a/b.py", b"x = 1")))
    assert tree(packed_node(tmp_path / "a2.zip")) == {"a": {"b.py": "file"}}
    (tmp_path / "a2.zip").write_bytes(a_zip(("a", b""), ("a/b.txt", b"a file that is larger")))
    assert tree(packed_node(tmp_path / "a2.zip")) == {"a": "file"}


def test_what_is_not_an_archive_is_an_archive_error(tmp_path: Path) -> None:
    (tmp_path / "a2.zip").write_bytes(b"PK broken")
    with pytest.raises(ArchiveError):
        packed_node(tmp_path / "a2.zip")


def test_links_are_followed_on_the_command_line_and_nowhere_else(tmp_path: Path) -> None:
    lay(tmp_path / "folder", "a2.py")
    (tmp_path / "folder" / "inner").symlink_to(tmp_path)
    (tmp_path / "outer").symlink_to(tmp_path / "folder")
    node = node_of(tmp_path / "outer")
    assert (node.name, node.path) == ("outer", tmp_path.resolve() / "folder")
    assert tree(node) == {"a2.py": "file", "inner": "link"}


def test_pipes_are_neither_files_nor_folders(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert tree(node_of(tmp_path)) == {"pipe": "other"}


def test_children_are_sorted_by_name_and_have_paths_to_be_shown(tmp_path: Path) -> None:
    lay(tmp_path, "b.py", "a.py")
    children = node_of(tmp_path).children()
    assert [child.name for child in children] == ["a.py", "b.py"]
    assert [path_of(child) for child in children] == [tmp_path / "a.py", tmp_path / "b.py"]
    (tmp_path / "a2.zip").write_bytes(a_zip(("src/a.py", b"")))
    (folder,) = packed_node(tmp_path / "a2.zip").children()
    assert path_of(folder.children()[0]) == tmp_path / "a2.zip" / "src" / "a.py"


def test_nodes_are_sorted_from_old_to_new_and_unknown_times_come_first(tmp_path: Path) -> None:
    old, new, unknown = (
        Node(name, "file", tmp_path, modified=at) for name, at in (("o", 1.0), ("n", 2.0), ("u", None))
    )
    assert sorted([new, old, unknown], key=age) == [unknown, old, new]


@pytest.mark.parametrize(
    ("name", "code"), [("A2.PY", True), ("a2.ipynb", True), ("a2.pyc", False), ("py", False), ("a2.py.txt", False)]
)
def test_scripts_and_notebooks_are_code_by_their_endings(name: str, code: bool) -> None:
    assert is_code(name) == code


def test_junk_is_known_by_name_whatever_its_case() -> None:
    assert is_junk("__pycache__", folder=True) and is_junk(".GIT", folder=True)
    assert is_junk("Thumbs.db", folder=False) and is_junk("._a2.py", folder=False)
    assert not is_junk("__pycache__", folder=False) and not is_junk("data", folder=True)
