"""Every module that reads something is on the page of readers, with its bound."""

from __future__ import annotations

import ast
import re

import pytest
from places import ROOT

PAGE = "docs/readers.md"
_FUNCTIONS = frozenset(
    {"open", "input", "load_workbook", "sys.stdin.read", "socket.recv_fds", "frames.read", "frames.decode"}
    | {"os.read", "os.open", "os.fdopen", "os.scandir", "os.walk", "os.listdir", "os.readlink", "mmap.mmap"}
    | {"zipfile.ZipFile", "tarfile.open", "gzip.GzipFile", "gzip.open", "gzip.decompress", "zlib.decompress"}
    | {"json.load", "json.loads", "msgspec.convert", "csv.reader", "csv.DictReader", "tomllib.load", "tomllib.loads"}
    | {"yaml.load", "yaml.load_all", "yaml.compose", "yaml.safe_load", "ast.parse", "tokenize.detect_encoding"}
    | {"sqlite3.connect", "np.load", "numpy.load", "torch.load", "Image.open", "base64.b64decode", "urlopen"}
    | {"ElementTree.parse", "ElementTree.fromstring", "pdfium.PdfDocument", "PdfReader", "PdfDocument"}
)
_METHODS = frozenset(
    {"open", "read_bytes", "read_text", "recv", "recv_into", "recvmsg", "iterdir", "rglob", "glob"}
) | {
    *("extractfile", "feed", "makefile"),
}


def reads(source: str) -> set[str]:
    """The calls in a source by which something is opened, listed, unpacked or parsed."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    functions = {ast.unparse(call.func) for call in calls} & _FUNCTIONS
    methods = {
        f".{call.func.attr}" for call in calls if isinstance(call.func, ast.Attribute) if call.func.attr in _METHODS
    }
    return functions | methods


def on_the_page() -> set[str]:
    return set(re.findall(r"`(grader/[\w/]+\.py)`", (ROOT / PAGE).read_text("utf-8")))


READERS = {
    path.relative_to(ROOT).as_posix(): found
    for path in sorted((ROOT / "grader").rglob("*.py"))
    if (found := reads(path.read_text("utf-8")))
}


def test_every_reader_is_on_the_page() -> None:
    missing = {path: sorted(found) for path, found in READERS.items() if path not in on_the_page()}
    assert missing == {}, f"say in {PAGE} what these modules read, in which process, and under which bound"


def test_what_is_on_the_page_is_there() -> None:
    assert [path for path in sorted(on_the_page()) if not (ROOT / path).is_file()] == []


def test_every_line_of_the_page_has_a_bound() -> None:
    rows = [line for line in (ROOT / PAGE).read_text("utf-8").splitlines() if re.match(r"\| (?!what \|)[^-]", line)]
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    assert len(rows) >= 20
    assert [row for row in cells if len(row) != 3 or not all(row) or "`" not in row[1]] == []


@pytest.mark.parametrize(
    "line",
    ["x = open('a')", "path.read_bytes()", "zipfile.ZipFile(a)", "json.loads(x)", "a.b.open('rb')", "csv.reader(f)"],
)
def test_a_new_reader_is_found(line: str) -> None:
    assert reads(f"def read(path):\n    {line}\n")


def test_code_that_reads_nothing_is_no_reader() -> None:
    assert not reads("def add(a, b):\n    return sorted(a) + b.split()\n")
