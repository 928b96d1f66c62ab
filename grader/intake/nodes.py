"""Folders and archives as one kind of tree: a node is a file or a folder, on disk or in an archive."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import TypeAlias

from grader.cpu import CpuUsedUp
from grader.intake.archives import ArchiveError, Budget, members

__all__ = [
    "Node",
    "age",
    "beginning",
    "is_code",
    "is_junk",
    "is_lock_file",
    "is_web_page",
    "node_of",
    "packed_node",
    "path_of",
]


_MOST_ENTRIES = 100_000
"""Entries of one folder or archive that are looked at to find submissions."""
_MOST_BYTES = 200_000_000
"""Bytes of one archive that are unpacked to see its names."""


@dataclass(frozen=True)
class Node:
    """A name on disk or in an archive, before anything is read."""

    name: str
    kind: str
    """``folder``, ``file``, ``link`` or ``other``."""
    path: Path
    """Where it lies; for a member, the archive."""
    inside: str = ""
    """Path within the archive; empty on disk."""
    modified: float | None = None
    children: Callable[[], tuple[Node, ...]] = field(default=tuple, repr=False, compare=False)
    """What a folder holds, sorted by name. Raises OSError."""

    def trouble(self) -> str | None:
        """Why it cannot be opened; None if it can, as an archive's members always can."""
        if self.inside or self.kind not in ("folder", "file"):
            return None
        try:
            # A folder has to be readable and enterable; opening it would not show the latter.
            if os.access(self.path, os.R_OK | (os.X_OK if self.kind == "folder" else 0)):
                return None
            with os.scandir(self.path) if self.kind == "folder" else self.path.open("rb"):
                return os.strerror(errno.EACCES)
        except OSError as error:
            return error.strerror or type(error).__name__


def is_code(name: str) -> bool:
    """Whether a file of this name is code: a script or a notebook."""
    return name.lower().endswith((".py", ".ipynb"))


def is_web_page(name: str) -> bool:
    """Whether a file of this name is a web page, in which a browser may have saved code."""
    return name.lower().endswith((".html", ".htm"))


def is_lock_file(name: str) -> bool:
    """Whether a word processor keeps a file of this name beside a document that is open."""
    return name.startswith(("~$", ".~lock."))


_JUNK_FOLDERS = frozenset(
    {".git", ".svn", ".hg", "__macosx", ".ipynb_checkpoints", "__pycache__", "venv", ".venv", "site-packages"}
    | {"node_modules", ".idea", ".vscode", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".trash"}
)
_JUNK_FILES = frozenset({".ds_store", "thumbs.db", "desktop.ini", ".gitattributes", ".gitkeep"})


def is_junk(name: str, *, folder: bool) -> bool:
    """Whether the name belongs to what no student means to hand in: caches, version control, virtual environments."""
    lower = name.lower()
    return lower in _JUNK_FOLDERS if folder else lower in _JUNK_FILES or lower.startswith("._")


def node_of(path: Path) -> Node:
    """What lies at a path of the command line; links are followed there, and nowhere else. Raises OSError."""
    real = path.resolve(strict=True)
    name = path.name if path.name not in ("", "..") else real.name
    return replace(_node(real, real.stat()), name=name)


_Tree: TypeAlias = "dict[str, _Tree | float | None]"
"""Names of an archive's folder: to the folder's own tree, or to the time when a file was modified."""


def packed_node(path: Path) -> Node:
    """An archive as if it were unpacked, by the names in it. Raises ArchiveError, CpuUsedUp and OSError."""
    tree: _Tree = {}
    budget = Budget(bytes=_MOST_BYTES, entries=_MOST_ENTRIES)
    with path.open("rb") as file:
        for member in members(file, budget, wanted=lambda path: True, urgent=is_code, refuse=lambda *_: None):
            *folders, name = member.path.split("/")
            parent = tree
            for folder in folders:
                if folder not in parent:
                    budget.spend_names(1)
                child = parent.setdefault(folder, {})
                if not isinstance(child, dict):  # both a file and a folder: unpacking could not have both
                    break
                parent = child
            else:
                parent.setdefault(name, member.modified)
    return _packed(path, path.name, "", tree)


def path_of(node: Node) -> Path:
    """The node's path, to be shown; for a member, the archive's path goes on inside the archive."""
    return node.path / node.inside


def beginning(file: Node, most: int) -> bytes:
    """The first ``most`` bytes of a file on disk or in an archive; empty where it cannot be read."""
    try:
        with file.path.open("rb") as stream:
            if not file.inside:
                return stream.read(most)
            content = b""
            for entry in members(
                stream, Budget(entries=1), wanted=file.inside.__eq__, urgent=is_code, refuse=lambda *_: None
            ):
                for chunk in entry.chunks:
                    content += chunk
                    if len(content) >= most:
                        return content[:most]
            return content
    except (ArchiveError, CpuUsedUp, OSError):
        return b""


def age(node: Node) -> tuple[float, ...]:
    """A key by which nodes are sorted from old to new; a node whose time is unknown is the oldest."""
    return () if node.modified is None else (node.modified,)


def _node(path: Path, status: os.stat_result) -> Node:
    mode = status.st_mode
    kinds = ((stat.S_ISDIR, "folder"), (stat.S_ISREG, "file"), (stat.S_ISLNK, "link"))
    kind = next((name for test, name in kinds if test(mode)), "other")
    children = partial(_on_disk, path) if kind == "folder" else tuple
    return Node(path.name, kind, path, modified=status.st_mtime, children=children)


def _on_disk(folder: Path) -> tuple[Node, ...]:
    nodes = []
    with os.scandir(folder) as entries:
        for entry in islice(entries, _MOST_ENTRIES):
            try:
                nodes.append(_node(folder / entry.name, entry.stat(follow_symlinks=False)))
            except FileNotFoundError:
                continue  # gone since it was listed
    return tuple(sorted(nodes, key=lambda node: node.name))


def _packed(archive: Path, name: str, inside: str, tree: _Tree | float | None) -> Node:
    if not isinstance(tree, dict):
        return Node(name, "file", archive, inside, tree)

    def children() -> tuple[Node, ...]:
        return tuple(_packed(archive, below, str(PurePosixPath(inside, below)), tree[below]) for below in sorted(tree))

    return Node(name, "folder", archive, inside, None, children)
