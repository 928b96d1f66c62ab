"""Imports run one way, the worker stands by itself, and only the places meant for it print, start processes or read
YAML."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted(path for folder in ("grader", "reference") for path in (ROOT / folder).rglob("*.py"))


def _name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def _imports(path: Path) -> set[str]:
    package = path.parent.relative_to(ROOT).parts
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = (
                ".".join((*package[: len(package) - node.level + 1], *filter(None, [node.module])))
                if node.level
                else str(node.module)
            )
            found |= {base} | {f"{base}.{alias.name}" for alias in node.names}
    return found


IMPORTS = {_name(path): _imports(path) for path in SOURCES}


def _ours(imports: set[str]) -> set[str]:
    return {name for name in imports if name.split(".")[0] in ("grader", "reference")}


def _calls(path: Path, *names: str) -> list[int]:
    tree = ast.parse(path.read_text("utf-8"))
    return [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) in names]


def test_the_worker_imports_nothing_of_ours_but_itself():
    for name, imports in IMPORTS.items():
        if name.startswith("grader.worker"):
            assert {one for one in _ours(imports) if not one.startswith("grader.worker")} == set(), name


def test_the_reference_knows_nothing_of_the_grader():
    for name, imports in IMPORTS.items():
        if name.startswith("reference"):
            assert {one for one in imports if one.split(".")[0] == "grader"} == set(), name


def test_checks_know_neither_the_sandbox_nor_the_command_line():
    for name, imports in IMPORTS.items():
        if name.startswith(("grader.checks", "grader.exam")):
            forbidden = ("grader.cli", "grader.cohort", "grader.pipeline", "grader.sandbox", "grader.report")
            imported = {one for one in _ours(imports) if one.startswith(forbidden)}
            # The terms of the sandbox are a leaf: its two kinds of failure, which an exam must tell apart.
            assert {one for one in imported if not one.startswith("grader.sandbox.terms")} == set(), name


@pytest.mark.parametrize("module", ["grader.marking", "grader.report"])
def test_reports_and_marking_know_only_verdicts_and_the_rubric(module):
    forbidden = (
        "grader.cli",
        "grader.cohort",
        "grader.pipeline",
        "grader.sandbox",
        "grader.checks",
        "grader.exam",
        "grader.worker",
        "reference",
    )
    for name, imports in IMPORTS.items():
        if name == module or name.startswith(module + "."):
            assert {one for one in _ours(imports) if one.startswith(forbidden)} == set(), name


def test_nothing_imports_the_command_line():
    for name, imports in IMPORTS.items():
        if not name.startswith("grader.cli") and name != "grader.__main__":
            assert {one for one in imports if one.startswith("grader.cli")} == set(), name


def test_no_trusted_code_unpickles_or_evaluates():
    allowed = {"reference.weights": ("torch.load",)}
    for path in SOURCES:
        name = _name(path)
        if name.startswith("grader.worker"):
            continue
        for call in ("eval", "exec", "compile", "torch.load", "pickle.load", "pickle.loads", "os.system", "__import__"):
            assert call in allowed.get(name, ()) or not _calls(path, call), f"{name} calls {call}"


def test_yaml_is_only_read_by_a_safe_loader():
    for path in SOURCES:
        for call in (node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)):
            if ast.unparse(call.func) in ("yaml.load", "yaml.compose", "yaml.load_all"):
                assert "Safe" in ast.unparse(call) or "_LOADER" in ast.unparse(call), (
                    f"{_name(path)}, line {call.lineno}"
                )
            assert ast.unparse(call.func) not in ("yaml.unsafe_load", "yaml.full_load"), _name(path)


def test_only_the_command_lines_print():
    for path in SOURCES:
        name = _name(path)
        if not name.startswith(("grader.cli", "grader.worker")):
            assert not _calls(path, "print", "sys.stdout.write"), name


def test_only_the_sandbox_starts_processes():
    for path in SOURCES:
        name = _name(path)
        if not name.startswith(("grader.sandbox", "grader.worker")):
            assert not _calls(
                path, "subprocess.run", "subprocess.Popen", "subprocess.check_output", "os.fork", "os.system"
            ), name


def test_torch_load_is_only_called_with_weights_only():
    text = (ROOT / "reference" / "weights.py").read_text("utf-8")
    assert len(re.findall(r"torch\.load\(", text)) == len(re.findall(r"torch\.load\([^)]*weights_only=True", text))


def test_help_does_not_import_torch():
    tree = ast.parse((ROOT / "grader" / "cli" / "grade.py").read_text("utf-8"))
    top = {alias.name for node in tree.body if isinstance(node, ast.Import) for alias in node.names}
    top |= {str(node.module) for node in tree.body if isinstance(node, ast.ImportFrom)}
    ours = {"grader", "grader.display"}
    assert {name for name in top if name not in sys.stdlib_module_names} <= ours
    assert _ours(IMPORTS["grader.display"]) == set()
