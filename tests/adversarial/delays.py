"""Files that are made to take the time or the memory of whoever reads them, beside a right solution."""

from __future__ import annotations

from pathlib import Path

from bench.shapes import SHAPES, Shape

from .cases import HONEST, Case

__all__ = ["CASES"]

_ALL = ("cnn.architecture", "dilated.values")
_SAID = {
    "zip in zip: names": "100,000 names",
    "zip of zips": "100,000 names",
    "zip in zip: deep names": "more than 30 folders",
    "tar: empty files": "10,000 files",
    "notebook: empty objects": "500,000 values",
    "notebook: empty objects, zipped": "500,000 values",
}
"""What the report says of the largest size of a shape."""


def _case(shape: Shape) -> Case:
    """The shape at its largest. A right solution lies beside it, unless the shape takes its place."""
    files = shape.files(16 * shape.smallest)
    is_beside = "colourization.py" not in files

    def make(folder: Path) -> None:
        shape.make(folder, 16 * shape.smallest)
        if is_beside:
            (folder / "colourization.py").write_text(HONEST, "utf-8")

    name = "".join(letter if letter.isalnum() else "-" for letter in shape.name)
    has_code = "script" in shape.name or any(path.endswith((".py", ".ipynb", ".html")) for path in files)
    counts = is_beside and not has_code
    said = _SAID.get(shape.name, "")
    return Case(f"delays-{name}", "delays", make, kept=_ALL if counts else (), said=said)


CASES = [_case(shape) for shape in SHAPES]
