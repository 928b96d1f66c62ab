"""Single edits of the model answers' source: each should cost marks, or leave the function unchanged.

A mutant of a class is the class with one edit of its syntax tree: a layer dropped, doubled or exchanged, a number or a
name changed, an argument left out, operands swapped, a statement gone. It is put into an otherwise right submission.
Either it loses a mark, or it is proved to be the same function as an answer that the rulings accept: ``same_function``
compares outputs, gradients, running statistics and parameter counts in several configurations, with code of its own.
"""

from __future__ import annotations

import ast
import contextlib
import copy
import io
import itertools
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import cache, partial
from random import Random
from typing import Any

import torch
from torch import Tensor, nn

from accuracy.examining import IMPORTS, Examiner, classes_of, definitions, reference_source, right_source
from grader.marking.verdicts import Verdict
from reference.handouts import HANDOUTS

__all__ = ["Mutant", "Trial", "draw", "same_function", "try_out"]


@dataclass(frozen=True)
class Mutant:
    """One edit of one class or helper of an assignment's model answer."""

    assignment: str
    style: str
    """``right`` (block by block, as students write) or ``reference``."""
    definition: str
    """The class or function that was edited."""
    edit: str
    """What was done, and in which line of the definition."""
    source: str
    """The whole submission."""


@dataclass(frozen=True)
class Trial:
    """The result of grading a mutant."""

    mutant: Mutant
    lost: str
    """The first criterion that did not pass in full; empty for none."""
    why: str = ""
    """If the mutant lost nothing: how it was proved right; empty for a survivor."""
    margin: float | None = None
    """The largest difference in units of the tolerance, where numbers showed that it is wrong."""

    @property
    def survived(self) -> bool:
        return not self.lost and not self.why


# -- the edits --------------------------------------------------------------------------------------------------------

_NUMBERS = ("num_filters", "num_colours", "num_in_channels", "kernel", "double", "channels", "filters", "in_channels", "out_channels", "kernel_size", "dilation", "step", "side", "size", "padding", "stride", "output_padding")  # fmt: skip
_OTHER_LAYERS = {
    "MaxPool2d": ["AvgPool2d"],
    "BatchNorm2d": ["InstanceNorm2d", "Identity"],
    "ReLU": ["LeakyReLU", "Sigmoid", "Tanh", "Identity", "ELU"],
    "Upsample": ["Identity"],
    "MyDilatedConv2d": ["MyConv2d"],
    "MyConv2d": ["nn.Conv2d", "MyDilatedConv2d"],
    "zeros": ["ones", "empty"],
    "new_zeros": ["new_ones", "new_empty"],
}
_MORE_ARGUMENTS = {
    "MaxPool2d": ["stride=1", "ceil_mode=True", "padding=1"],
    "BatchNorm2d": ["affine=False", "track_running_stats=False", "momentum=0.2", "eps=0.01"],
    "Upsample": ["mode='bilinear'"],
    "Conv2d": ["bias=False", "stride=2", "dilation=2", "padding_mode='reflect'"],
    "ConvTranspose2d": ["bias=False"],
    "conv2d": ["stride=2", "dilation=2"],
    "ReLU": ["inplace=True"],
}
_OPERATORS: dict[type[ast.operator], list[type[ast.operator]]] = {
    ast.Mult: [ast.Add], ast.Add: [ast.Sub, ast.Mult], ast.Sub: [ast.Add], ast.FloorDiv: [ast.Mult], ast.Pow: [ast.Mult], ast.Div: [ast.Mult],
}  # fmt: skip
_NOT_EDITED = ("extra_repr",)

Edit = Callable[[Any], str]


def _name_of(call: ast.Call) -> str:
    return (
        call.func.attr
        if isinstance(call.func, ast.Attribute)
        else call.func.id
        if isinstance(call.func, ast.Name)
        else ""
    )


def _edits_of_list(field: str, items: list[Any]) -> Iterator[tuple[str, Edit]]:
    """Layers of a Sequential, tensors of a cat: left out, doubled, swapped with the next."""
    for place in range(len(items)):
        if len(items) > 1:
            yield f"{ast.unparse(items[place])} left out", lambda node, place=place: getattr(node, field).pop(place)
        yield (
            f"{ast.unparse(items[place])} doubled",
            lambda node, place=place: getattr(node, field).insert(place, copy.deepcopy(getattr(node, field)[place])),
        )
        if place + 1 < len(items):
            yield (
                f"{ast.unparse(items[place])} and {ast.unparse(items[place + 1])} swapped",
                lambda node, place=place: getattr(node, field).insert(place, getattr(node, field).pop(place + 1)),
            )


def _edits_of_call(node: ast.Call) -> Iterator[tuple[str, Edit]]:
    name = _name_of(node)
    if name in ("super", "__init__"):
        return
    if name == "Sequential" and not any(isinstance(argument, ast.Starred) for argument in node.args):
        yield from _edits_of_list("args", node.args)
    elif len(node.args) > 1:
        yield from ((words, edit) for words, edit in _edits_of_list("args", node.args) if not words.endswith("doubled"))
    for place, keyword in enumerate(node.keywords):
        yield f"{keyword.arg}= left out of {name}", lambda node, place=place: node.keywords.pop(place)
    for other in _OTHER_LAYERS.get(name, []):
        yield f"{name} → {other}", lambda node, other=other: _rename(node, other)
    for more in _MORE_ARGUMENTS.get(name, []):
        if more.partition("=")[0] not in [keyword.arg for keyword in node.keywords]:
            yield (
                f"{name}(…, {more})",
                lambda node, more=more: node.keywords.append(ast.parse(f"f({more})", mode="eval").body.keywords[0]),
            )  # type: ignore[attr-defined]


def _rename(node: ast.Call, other: str) -> None:
    if other == "nn.Conv2d":
        node.func = ast.parse(other, mode="eval").body
        if len(node.args) == 3:
            kernel = ast.unparse(node.args[2])
            node.keywords.append(ast.parse(f"f(padding={kernel} // 2)", mode="eval").body.keywords[0])  # type: ignore[attr-defined]
        elif len(node.args) == 4:
            node.args.insert(3, ast.Constant(1))
    elif isinstance(node.func, ast.Attribute):
        node.func.attr = other
    else:
        node.func = ast.Name(other, ast.Load())


def _edits_of(node: ast.AST, scope: list[str]) -> Iterator[tuple[str, Edit]]:
    """Edits of one node of the tree, each with its description; ``scope``: names of its function."""
    if isinstance(node, ast.Call):
        yield from _edits_of_call(node)
    if isinstance(node, (ast.List, ast.Tuple)) and isinstance(getattr(node, "ctx", None), ast.Load):
        yield from _edits_of_list("elts", node.elts)
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        for other in (node.value + 1, node.value - 1, node.value * 2):
            if other != node.value:
                yield f"{node.value} → {other}", lambda node, other=other: setattr(node, "value", other)
    if isinstance(node, ast.BinOp):
        for operator in _OPERATORS.get(type(node.op), []):
            yield (
                f"{ast.unparse(node)}: {type(node.op).__name__} → {operator.__name__}",
                lambda node, operator=operator: setattr(node, "op", operator()),
            )
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in scope:
        for name in scope:
            if name != node.id and (name in _NUMBERS) == (node.id in _NUMBERS):
                yield f"{node.id} → {name}", lambda node, name=name: setattr(node, "id", name)
    if (
        isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Load)
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
    ):
        for name in scope:
            if name.startswith("self.") and name != f"self.{node.attr}":
                yield f"self.{node.attr} → {name}", lambda node, name=name: setattr(node, "attr", name[5:])
    if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Is):
        yield "is → is not", lambda node: node.ops.__setitem__(0, ast.IsNot())
    if isinstance(node, ast.Slice) and node.step is not None:
        yield "step of a slice left out", lambda node: setattr(node, "step", None)
    if isinstance(node, ast.FunctionDef):
        for place, statement in enumerate(node.body):
            if not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)):
                yield (
                    f"`{ast.unparse(statement)[:60]}` left out",
                    lambda node, place=place: node.body.__setitem__(place, ast.Pass()),
                )
            if isinstance(statement, ast.Assign) and node.name == "forward":
                yield (
                    f"`{ast.unparse(statement)[:60]}` doubled",
                    lambda node, place=place: node.body.insert(place, copy.deepcopy(node.body[place])),
                )
        if node.name == "forward":
            for call in ("F.relu", "torch.sigmoid", "torch.tanh"):
                yield f"{call} around what is returned", lambda node, call=call: _around_return(node, call)


def _around_return(node: ast.FunctionDef, function: str) -> None:
    last = next(statement for statement in reversed(node.body) if isinstance(statement, ast.Return))
    last.value = ast.parse(f"{function}({ast.unparse(last.value)})", mode="eval").body  # type: ignore[arg-type]


def _replacements(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """What may stand in place of a call: one tensor in place of a cat, the input in place of a layer's output."""
    if isinstance(node, ast.Call) and node.args:
        if _name_of(node) == "cat" and isinstance(node.args[0], (ast.List, ast.Tuple)):
            for tensor in node.args[0].elts:
                yield f"{ast.unparse(node)} → {ast.unparse(tensor)}", tensor
            if len(node.args[0].elts) == 2:
                yield f"{ast.unparse(node)} → sum", ast.BinOp(node.args[0].elts[0], ast.Add(), node.args[0].elts[1])
        elif (
            isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id == "self"
        ):
            yield f"{ast.unparse(node)[:60]} → its input", node.args[0]
            yield (
                f"{ast.unparse(node)[:60]} without gradient",
                ast.parse(f"({ast.unparse(node)}).detach()", mode="eval").body,
            )
        elif _name_of(node) == "conv2d":
            for place in (0, 1):
                cut = copy.deepcopy(node)
                cut.args[place] = ast.parse(f"({ast.unparse(node.args[place])}).detach()", mode="eval").body
                yield f"{ast.unparse(node.args[place])} detached", cut


def _scope(function: ast.FunctionDef, definition: ast.AST) -> list[str]:
    """Names that a slip could put in place of one another: arguments and local variables, and the layers of self."""
    names = [argument.arg for argument in function.args.args if argument.arg != "self"]
    names += [node.id for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]
    if function.name == "forward":
        stored = [
            node.attr
            for node in ast.walk(definition)
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
        ]
        names += [f"self.{name}" for name in stored]
    return list(dict.fromkeys(names))


def _mutated(text: str) -> Iterator[tuple[str, Callable[[], str]]]:
    """For every edit of a definition: what it is, and a function that makes the definition's new source."""
    tree = ast.parse(text).body[0]
    functions = _functions(tree)
    for index, function in enumerate(functions):
        scope = _scope(function, tree)
        for place, node in enumerate(_nodes(function)):
            where = f"line {getattr(node, 'lineno', function.lineno)} of {function.name}"
            for words, edit in _edits_of(node, scope):
                yield f"{words} ({where})", partial(_with_edit, tree, index, place, edit)
            for words, new in _replacements(node):
                yield f"{words} ({where})", partial(_with_replacement, tree, index, place, new)


def _functions(tree: ast.AST) -> list[ast.FunctionDef]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name not in _NOT_EDITED]


def _nodes(function: ast.FunctionDef) -> list[ast.AST]:
    return [function, *(node for statement in function.body for node in ast.walk(statement))]


def _with_edit(tree: ast.stmt, index: int, place: int, edit: Edit) -> str:
    changed = copy.deepcopy(tree)
    edit(_nodes(_functions(changed)[index])[place])
    return ast.unparse(ast.fix_missing_locations(changed))


def _with_replacement(tree: ast.stmt, index: int, place: int, new: ast.expr) -> str:
    changed = copy.deepcopy(tree)
    old = _nodes(_functions(changed)[index])[place]
    return ast.unparse(ast.fix_missing_locations(_Replace(old, new).visit(changed)))


class _Replace(ast.NodeTransformer):
    def __init__(self, old: ast.AST, new: ast.expr) -> None:
        self._old, self._new = old, new

    def visit(self, node: ast.AST) -> ast.AST:
        return copy.deepcopy(self._new) if node is self._old else self.generic_visit(node)


def draw(assignment: str, number: int, random: Random) -> tuple[list[Mutant], int]:
    """Some of the mutants of an assignment's classes, in both styles of the model answer, and the number of all.

    Each differs from the text it was made of, and from the others.
    """
    makers: list[tuple[str, str, str, dict[str, str], Callable[[], str]]] = []
    for style, source in (("right", right_source(assignment)), ("reference", reference_source(assignment))):
        texts = definitions(source)
        for name, text in texts.items():
            # A helper, or a layer, that nothing of this assignment uses cannot make anything wrong.
            used = name in classes_of(assignment) or any(
                f"{name}(" in other for key, other in texts.items() if key != name
            )
            makers += [(style, name, words, texts, make) for words, make in (_mutated(text) if used else ())]
    drawn: dict[str, Mutant] = {}
    for style, name, words, texts, make in random.sample(makers, len(makers)):
        if len(drawn) == number:
            break
        changed = make()
        if changed != ast.unparse(ast.parse(texts[name])):
            whole = "\n\n".join([IMPORTS, *({**texts, name: changed}.values())])
            drawn.setdefault(whole, Mutant(assignment, style, name, words, whole))
    return list(drawn.values()), len(makers)


# -- the proof --------------------------------------------------------------------------------------------------------


def _load(source: str) -> dict[str, Any]:
    """Names that a source of ours defines."""
    names: dict[str, Any] = {"__name__": "mutant"}
    exec(compile(source, "<mutant>", "exec"), names)
    return names


def _fill(model: nn.Module, seed: int) -> None:
    """The same values for the same shapes in the same order; batch-norm scales of both signs."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for value in model.parameters():
            drawn = torch.randn(value.shape, generator=generator)
            value.copy_(drawn / max(1, value[0].numel()) ** 0.5 if value.dim() > 1 else drawn + drawn.sign() / 2)
        for value in model.buffers():
            if value.is_floating_point():
                value.copy_(torch.rand(value.shape, generator=generator) + 0.5)


@dataclass(frozen=True)
class _Evidence:
    """What a model does with one batch, in double precision."""

    outputs: list[Tensor]
    """In evaluation mode, then in training mode."""
    statistics: list[Tensor]
    """Running means and variances after the training pass."""
    gradients: list[Tensor]
    """Of each parameter, and of the input."""


def _evidence(model: nn.Module, batch: Tensor) -> _Evidence:
    model.double().eval()
    with torch.no_grad():
        evaluated = model(batch)
    model.train()
    source = batch.clone().requires_grad_()
    trained = model(source)
    (trained * torch.linspace(-1, 1, trained.numel(), dtype=trained.dtype).reshape(trained.shape)).sum().backward()
    statistics = [value.clone() for value in model.buffers() if value.is_floating_point()]
    sources = [*model.parameters(), source]
    return _Evidence(
        [evaluated, trained.detach()],
        statistics,
        [torch.zeros_like(value) if value.grad is None else value.grad for value in sources],
    )


def _same(expected: list[Tensor], actual: list[Tensor], rtol: float = 1e-9) -> bool:
    return len(expected) == len(actual) and all(
        ours.shape == theirs.shape and torch.allclose(ours, theirs, rtol=rtol, atol=1e-9)
        for ours, theirs in zip(expected, actual, strict=True)
    )


# Where an upsampling has changed places with a batch-norm, the variance of n or of 4n values, with Bessel's correction,
# enters the running statistics at a tenth: 0.1 / (n − 1) at most, and the cases below have n ≥ 64.
_BESSEL = 0.1 / 63


def _equal_evidence(expected: _Evidence, actual: _Evidence, gradients: bool = True) -> bool:
    return (
        _same(expected.outputs, actual.outputs)
        and (not gradients or _same(expected.gradients, actual.gradients))
        and _same(expected.statistics, actual.statistics, _BESSEL)
    )


def _cases(names: tuple[str, ...], kernels: tuple[int, ...]) -> Iterator[tuple[list[int], tuple[int, ...]]]:
    """(constructor's arguments, input's shape): other sizes, widths and batches than the grader's."""
    for index, kernel in enumerate(kernels):
        values = {
            "kernel": kernel,
            "num_filters": (4, 3, 6)[index],
            "num_colours": (5, 4, 3)[index],
            "num_in_channels": (1, 2, 3)[index],
        }
        inputs = values["num_in_channels"] if "num_in_channels" in names else 1
        yield [values[name] for name in names], ((2, 3, 1)[index], inputs, (16, 32, 32)[index], (32, 16, 48)[index])


def _layer_cases(dilated: bool) -> Iterator[tuple[list[int], tuple[int, ...]]]:
    for kernel, last, inputs in itertools.product((1, 3, 5), (0, 1, 2, 3) if dilated else (None, 0, 2), (1, 3)):
        yield [inputs, 2, kernel, *([] if last is None else [last])], (2, inputs, 12 + kernel, 17)


@cache
def _accepted(assignment: str) -> list[tuple[str, dict[str, Any]]]:
    """Every answer that the rulings call right, with a description: the model answer, and its other orders."""
    answers = [(_PLAIN, right_source(assignment)), (_PLAIN, reference_source(assignment))]
    source = right_source(assignment)
    for words, edit in _OTHER_ORDERS.items():
        changed = edit(source)
        if changed != source:
            answers.append((words, changed))
    return [(words, _load(text)) for words, text in answers]


def _pool_and_norm(first: bool, second: bool) -> Callable[[str], str]:
    """Swap pooling with batch-norm (and ReLU, with which it commutes) in the first and the second block of each class."""

    def edit(source: str) -> str:
        tree = ast.parse(source)
        for definition in tree.body:
            blocks = [
                node
                for node in ast.walk(definition)
                if isinstance(node, ast.Call)
                and _name_of(node) == "Sequential"
                and any(isinstance(layer, ast.Call) and _name_of(layer) == "MaxPool2d" for layer in node.args)
            ]
            for block, wanted in zip(blocks, (first, second), strict=False):
                if wanted:
                    names = [_name_of(layer) for layer in block.args if isinstance(layer, ast.Call)]
                    pool = block.args.pop(names.index("MaxPool2d"))
                    block.args.insert(1 if names[-1] == "MaxPool2d" else 3, pool)
        return ast.unparse(tree)

    return edit


_OTHER_ORDERS: dict[str, Callable[[str], str]] = {
    "the other order of pooling and batch-norm in the first block": _pool_and_norm(True, False),
    "the other order of pooling and batch-norm in the second block": _pool_and_norm(False, True),
    "the other order of pooling and batch-norm in both blocks": _pool_and_norm(True, True),
}


def same_function(mutant: Mutant, criteria: Collection[str]) -> str:
    """How the mutant was proved right, class by class, or an empty string.

    ``criteria``: those of its assignment. Where none asks how a given network learns, its gradients are not compared.
    """
    try:
        changed = _load(mutant.source)
    except Exception:
        return ""
    things = {
        kind.cls: list(_cases(kind.parameters, (3, 5, 7) if kind.odd_kernels else (3, 3, 3)))
        for kind in HANDOUTS[mutant.assignment].networks
    }
    things |= {
        name: list(_layer_cases(name == "MyDilatedConv2d"))
        for name in ("MyConv2d", "MyDilatedConv2d")
        if f"class {name}(" in right_source(mutant.assignment)
    }
    proofs = set()
    untrained = {
        kind.cls for thing, kind in HANDOUTS[mutant.assignment].things.items() if f"{thing}.training" not in criteria
    }
    for name, cases in things.items():
        for gradients in (True, False) if name in untrained else (True,):
            ways = (
                (how, _equal(right, changed, name, cases, gradients)) for how, right in _accepted(mutant.assignment)
            )
            how = next((how + turned for how, turned in ways if turned is not None), None)
            if how is not None:
                proofs.add(how if gradients else f"the same outputs of {name}, about whose training no criterion asks")
                break
        else:
            return ""
    return "; ".join(sorted(proofs - {_PLAIN})) or _PLAIN


_PLAIN = "the same function"


def _equal(
    right: dict[str, Any],
    changed: dict[str, Any],
    name: str,
    cases: list[tuple[list[int], tuple[int, ...]]],
    gradients: bool,
) -> str | None:
    """How the class equals the right one in all cases: empty if exactly, None if it does not."""
    turned = False
    for number, (arguments, shape) in enumerate(cases):
        batch = torch.rand(shape, generator=torch.Generator().manual_seed(number), dtype=torch.float64)
        try:
            model, other = right[name](*arguments), changed[name](*arguments)
            if model._modules.keys() == other._modules.keys():
                # a name says which layer it is, and not when it was made
                other._modules = {layer: other._modules[layer] for layer in model._modules}
            if [value.requires_grad for value in model.parameters()] != [
                value.requires_grad for value in other.parameters()
            ]:
                return None
            if [value.shape for value in model.parameters()] != [value.shape for value in other.parameters()]:
                return None
            _fill(model, number)
            _fill(other, number)
            expected = _evidence(model, batch)
            if _equal_evidence(expected, _evidence(other, batch), gradients):
                continue
            if not _equal_with_turned_columns(expected, other, number, batch):
                return None
            turned = True
        except Exception:
            return None
    return " with the two tensors of a cat the other way round" if turned else ""


def _equal_with_turned_columns(expected: _Evidence, other: nn.Module, number: int, batch: Tensor) -> bool:
    """Whether the two are equal when the input channels of one filter are in the order of the other cat."""
    for index, filter in enumerate(other.parameters()):
        if filter.dim() != 4:
            continue
        for axis in (0, 1):
            for turn in range(1, filter.shape[axis]):
                other.float()
                _fill(other, number)
                other.double().eval()
                with torch.no_grad():
                    filter.copy_(filter.roll(turn, axis))
                    if not _same(expected.outputs[:1], [other(batch)]):
                        continue
                other.zero_grad()
                actual = _evidence(other, batch)
                actual.gradients[index] = actual.gradients[index].roll(-turn, axis)
                if _equal_evidence(expected, actual):
                    return True
    return False


def try_out(mutant: Mutant, examiner: Examiner) -> Trial:
    """Grade a mutant; where nothing is lost, look for a proof that it is right."""
    with contextlib.redirect_stdout(io.StringIO()):
        verdicts = examiner.verdicts(mutant.assignment, mutant.source, until_lost=True)
        lost = next((id for id, verdict in verdicts.items() if verdict.share < 1), "")
        if lost:
            return Trial(mutant, lost, margin=_margin(verdicts[lost]))
        criteria = {criterion.id for criterion in examiner.criteria(mutant.assignment)}
        return Trial(mutant, "", same_function(mutant, criteria))


def _margin(verdict: Verdict) -> float | None:
    difference = verdict.evidence.difference
    if difference and difference.elements and difference.tolerance:
        return difference.largest / difference.tolerance
    return verdict.evidence.margins.get("parameters")
