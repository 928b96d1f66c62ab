"""What a session can see and write: what torch needs, its scratch, and nothing else."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import pytest
from sessions import HANDLER, LIMITS, run

from grader.sandbox import launch
from grader.sandbox.sandbox import Sandbox
from grader.sandbox.session import Session


@pytest.mark.bubblewrap
def test_the_file_system_holds_what_torch_needs_and_nothing_else(session: Session) -> None:
    assert set(run(session, "import os; value = os.listdir('/')")) <= {
        "dev", "handler.py", "lib", "lib64", "packages", "proc", "python", "sys", "tmp", "usr", "worker",
    }  # fmt: skip
    assert run(session, "value = [os.listdir('/proc'), os.getcwd(), os.listdir()]") == [[], "/tmp", []]
    assert set(run(session, "value = os.listdir('/packages')")) == set(launch.packages())
    assert set(run(session, "value = os.listdir('/usr')")) <= {"lib", "lib64"}
    source = "value = [os.path.join(p, n) for p, _, names in os.walk('/') for n in names]"
    # torch, numpy and the others by themselves are more names than a frame takes
    names = run(session, source + "\nvalue = [n for n in value if not n.startswith(('/packages/', '/python/lib/py'))]")
    ours = {"rubric.yaml", "reference", "fixtures", "student_template", "tests", "home", "passwd", "shadow", "hosts"}
    assert len(names) > 10 and not [name for name in names if ours & set(Path(name).parts)]
    assert (
        run(session, "value = [p for p, _, n in os.walk('/') if p.endswith(('site-packages', 'dist-packages')) and n]")
        == []
    )


@pytest.mark.bubblewrap
def test_neither_the_grader_nor_the_reference_can_be_imported(session: Session) -> None:
    for name in ("grader", "reference", "yaml", "hypothesis", "pytest"):
        assert "ModuleNotFoundError" in run(session, f"import {name}")


@pytest.mark.bubblewrap
@pytest.mark.parametrize("name", ["python", "packages", "usr", "lib64", "worker", "dev", "proc", ""])
def test_nothing_but_the_scratch_can_be_written(session: Session, name: str) -> None:
    assert "Error" in run(session, f"open('/{name}/new', 'w')")
    assert run(session, "open('/tmp/new', 'w').close(); value = 1") == 1


@pytest.mark.bubblewrap
def test_the_environment_is_empty_and_the_user_is_nobody(session: Session) -> None:
    source = "import os, socket; value = [dict(os.environ), os.getppid(), socket.gethostname(), os.getuid()]"
    environment, parent, host, user = run(session, source)
    assert environment == {"HOME": "/tmp", "TMPDIR": "/tmp"}
    assert (parent, host) == (1, "sandbox")
    assert user == (65534 if os.geteuid() == 0 else os.geteuid())


@pytest.mark.slow
@pytest.mark.bubblewrap
def test_with_the_gpu_a_session_sees_and_names_its_own_processes_and_no_others(
    isolated: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch, "gpu_devices", lambda: ["/dev/null"])
    with (
        Sandbox(isolation="bubblewrap", limits=LIMITS, handler=HANDLER, gpu=True) as sandbox,
        sandbox.open() as session,
        isolated.open(),
    ):
        processes = "import os; value = [name for name in os.listdir('/proc') if name.isdigit()]"
        assert run(session, processes) == ["1", "2"]
        assert run(session, "value = os.listdir('/whole-proc') if os.path.exists('/whole-proc') else []") == []
        # what CUDA does to name its threads, and to have a place of its own by that number
        name = "open('/proc/self/task/2/comm', 'w').write('named'); value = open('/proc/self/comm').read()"
        assert run(session, name) == "named\n"
        listen = (
            "import socket; at = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); at.bind('\\0x'); at.listen()"
        )
        assert run(session, f"{listen}; value = 1") == 1
        for refused in (
            "socket.socket(socket.AF_UNIX).connect('\\0x')",
            "socket.socket(socket.AF_INET)",
            "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)",
            "open('/proc/1/mem', 'rb')",
            "open('/proc/sys/kernel/hostname', 'w')",
        ):
            assert "PermissionError" in run(session, refused), refused


def test_without_the_gpu_its_driver_is_out_of_reach(tmp_path: Path) -> None:
    (tmp_path / "libcuda.so.1.2").touch()
    (tmp_path / "libcuda.so.1").symlink_to("libcuda.so.1.2")
    for gpu in (False, True):
        command = launch.isolated_command("bwrap", 3, None, gpu=gpu, libraries=[tmp_path])
        covered = [target for source, target in itertools.pairwise(command) if source == "/dev/null"]
        assert (str(tmp_path / "libcuda.so.1.2") in covered) is not gpu
