"""Notebooks as they are handed in: old, odd, cut off, renamed, hostile."""

from __future__ import annotations

import json
import logging
from typing import Any

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.intake.notebooks import MOST_CELLS, MOST_SOURCE, MOST_VALUES, NotebookError, read_notebook


def code(source: Any, **more: Any) -> dict[str, Any]:
    return {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": source, **more}


def notebook(*cells: Any, **more: Any) -> str:
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": list(cells), **more})


def old(*sheets: list[Any]) -> str:
    about = {"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": "a2"}}
    return json.dumps(about | {"worksheets": [{"cells": cells, "metadata": {}} for cells in sheets]})


TEXT = {"cell_type": "markdown", "metadata": {}, "source": ["# Part A"]}
OLD_CODE = {"cell_type": "code", "input": ["x = 1\n", "y = 2"], "language": "python", "outputs": [], "collapsed": True}
OLD_HEADING = {"cell_type": "heading", "level": 1, "source": "Part A", "metadata": {}}


@pytest.mark.parametrize(
    ("text", "sources"),
    [
        (notebook(), ()),
        (
            notebook(code("x = 1"), TEXT, code(["%matplotlib inline\n", "y = 2\n"])),
            ((1, "x = 1"), (3, "%matplotlib inline\ny = 2\n")),
        ),
        (old([OLD_HEADING, OLD_CODE], [OLD_CODE]), ((2, "x = 1\ny = 2"), (3, "x = 1\ny = 2"))),
        (notebook({"cell_type": "code"}), ((1, ""),)),
        (notebook({"cell_type": "code", "source": "x", "extra": [1], "metadata": 7, "outputs": "none"}), ((1, "x"),)),
        (notebook(code("x", id="!!"), code("y", id="!!")), ((1, "x"), (2, "y"))),
        (notebook(code("x"), nbformat_minor="new"), ((1, "x"),)),
        (json.dumps({"cells": [code("x")]}), ((1, "x"),)),
        (notebook(code("x"), metadata=[1], nbformat="4"), ((1, "x"),)),
        (notebook(code(["import torch", "x = 1"])), ((1, "import torch\nx = 1"),)),
        (notebook(code("a\r\nb\rc")), ((1, "a\nb\nc"),)),
        (notebook(code("'\ud800'")), ((1, "'\ufffd'"),)),
        (notebook(code("'\U0001f3a8'")), ((1, "'\U0001f3a8'"),)),
        ('{"cells": [], "cells": [{"cell_type": "code", "source": "x"}]}', ((1, "x"),)),
        (notebook(code("x"), metadata={"n": 1}).replace('"n": 1', '"n": ' + "9" * 10_000), ((1, "x"),)),
        ("\ufeff\n" + notebook(code("x")), ((1, "x"),)),
    ],
)
def test_code_cells_come_in_order_with_their_place_among_all_cells(
    text: str, sources: tuple[tuple[int, str], ...]
) -> None:
    read = read_notebook(text)
    assert read.sources == sources
    assert read.remarks == ()


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        (None, "cell 1 is not a cell"),
        ([code("x")], "cell 1 is not a cell"),
        (code(7), "cell 1 has no readable source"),
        (code({"a": "b"}), "cell 1 has no readable source"),
        (code(["x", 7]), "cell 1 has no readable source"),
        (code("x\0"), "cell 1 holds NUL characters"),
    ],
)
def test_a_damaged_cell_has_a_remark_and_the_others_keep_their_numbers(cell: Any, words: str) -> None:
    read = read_notebook(notebook(cell, code("y = 2")))
    assert read.sources[-1] == (2, "y = 2")
    assert words in read.remarks[0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        (" \n", "is empty"),
        (notebook(code("x = 1"))[:-20], "breaks off at line 1"),
        (json.dumps(json.loads(notebook(code("x = 1"))), indent=1)[:70], "breaks off at line 6"),
        ('{"cells": [1,, 2]}', "not valid JSON"),
        ("import torch\nx = 1\n", "begins with 'import torch'"),
        ("\x1b[2Jx", r"begins with '\x1b[2Jx'"),
        ("<!DOCTYPE html><html></html>", "web page (HTML)"),
        ("<<<<<<< HEAD\n{}\n=======\n{}\n>>>>>>> main\n", "merge conflict at line 1"),
        ('{\n<<<<<<< HEAD\n"cells": []\n=======\n>>>>>>> main\n}', "merge conflict at line 2"),
        ("version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS"),
        ("[]", "is JSON but not a notebook"),
        ('{"loss": 1.5, "epochs": 25}', "it has 'loss', 'epochs'"),
        ('{"cells": {"0": "x"}}', "no list of 'cells'"),
        ('{"nbformat": 5, "cells": []}', "format 5"),
        ("[" * 200_000, "nested too deeply"),
        ('{"a":' * 200_000, "nested too deeply"),
        (notebook(*[TEXT] * (MOST_CELLS + 1)), "cells, at most"),
        (notebook(code("x" * (MOST_SOURCE + 1))), "characters of code"),
    ],
    ids=range(19),
)
def test_what_is_not_a_notebook_is_refused_with_what_where_and_what_to_do(text: str, words: str) -> None:
    with pytest.raises(NotebookError) as refused:
        read_notebook(text)
    message = str(refused.value)
    assert words in message
    assert ":" in message
    assert "\n" not in message
    assert len(message) < 300


def test_outputs_cost_nothing() -> None:
    picture = {"output_type": "display_data", "data": {"image/png": "A" * 3 * MOST_SOURCE}, "metadata": {}}
    assert read_notebook(notebook(code("x", outputs=[picture]))).sources == ((1, "x"),)


def test_nothing_is_logged_for_a_notebook_that_breaks_the_schema(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        read_notebook(notebook({"cell_type": "code", "outputs": 1}, {"cell_type": "poem"}, 3, metadata=None))
        read_notebook(old([OLD_CODE | {"outputs": [1]}, {}, "x"]))
    assert caplog.records == []


@pytest.mark.parametrize(
    "text",
    [
        notebook(code("x = 1"), TEXT, code(["%matplotlib inline\n", "y = 2\n"]), code("")),
        old([OLD_HEADING, OLD_CODE], [TEXT, OLD_CODE]),
    ],
    ids=["format 4", "format 3"],
)
def test_a_notebook_as_jupyter_writes_it_is_read_as_nbformat_reads_it(text: str) -> None:
    content = json.loads(text)
    if content["nbformat"] == 4:
        for number, cell in enumerate(content["cells"]):
            cell["id"] = f"cell-{number}"
    expected = nbformat.reads(json.dumps(content), as_version=4)
    sources = [(number, cell.source) for number, cell in enumerate(expected.cells, 1) if cell.cell_type == "code"]
    assert list(read_notebook(text).sources) == sources


values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(st.characters()),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5) | st.sampled_from(["source", "input"]), inner)
    ),
    max_leaves=8,
)
cells = st.fixed_dictionaries(
    {},
    optional={
        "cell_type": st.sampled_from(["code", "markdown", "raw"]) | values,
        "source": values,
        "input": values,
        "outputs": values,
    },
)
sheets = st.lists(
    values | st.fixed_dictionaries({}, optional={"cells": st.lists(cells | values, max_size=3) | values}), max_size=2
)
notebooks = st.fixed_dictionaries(
    {},
    optional={
        "nbformat": values | st.sampled_from([3, 4]),
        "cells": st.lists(cells | values, max_size=4) | values,
        "worksheets": sheets | values,
    },
)


@given(notebooks)
def test_hostile_json_is_read_or_refused_and_never_anything_else(content: dict[str, Any]) -> None:
    try:
        read = read_notebook(json.dumps(content))
    except NotebookError:
        return
    place = [number for number, _ in read.sources]
    assert place == sorted(set(place))
    for _, source in read.sources:
        source.encode("utf-8")


@given(st.text(st.characters()))
def test_hostile_text_is_refused_with_one_line(text: str) -> None:
    with pytest.raises(NotebookError) as refused:
        read_notebook(text)
    assert str(refused.value).isprintable()


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"))))
def test_sources_come_back_as_they_were_written(sources: list[str]) -> None:
    assert [source for _, source in read_notebook(notebook(*map(code, sources))).sources] == sources


def text(source: Any, kind: str = "markdown") -> dict[str, Any]:
    return {"cell_type": kind, "metadata": {}, "source": source}


@pytest.mark.parametrize(
    ("above", "heading"),
    [
        ("# Part A: the CNN", "Part A: the CNN"),
        (["Read this.\n", "\n", "## **Part A** `CNN` ##\n", "Fill in the gaps."], "Part A CNN"),
        ("Part A\n======\ntext", "Part A"),
        ("<h2 id='a'>Part A</h2>", "Part A"),
        ("### [Part A](#a) <a name='a'></a>", "Part A"),
        ("# Part A\n## Its second question", "Its second question"),
        ("# Part A\n```python\n# a comment\n```", "Part A"),
        ("# " + "long " * 100, "long " * 11 + "long…"),
        ('# The "U"', "The 'U'"),
        ("#not a heading", None),
        ("no heading\n\n---\n", None),
        ("", None),
        (7, None),
    ],
)
def test_a_cell_is_called_by_the_heading_above_it(above: Any, heading: str | None) -> None:
    read = read_notebook(notebook(text(above), text("only words"), code("x = 1"), code("y = 1")))
    assert read.headings.get(3) == heading == read.headings.get(4)


def test_the_title_of_a_cell_is_its_heading_and_not_that_of_the_next() -> None:
    read = read_notebook(notebook(text("# Part A"), code("#@title The CNN\nx = 1"), code("y = 1")))
    assert read.headings == {2: "The CNN", 3: "Part A"}


def test_headings_of_format_3_count() -> None:
    assert read_notebook(old([OLD_HEADING, OLD_CODE])).headings == {2: "Part A"}


def test_classes_in_cells_that_are_not_code_are_named() -> None:
    cells = (
        text("# Part A"),
        text("class CNN(nn.Module):\n    pass", "raw"),
        text("see\n```\nclass UNet:\n```"),
        code("x"),
    )
    read = read_notebook(notebook(*cells))
    assert [(aside.name, aside.cell, aside.kind, aside.heading) for aside in read.asides] == [
        ("CNN", 2, "raw", "Part A"),
        ("UNet", 3, "markdown", "Part A"),
    ]


@pytest.mark.parametrize(
    ("metadata", "language"),
    [
        ({}, None),
        ({"kernelspec": {"language": "python", "name": "python3"}}, None),
        ({"kernelspec": {"name": "ir", "language": "R"}}, "R"),
        ({"language_info": {"name": "julia"}, "kernelspec": 3}, "julia"),
        ({"language_info": {"name": "ipython"}, "kernelspec": {"language": "R"}}, None),
        ({"kernelspec": {"name": "my-environment", "display_name": "a2"}}, None),
        ([1], None),
    ],
)
def test_a_notebook_of_another_kernel_is_known(metadata: Any, language: str | None) -> None:
    assert read_notebook(notebook(code("x <- 1"), metadata=metadata)).language == language


def test_a_notebook_of_more_values_than_are_read_is_refused_before_they_take_memory() -> None:
    cells = ",".join(["{}"] * MOST_VALUES)
    with pytest.raises(NotebookError, match="500,000 values: clear its outputs"):
        read_notebook(f'{{"nbformat": 4, "cells": [{cells}]}}')


def test_what_a_cell_printed_is_no_value_however_many_commas_it_has() -> None:
    printed = json.dumps('[0.5, \\ " {1}, 2], ' * (MOST_VALUES // 3))
    text = f'{{"nbformat": 4, "cells": [{{"cell_type": "code", "source": "x = 1", "outputs": [{printed}]}}]}}'
    assert read_notebook(text).sources == ((1, "x = 1"),)
