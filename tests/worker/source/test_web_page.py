"""The code on a web page is what a browser shows of it, without outputs, prose and line numbers."""

from __future__ import annotations

import html

import pytest

from grader.worker.source.web_page import blocks, is_web_page, without_entities

CODE = "import torch\n\n\nif 1 < 2 and 'a' > \"b\" & 3:\n    x = 'é'\n"


@pytest.mark.parametrize(
    ("page", "code"),
    [
        (f"<html><body><pre style='x'>{html.escape(CODE)}</pre></body></html>", CODE),
        (f"<!DOCTYPE html>\n<html><head><style>pre {{}}</style></head><pre>{html.escape(CODE)}</pre>", CODE),
        ("<pre><span class='k'>import</span>&nbsp;torch<br><br>x = 1</pre>", "import torch\n\nx = 1"),
        ("<textarea>a &amp;&amp; b</textarea>", "a && b"),
        ("<pre>x = &#39;a&#x27; + &quot;b&quot;</pre>", "x = 'a' + \"b\""),
        ("<pre><ol><li>a = 1</li><li>    b = 2</li></ol></pre>", "a = 1\n    b = 2\n"),
        ("<p>import torch</p><p>x = 1</p>", "import torch\nx = 1\n"),
    ],
)
def test_tags_go_and_entities_become_what_they_stand_for(page: str, code: str) -> None:
    assert is_web_page(page)
    assert blocks(page) == (code,)


def test_a_notebooks_page_has_a_block_for_each_cell_and_none_for_outputs() -> None:
    page = (
        "<html><body class='jp-Notebook'><div class='jp-Cell jp-CodeCell jp-mod-noOutputs'><div class='highlight'>"
        "<pre><span></span>a = 1</pre></div></div><div class='jp-RenderedHTMLCommon'><pre>prose</pre></div>"
        "<div class='output_wrapper'><div class='output_text'><pre>3.14</pre></div></div>"
        "<table><tr><td class='linenos'><pre>1\n2</pre></td><td class='code'><pre>b = 2\n</pre></td></tr></table>"
    )
    assert blocks(page) == ("a = 1", "b = 2\n")


@pytest.mark.parametrize("text", ["x = 1 < 2", "<<<<<<< HEAD", "# <html>", "a<b", "", "< b"])
def test_python_is_no_web_page(text: str) -> None:
    assert not is_web_page(text)


@pytest.mark.parametrize("page", ["<", "<pre", "<pre><pre>" * 500, "</pre>&lt;&#99999999;<!-- <pre>", "<html></html>"])
def test_a_damaged_page_raises_nothing(page: str) -> None:
    blocks(page)


def test_entities_are_undone_line_for_line() -> None:
    assert without_entities("a &lt; b\n&amp;&gt;&nbsp;&#10;x &unknown; y") == "a < b\n&>  x &unknown; y"
