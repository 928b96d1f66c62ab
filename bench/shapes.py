"""Files that are made to take time: each shape at any size, for ``bench/linear.py``.

A size is what grows, in files, cells, lines or characters; the bytes handed in grow in proportion.
"""

# ruff: noqa: E501 - shapes are data, one a line
from __future__ import annotations

import gzip
import io
import json
import tarfile
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["SHAPES", "Shape"]

Files = dict[str, bytes]


@dataclass(frozen=True)
class Shape:
    """A kind of submission that can have any size."""

    name: str
    smallest: int
    """The size that is doubled."""
    files: Callable[[int], Files]
    """Contents by path, beside a right solution."""

    def make(self, folder: Path, size: int) -> int:
        """Write the files into a folder, and return how many bytes they have."""
        files = self.files(size)
        for path, content in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
        return sum(map(len, files.values()))


def a_zip(entries: Iterable[tuple[str, bytes]]) -> bytes:
    """A zip of these names and contents, as small as it can be."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in entries:
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return target.getvalue()


def a_directory(names: Iterable[str]) -> bytes:
    """A zip whose directory has all these names for one and the same empty file."""
    whole = a_zip([("x", b"")])
    start = whole.index(b"PK\x01\x02")
    entry, end = whole[start : start + 46], bytearray(whole[whole.index(b"PK\x05\x06") :])
    directory = b"".join(
        entry[:28] + len(name).to_bytes(2, "little") + entry[30:46] + name for name in map(str.encode, names)
    )
    count = min(len(directory) // 46, 65_535)
    end[8:12] = count.to_bytes(2, "little") * 2
    end[12:16] = len(directory).to_bytes(4, "little")
    end[16:20] = start.to_bytes(4, "little")
    return whole[:start] + directory + bytes(end)


def a_tar(names: Iterable[str], kind: bytes = tarfile.REGTYPE) -> bytes:
    """A gzipped tar of empty members of one kind."""
    target = io.BytesIO()
    for name in names:
        info = tarfile.TarInfo(name)
        info.type, info.linkname = kind, "x" if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE) else ""
        target.write(info.tobuf(tarfile.GNU_FORMAT))
    return gzip.compress(target.getvalue() + bytes(1024), 1)


def a_notebook(cells: bytes) -> bytes:
    return b'{"nbformat": 4, "metadata": {}, "cells": [' + cells + b"]}"


def a_cell(kind: str, source: object) -> bytes:
    return json.dumps({"cell_type": kind, "metadata": {}, "outputs": [], "source": source}).encode()


def _script(text: str) -> Files:
    return {"colourization.py": text.encode()}


def _notebook(cells: Iterable[bytes]) -> Files:
    return {"colourization.ipynb": a_notebook(b",".join(cells))}


def _lines(line: str, count: int) -> str:
    return "".join(line.replace("#", str(number)) for number in range(count))


_CNN = "import torch.nn as nn\nclass CNN(nn.Module):\n    def __init__(self, kernel, num_filters, num_colours, num_in_channels):\n        super().__init__()\n"
_DEEP = "/".join(["d"] * 400)


def _methods(count: int) -> Files:
    """A class of as many methods as calls."""
    return _script(_CNN + _lines("    def m#(self): nn.Conv2d(1, 1, 1)\n", count))


def _namesakes(count: int) -> Files:
    """Files of one name in many folders, each importing that name."""
    return {f"f{number}/net.py": b"import net\nx = 1\n" for number in range(count)}


def _rivals(count: int) -> Files:
    """Files that compete two by two, with one long class in common."""
    body = "class UNet(nn.Module):\n" + _lines("    a# = #\n", 25_000 // 16)
    return {
        f"v{number:03}.py": (
            f"import torch.nn as nn\n{body}class {('CNN', 'UNet2')[number % 2]}(nn.Module):\n    b = {number // 2}\n"
        ).encode()
        for number in range(min(count, 110))
    }


SHAPES = (
    # archives
    Shape("zip: empty files", 500, lambda n: {"a.zip": a_zip((f"{i}.txt", b"") for i in range(n))}),
    Shape("zip: names of junk", 5_000, lambda n: {"a.zip": a_directory(f".git/{i}" for i in range(n))}),
    Shape("zip: refused names", 5_000, lambda n: {"a.zip": a_directory(f"../{i}" for i in range(n))}),
    Shape("zip: deep names", 250, lambda n: {"a.zip": a_directory(f"{_DEEP}/{i}.py" for i in range(n))}),
    Shape("zip in zip: names", 10_000, lambda n: {"a.zip": a_zip([("b.zip", a_directory(f".git/{i}" for i in range(n)))])}),
    Shape("zip in zip: deep names", 500, lambda n: {"a.zip": a_zip([("b.zip", a_directory(f"{_DEEP}/{i}.py" for i in range(n)))])}),
    Shape("zip of zips", 100, lambda n: {"a.zip": a_zip((f"{i}.zip", a_directory(f".git/{k}" for k in range(1_000))) for i in range(n))}),
    Shape("zip of zips: one name each", 250, lambda n: {"a.zip": a_zip((f"{i}.zip", a_zip([("x.txt", b"")])) for i in range(n))}),
    Shape("zip: zeros", 8_000_000, lambda n: {"a.zip": a_zip([("data.bin", bytes(n))])}),
    Shape("zip: scripts of one line", 500, lambda n: {"a.zip": a_zip((f"m{i}.py", b"x = 1\n") for i in range(n))}),
    Shape("zip: scripts of 1 MB", 8, lambda n: {"a.zip": a_zip((f"m{i}.py", b"x = 1 #" + b"1" * 1_000_000) for i in range(n))}),
    Shape("tar: empty files", 2_500, lambda n: {"a.tar.gz": a_tar(f"{i}.txt" for i in range(n))}),
    Shape("tar: folders", 5_000, lambda n: {"a.tar.gz": a_tar((f"{i}" for i in range(n)), tarfile.DIRTYPE)}),
    Shape("tar: links", 5_000, lambda n: {"a.tar.gz": a_tar((f"{i}" for i in range(n)), tarfile.SYMTYPE)}),
    # files
    Shape("files: many", 500, lambda n: {f"d{i % 50}/{i}.txt": b"" for i in range(n)}),
    Shape("files: one name, each imports it", 125, _namesakes),
    Shape("files: rivals", 7, _rivals),
    Shape("files: named alike", 500, lambda n: {f"colourization ({i}).py": b"x = 1\n" for i in range(n)}),
    # notebooks
    Shape("notebook: empty objects", 250_000, lambda n: _notebook([b"{}"] * n)),
    Shape("notebook: empty objects, zipped", 400_000, lambda n: {"a.zip": a_zip(_notebook([b"{}"] * n).items())}),
    Shape("notebook: numbers in an output", 250_000, lambda n: _notebook([b'{"cell_type": "code", "source": "x=1", "outputs": [' + b",".join([b"1"] * n) + b"]}"])),
    Shape("notebook: cells", 300, lambda n: _notebook([a_cell("code", "x = 1")] * n)),
    Shape("notebook: a huge number", 250_000, lambda n: _notebook([b"1" * n])),
    Shape("notebook: nested lists", 250_000, lambda n: _notebook([b"[" * n + b"]" * n])),
    Shape("notebook: headings", 12_000, lambda n: _notebook([a_cell("markdown", "# `a`\n" * n)])),
    Shape("notebook: headings in many cells", 300, lambda n: _notebook([a_cell("markdown", "# [a](b)\n" * 500)] * n)),
    Shape("notebook: lists of lines", 50_000, lambda n: _notebook([a_cell("code", ["x = 1"] * n)])),
    Shape("notebook: broken cells", 150, lambda n: _notebook([a_cell("code", "def f(:\n    pass\n" * 20)] * n)),
    # scripts
    Shape("script: one long line", 125_000, lambda n: _script("x = '" + "a" * n + "'\n")),
    Shape("script: a long sum", 2_000, lambda n: _script("x = " + "1+" * n + "1\n")),
    Shape("script: short lines", 10_000, lambda n: _script("x = 1\n" * n)),
    Shape("script: calls times methods", 500, _methods),
    Shape("script: imports", 1_000, lambda n: _script(_lines("import mod#\n", n))),
    Shape("script: imports in many files", 6, lambda n: {f"part{i}.py": _lines(f"import part_{i}_#\n", 2_000).encode() for i in range(n)}),
    Shape("script: chains of names", 100, lambda n: _script("import torch\n" + ("torch" + ".nn" * 90 + ".x()\n") * n)),
    Shape("script: one chain of names", 60, lambda n: _script("import torch\ntorch" + ".nn" * n + ".x()\n")),
    Shape("script: aliases of aliases", 1_000, lambda n: _script("import torch as a0\n" + "".join(f"a{i + 1} = a{i}.nn\n" for i in range(n)) + f"a{n}.x()\n")),
    Shape("script: an alias bound often", 500, lambda n: _script("import torch\n" + _lines("f = torch.a#\n", n) + "f.b()\n" * n)),
    Shape("script: broken functions", 1_000, lambda n: _script(_lines("def f#(:\n    pass\n", n))),
    Shape("script: functions that do not compile", 1_000, lambda n: _script(_lines("def f#(a, a): pass\n", n))),
    Shape("script: an open bracket", 2_000, lambda n: _script("x = (\n" + "y = 1\n" * n)),
    Shape("script: open brackets", 1_000, lambda n: _script("x = (1,\n" * n)),
    Shape("script: prose", 2_000, lambda n: _script("This is not Python, but prose.\n" * n)),
    Shape("script: quotes", 2_000, lambda n: _script('"\'\n' * n)),
    Shape("script: open triple quotes", 2_000, lambda n: _script("'''a\n\"\"\"\n" * n + "'")),
    Shape("script: backslashes", 4_000, lambda n: _script("\\\n" * n)),
    Shape("script: blanks", 60_000, lambda n: _script(" " * n + "x\n")),
    Shape("script: Python 2", 2_000, lambda n: _script("print 'a', 1 / 2\n" * n)),
    Shape("script: a long print of Python 2", 2_000, lambda n: _script("print " + "a, " * n + "\n")),
    Shape("script: commands of IPython", 2_000, lambda n: {"colourization.ipynb": a_notebook(a_cell("code", "!ls (\n%time x = 1\n" * n))}),
    Shape("script: classes", 2_000, lambda n: _script(_lines("class C#: pass\n", n))),
    Shape("script: functions that use each other", 1_000, lambda n: _script("import torch.nn as nn\n" + "".join(f"def f{i}(): return f{i + 1}(nn.Conv2d(1, 1, 1))\n" for i in range(n)) + _CNN + "        f0()\n    def forward(self, x): return x\n")),
    Shape("script: nested blocks", 12, lambda n: _script("".join(" " * i + "if 1:\n" for i in range(min(n, 99))) + " " * min(n, 99) + "pass\n")),
    Shape("script: tabs and blanks", 2_000, lambda n: _script("if 1:\n\tx = 1\n        y = 1\n" * n)),
    Shape("script: texts that are put together", 1_000, lambda n: _script("import torch\ngetattr(torch, " + "'a' + " * n + "'b')\n")),
    Shape("script: combining marks", 60_000, lambda n: _script("# a" + "\u0301" * n + "\nx = (\n")),
    Shape("script: no UTF-8", 120_000, lambda n: {"colourization.py": b"x = 1 # \xff\xfe" + b"\x80" * n}),
    Shape("web page: open tags", 10_000, lambda n: _script("<!doctype html><pre>" + "<b>x" * n)),
    Shape("web page: end tags", 10_000, lambda n: _script("<!doctype html>" + "<i>" * n + "</p>" * n)),
    Shape("web page: signs", 60_000, lambda n: {"colourization.html": b"<!doctype html><pre>" + b"<!" * n}),
    # what is shown
    Shape("shown: backticks", 1_000, lambda n: _script(_lines("def f#(: `" + "a" * 100 + "\n", n))),
    Shape("shown: lines left out", 2_000, lambda n: _script(_lines("print('\U0001f600\u202e' * #)\n", n))),
    Shape("shown: what it prints", 4_000, lambda n: _script(f"print('\\U0001f600\\n<&\\x1b' * {n})\n" + _CNN.replace("super()", f"print('<&' * {n}); super()"))),
)  # fmt: skip
