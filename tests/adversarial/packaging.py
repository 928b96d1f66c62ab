"""Hostile files and names: what is read before any of it runs, and shown after."""

# ruff: noqa: E501 - attacks are data, one a line
from __future__ import annotations

import gzip
import io
import json
import pickle
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from .cases import HONEST, Case, code

__all__ = ["CASES"]

_ALL = ("cnn.architecture", "dilated.values")
_SOURCE = HONEST.encode()


def _packed(
    name: str, content: Callable[[], bytes], *, file: str = "handed-in.zip", kept: tuple[str, ...] = (), said: str = ""
) -> Case:
    return Case(
        f"packaging-{name}",
        "packaging",
        lambda folder: (folder / file).write_bytes(content()) and None,
        (),
        (),
        kept,
        said,
    )


def _files(name: str, files: dict[str, bytes], *, kept: tuple[str, ...] = (), said: str = "") -> Case:
    def make(folder: Path) -> None:
        for path, content in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)

    return Case(f"packaging-{name}", "packaging", make, (), (), kept, said)


def _zip(*entries: tuple[str, bytes], mode: int = 0) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries:
            info = zipfile.ZipInfo(name)
            info.compress_type, info.external_attr = zipfile.ZIP_DEFLATED, mode << 16
            archive.writestr(info, content)
    return target.getvalue()


def _tar(*entries: tuple[str, bytes, str]) -> bytes:
    """Name, kind and target, or the content of a plain file."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        for name, kind, link in entries:
            info = tarfile.TarInfo(name)
            if kind == tarfile.REGTYPE:
                info.size = len(link)
                archive.addfile(info, io.BytesIO(link.encode()))
            else:
                info.type, info.linkname = kind, link
                archive.addfile(info)
    return gzip.compress(target.getvalue(), mtime=0)


def _tar_bomb() -> bytes:
    info = tarfile.TarInfo("data.py")
    info.size = 260_000_000
    return gzip.compress(info.tobuf() + bytes(info.size + 1024), 1, mtime=0)


def _nested(levels: int) -> bytes:
    content = _zip(("colourization.py", _SOURCE))
    for _ in range(levels):
        content = _zip(("inner.zip", content))
    return content


def _notebook(metadata: object, source: object = HONEST, **more: object) -> bytes:
    cell = {"cell_type": "code", "metadata": metadata, "source": source, "outputs": [], "execution_count": None, **more}
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": [cell]}).encode(
        "utf-8", "surrogatepass"
    )


class _Bomb:
    def __reduce__(self) -> tuple[Callable[..., object], tuple[str, ...]]:
        return print, ("UNPICKLED-BY-THE-GRADER",)


def _links(folder: Path) -> None:
    (folder / "colourization.py").write_bytes(_SOURCE)
    base = folder.parent.parent
    for name, target in (
        ("notes.py", base / "home" / "notes.txt"), ("exam.py", base / "exam.txt"), ("etc", Path("/etc")), ("up", Path("..")),
        ("neighbour.py", folder.parent / "honest-neighbour" / "colourization.py"), ("round", Path("round")), ("zero.py", Path("/dev/zero")),
    ):  # fmt: skip
        (folder / name).symlink_to(target)


def _link_only(folder: Path) -> None:
    (folder / "colourization.py").symlink_to(folder.parent / "honest-neighbour" / "colourization.py")


def _fifo(folder: Path) -> None:
    import os

    os.mkfifo(folder / "colourization.py")


def _odd_names(folder: Path) -> None:
    (folder / "colourization.py").write_bytes(_SOURCE)
    for name in (
        b"new\nline.py", b"quote'\".py", b"<script>alert(1)<\xe2\x81\x84script>.py", b"\x1b[31mred\x07.py", b"\xe2\x80\xaegpj.py", b"\xff\xfe.py",
        b"=HYPERLINK(1).py", b"a" * 240 + b".py", b"-rf.py", b"$(touch owned).py", b"{{7*7}}.py", b"..py", b" .py",
    ):  # fmt: skip
        Path(folder, name.decode("utf-8", "surrogateescape")).write_bytes(b"x = 1\n")


def _quine() -> bytes:
    """An archive that is what its own entry holds, as far as a reader that follows entries can tell."""
    content = _zip(("r.zip", b""), ("colourization.py", _SOURCE))
    for _ in range(4):
        content = _zip(("r.zip", content), ("r/r.zip", content), ("colourization.py", _SOURCE))
    return content


def _overlapping(copies: int) -> bytes:
    """Entries of a central directory that all lie in the same place."""
    content = _zip(("a.txt", bytes(20_000_000)))
    at = content.index(b"PK\x01\x02")
    end = content.rindex(b"PK\x05\x06")
    entry, tail = content[at:end], bytearray(content[end:])
    tail[8:12] = copies.to_bytes(2, "little") * 2
    tail[12:16] = (len(entry) * copies).to_bytes(4, "little")
    return content[:at] + entry * copies + bytes(tail)


def _sized(name: str, size: int) -> bytes:
    """A tar whose only header promises more than follows."""
    info = tarfile.TarInfo(name)
    info.size = size
    return gzip.compress(info.tobuf(tarfile.GNU_FORMAT) + b"x = 1\n", mtime=0)


def _sparse() -> bytes:
    """A file of a terabyte of holes, in GNU's old form."""
    info = tarfile.TarInfo("colourization.py")
    info.type = tarfile.GNUTYPE_SPARSE
    header = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    header[483:495] = b"\x80\0\0\0" + (2**40).to_bytes(8, "big")
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return gzip.compress(bytes(header) + bytes(1024), mtime=0)


def _sockets(folder: Path) -> None:
    import os
    import socket

    (folder / "colourization.py").write_bytes(_SOURCE)
    before = Path.cwd()
    os.chdir(folder)  # the name of a socket has 107 bytes
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind("layers.py")
        os.mkfifo("models.ipynb")
    finally:
        os.chdir(before)


def _unreadable(folder: Path) -> None:
    (folder / "colourization.py").write_bytes(_SOURCE)
    (folder / "shut.py").write_bytes(b"x = 1")
    (folder / "shut.py").chmod(0)


def _deep(folder: Path) -> None:
    inner = folder.joinpath(*["d"] * 400)
    inner.mkdir(parents=True)
    (inner / "colourization.py").write_bytes(_SOURCE)
    (folder / "colourization.py").write_bytes(_SOURCE)


def _cells(*cells: dict[str, object], **more: object) -> bytes:
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells, **more}).encode()


def _cell(source: object) -> dict[str, object]:
    return {"cell_type": "code", "metadata": {}, "source": source, "outputs": [], "execution_count": None}


def _showing(text: str) -> bytes:
    """The honest source, with ``text`` as a network's exception, docstring and output."""
    raised = "return self.finalconv(self.upconv2(x))", f"print({text!a}); raise ValueError({text!a})"
    return HONEST.replace(*raised).replace("class CNN(nn.Module):", f"class CNN(nn.Module):\n    {text!a}").encode()


_MARKUP = "</pre></details><script>alert(1)</script> <img src=x onerror=alert(1)> [x](javascript:alert(1)) ```\n# h\n~~~ | a | b |"


def _named(name: str) -> Case:
    """The student's id is the attack."""
    return Case(name, "packaging", code(HONEST), (), (), _ALL)


CASES = [
    # archives
    _packed("dots-in-zip", lambda: _zip(("../../../exam.txt", b"x"), ("../honest-neighbour/colourization.py", b"x"), ("colourization.py", _SOURCE)), kept=_ALL),
    _packed("absolute-in-zip", lambda: _zip(("/etc/passwd", b"x"), ("C:\\windows\\x.py", b"x"), ("colourization.py", _SOURCE)), kept=_ALL),
    _packed("link-in-zip", lambda: _zip(("colourization.py", b"/etc/passwd"), mode=stat.S_IFLNK | 0o777)),
    _packed("bomb", lambda: _zip(("colourization.py", _SOURCE), ("data.bin", bytes(260_000_000))), said="200 MB"),
    _packed("bomb-of-source", lambda: _zip(("colourization.py", bytes(260_000_000)))),
    _packed("bomb-of-files", lambda: _zip(*((f"{n}.txt", b"") for n in range(10_500)), ("colourization.py", _SOURCE)), said="10,000"),
    _packed("nested", lambda: _nested(40)),
    _packed("names-in-zip", lambda: _zip(("a\nb.py", b"x=1"), ("<b>.py", b"x=1"), ("\x1b[2J.py", b"x=1"), ("colourization.py", _SOURCE)), kept=_ALL),
    _packed("the-same-name-twice", lambda: _zip(("colourization.py", _SOURCE), ("COLOURIZATION.PY", b"x = 1"))),
    _packed("truncated", lambda: _zip(("colourization.py", _SOURCE))[:-30]),
    _packed("no-zip", lambda: b"PK\x03\x04" + bytes(1000)),
    _packed("links-in-tar", lambda: _tar(("notes.py", tarfile.SYMTYPE, "../../home/notes.txt"), ("hard.py", tarfile.LNKTYPE, "/etc/passwd"), ("pipe.py", tarfile.FIFOTYPE, ""), ("null.py", tarfile.CHRTYPE, ""), ("colourization.py", tarfile.REGTYPE, HONEST)), file="x.tar.gz", kept=_ALL),
    _packed("dots-in-tar", lambda: _tar(("../../exam.txt", tarfile.REGTYPE, "x"), ("/exam.txt", tarfile.REGTYPE, "x"), ("colourization.py", tarfile.REGTYPE, HONEST)), file="x.tar.gz", kept=_ALL),
    _packed("bomb-in-tar", _tar_bomb, file="x.tar.gz", said="200 MB"),
    # links and names on the disk
    Case("packaging-links-out", "packaging", _links, (), (), _ALL),
    Case("packaging-link-to-the-neighbour", "packaging", _link_only, ("cnn.shapes", "cnn.architecture")),
    Case("packaging-pipe", "packaging", _fifo, ("cnn.shapes",)),
    Case("packaging-odd-names", "packaging", _odd_names, (), (), _ALL),
    # sources
    _files("fifty-megabytes", {"colourization.py": _SOURCE + b"\n# " + b"x" * 50_000_000}),
    _files("fifty-megabytes-of-code", {"colourization.py": b"x = 1\n" * 8_000_000}),
    _files("nesting", {"colourization.py": _SOURCE + b"\nx = " + b"(" * 10_000 + b")" * 10_000}),
    _files("nesting-of-minus", {"colourization.py": _SOURCE + b"\nx = " + b"-" * 100_000 + b"1"}),
    _files("nesting-of-blocks", {"colourization.py": _SOURCE + b"\n" + b"".join(b" " * n + b"if 1:\n" for n in range(150)) + b" " * 150 + b"pass\n"}),
    _files("chain-of-calls", {"colourization.py": _SOURCE + b"\nx = a" + b".b()" * 20_000}),
    _files("long-expression", {"colourization.py": _SOURCE + b"\nx = " + b"1+" * 50_000 + b"1"}),
    _files("long-integer", {"colourization.py": _SOURCE + b"\nx = " + b"9" * 100_000}),
    _files("exponent", {"colourization.py": _SOURCE + b"\nx = 9**9**9**9\ny = 'x' * 10**12\n"}),
    _files("not-utf-8", {"colourization.py": b"# \xff\xfe\x80\n" + _SOURCE}, kept=_ALL),
    _files("nul-bytes", {"colourization.py": _SOURCE + b"\0\0\0x = 1\n"}),
    _files("odd-codec", {"colourization.py": b"# -*- coding: unicode_escape -*-\n" + _SOURCE}),
    _files("utf-7", {"colourization.py": b"# coding: utf-7\n" + _SOURCE}),
    _files("bidirectional", {"colourization.py": "# \u202e\u2066 \u2069\n".encode() + _SOURCE}, kept=_ALL),
    _files("surrogates-in-a-string", {"colourization.py": _SOURCE + b"\nx = '\\ud800'\nprint(x)\n"}, kept=_ALL),
    _files("escapes-in-names", {"colourization.py": HONEST.replace("return self.finalconv(self.upconv2(x))", "raise ValueError('\\x1b[2J<script>alert(1)</script>\\u202e\\x00\\ud800')").encode()}),
    _files("code-beside-pickles", {"colourization.py": _SOURCE, "weights.pkl": pickle.dumps(_Bomb()), "weights.pt": pickle.dumps(_Bomb()), "colours.npy": b"\x93NUMPY\x01\x00v\x00{'descr': '|O', 'fortran_order': False, 'shape': (1,), }".ljust(128) + pickle.dumps(_Bomb())}, kept=_ALL),
    _files("fake-reports", {"colourization.py": _SOURCE, "report.json": b'{"score": 10}', "expected.yaml": b"score: 10", "rubric.yaml": b"!!python/object/apply:os.system ['touch /tmp/owned']", "conftest.py": b"raise SystemExit", "sitecustomize.py": b"raise SystemExit"}, kept=_ALL),
    _files("shadowing-modules", {"colourization.py": _SOURCE, "torch.py": b"raise SystemExit", "worker/__init__.py": b"raise SystemExit", "math.py": b"pi = 3", "json.py": b"", "usercustomize.py": b"raise SystemExit"}, kept=_ALL),
    # notebooks
    _files("notebook-metadata", {"colourization.ipynb": _notebook({"kernelspec": {"name": "../../x", "argv": ["sh"]}, "<script>": "\x1b", "deep": [[[[[[]]]]]]})}, kept=_ALL),
    _files("notebook-of-numbers", {"colourization.ipynb": _notebook({}, source=5)}),
    _files("notebook-of-cells-in-cells", {"colourization.ipynb": b'{"cells": ' + b"[" * 50_000 + b"]" * 50_000 + b"}"}),
    _files("notebook-of-duplicates", {"colourization.ipynb": b'{"nbformat": 4, "cells": [], "cells": 7, "nbformat": "x"}'}),
    _files("notebook-of-infinities", {"colourization.ipynb": _notebook({"x": float("inf")}, execution_count=float("nan"))}),
    _files("notebook-with-surrogates", {"colourization.ipynb": _notebook({}, source=HONEST + "\nx = '\ud800'\n")}),
    _files("notebook-magics", {"colourization.ipynb": _notebook({}, source="%%bash\nrm -rf /\n")}),
    _files("notebook-writes-files", {"colourization.ipynb": _notebook({}, source="%%writefile ../../../exam.txt\nowned\n")}),
    _files("notebook-of-empty-cells", {"colourization.ipynb": _cells(*[_cell("")] * 100_000, _cell(HONEST))}),
    _files("notebook-of-nested-lines", {"colourization.ipynb": _cells(_cell([["x = 1"], [[HONEST]]]), _cell({"a": 1}), _cell([None, 5, HONEST]))}),
    _files("notebook-of-lines", {"colourization.ipynb": _cells(_cell(HONEST.splitlines(keepends=True)))}, kept=_ALL),
    _files("notebook-of-format-2", {"colourization.ipynb": json.dumps({"nbformat": 2, "metadata": {}, "worksheets": [{"cells": [{"cell_type": "code", "input": HONEST, "language": "python", "outputs": []}]}]}).encode()}),
    _files("notebook-of-format-99", {"colourization.ipynb": _cells(_cell(HONEST), nbformat=99)}),
    _files("notebook-of-format-huge", {"colourization.ipynb": _cells(_cell(HONEST)).replace(b'"nbformat": 4', b'"nbformat": ' + b"9" * 5000)}),
    _files("notebook-with-a-mark", {"colourization.ipynb": b"\xef\xbb\xbf" + _cells(_cell(HONEST))}, kept=_ALL),
    _files("notebook-of-utf-16", {"colourization.ipynb": _cells(_cell(HONEST)).decode().encode("utf-16")}),
    _files("notebook-outputs", {"colourization.ipynb": _cells({**_cell(HONEST), "outputs": [{"output_type": "display_data", "metadata": {}, "data": {"text/html": _MARKUP, "image/png": "////" * 1000, "image/svg+xml": _MARKUP}}]}, {"cell_type": "markdown", "metadata": {}, "source": _MARKUP})}, kept=_ALL),
    # more archives
    _packed("quine", _quine, kept=_ALL),
    _packed("overlapping", lambda: _overlapping(500)),
    _packed("promising-in-tar", lambda: _sized("colourization.py", 2**40), file="x.tar.gz"),
    _packed("negative-in-tar", lambda: _sized("colourization.py", -5), file="x.tar.gz"),
    _packed("sparse-in-tar", _sparse, file="x.tar.gz"),
    _packed("hard-link-in-tar", lambda: _tar(("a.py", tarfile.LNKTYPE, "colourization.py"), ("colourization.py", tarfile.REGTYPE, HONEST), ("colourization.py", tarfile.LNKTYPE, "../../exam.txt")), file="x.tar.gz"),
    _packed("device-names", lambda: _zip(("con.py", b"x = 1"), ("nul", b""), ("aux.py/lpt1.py", b"x = 1"), ("\\\\host\\share\\x.py", b"x = 1"), ("file:stream.py", b"x = 1"), ("colourization.py", _SOURCE)), kept=_ALL),
    _packed("names-of-dots", lambda: _zip(("...", b""), (" ", b""), (". .py", b"x = 1"), ("a/./../b.py", b"x = 1"), ("a//b.py", b"x = 1"), ("", b""), ("colourization.py", _SOURCE)), kept=_ALL),
    _packed("colliding-in-zip", lambda: _zip(("caf\u00e9.py", b"x = 1"), ("cafe\u0301.py", b"x = 2"), ("A/b.py", b""), ("a/B.py", b""), ("colourization.py", _SOURCE)), kept=_ALL),
    _packed("file-that-is-a-folder", lambda: _zip(("a", b"x"), ("a/b.py", b"x = 1"), ("colourization.py/x.py", b"x = 1"), ("colourization.py", _SOURCE))),
    _packed("long-names-in-zip", lambda: _zip(("n" * 60_000 + ".py", b"x = 1"), ("/".join("d" * 5000) + "/a.py", b"x = 1"), ("colourization.py", _SOURCE)), kept=_ALL),
    _packed("zip-named-python", lambda: _zip(("colourization.py", _SOURCE)), file="colourization.py"),
    _packed("pickle-named-python", lambda: pickle.dumps(_Bomb()), file="colourization.py"),
    Case("packaging-sockets", "packaging", _sockets, (), (), _ALL),
    Case("packaging-unreadable", "packaging", _unreadable, (), (), _ALL),
    Case("packaging-deep-folders", "packaging", _deep),
    # more sources
    _files("hundred-thousand-lines", {"colourization.py": _SOURCE + b"\n" + b"".join(b"v%d = %d\n" % (n, n) for n in range(100_000))}),
    _files("ten-thousand-classes", {"colourization.py": b"".join(b"class C%d: pass\n" % n for n in range(10_000)) + _SOURCE}),
    _files("ten-thousand-uses", {"colourization.py": b"import torch\n" + b"".join(b"def f%d(x): return f%d(torch.conv2d(x, x))\n" % (n, n + 1) for n in range(10_000)) + _SOURCE.replace(b"return self.finalconv(", b"f0; return self.finalconv(")}),
    _files("ten-thousand-aliases", {"colourization.py": b"import torch\na0 = torch\n" + b"".join(b"a%d = a%d\n" % (n + 1, n) for n in range(10_000)) + _SOURCE}),
    _files("utf-16", {"colourization.py": HONEST.encode("utf-16")}),
    _files("no-known-codec", {"colourization.py": b"# coding: no-such-codec\n" + _SOURCE}),
    _files("nul-only", {"colourization.py": bytes(100_000)}),
    _files("carriage-returns", {"colourization.py": _SOURCE.replace(b"\n", b"\r")}),
    _files("markup-everywhere", {"colourization.py": _showing(_MARKUP)}),
    _files("escapes-everywhere", {"colourization.py": _showing("\x1b]0;owned\x07\x1b[2J\u202e\u2066\x00\x9b31m\r\n=1+1")}),
    _files("classes-named-oddly", {"colourization.py": _SOURCE + "\nclass \u202eXNN(nn.Module): pass\nclass \u0421NN(nn.Module): pass\nclass \uff23\uff2e\uff2e(nn.Module): pass\n".encode()}),
    # who hands in
    _named(" =1+1"),
    _named("\t=1+1"),
    _named("\r@SUM(1)"),
    _named("\uff1d1+1"),
    _named("colliding-Case"),
    _named("colliding-case"),
    _named("colliding-\u00e9"),
    _named("colliding-e\u0301"),
    _named("colliding/".replace("/", "\u2215")),
    _named(" "),
    _named("..."),
    _named(". ."),
    _named("\x9b31m"),
    _named("e" * 255),
    _named("<\u2215title><script>alert(1)<\u2215script>"),
    _named("[x](javascript:alert(1)) `|` *b* _i_"),
    _named("<img src=x onerror=alert(1)>"),
    _named("=HYPERLINK(\"http:⁄⁄x\")"),
    _named("+1-1|cmd"),
    _named("@SUM(1)"),
    _named("new\nline\r"),
    _named("\u202egnp\u2066"),
    _named("esc\x1b[2J\x07"),
    _named("quote'\"&lt;"),
    _named("{{7*7}}${7*7}%s%n"),
    _named("-rf"),
    _named("con"),
    _named("surrogate\udcff"),
    _named("x" * 200),
]  # fmt: skip
