from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.leaderboard.board import Board
from harness.leaderboard.plots.dots import errors_figure
from harness.leaderboard.plots.figure import Figure
from harness.leaderboard.plots.pictures import figures

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
    note = drawn("exponents", "risk").note
    assert "good forecasts −0.5; bad forecasts −1" in note


def test_an_order_is_told_in_words(drawn: Draw) -> None:
    figure = drawn("orders", "rank")
    assert "good forecasts rank rising along depth = 4, 2, 1." in figure.note
    assert "tolerance" not in legend(figure)


def test_names_label_an_axis_without_numbers(drawn: Draw) -> None:
    (panel,) = drawn("orders", "cost").panels
    assert all(f">{name}</text>" in panel.picture for name in ("sgd", "adam", "muon"))


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
    assert {(row, column) for row, column, _ in table.marks} == {(2, 1), (2, 2), (2, 3)}


def test_errors_show_every_theory_and_control(board: Board) -> None:
    entry = board.best("numbers")
    assert entry is not None
    figure = errors_figure(entry)
    assert figure is not None
    for text in ("ratio: good", "ratio: bad", "ratio: control broken", "between: good"):
        assert f">{text}</text>" in figure.panels[0].picture
