"""Pictures as SVG text: a bar of points, a training curve, a heat map. Pure functions that fail for no number.

The pictures get their colours from the page through class names (``expected``, ``actual``, ``heat``, …), so the same
picture works in light, in dark and in print. They have no scripts, styles or ids, so a page with a strict content
security policy can hold any number of them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from html import escape

__all__ = ["bar", "heat_map", "line_plot"]


MAP_SIDE = 32
"""Most rows and columns of a heat map. A larger one shows the largest value of each block."""
CURVE_POINTS = 400
"""Most points drawn of one curve."""
LEVELS = 12
"""Shades of a heat map above the tolerance."""
BEYOND = 1e100
"""Magnitude from which a number is drawn like infinity, because differences would overflow."""
SPREAD = 100.0
"""Ratio of the largest to the smallest positive loss from which the axis is logarithmic."""

WIDTH, HEIGHT = 420, 270
"""Pixels. On a telephone a wider picture is scaled down, and its letters are too small to read."""
LEFT, RIGHT, TOP, BOTTOM = 62, 14, 52, 44


def bar(points: Fraction, open_points: Fraction, maximum: Fraction, label: str) -> str:
    """A horizontal bar: earned points, then open points, of ``maximum``. ``label`` says the same in words."""
    if maximum > 0:
        earned = float(min(max(points / maximum, Fraction(0)), Fraction(1)))
        still = float(min(max(open_points / maximum, Fraction(0)), 1 - Fraction(earned)))
    else:
        earned = still = 0.0
    hatches = "".join(
        f'<path class="hatch" d="M{_at(x)} 8L{_at(min(x + 4, 200 * (earned + still)))} 0"/>'
        for x in _steps(200 * earned, 200 * (earned + still), 6)
    )
    return (
        f'<svg class="bar" viewBox="0 0 200 8" preserveAspectRatio="none" role="img" aria-label="{escape(label)}">'
        '<rect class="track" width="200" height="8"/>'
        f'<rect class="open" x="{_at(200 * earned)}" width="{_at(200 * still)}" height="8"/>{hatches}'
        f'<rect class="earned" width="{_at(200 * earned)}" height="8"/></svg>'
    )


def line_plot(
    expected: Sequence[float],
    actual: Sequence[float],
    *,
    tolerance: float | None = None,
    title: str = "training loss by step",
) -> str:
    """Two curves over steps 1, 2, …: the expected one is dashed and has the allowed band around it.

    The dashes are drawn above the other curve, so both can be seen where they agree. A value that is not finite is a
    cross at the upper edge. The axis is logarithmic where all losses are positive and far apart.
    """
    band = tolerance if tolerance is not None and 0 < tolerance < BEYOND else None
    seen = [value for value in (*expected, *actual) if abs(value) < BEYOND]
    scale = _Scale(seen, steps=max(len(expected), len(actual)))
    described = f"{title}: {_in_words('expected', expected)}; {_in_words('actual', actual)}"
    unit = " (log scale)" if scale.logarithmic else ""
    pieces = [
        f'<svg class="plot" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img" '
        f'aria-label="{escape(described)}">',
        f'<text class="caption" x="{LEFT}" y="16">{escape(title)}{unit}</text>',
    ]
    for value in scale.ticks():
        y = _at(scale.y(value))
        pieces.append(f'<path class="grid" d="M{LEFT} {y}H{WIDTH - RIGHT}"/>')
        pieces.append(f'<text class="tick end" x="{LEFT - 8}" y="{_at(scale.y(value) + 4)}">{value:.4g}</text>')
    for step in scale.step_ticks():
        pieces.append(
            f'<text class="tick middle" x="{_at(scale.x(step))}" y="{HEIGHT - BOTTOM + 18}">{step + 1}</text>'
        )
    pieces.append(f'<path class="axis" d="M{LEFT} {TOP}V{HEIGHT - BOTTOM}H{WIDTH - RIGHT}"/>')
    pieces.append(
        f'<text class="tick middle" x="{(LEFT + WIDTH - RIGHT) // 2}" y="{HEIGHT - 8}">step</text>'
        f'<text class="tick middle" transform="translate(13 {(TOP + HEIGHT - BOTTOM) // 2})rotate(-90)">loss</text>'
    )
    if band is not None:
        pieces.append(_band(scale, expected, band))
    pieces.append(_curve(scale, actual, "actual", radius=3.2))
    pieces.append(_curve(scale, expected, "expected", radius=1.8))
    pieces.append(_legend(band is not None))
    if not seen:
        middle = f'x="{(LEFT + WIDTH - RIGHT) // 2}" y="{(TOP + HEIGHT - BOTTOM) // 2}"'
        pieces.append(f'<text class="tick middle" {middle}>no finite values</text>')
    return "".join(pieces) + "</svg>"


def heat_map(
    values: Sequence[Sequence[float]],
    *,
    tolerance: float | None = None,
    title: str = "absolute difference, height × width",
) -> str:
    """One square per value of ``values`` ``(H, W)``: darker if larger, empty if allowed, crossed if not finite."""
    rows = _pooled(values)
    height, width = len(rows), max((len(row) for row in rows), default=0)
    finite = [value for row in rows for value in row if 0 <= value < BEYOND]
    largest = max(finite, default=0.0)
    allowed = tolerance if tolerance is not None and 0 <= tolerance < BEYOND else 0.0
    side = 9 if max(height, width) > 16 else 16
    left, top = 34, 30
    across = max(left + width * side + 124, 330)
    down = top + max(height * side, 96) + 26
    shades: dict[int, list[str]] = {}
    crosses: list[str] = []
    for i, row in enumerate(rows):
        for j, value in enumerate(row):
            x, y = left + j * side, top + i * side
            if not 0 <= value < BEYOND:
                crosses.append(f"M{x + 2} {y + 2}l{side - 4} {side - 4}M{x + side - 2} {y + 2}l{4 - side} {side - 4}")
            elif value > allowed:
                level = max(1, math.ceil(LEVELS * value / largest))
                shades.setdefault(level, []).append(f"M{x} {y}h{side}v{side}h-{side}z")
    over = sum(1 for value in finite if value > allowed) + len(crosses)
    squares = sum(map(len, rows))
    described = f"{title}: {over} of {squares} squares beyond what is allowed, the largest difference {largest:.4g}"
    pieces = [
        f'<svg class="plot" viewBox="0 0 {across} {down}" width="{across}" height="{down}" role="img" '
        f'aria-label="{escape(described)}">',
        f'<text class="caption" x="{left}" y="16">{escape(title)}</text>',
        f'<rect class="frame" x="{left}" y="{top}" width="{width * side}" height="{height * side}"/>',
    ]
    for level, cells in sorted(shades.items()):
        pieces.append(f'<path class="heat" fill-opacity="{_shade(level)}" d="{"".join(cells)}"/>')
    if crosses:
        pieces.append(f'<path class="cross" d="{"".join(crosses)}"/>')
    if height and width:
        middle = top + height * side + 16
        pieces.append(f'<text class="tick" x="{left}" y="{middle}">0</text>')
        pieces.append(f'<text class="tick end" x="{left + width * side}" y="{middle}">{_last(values, width)}</text>')
        pieces.append(f'<text class="tick end" x="{left - 6}" y="{top + 10}">0</text>')
        if height > 1:
            pieces.append(
                f'<text class="tick end" x="{left - 6}" y="{top + height * side - 1}">{len(values) - 1}</text>'
            )
    pieces.append(_key(left + width * side + 18, top, allowed, largest, crossed=bool(crosses)))
    return "".join(pieces) + "</svg>"


class _Scale:
    """Numbers to places on the plot. Values lie within ±BEYOND, so that no difference overflows."""

    def __init__(self, values: Sequence[float], *, steps: int) -> None:
        low, high = min(values, default=0.0), max(values, default=1.0)
        self.logarithmic = low > 0 and high / low > SPREAD
        self.steps = steps
        self.low, self.high = self._place(low), self._place(high)
        spread = self.high - self.low
        if spread > 1e-90 and spread > 1e-12 * max(abs(self.low), abs(self.high)):
            room = 0.06 * spread
        else:
            # One value, or several that doubles can hardly tell apart: a flat line in the middle.
            room = 0.1 * abs(self.low) if abs(self.low) > 1e-90 else 1.0
        self.low, self.high = self.low - room, self.high + room

    def _place(self, value: float) -> float:
        return math.log10(value) if self.logarithmic else value

    def x(self, step: int) -> float:
        inner = WIDTH - LEFT - RIGHT - 16
        return LEFT + 8 + (inner * step / (self.steps - 1) if self.steps > 1 else inner / 2)

    def y(self, value: float) -> float:
        """Place of a value, held inside the frame."""
        if self.logarithmic and value <= 0:
            return HEIGHT - BOTTOM
        share = (self._place(value) - self.low) / (self.high - self.low)
        return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * min(max(share, 0.0), 1.0)

    def ticks(self) -> list[float]:
        if self.logarithmic:
            first, last = math.ceil(self.low), math.floor(self.high)
            return [10.0**power for power in range(first, last + 1, max(1, (last - first + 4) // 5))]
        step = _round_step((self.high - self.low) / 5)
        return [step * count for count in range(math.ceil(self.low / step), math.floor(self.high / step) + 1)]

    def step_ticks(self) -> list[int]:
        if self.steps < 1:
            return []
        stride = max(1, math.ceil(_round_step(self.steps / 8)))
        return sorted({0, *range(stride - 1, self.steps, stride)}) if stride > 1 else list(range(self.steps))


def _round_step(rough: float) -> float:
    """The next of 1, 2, 5 × 10ⁿ at or above ``rough``."""
    power = 10.0 ** math.floor(math.log10(rough))
    return power * next((lead for lead in (1, 2, 5) if lead * power >= rough), 10)


def _curve(scale: _Scale, values: Sequence[float], name: str, *, radius: float) -> str:
    """One line, broken where a value is not finite, with dots while they can be told apart."""
    line: list[str] = []
    dots: list[str] = []
    crosses: list[str] = []
    pen = "M"
    for step in _chosen(len(values)):
        value, x = values[step], scale.x(step)
        if abs(value) < BEYOND:
            y = scale.y(value)
            line.append(f"{pen}{_at(x)} {_at(y)}")
            dots.append(f'<circle cx="{_at(x)}" cy="{_at(y)}" r="{radius}"/>')
            pen = "L"
        else:
            crosses.append(f"M{_at(x - 4)} {TOP + 2}l8 8M{_at(x + 4)} {TOP + 2}l-8 8")
            pen = "M"
    drawn = f'<path class="{name}" d="{"".join(line)}"/>' if line else ""
    if dots and len(dots) <= 40:
        drawn += f'<g class="{name} dots">{"".join(dots)}</g>'
    if crosses:
        drawn += f'<path class="{name} cross" d="{"".join(crosses)}"/>'
    return drawn


def _band(scale: _Scale, expected: Sequence[float], tolerance: float) -> str:
    steps = [step for step in _chosen(len(expected)) if abs(expected[step]) < BEYOND]
    if len(steps) < 2:
        return ""
    upper = [f"{_at(scale.x(step))} {_at(scale.y(expected[step] + tolerance))}" for step in steps]
    lower = [f"{_at(scale.x(step))} {_at(scale.y(expected[step] - tolerance))}" for step in reversed(steps)]
    return f'<path class="band" d="M{"L".join(upper + lower)}z"/>'


def _legend(banded: bool) -> str:
    """On a line of its own beneath the caption."""
    entries = [
        f'<path class="actual" d="M{LEFT} 34h22"/><text class="tick" x="{LEFT + 28}" y="38">actual</text>',
        f'<path class="expected" d="M{LEFT + 92} 34h22"/><text class="tick" x="{LEFT + 120}" y="38">expected</text>',
    ]
    if banded:
        entries.append(
            f'<rect class="band" x="{LEFT + 202}" y="28" width="22" height="12"/>'
            f'<text class="tick" x="{LEFT + 230}" y="38">allowed</text>'
        )
    return "".join(entries)


def _key(x: float, top: float, allowed: float, largest: float, *, crossed: bool) -> str:
    """What the shades of a heat map mean, from the largest down."""
    lines = [f'<text class="tick" x="{x + 18}" y="{top + 10}">{largest:.3g}</text>']
    for place in range(LEVELS // 2):
        shade, y = _shade(LEVELS - 2 * place), top + 9 * place
        lines.append(f'<rect class="heat" fill-opacity="{shade}" x="{x}" y="{y}" width="12" height="9"/>')
    foot = top + 9 * (LEVELS // 2)
    lines.append(f'<rect class="frame" x="{x}" y="{foot}" width="12" height="9"/>')
    lines.append(f'<text class="tick" x="{x + 18}" y="{foot + 9}">≤ {allowed:.3g}</text>')
    if crossed:
        lines.append(f'<path class="cross" d="M{x + 2} {foot + 20}l8 8M{x + 10} {foot + 20}l-8 8"/>')
        lines.append(f'<text class="tick" x="{x + 18}" y="{foot + 28}">not finite</text>')
    return "".join(lines)


def _pooled(values: Sequence[Sequence[float]]) -> list[list[float]]:
    """``values`` with at most MAP_SIDE rows and columns: a block is as bad as its worst element, NaN worst of all."""
    tall = max(1, math.ceil(len(values) / MAP_SIDE))
    wide = max(1, math.ceil(max((len(row) for row in values), default=0) / MAP_SIDE))
    if tall == wide == 1:
        return [list(row) for row in values]
    pooled = []
    for i in range(0, len(values), tall):
        rows = values[i : i + tall]
        width = max(len(row) for row in rows)
        blocks = ([value for row in rows for value in row[j : j + wide]] for j in range(0, width, wide))
        pooled.append([max(block, key=lambda value: math.inf if math.isnan(value) else value) for block in blocks])
    return pooled


def _last(values: Sequence[Sequence[float]], width: int) -> str:
    longest = max((len(row) for row in values), default=width)
    return str(longest - 1) if longest > 1 else ""


def _chosen(count: int) -> list[int]:
    """Steps to draw: all, or evenly spread ones with the last."""
    if count <= CURVE_POINTS:
        return list(range(count))
    return [round(place * (count - 1) / (CURVE_POINTS - 1)) for place in range(CURVE_POINTS)]


def _steps(first: float, last: float, stride: float) -> list[float]:
    return [first + stride * count for count in range(math.ceil((last - first) / stride))]


def _in_words(name: str, values: Sequence[float]) -> str:
    if not values:
        return f"{name} has no steps"
    return f"{name} from {values[0]:.4g} to {values[-1]:.4g} in {len(values)} steps"


def _shade(level: int) -> str:
    return f"{0.12 + 0.88 * level / LEVELS:.2f}"


def _at(place: float) -> str:
    return f"{place:.1f}".removesuffix(".0")
