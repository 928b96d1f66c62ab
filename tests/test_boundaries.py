"""What no code of ours may do, read from its syntax: which module may import which is a contract in pyproject.toml."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from places import ROOT

from reference.handouts import HANDOUTS

SOURCES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for folder in ("grader", "reference")
    for path in sorted((ROOT / folder).rglob("*.py"))
}
TRUSTED = {name: path for name, path in SOURCES.items() if not name.startswith("grader.worker")}
"""All but what runs beside a submission."""


def calls(path: Path) -> Iterator[tuple[str, ast.Call]]:
    """Each call in a file, by the name that is called."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def test_no_trusted_code_unpickles_or_evaluates():
    evaluating = {"eval", "exec", "compile", "torch.load", "pickle.load", "pickle.loads", "os.system", "__import__"}
    callers = {(name, call) for name, path in TRUSTED.items() for call, _ in calls(path) if call in evaluating}
    assert callers == {("reference.weights", "torch.load")}


def test_torch_load_is_only_called_with_weights_only():
    for name, path in TRUSTED.items():
        for call, node in calls(path):
            if call == "torch.load":
                options = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
                assert options.get("weights_only") == "True", f"{name}, line {node.lineno}"


def test_yaml_is_only_read_by_a_safe_loader():
    for name, path in SOURCES.items():
        for call, node in calls(path):
            assert call not in ("yaml.unsafe_load", "yaml.full_load"), name
            if call in ("yaml.load", "yaml.compose", "yaml.load_all"):
                assert "Safe" in ast.unparse(node) or "_LOADER" in ast.unparse(node), f"{name}, line {node.lineno}"


def test_only_the_commands_print():
    for name, path in TRUSTED.items():
        if not name.startswith("grader.cli"):
            assert not {"print", "sys.stdout.write"} & {call for call, _ in calls(path)}, name


def test_only_the_sandbox_starts_processes():
    starting = {"subprocess.run", "subprocess.Popen", "subprocess.check_output", "os.fork", "os.system"}
    for name, path in TRUSTED.items():
        if not name.startswith("grader.sandbox"):
            assert not starting & {call for call, _ in calls(path)}, name


def test_the_help_does_not_import_torch():
    code = (
        "import contextlib, sys\n"
        "from grader.cli.grade import main\n"
        "with contextlib.suppress(SystemExit): main(['--help'])\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.DEVNULL, check=False).returncode == 0
    )


def test_no_id_of_an_assignment_stands_in_the_grader():
    endings = {".py", ".j2", ".json", ".css", ".js"}
    texts = [path for path in sorted((ROOT / "grader").rglob("*")) if path.suffix in endings]
    assert {path.suffix for path in texts} >= {".py", ".j2", ".json"}
    for path in texts:
        if "shipped" not in path.parts:  # data that a built package brings along
            text = path.read_text("utf-8")
            assert [id for id in HANDOUTS if id in text] == [], path
