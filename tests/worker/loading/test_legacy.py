"""Old torch and numpy work for the student's code, say so once, and change nothing for anybody else."""

from __future__ import annotations

import collections
import importlib
import linecache
import sys

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from code_files import NETWORK
from torch import nn

from grader.worker import trouble
from grader.worker.loading import legacy

NO_GPU = pytest.mark.skipif(torch.cuda.is_available(), reason="with a GPU nothing is made harmless")


@pytest.fixture
def notes():
    """Remarks while the old functions are in place."""
    made: list[tuple[str, str]] = []
    legacy.install(lambda where, what, why: made.append((where, what)))
    yield made
    legacy.uninstall()


def student(expression: str, **names: object) -> object:
    """The value of ``expression`` as line 2 of a file that was handed in."""
    trouble.remember("models.py", "\n" + expression)
    scope = {"torch": torch, "nn": nn, "F": F, "np": np, "collections": collections, **names}
    return eval(compile("\n" + expression, "models.py", "eval"), scope)


def used(notes: list[tuple[str, str]]) -> list[str]:
    assert all(where == "models.py, line 2" for where, _ in notes)
    return [what for _, what in notes]


@pytest.mark.parametrize(
    ("expression", "modern", "names"),
    [
        ("F.upsample(x, scale_factor=2)", lambda x: F.interpolate(x, scale_factor=2), ["F.upsample"]),
        ("F.tanh(x)", torch.tanh, ["F.tanh"]),
        ("F.sigmoid(x)", torch.sigmoid, ["F.sigmoid"]),
        ("torch.range(0, 3)", lambda x: torch.tensor([0.0, 1.0, 2.0, 3.0]), ["torch.range"]),
        ("nn.Upsample(scale_factor=2)(x)", lambda x: F.interpolate(x, scale_factor=2), []),
        ("torch.autograd.Variable(x, volatile=True)", lambda x: x, []),
        ("nn.init.constant(x.clone(), 3)", lambda x: torch.full_like(x, 3), ["nn.init.constant"]),
        ("x * np.float(3)", lambda x: x * 3.0, ["numpy.float"]),
        ("x * np.int(3)", lambda x: x * 3, ["numpy.int"]),
        ("x * np.Inf", lambda x: x * float("inf"), ["numpy.Inf"]),
    ],
)
def test_an_old_function_does_what_it_did_and_is_remarked_once(notes, expression, modern, names):
    x = torch.arange(1, 17, dtype=torch.float32).reshape(1, 1, 4, 4)
    assert torch.equal(student(expression, x=x), modern(x))
    student(expression, x=x)
    assert used(notes) == names


@pytest.mark.parametrize("name", ["object", "str", "bool", "float_", "NaN"])
def test_names_that_numpy_dropped_are_there(notes, name):
    assert student(f"np.{name}") is not None


def test_a_name_that_never_was_is_still_missing(notes):
    with pytest.raises(AttributeError, match="no_such"):
        student("np.no_such")
    with pytest.raises(AttributeError, match="no_such"):
        student("collections.no_such")
    assert not hasattr(collections, "Iterable")
    assert student("collections.Iterable") is collections.abc.Iterable


@pytest.mark.parametrize("name", ["xavier_uniform", "xavier_normal", "kaiming_uniform", "kaiming_normal"])
def test_initialisers_go_by_their_old_names(notes, name):
    torch.manual_seed(0)
    old = student(f"nn.init.{name}(torch.empty(4, 4))")
    torch.manual_seed(0)
    assert torch.equal(old, getattr(nn.init, f"{name}_")(torch.empty(4, 4)))


def test_a_loss_without_dimensions_has_an_element(notes):
    assert student("torch.tensor(2.5).data[0]") == 2.5
    assert used(notes) == ["loss.data[0]"]
    with pytest.raises(IndexError):
        student("torch.tensor(2.5)[1]")
    with pytest.raises(IndexError):
        student("torch.zeros(2)[2]")
    assert student("torch.arange(3)[0]").shape == ()


@pytest.mark.parametrize("expression", ["F.sigmoid(x)", "F.upsample(x, scale_factor=2.0)", "x + torch.zeros(2, 2)"])
def test_torch_can_still_script_code_that_uses_them(notes, tmp_path, monkeypatch, expression):
    text = f"import torch\nimport torch.nn.functional as F\ndef f(x):\n    return {expression}\n"
    (tmp_path / "scripted.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "scripted", raising=False)
    function = importlib.import_module("scripted").f
    x = torch.ones(1, 1, 2, 2)
    assert torch.equal(torch.jit.script(function)(x), function(x))


def test_our_own_use_is_not_remarked(notes):
    F.sigmoid(torch.zeros(1))
    with pytest.raises(AttributeError):
        np.float  # noqa: B018
    torch.zeros(1).cuda()
    assert notes == [] and legacy.cuda_calls == []


@NO_GPU
@pytest.mark.parametrize(
    ("expression", "what"),
    [
        ("x.cuda()", ".cuda()"),
        ("x.cuda(0, non_blocking=True)", ".cuda()"),
        ("x.to('cuda')", '.to("cuda")'),
        ("x.to('cuda:0', torch.float32)", '.to("cuda:0")'),
        ("x.to(device=torch.device('cuda'))", '.to("cuda")'),
        ("x.to(0)", '.to("0")'),
        ("x.type(torch.cuda.FloatTensor)", ".type(torch.cuda.FloatTensor)"),
        ("x.type('torch.cuda.FloatTensor')", ".type(torch.cuda.FloatTensor)"),
        ("torch.zeros_like(x, device='cuda') + x", 'torch.zeros_like(device="cuda")'),
        ("x.new_zeros(2, 2, device='cuda') + x", '.new_zeros(device="cuda")'),
        ("torch.cuda.FloatTensor(2, 2).zero_() + x", "torch.cuda.FloatTensor()"),
        ("nn.Identity().cuda()(x)", ".cuda()"),
        ("nn.Identity().to('cuda')(x)", '.to("cuda")'),
        ("torch.cuda.set_device(0) or x", "torch.cuda.set_device()"),
        ("torch.set_default_tensor_type('torch.cuda.FloatTensor') or x", None),
    ],
)
def test_asking_for_a_gpu_is_harmless_and_remembered(notes, expression, what):
    x = torch.ones(2, 2)
    assert torch.equal(student(expression, x=x), x)
    assert [call.where for call in legacy.cuda_calls] == ["models.py, line 2"]
    assert what is None or legacy.cuda_calls[0].what == what
    assert not torch.cuda.is_available()


@NO_GPU
def test_a_layer_made_for_a_gpu_is_remembered_at_the_students_line(notes):
    layer = student("nn.Conv2d(1, 2, 3, device='cuda')")
    assert layer.weight.device.type == "cpu"
    assert {call.where for call in legacy.cuda_calls} == {"models.py, line 2"}


@NO_GPU
def test_right_code_asks_for_nothing(notes):
    x = torch.ones(2, 2)
    for expression in (
        "x.to(torch.device('cuda' if torch.cuda.is_available() else 'cpu'))",
        "x.to(torch.float64).to(x).type(torch.float32)",
        "x.to('cpu')",
        "torch.zeros(2, 2, device=x.device) + x",
        "x.cuda() if x.is_cuda else x",
        "nn.Linear(2, 2).to(x.device)(x) * 0 + x",
        "torch.set_default_dtype(torch.float32) or x",
    ):
        assert torch.equal(student(expression, x=x).to(torch.float32), x)
    assert legacy.cuda_calls == []


class _OldReLU(torch.autograd.Function):
    def __init__(self, slope):
        self.slope = slope

    def forward(self, x):
        self.save_for_backward(x)
        self.shape = x.shape
        return x.clamp(min=0)

    def backward(self, gradient):
        (x,) = self.saved_tensors
        return torch.where(x < 0, self.slope, gradient).reshape(self.shape)


def test_an_autograd_function_of_before_static_methods_runs_and_has_its_own_gradient(notes):
    x = torch.tensor([-1.0, 2.0], requires_grad=True)
    output = student("Old(7.0)(x)", Old=_OldReLU, x=x)
    output.sum().backward()
    assert output.tolist() == [0.0, 2.0] and x.grad.tolist() == [7.0, 1.0]
    assert used(notes) == ["torch.autograd.Function"]


@NO_GPU
def test_a_lazy_layer_can_be_moved_before_it_has_seen_its_input(notes):
    moved = student('nn.LazyConv2d(3, 3).to("cuda").cuda().double()')
    assert moved(torch.zeros(1, 2, 8, 8, dtype=torch.float64)).shape == (1, 3, 6, 6)


def test_every_call_is_remembered_until_the_next_installation(notes):
    if torch.cuda.is_available():
        pytest.skip("with a GPU nothing is remembered")
    for _ in range(3):
        student("torch.zeros(1).cuda()")
    assert len(legacy.cuda_calls) == 3
    legacy.install(lambda where, what, why: None)
    assert legacy.cuda_calls == []


def test_everything_is_put_back():
    owners = (torch, torch.Tensor, torch.autograd.Function, nn.Module, nn.init, F, torch.cuda, np, collections)

    def names() -> list[dict]:
        return [{name: value for name, value in vars(owner).items() if "warning" not in name} for owner in owners]

    before = names()
    legacy.install(lambda where, what, why: None)
    assert all(changed != kept for changed, kept in zip(names(), before, strict=True)) or torch.cuda.is_available()
    legacy.uninstall()
    assert names() == before
    linecache.cache.pop("models.py", None)


@pytest.mark.parametrize(("path", "count"), [("colours/colour_kmeans24_cat7.npy", 24), ("color_kmeans16_cat7.npy", 16)])
def test_the_courses_colours_have_their_form_although_the_file_is_absent(loading, path, count):
    text = NETWORK + f"import numpy as np\ncolours = np.load({path!r}, allow_pickle=True, encoding='bytes')[0]\n"
    loaded = loading({"models.py": text + "class CNN(nn.Module):\n    shape = colours.shape\n"})
    assert loaded.classes["CNN"].shape == (count, 3)
    assert any("not here" in note.reason for note in loaded.notes)
