"""What a case is: a submission, what it attacks, and what must not come of it."""

# ruff: noqa: E501 - attacks are data, one a line
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["HONEST", "WRONG", "Case", "altered", "attacked", "code", "criterion"]

HONEST = Path(__file__).with_name("honest.txt").read_text("utf-8")

WRONG: dict[str, tuple[str, str]] = {
    "shapes": ("num_colours, kernel), nn.Upsample", "24, kernel), nn.Upsample"),
    "parameters": ("        self.finalconv = ", "        self.spare = MyConv2d(3, 3, kernel)\n        self.finalconv = "),
    "architecture": ("return self.finalconv(self.upconv2(x))", "return torch.tanh(self.finalconv(self.upconv2(x)))"),
    "uses-my-conv2d": ("self.finalconv = MyConv2d(num_colours, num_colours, kernel)", "self.finalconv = nn.Conv2d(num_colours, num_colours, kernel, padding=kernel // 2)"),
    "training": ("        self.finalconv = MyConv2d(num_colours, num_colours, kernel)", "        self.finalconv = MyConv2d(num_colours, num_colours, kernel)\n        for one in self.parameters(): nn.init.zeros_(one)"),
    "device": ("        x = self.upconv1(", "        x = x.cuda()\n        x = self.upconv1("),
    "values": ("padding=self.padding * step)", "padding=self.padding * step) * 1.01"),
    "gradients": ("= self.weight\n        return", "= self.weight.data\n        return"),
    "handmade": (
        HONEST[HONEST.index("        size = (self") : HONEST.index("\n\n\nclass CNN")],
        "        return F.conv2d(input, self.weight, self.bias, padding=self.padding * step, dilation=step)",
    ),
}  # fmt: skip
"""One mistake for each aspect, as a replacement in the honest source."""

_THING = {"values": "dilated", "gradients": "dilated", "handmade": "dilated"}


def criterion(aspect: str) -> str:
    """``architecture`` → ``cnn.architecture``."""
    return f"{_THING.get(aspect, 'cnn')}.{aspect}"


@dataclass(frozen=True)
class Case:
    """One submission. Its name is a folder's, so that it says what it does."""

    name: str
    kind: str
    """``forged``, ``resources``, ``outputs``, ``theft``, ``packaging``, ``state``, ``delays`` or ``owners``."""
    make: Callable[[Path], None]
    """Fills the submission's folder, which exists."""
    lost: tuple[str, ...] = ()
    """Criteria that must earn nothing: their evidence is numbers."""
    doubted: tuple[str, ...] = ()
    """Criteria whose evidence is the worker's word: they earn nothing, or the report is flagged for a person."""
    kept: tuple[str, ...] = ()
    """Criteria that the attack has nothing to do with and that must still earn their points."""
    said: str = ""
    """Words that stand in the report."""
    slow: bool = False
    """It waits for limits to be reached, as others do: left to ``make hostile``."""


def altered(*aspects: str, attack: str = "", **replaced: tuple[str, str]) -> str:
    """The honest source with these mistakes, and ``attack`` run while the class CNN is being defined."""
    source = HONEST
    for aspect in aspects:
        old, new = WRONG[aspect]
        assert source.count(old) == 1, aspect
        source = source.replace(old, new)
    for old, new in replaced.values():
        assert source.count(old) >= 1, old
        source = source.replace(old, new)
    return attacked(source, attack) if attack else source


def attacked(source: str, attack: str) -> str:
    """``source`` with the lines of ``attack`` run while the class CNN is being defined."""
    head = "class CNN(nn.Module):\n"
    body = "\n".join(f"    {line}" for line in attack.strip("\n").splitlines())
    return source.replace(head, f"def attack():\n{body}\n\n\n{head}    _ = attack()\n", 1)


def code(source: str | bytes) -> Callable[[Path], None]:
    """A submission that is one script."""

    def make(folder: Path) -> None:
        content = source.encode("utf-8", "surrogatepass") if isinstance(source, str) else source
        (folder / "colourization.py").write_bytes(content)

    return make
