"""Every form of a layer says the same thing in its four notations, and some known implementation has it."""

from __future__ import annotations

import pytest
import torch
from handout_networks import NETWORKS
from torch import nn
from torch.nn import functional as F

from reference.forms import FORMS, IN_EVALUATION, OTHER_EPS, TAKEN_BEFORE, acts_in_evaluation_only, form_of
from reference.known import misordered, right
from reference.mistakes import mistakes, stopping
from reference.network import parameter_shapes
from reference.steps import Step

BEFORE, AFTER, KERNEL = 3, 4, 5
STEPS = [
    Step(kind, 1, "NF" if kind in ("conv", "convt") else "", form, bias=bias, padding=padding)
    for kind, form in FORMS
    for bias, padding in (
        *[(True, "zeros")],
        *([(False, "zeros"), (True, "")] if kind in ("conv", "convt") else []),
        *([(True, "reflect"), (True, "replicate"), (True, "circular")] if kind == "conv" else []),
    )
]


def _named(step: Step) -> str:
    options = ["" if step.bias else "without bias", f"padding: {step.padding}" if step.padding != "zeros" else ""]
    return " ".join(filter(None, [step.kind, step.form, *options]))


EVERY_STEP = pytest.mark.parametrize("step", STEPS, ids=_named)


def _image(channels: int = BEFORE) -> torch.Tensor:
    return torch.rand(2, channels, 16, 12, generator=torch.Generator().manual_seed(0)) * 12 - 2


def _module(step: Step) -> nn.Module | None:
    """The layer in evaluation mode, with parameters and statistics that are not the initial ones."""
    make = form_of(step).module
    if make is None:
        return None
    module = make(step, BEFORE, AFTER, KERNEL).eval()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for value in (*module.parameters(), *module.buffers()):
            if value.is_floating_point():
                value.copy_(torch.rand(value.shape, generator=generator) + 0.5)
    return module


def _tensors(step: Step, module: nn.Module | None) -> list[torch.Tensor]:
    """What ``compute`` takes besides the input."""
    if step.kind == "cat":
        return [_image().flip(0)]
    if module is None:
        return []
    return [*module.parameters(), *(value for value in module.buffers() if value.is_floating_point())]


@pytest.mark.slow
def test_every_form_is_reached_by_a_known_implementation():
    reached = {
        (step.kind, step.form.removesuffix(IN_EVALUATION))
        for assignment, facts in NETWORKS
        for known in (*right(assignment, facts.cls), *misordered(assignment, facts.cls, ("pool-first",)))
        for steps in (known.steps, *(wrong.steps for wrong in (*mistakes(known), *stopping(known))))
        for step in steps
    }
    assert reached == set(FORMS)


@EVERY_STEP
def test_the_module_has_the_parameters_that_the_row_says(step):
    module = _module(step)
    shapes = tuple(tuple(value.shape) for value in module.parameters()) if module else ()
    assert parameter_shapes(step, BEFORE, KERNEL, filters=AFTER, colours=7, inputs=2) == shapes
    means = [name for name, _ in module.named_buffers() if name == "running_mean"] if module else []
    assert form_of(step).statistics is bool(means)


@pytest.mark.slow
@pytest.mark.parametrize("step", [step for step in STEPS if form_of(step).module is not None], ids=_named)
def test_the_function_computes_what_the_module_computes(step):
    form, image, module = form_of(step), _image(), _module(step)
    expected = module(image) if form.output_used else image
    torch.testing.assert_close(form.compute(step, image, *_tensors(step, module)), expected)


@EVERY_STEP
def test_the_source_computes_what_the_function_computes(step):
    form, image, module = form_of(step), _image(), _module(step)
    skipped = _tensors(step, module)[0] if step.kind == "cat" else None
    options = "" if step.bias else ", bias=False"
    options += f", padding_mode='{step.padding}'" if step.padding not in ("zeros", "") else ""
    text = form.source.format(
        x="x", skipped="skipped", channels=BEFORE, out=AFTER, options=options,
        padding="kernel // 2" if step.padding else "0",
    )  # fmt: skip
    names = {"nn": nn, "F": F, "torch": torch, "kernel": KERNEL, "x": image, "skipped": skipped}
    exec(form.definition, names)
    written = eval(text, names)
    if module is not None:
        written.load_state_dict(module.state_dict())
        written = written.eval()(image) if form.output_used else image
    torch.testing.assert_close(written, form.compute(step, image, *_tensors(step, module)))


@pytest.mark.parametrize("kind", sorted({kind for kind, _ in FORMS}))
def test_two_forms_of_a_kind_compute_different_things(kind):
    # The same function at another place.
    alike = {("act", "relu"), *(("cat", form) for form in TAKEN_BEFORE), ("cat", "unexpected")}
    forms = [
        step
        for step in STEPS
        if step.kind == kind and step.bias and step.padding == "zeros" and (kind, step.form) not in alike
    ]
    outputs = [form_of(step).compute(step, _image(), *_tensors(step, _module(step))) for step in forms]
    for place, output in enumerate(outputs):
        for other in outputs[:place]:
            assert output.shape != other.shape or not torch.allclose(output.double(), other.double())


def test_a_joined_tensor_stands_first_where_the_step_says_so():
    image, skipped = _image(), _image(2)
    for first in (False, True):
        step = Step("cat", 2, source=1, first=first)
        parts = (skipped, image) if first else (image, skipped)
        assert torch.equal(form_of(step).compute(step, image, skipped), torch.cat(parts, dim=1))


def test_a_form_in_evaluation_mode_is_the_plain_row():
    step = Step("act", 1, form="tanh" + IN_EVALUATION)
    assert form_of(step) is FORMS["act", "tanh"]
    assert acts_in_evaluation_only(step) and not acts_in_evaluation_only(step.in_form("tanh"))


def test_other_values_of_eps_are_not_the_default():
    assert nn.BatchNorm2d(1).eps not in OTHER_EPS.values()
    assert all(("norm", form) in FORMS for form in OTHER_EPS)


def test_an_unknown_form_is_refused():
    with pytest.raises(KeyError):
        form_of(Step("act", 1, form="sine"))
