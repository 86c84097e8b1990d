from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from harness.leaderboard.board import Board
from harness.leaderboard.collect import collect
from harness.leaderboard.plots import curves
from harness.leaderboard.plots.figure import Figure
from harness.leaderboard.plots.pictures import figures
from harness.leaderboard.plots.residuals import signed_errors
from harness.leaderboard.plots.scene import scenes
from harness.read import Registry

Draw = Callable[[str, str], Figure]


@pytest.fixture
def drawn(board: Board) -> Draw:
    def draw(prediction: str, title: str) -> Figure:
        entry = next(e for e in board.entries if e.id == prediction and e.run is not None)
        return next(figure for figure in figures(entry) if figure.title == title)

    return draw


def legend(figure: Figure) -> list[str]:
    return [key.text for key in figure.legend]


def test_a_curve_has_a_panel_a_point_and_says_what_it_leaves_out(drawn: Draw) -> None:
    figure = drawn("curves", "overlap")
    assert [panel.caption for panel in figure.panels] == [
        "theta = 0.5",
        "theta = 2",
        "theta = 8",
        "theta = 9",
    ]
    assert figure.note == "4 of 5 panels are shown."
    assert "control broken, measured" in legend(figure)
    assert figure.table is not None and len(figure.table.rows) <= 16


def test_a_control_that_only_forecasts_is_drawn_as_its_forecast(drawn: Draw) -> None:
    assert "control broken, a wrong forecast" in legend(drawn("exponents", "risk"))


def test_an_exponent_is_told_in_words(drawn: Draw) -> None:
    figure = drawn("exponents", "risk")
    assert "good forecasts −0.5; bad forecasts −1" in figure.note
    assert figure.panels[0].caption.startswith("measured slope −0.5")
    assert "fitted power law" in legend(figure)


def test_a_forecast_curve_has_its_lowest_point_marked(
    registry: Registry, records: list[dict[str, Any]]
) -> None:
    for record in records:
        for row in record["trial"]["rows"]:
            if record["id"] == "locations" and row["case"] == "claim" and row["theory"] == "good":
                row["forecast"] = dict(row["measured"]["mean"])
    entry = next(e for e in collect(registry, records).entries if e.id == "locations" and e.run)
    (figure,) = figures(entry)
    assert all("claim rule" in panel.picture for panel in figure.panels)
    assert all("claim line" in panel.picture for panel in figure.panels)


def test_a_long_unit_is_left_out() -> None:
    assert curves._with_unit("risk", "1/eta") == "risk [1/eta]"
    assert curves._with_unit("risk", "variance of the inputs' first mode") == "risk"


def test_an_order_is_told_in_words(drawn: Draw) -> None:
    figure = drawn("orders", "rank")
    assert "good forecasts rank rising along depth = 4, 2, 1." in figure.note
    assert "tolerance" not in legend(figure)


def test_names_label_an_axis_without_numbers(drawn: Draw) -> None:
    (panel,) = drawn("orders", "cost").panels
    assert panel.residuals is not None
    assert all(f">{name}</text>" in panel.residuals for name in ("sgd", "adam", "muon"))


def test_residuals_are_in_units_of_the_tolerance(board: Board) -> None:
    entry = board.best("numbers")
    assert entry is not None
    scene = next(scene for scene in scenes(entry) if scene.name == "ratio")
    assert scene.claim is not None
    told, at, low, high = next(signed_errors(scene))
    assert told is scene.claim
    assert low < at < high
    assert at == pytest.approx(math.log(float(scene.measured.mean) / 2.0) / 0.2)


def test_a_measurement_within_a_window_has_no_residual(board: Board) -> None:
    entry = board.best("numbers")
    assert entry is not None
    scene = next(scene for scene in scenes(entry) if scene.name == "between")
    assert [at for _, at, _, _ in signed_errors(scene)] == [0.0]


def test_a_law_has_a_histogram_and_a_distribution_function(drawn: Draw) -> None:
    assert [panel.caption for panel in drawn("laws", "spectrum").panels] == [
        "density",
        "share below",
    ]


def test_single_seeds_are_drawn(drawn: Draw) -> None:
    assert "single seeds" in legend(drawn("curves", "overlap"))
    assert "one value a seed" in legend(drawn("curves", "height"))


def test_phases_mark_what_disagrees(drawn: Draw) -> None:
    table = drawn("phases", "phase").table
    assert table is not None
    assert table.header == ("theta", "0.5", "1", "2", "4")
    assert table.rows[0] == (
        "measured",
        "never (100%)",
        "transient (75%)",
        "transient (100%)",
        "always (100%)",
    )
    differing = {(row, column) for row, column, name in table.marks if "differs" in name}
    assert differing == {(2, 1), (2, 2), (2, 3)}
    assert {name for row, _, name in table.marks if row == 0} == {"phase-1", "phase-2", "phase-3"}
