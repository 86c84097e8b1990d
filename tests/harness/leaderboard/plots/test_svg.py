from __future__ import annotations

import math
from xml.etree import ElementTree

from markupsafe import Markup

from harness.leaderboard.plots.dotplot import DotPlot, DotRow, Mark, draw_dots
from harness.leaderboard.plots.elements import element, join
from harness.leaderboard.plots.scales import Scale
from harness.leaderboard.plots.svg import Band, Line, Plot, Points, Rule, draw, swatch

X = Scale("linear", 0.0, 2.0)
Y = Scale("linear", 0.0, 1.0)


def plot(*layers: Line | Band | Points | Rule) -> ElementTree.Element:
    return ElementTree.fromstring(draw(Plot("a < b", "words & more", X, Y, "x", "y", layers)))


def test_text_is_escaped_and_markup_is_not() -> None:
    assert element("p", "a < b & c", title='"') == '<p title="&quot;">a &lt; b &amp; c</p>'
    assert join("<", Markup("<br/>")) == "&lt;<br/>"


def test_title_and_description_are_there() -> None:
    tree = plot()
    assert [child.text for child in tree[:2]] == ["a < b", "words & more"]


def test_a_line_breaks_where_a_value_is_missing() -> None:
    path = plot(Line([0, 1, 2], [0.1, math.nan, 0.3], "claim")).find(".//path[@class='claim line']")
    assert path is not None
    assert path.get("d", "").count("M") == 2


def test_larger_values_lie_higher() -> None:
    dots = plot(Points([0, 1], [0.2, 0.8], "measured", [0.1, 0.7], [0.3, 0.9]))
    path = dots.find(".//path[@class='dots']")
    assert path is not None
    low, high = (
        float(step.split()[1].removesuffix("h0")) for step in path.get("d", "").split("M")[1:]
    )
    assert high < low


def test_an_open_band_ends_at_the_edge_of_the_plot() -> None:
    band = plot(Band([0, 2], [-math.inf] * 2, [0.5, 0.5], "claim")).find(".//polygon")
    assert band is not None
    heights = [float(corner.split(",")[1]) for corner in band.get("points", "").split()]
    assert max(heights) == 260 - 40


def test_layers_are_cut_off_at_the_frame() -> None:
    tree = plot(Line([0, 2], [0.5, 1e9], "rival-1"), Rule(1.0, "claim"))
    window = tree.find("svg")
    assert window is not None
    assert window.find("path") is not None and window.find("line") is not None


def test_long_labels_of_a_dot_plot_stand_above_their_rows() -> None:
    def height(name: str) -> float:
        rows = (DotRow(name, (Mark(0.5, "measured", 0.4, 0.6), Mark(0.7, "claim", shape="tick"))),)
        tree = ElementTree.fromstring(draw_dots(DotPlot("t", "d", Y, "x", rows, 0.5)))
        return float(tree.get("viewBox", "").split()[3])

    assert height("a label as long as an entire sentence") > height("short")


def test_swatches_are_hidden_from_readers_of_text() -> None:
    for kind in ("line", "band", "dot", "tick", "rule"):
        assert ElementTree.fromstring(swatch("claim", kind)).get("aria-hidden") == "true"
