"""Student source to statements, each on the line that it has in the student's file or cell."""

from __future__ import annotations

import code_files
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sources import code, notebook, script

from grader.worker.protocol import Cell, CodeFile
from grader.worker.source.reading import read


def test_valid_source_is_left_alone():
    piece = script("import os\n\n\ndef f(x):\n    return x / 2\n").pieces[0]
    assert code(piece) == [(1, "import os"), (4, "def f(x):\n    return x / 2")]
    assert not piece.problems and not piece.notes


def test_a_cell_that_writes_python_is_a_file_with_the_lines_of_the_cell():
    sources = notebook("import models", "%%writefile models.py\n\nclass CNN:\n    pass\n")
    assert [source.path for source in sources] == ["a2.ipynb", "models.py"]
    assert sources[1].written_by == "a2.ipynb"
    assert [(part.name, code(part)) for part in sources[1].pieces] == [
        ("a2.ipynb, cell 2", [(3, "class CNN:\n    pass")])
    ]


@pytest.mark.parametrize(
    ("argument", "path"),
    [
        ("models.py", "models.py"),
        ("./lib/models.py", "lib/models.py"),
        ("-a models.py", "models.py"),
        ("'my models.py'", "my models.py"),
        ("/content/drive/My Drive/a2/models.py", "models.py"),
        ("../models.py", "models.py"),
        ("C:\\work\\models.py", "models.py"),
    ],
)
def test_a_cell_writes_python_into_any_folder(argument, path):
    _, written = notebook(f"\n%%writefile {argument}\nx = 1")
    assert written.path == path and code(written.pieces[0]) == [(3, "x = 1")]


def test_a_cell_that_writes_a_file_anew_replaces_it_and_one_that_appends_adds_to_it():
    cells = "%%writefile m.py\nx = 1", "%%writefile m.py\nx = 2", "%%file -a m.py\ny = 3"
    _, written = notebook(*cells)
    assert [code(piece) for piece in written.pieces] == [[(2, "x = 2")], [(2, "y = 3")]]


def test_a_file_that_was_handed_in_wins_over_one_that_a_cell_writes():
    sources = read(
        [
            code_files.notebook("%%writefile models.py\nx = 1", path="a.ipynb"),
            code_files.script("x = 2", "models.py"),
        ]
    )
    assert [(source.path, source.written_by) for source in sources] == [("a.ipynb", None), ("models.py", None)]


def test_a_cell_without_a_number_gets_its_place():
    source = read([CodeFile("a.ipynb", (Cell(None, "x = 1"), Cell(None, "y = 2")))])[0]
    assert [piece.name for piece in source.pieces] == ["a.ipynb, cell 1", "a.ipynb, cell 2"]


def test_line_ends_of_any_system_and_a_byte_order_mark_are_no_problem():
    piece = script("\ufeffx = 1\r\ny = 2\rz = 3\n").pieces[0]
    assert code(piece) == [(1, "x = 1"), (2, "y = 2"), (3, "z = 3")]


def test_annotations_imported_from_the_future_hold_for_the_whole_file():
    assert script("from __future__ import annotations\nx: Undefined = 1").flags != 0
    assert script("x = 1").flags == 0


FRAGMENTS = st.sampled_from(
    [
        *("class A:\n", "    x = 1\n", "@d\n", "def f():\n", "else:\n", "import os\n", "print x\n", "lambda:", "[1,\n"),
        *("%time\n", "!ls\n", "?", "%%bash\n", "0777", "<>", "`", "é", "\0", "\ufeff"),
        *("\t", "\n", " ", "#", "(", ")", '"""', "'", "\\\n"),
    ]
)


@given(st.lists(FRAGMENTS, max_size=25).map("".join))
def test_any_text_is_read_without_an_exception_and_with_true_lines(text):
    for source in (script(text), notebook(text)[0]):
        for piece in source.pieces:
            lines = piece.text.count("\n") + 1
            assert all(1 <= part.lineno <= lines for part in piece.body)
            assert all(1 <= note.line <= lines for note in piece.notes)


def test_source_on_a_web_page_is_read_in_place_of_the_page():
    (source,) = read([code_files.script("<pre>class CNN:\n    a = 1 &lt; 2\n</pre>", "a2.py")])
    assert source.web_page and [statement.name for _, statement in source.body] == ["CNN"]
    assert [piece.name for piece in source.pieces] == ["a2.py"]


def test_the_blocks_of_a_page_are_cells():
    (source,) = read([code_files.script("<pre>a = 1</pre><pre>%matplotlib inline\nb = 2</pre>", "a2.html")])
    assert [(piece.name, piece.number) for piece in source.pieces] == [("a2.html, cell 1", 1), ("a2.html, cell 2", 2)]
    assert len([*source.body]) == 3


@pytest.mark.parametrize(
    ("text", "is_page"),
    [("if 1 &lt; 2:\n    a = &quot;x&quot;\n", True), ("a = '&lt;'\n", False), ("a = '&lt;'\nb = = 1\n", False)],
)
def test_entities_are_undone_where_they_keep_the_source_from_being_python(text, is_page):
    (source,) = read([code_files.script(text)])
    assert source.web_page is is_page
