"""What the warm parent leaves in a session for a submission to find."""

from __future__ import annotations

import pytest
from code_files import script

from grader.sandbox.sandbox import Sandbox
from grader.worker.protocol import LoadDefinitions, probe_to_json

LOOK = """
import sys
class Tables:
    raise LookupError([name for name in sys.modules if name.partition('.')[0] in ('worker', 'grader', 'reference')])
class Main:
    raise LookupError(sorted(name for name in vars(sys.modules['__main__']) if name[:2] != '__'))
"""


@pytest.mark.slow
@pytest.mark.parametrize("isolation", [pytest.param("bubblewrap", marks=pytest.mark.bubblewrap), "none"])
def test_a_submission_finds_no_module_of_ours_and_nothing_in_the_main_program(isolation) -> None:
    probe = LoadDefinitions(files=(script(LOOK),), wanted=("Tables", "Main"))
    with Sandbox(isolation=isolation) as sandbox, sandbox.open() as session:
        reply, _ = session.ask(probe_to_json(probe), seconds=60)
    failures = reply["evidence"]["failures"]
    assert [(failure["names"], failure["trouble"]["text"]) for failure in failures] == [
        (["Tables"], "[]"),
        (["Main"], "[]"),
    ]
