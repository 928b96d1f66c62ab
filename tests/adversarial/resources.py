"""Submissions that take more than they may: time, memory, processes, threads, disk, output, the reader's patience.

Each must end within the limits of one submission, be told why, and leave nothing behind.
"""

# ruff: noqa: E501 - attacks are data, one a line
from __future__ import annotations

from dataclasses import replace

from .cases import Case, altered, code, criterion

__all__ = ["CASES"]

_FORWARD = "        x = self.upconv1("
_DEAF = "import signal\nfor n in range(1, 65):\n    try: signal.signal(n, signal.SIG_IGN)\n    except (OSError, ValueError): pass\n"
_LAYER = ("dilated.values", "dilated.gradients", "dilated.handmade")


def _at_load(name: str, attack: str, *, lost: str = "", kept: tuple[str, ...] = (), said: str = "") -> Case:
    lost_ids = tuple(criterion(aspect) for aspect in lost.split())
    return Case(f"resources-{name}", "resources", code(altered(attack=attack)), lost_ids, (), kept, said)


def _in_forward(
    name: str, attack: str, *, said: str = "", lost: str = "shapes", kept: tuple[str, ...] = _LAYER
) -> Case:
    """In ``forward`` of the network; the dilated layer has nothing to do with it."""
    body = "".join(f"        {line}\n" for line in attack.strip("\n").splitlines())
    lost_ids = tuple(criterion(aspect) for aspect in lost.split())
    return Case(
        f"resources-{name}", "resources", code(altered(add=(_FORWARD, body + _FORWARD))), lost_ids, (), _LAYER, said
    )


def _in_init(name: str, attack: str, *, said: str = "", lost: str = "shapes") -> Case:
    body = "".join(f"        {line}\n" for line in attack.strip("\n").splitlines())
    place = "        self.finalconv = "
    lost_ids = tuple(criterion(aspect) for aspect in lost.split())
    return Case(f"resources-{name}", "resources", code(altered(add=(place, body + place))), lost_ids, (), _LAYER, said)


_ALL = [
    # time
    _in_forward("endless-loop", "while True: pass", said="did not finish"),
    _in_forward("sleep", "import time\ntime.sleep(10**6)", said="did not finish"),
    _in_forward("deaf-loop", _DEAF + "while True: pass", said="did not finish"),
    _in_forward("endless-in-c", "sum(iter(int, 1))", said="did not finish"),
    _in_forward("endless-regex", "import re\nre.match(r'(a|a)*b', 'a' * 60)", said="did not finish"),
    _in_forward("loop-in-finally", "while True:\n    try:\n        while True: pass\n    except BaseException:\n        pass", said="did not finish"),
    _at_load("sleep-at-load", "import time\ntime.sleep(10**6)", said="still running after"),
    _at_load("slow-destructor", "import time\nclass Slow:\n    def __del__(self): time.sleep(10**6)\nSlow()"),
    _at_load("destructor-loop", "class Undead:\n    def __del__(self): Undead()\nUndead()"),
    _in_init("slow-bit-by-bit", "import time\ntime.sleep(6)", lost="architecture"),
    # memory
    _in_forward("memory-python", "kept = []\nwhile True: kept.append(bytearray(2**24))", said="MemoryError", kept=()),
    _in_forward("memory-tensor", "torch.zeros(10**12)", said="memory"),
    _in_forward("memory-by-halves", "kept = []\nwhile True: kept.append(torch.ones(2**22))", said="memory"),
    _in_init("memory-parameters", "self.spare = nn.Parameter(torch.zeros(2**29))", said="memory"),
    _in_forward("recursion", "def down(n): return down(n + 1)\ndown(0)", said="RecursionError"),
    _in_forward("recursion-in-c", "import sys\nsys.setrecursionlimit(10**9)\ndef down(n): return [down(n + 1) for _ in range(1)]\ndown(0)"),
    # many of something
    _in_init("many-parameters", "self.many = nn.ParameterList([nn.Parameter(torch.zeros(1)) for _ in range(20_000)])", lost="parameters"),
    _in_init("many-modules", "self.many = nn.ModuleList([nn.Linear(1, 1) for _ in range(3_000)])", lost="parameters"),
    _in_init("wide-and-used", "self.wide = nn.Parameter(torch.zeros(2**26))\nself.register_forward_pre_hook(lambda m, a: (a[0] + m.wide[:1].sum() * 0,))", lost="parameters architecture"),
    _in_init("deep-sequential", "deep = nn.Identity()\nfor _ in range(5_000): deep = nn.Sequential(deep)\nself.deep = deep", lost=""),
    _in_init("module-in-itself", "self.downconv1.again = self", lost=""),
    _in_init("huge-names", "self.register_parameter('x' * 10**6, nn.Parameter(torch.zeros(1)))", lost="parameters"),
    _in_forward("huge-output", "return torch.zeros(1).expand(len(x), 10**5, 10**4)", lost="shapes architecture"),
    _in_forward("many-axes", "return torch.zeros([1] * 60)", lost="shapes architecture"),
    # processes and threads
    _at_load("fork-bomb", "import os\nwhile True: os.fork()", kept=_LAYER, said="PermissionError"),
    _in_forward("thread-bomb", "import threading\nwhile True: threading.Thread(target=threading.Event().wait, daemon=True).start()"),
    _at_load("child-left-behind", "import subprocess\nsubprocess.Popen(['/python/bin/python3', '-c', 'while True: pass'])", kept=_LAYER, said="PermissionError"),
    _at_load("threads-left-behind", "import threading, time\nfor _ in range(8): threading.Thread(target=lambda: time.sleep(10**6)).start()", kept=_LAYER),
    # endings
    _in_forward("os-exit", "import os\nos._exit(0)", said="exit status 0"),
    _in_forward("system-exit", "raise SystemExit(0)", said="SystemExit"),
    _in_forward("base-exception", "class Out(BaseException): pass\nraise Out('of the way')", said="Out"),
    _in_forward("keyboard-interrupt", "raise KeyboardInterrupt", said="KeyboardInterrupt"),
    _in_forward("generator-exit", "raise GeneratorExit", said="GeneratorExit"),
    _in_forward("segfault", "import ctypes\nctypes.string_at(0)", said="SIGSEGV"),
    _in_forward("abort", "import os\nos.abort()", said="SIGABRT"),
    _in_forward("kill-itself", "import os\nos.kill(os.getpid(), 9)", said="SIGKILL"),
    _in_forward("kill-everybody", "import os\nos.kill(-1, 9)", lost=""),
    _in_forward("alarm", "import signal\nsignal.setitimer(signal.ITIMER_REAL, 0.001)\nwhile True: pass", lost="shapes"),
    _at_load("atexit", "import atexit, os\natexit.register(lambda: os.write(1, b'bye' * 10**6))", kept=_LAYER),
    _at_load("exit-at-load", "import os\nos._exit(3)", lost="shapes values", said="exit status 3"),
    _at_load("exception-that-cannot-be-shown", "class Odd(Exception):\n    def __str__(self): raise SystemExit\n    __repr__ = __str__\nraise Odd", lost="shapes"),
    _at_load("closed-descriptors", "import os\nos.closerange(0, 100)", lost="shapes values"),
    # disk and output
    _in_forward("disk-one-file", "open('full', 'wb').write(bytes(2**28))", said="Error"),
    _in_forward("disk-many-files", "for n in range(10**6): open(f'f{n}', 'wb').close()", said="Error"),
    _in_forward("disk-folders", "import os\nwhile True:\n    os.mkdir('d')\n    os.chdir('d')", said="Error"),
    _in_forward("output-flood", "for _ in range(10**4): print('x' * 1000)", lost=""),
    _at_load("output-of-control-characters", "print('\\x1b[2J\\x1b]0;owned\\x07\\u202e\\x00\\ud800<script>alert(1)</script>')", kept=_LAYER),
    _at_load("stdout-closed", "import sys\nsys.stdout.close()\nsys.stdout = sys.stderr = None", kept=_LAYER),
]  # fmt: skip

_SLOW = (
    "sleep",
    "deaf-loop",
    "endless-in-c",
    "endless-regex",
    "loop-in-finally",
    "slow-destructor",
    "slow-bit-by-bit",
    "recursion-in-c",
    "memory-python",
    "many-parameters",
    "disk-one-file",
)
CASES = [replace(case, slow=case.name.removeprefix("resources-") in _SLOW) for case in _ALL]
