"""Submissions that change what they share with the next one, if anything were shared."""

# ruff: noqa: E501 - attacks are data, one a line
from __future__ import annotations

from .cases import Case, altered, code

__all__ = ["CASES"]

_ALL = ("cnn.shapes", "cnn.parameters", "cnn.architecture", "cnn.training", "dilated.values", "dilated.gradients")


def _state(name: str, attack: str, *, kept: tuple[str, ...] = ()) -> Case:
    return Case(f"state-{name}", "state", code(altered(attack=attack)), (), (), kept)


CASES = [
    _state("default-dtype", "torch.set_default_dtype(torch.float64)"),
    _state("default-device", "torch.set_default_device('meta')"),
    _state("seeds", "import random, numpy\ntorch.manual_seed(0)\nrandom.seed(0)\nnumpy.random.seed(0)", kept=_ALL),
    _state("threads", "torch.set_num_threads(64)", kept=_ALL[:3]),
    _state("grad-mode", "torch.set_grad_enabled(False)", kept=(*_ALL[:3], "dilated.values")),
    _state("inference-mode", "torch.inference_mode().__enter__()"),
    _state("deterministic", "torch.use_deterministic_algorithms(True)\ntorch.backends.cudnn.deterministic = True", kept=_ALL[:3]),
    _state("anomaly-mode", "torch.autograd.set_detect_anomaly(True)", kept=_ALL[:3]),
    _state("flush-denormal", "torch.set_flush_denormal(True)\ntorch.set_float32_matmul_precision('medium')", kept=_ALL[:3]),
    _state("monkeypatch-conv2d", "kept = F.conv2d\nF.conv2d = torch.conv2d = lambda *a, **k: kept(*a, **k) * 2"),
    _state("monkeypatch-relu", "nn.ReLU.forward = lambda self, x: x\nF.relu = torch.relu = lambda x, *a: x"),
    _state("monkeypatch-batch-norm", "nn.BatchNorm2d.forward = lambda self, x: x"),
    _state("monkeypatch-builtins", "import builtins\nbuiltins.len = lambda x: 0\nbuiltins.range = lambda *a: []\nbuiltins.print = None"),
    _state("monkeypatch-open", "import builtins, os\nbuiltins.open = None\nos.read = os.write = None"),
    _state("warnings-as-errors", "import warnings\nwarnings.simplefilter('error')"),
    _state("recursion-limit", "import sys\nsys.setrecursionlimit(60)"),
    _state("modules-emptied", "import sys\nsys.modules.clear()\nsys.path.clear()"),
    _state("hooks", "torch.nn.modules.module.register_module_forward_hook(lambda m, a, out: out * 0)"),
    _state("trace-function", "import sys\nsys.settrace(lambda *a: None)\nsys.setprofile(lambda *a: None)"),
    _state("garbage-collector", "import gc\ngc.disable()\ngc.set_threshold(1)\ngc.freeze()", kept=_ALL[:3]),
    _state("environment", "import os\nos.environ.clear()\nos.environ['OMP_NUM_THREADS'] = 'x'\nos.chdir('/')", kept=_ALL[:3]),
    _state("files-in-scratch", "open('/tmp/left', 'w').write('here')\nopen('torch.py', 'w').write('raise SystemExit')", kept=_ALL),
    _state("seeds-and-hashes", "import random\nrandom.seed = torch.seed = torch.manual_seed = lambda *a: None\ntorch.default_generator.manual_seed(5)", kept=_ALL[:3]),
    _state("denormals-each-time", "kept = nn.Module.__init__\ntorch.set_flush_denormal(True)\ntorch.backends.mkldnn.enabled = True\ntorch.set_printoptions(precision=0)"),
    _state("alarms", "import signal\nsignal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)\nsignal.signal(signal.SIGALRM, signal.SIG_IGN)", kept=_ALL[:3]),
    _state("alarms-that-kill", "import signal\nsignal.signal(signal.SIGALRM, signal.SIG_DFL)\nsignal.setitimer(signal.ITIMER_VIRTUAL, 0.3)"),
    _state("switch-interval", "import sys\nsys.setswitchinterval(1e-9)\nsys.set_int_max_str_digits(640)", kept=_ALL),
    _state("recursion-limit-high", "import sys\nsys.setrecursionlimit(2**31 - 1)", kept=_ALL),
    _state("backward-hooks", "torch.nn.modules.module.register_module_full_backward_hook(lambda m, i, o: tuple(x * 0 if x is not None else None for x in i))"),
    _state("pre-hooks", "torch.nn.modules.module.register_module_forward_pre_hook(lambda m, a: a[:0])"),
    _state("parameter-hooks", "torch.nn.modules.module.register_module_parameter_registration_hook(lambda m, n, p: nn.Parameter(p * 0))"),
    _state("saved-tensor-hooks", "torch.autograd.graph.saved_tensors_hooks(lambda x: x, lambda x: x * 0).__enter__()"),
    _state("aten-overridden", "lib = torch.library.Library('aten', 'IMPL')\nlib.impl('relu', lambda x: x, 'CPU')\nglobal LIBRARY\nLIBRARY = lib"),
    _state("default-device-mode", "torch.device('meta').__enter__()"),
    _state("function-mode", "from torch.overrides import TorchFunctionMode\nclass Mode(TorchFunctionMode):\n    def __torch_function__(self, f, t, a=(), k=None): return f(*a, **(k or {}))\nMode().__enter__()"),
    _state("default-tensor-type", "torch.set_default_tensor_type(torch.DoubleTensor)"),
    _state("autocast", "torch.autocast('cpu', dtype=torch.bfloat16).__enter__()"),
    _state("excepthook", "import sys, threading\nsys.excepthook = sys.unraisablehook = threading.excepthook = None\nsys.stdout = sys.stderr = None", kept=_ALL),
    _state("locale-and-codec", "import codecs, locale\ncodecs.register(lambda name: None)\ntry: locale.setlocale(locale.LC_ALL, 'C')\nexcept locale.Error: pass", kept=_ALL[:3]),
]  # fmt: skip
