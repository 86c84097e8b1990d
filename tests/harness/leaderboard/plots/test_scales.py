from __future__ import annotations

import math

import pytest

from harness.leaderboard.plots.scales import Scale, fitting_kind, label, scale_of


@pytest.mark.parametrize(
    ("scale", "ticks"),
    [
        (Scale("linear", 0.0, 1.0), [0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (Scale("linear", -1.02, 1.02), [-1, -0.5, 0, 0.5, 1]),
        (Scale("log", 0.9, 1100.0), [1, 10, 100, 1000]),
        (Scale("log", 0.01, 13.0), [0.01, 0.1, 1, 10]),
        (Scale("log", 0.9, 6.0), [1, 2, 5]),
    ],
)
def test_ticks_are_round_and_inside(scale: Scale, ticks: list[float]) -> None:
    assert scale.ticks() == pytest.approx(ticks)


@pytest.mark.parametrize("low", [1e-12, 3e-3, 1.0, 7e8])
@pytest.mark.parametrize("width", [1e-6, 0.3, 40.0])
@pytest.mark.parametrize("kind", ["linear", "log"])
def test_any_axis_has_a_few_ticks(low: float, width: float, kind: str) -> None:
    scale = scale_of([low, low * (1 + width)], "log" if kind == "log" else "linear")
    ticks = scale.ticks()
    assert 2 <= len(ticks) <= 12
    assert all(0 - 1e-6 <= scale.fraction(tick) <= 1 + 1e-6 for tick in ticks)
    assert len({label(tick) for tick in ticks}) == len(ticks) or width < 1e-3


def test_a_scale_shows_one_value_and_none() -> None:
    assert 0 < scale_of([5.0]).fraction(5.0) < 1
    assert 0 < scale_of([0.0]).fraction(0.0) < 1
    assert 0 < scale_of([5.0], "log").fraction(5.0) < 1
    assert scale_of([math.nan]).ticks()


def test_fractions_run_from_zero_to_one_and_stay_finite() -> None:
    scale = Scale("log", 1.0, 100.0)
    assert [scale.fraction(v) for v in (1.0, 10.0, 100.0)] == pytest.approx([0, 0.5, 1])
    assert math.isfinite(scale.fraction(0.0)) and math.isfinite(scale.fraction(1e300))


def test_geometric_values_get_a_log_axis() -> None:
    assert fitting_kind([1, 2, 4, 8, 16]) == "log"
    assert fitting_kind([1, 5, 9, 13, 17]) == "linear"
    assert fitting_kind([0, 10, 100]) == "linear"
    assert fitting_kind([1, 2, 4]) == "linear"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (0.25, "0.25"), (-3.0, "−3"), (1e-5, "1e−5"), (2.5e6, "2.5e6"), (1000.0, "1000")],
)
def test_labels_are_short(value: float, text: str) -> None:
    assert label(value) == text
