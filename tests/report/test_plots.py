"""Pictures: what they draw is what the numbers say, and no number can break them."""

from __future__ import annotations

import math
import re
from fractions import Fraction
from xml.etree import ElementTree

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from grader.report.plots import bar, heat_map, line_plot

NUMBERS = st.floats() | st.sampled_from([0.0, -0.0, 5e-324, 1.7e308, -1.7e308, 1e99, 1.0, 1.0 + 2e-16])
CURVES = st.lists(NUMBERS, max_size=50)


def drawn(svg: str) -> ElementTree.Element:
    """The picture parsed, after every number in it was seen to be a finite place inside the frame."""
    picture = ElementTree.fromstring(svg)
    width, height = (float(size) for size in picture.attrib["viewBox"].split()[2:])
    for element in picture.iter():
        for name in ("x", "y", "cx", "cy", "width", "height", "r", "fill-opacity"):
            value = float(element.get(name, "0"))
            assert math.isfinite(value)
            assert -1 <= value <= max(width, height) + 1, (name, value)
        assert not re.search("nan|inf", element.get("d", "")), element.get("d")
    assert picture.attrib["aria-label"]
    return picture


def of_class(picture: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    return [element for element in picture.iter() if name in element.get("class", "").split()]


class TestLinePlot:
    def test_draws_both_curves_and_a_legend(self) -> None:
        picture = drawn(line_plot([3.0, 2.0, 1.0], [3.0, 2.5, 2.0], tolerance=0.1))
        assert [len(group) for group in of_class(picture, "dots")] == [3, 3]
        text = [element.text for element in picture.iter("text")]
        assert text[0] == "training loss by step"
        assert {"expected", "actual", "allowed", "step", "loss"} <= {*text}

    def test_higher_losses_stand_higher_and_later_steps_further_right(self) -> None:
        actual, expected = of_class(drawn(line_plot([3.0, 2.0, 1.0], [4.0, 4.0, 4.0])), "dots")
        places = [(float(dot.attrib["cx"]), float(dot.attrib["cy"])) for dot in expected]
        assert places == sorted(places)
        assert all(float(dot.attrib["cy"]) < places[0][1] for dot in actual)

    def test_both_curves_are_seen_where_they_agree(self) -> None:
        picture = drawn(line_plot([3.0, 2.0], [3.0, 2.0]))
        actual, expected = (of_class(picture, name)[0] for name in ("actual", "expected"))
        order = list(picture.iter())
        assert actual.attrib["d"] == expected.attrib["d"] and order.index(actual) < order.index(expected)
        under, over = (float(group[0].attrib["r"]) for group in of_class(picture, "dots"))
        assert over < under

    def test_breaks_the_line_and_sets_a_cross_where_a_loss_is_not_finite(self) -> None:
        picture = drawn(line_plot([1.0, 2.0, 3.0, 4.0], [1.0, math.nan, 2.0, math.inf]))
        curves = [element for element in of_class(picture, "actual") if element.tag == "path"]
        line, crosses = curves[0].attrib["d"], curves[1].attrib["d"]
        assert (line.count("M"), line.count("L")) == (2, 0)
        assert crosses.count("M") == 4

    def test_is_logarithmic_when_a_run_diverges(self) -> None:
        picture = drawn(line_plot([2.0, 1.0], [2.0, 1e30]))
        text = [element.text for element in picture.iter("text")]
        assert text[0] == "training loss by step (log scale)"
        _, expected = of_class(picture, "dots")
        first, last = (float(dot.attrib["cy"]) for dot in expected)
        assert first < last

    def test_says_when_there_is_nothing_to_draw(self) -> None:
        assert "no finite values" in line_plot([], [math.nan])

    def test_thins_out_long_curves_and_keeps_both_ends(self) -> None:
        losses = [float(step) for step in range(10_000)]
        line = of_class(drawn(line_plot(losses, losses)), "actual")[0].attrib["d"]
        assert line.count("L") < 500
        assert "from 0 to 9999 in 10000 steps" in line_plot(losses, losses)

    def test_its_title_is_escaped(self) -> None:
        assert drawn(line_plot([1.0], [1.0], title='<b x="1">&')).iter("text").__next__().text == '<b x="1">&'

    @pytest.mark.slow
    @settings(derandomize=True, max_examples=150, deadline=None)
    @example([0.0, 5e-324], [1e-320, 0.0], 5e-324)
    @example([1.0, 1.0 + 2e-16], [1e16, 1e16 + 2], None)
    @example([5e-324, 1.0], [9e99, -9e99], 9e99)
    @given(CURVES, CURVES, st.none() | NUMBERS)
    def test_any_numbers_can_be_drawn(
        self, expected: list[float], actual: list[float], tolerance: float | None
    ) -> None:
        picture = drawn(line_plot(expected, actual, tolerance=tolerance))
        dots = sum(len(group) for group in of_class(picture, "dots"))
        curves = (curve for curve in (expected, actual) if sum(abs(value) < 1e100 for value in curve) <= 40)
        assert dots == sum(abs(value) < 1e100 for curve in curves for value in curve)


class TestHeatMap:
    def squares(self, svg: str) -> int:
        return sum(path.attrib["d"].count("z") for path in of_class(drawn(svg), "heat") if path.tag == "path")

    def test_shows_what_lies_beyond_the_tolerance(self) -> None:
        assert self.squares(heat_map([[0.0, 0.1], [0.2, 0.3]], tolerance=0.15)) == 2
        assert self.squares(heat_map([[0.0, 0.1], [0.2, 0.3]])) == 3

    def test_larger_differences_are_darker(self) -> None:
        paths = [path for path in of_class(drawn(heat_map([[0.1, 0.5, 1.0]])), "heat") if path.tag == "path"]
        shades = {path.attrib["d"].split("h")[0]: float(path.attrib["fill-opacity"]) for path in paths}
        assert list(shades.values()) == sorted(shades.values())
        assert len(shades) == 3 and max(shades.values()) == 1

    def test_crosses_out_what_is_not_finite(self) -> None:
        svg = heat_map([[math.nan, math.inf, 0.0]])
        assert of_class(drawn(svg), "cross")[0].attrib["d"].count("M") == 4
        assert "not finite" in svg

    def test_pools_a_large_map_by_its_worst_elements(self) -> None:
        values = [[0.0] * 100 for _ in range(100)]
        values[57][3] = 1.0
        values[99][99] = math.nan
        svg = heat_map(values)
        assert self.squares(svg) == 1
        assert of_class(drawn(svg), "cross")[0].attrib["d"].count("M") == 2
        assert [element.text for element in drawn(svg).iter("text")].count("99") == 2

    @pytest.mark.slow
    @settings(derandomize=True, max_examples=100, deadline=None)
    @given(st.lists(st.lists(NUMBERS, max_size=40), max_size=40), st.none() | NUMBERS)
    def test_any_numbers_can_be_drawn(self, values: list[list[float]], tolerance: float | None) -> None:
        drawn(heat_map(values, tolerance=tolerance))


class TestBar:
    @pytest.mark.parametrize(
        ("points", "open_points", "maximum", "earned", "still"),
        [
            (Fraction(1), Fraction(0), Fraction(2), 100, 0),
            (Fraction(1), Fraction(1, 2), Fraction(2), 100, 50),
            (Fraction(3), Fraction(1), Fraction(2), 200, 0),
            (Fraction(0), Fraction(5), Fraction(2), 0, 200),
            (Fraction(0), Fraction(0), Fraction(0), 0, 0),
            (Fraction(-1), Fraction(0), Fraction(2), 0, 0),
        ],
    )
    def test_is_as_long_as_the_points(
        self, points: Fraction, open_points: Fraction, maximum: Fraction, earned: float, still: float
    ) -> None:
        picture = drawn(bar(points, open_points, maximum, 'a <b> "c"'))
        assert picture.attrib["aria-label"] == 'a <b> "c"'
        assert float(of_class(picture, "earned")[0].attrib["width"]) == earned
        assert float(of_class(picture, "open")[0].attrib["width"]) == still
