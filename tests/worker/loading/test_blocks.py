"""Blocks at the top level: their definitions are run, and the rest of them is skipped."""

from __future__ import annotations

from code_files import NETWORK, PLAIN, reasons


def test_a_block_keeps_its_definitions_and_loses_the_rest(loading, capsys):
    text = (
        NETWORK
        + PLAIN
        + 'if torch.cuda.is_available():\n    device = "cuda"\nelse:\n    print("none")\n    device = "cpu"\n'
    )
    loaded = loading({"models.py": text})
    assert loaded.namespaces["models.py"]["device"] == "cpu"
    assert reasons(loaded.skipped) == {'print("none")': "calls print() at the top level"}
    assert loaded.skipped[0].place == "models.py, line 9"
    assert capsys.readouterr().out == ""
