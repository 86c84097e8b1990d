import numpy as np
import pytest
import xarray as xr

from harness.judge import Verdict, judge
from harness.judge.parabola import vertex
from tests.harness.judge.builders import criterion, seeded

GRID = np.arange(-4.0, 5.0)


def bowl(centre: float, noise: float = 0.01, seeds: int = 16) -> xr.DataArray:
    rng = np.random.default_rng(0)
    values = (GRID - centre) ** 2 + noise * rng.standard_normal((seeds, GRID.size))
    return seeded(values, "lr", lr=GRID)


def test_argmin_is_a_distance_on_the_grid() -> None:
    judgement = judge(bowl(1.1), xr.DataArray(-1.0), criterion("argmin", "lr", tol=1.0))
    assert judgement.discrepancy == 2
    assert judgement.interval == (2, 2)
    assert judgement.verdict is Verdict.FAIL


def test_argmax_mirrors_argmin() -> None:
    judgement = judge(-bowl(1.1), xr.DataArray(1.0), criterion("argmax", "lr", tol=0.0))
    assert judgement.verdict is Verdict.PASS


def test_exactly_one_step_is_within_a_tolerance_of_one_step() -> None:
    steps = bowl(1.0).assign_coords(lr=GRID / 10)
    judgement = judge(steps, xr.DataArray(0.2), criterion("argmin", "lr", tol=0.1))
    assert judgement.verdict is Verdict.PASS


def test_two_minima_that_noise_does_not_separate_both_count() -> None:
    judgement = judge(bowl(0.5, noise=0.5), xr.DataArray(0.0), criterion("argmin", "lr", tol=0.5))
    assert judgement.interval == (0, 1)
    assert judgement.verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("centre", [-4.0, 4.0, 9.0])
def test_a_minimum_at_the_edge_never_passes(centre: float) -> None:
    forecast = xr.DataArray(np.clip(centre, -4, 4))
    judgement = judge(bowl(centre), forecast, criterion("argmin", "lr", tol=100.0))
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert "grid-edge" in judgement.reason
    assert judgement.interval[1] == np.inf
    assert judgement.seeds_to_decide is None


def test_a_minimum_at_the_edge_fails_a_forecast_far_inside() -> None:
    judgement = judge(bowl(9.0), xr.DataArray(0.0), criterion("argmin", "lr", tol=1.0))
    assert judgement.verdict is Verdict.FAIL


def test_a_minimum_at_the_edge_does_not_fail_a_forecast_outside() -> None:
    judgement = judge(bowl(9.0), xr.DataArray(8.0), criterion("argmin", "lr", tol=1.0))
    assert judgement.verdict is Verdict.INCONCLUSIVE


def test_a_forecast_curve_has_its_own_minimum() -> None:
    curve = bowl(1.9, noise=0.0).isel(seed=0, drop=True)
    judgement = judge(bowl(1.1), curve, criterion("argmin", "lr", tol=2.0))
    assert judgement.discrepancy == 1
    at_end = judge(bowl(1.1), curve.copy(data=-GRID), criterion("argmin", "lr", tol=9.0))
    assert at_end.verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("scale", "kind", "expected"),
    [
        ("linear", "absolute", 4.0),
        ("log2", "absolute", 1.0),
        ("log", "absolute", np.log(2)),
        ("linear", "log", np.log(2)),
        ("linear", "relative", 0.5),
    ],
)
def test_scales(scale: str, kind: str, expected: float) -> None:
    measured = bowl(-2.0).assign_coords(lr=2.0 ** (GRID + 4))
    asked = criterion("argmin", "lr", kind=kind, scale=scale, tol=9.0)
    assert judge(measured, xr.DataArray(8.0), asked).discrepancy == pytest.approx(expected)


def test_two_scales_at_once_are_an_error() -> None:
    asked = criterion("argmin", "lr", kind="log", scale="log2")
    assert judge(bowl(0.0), xr.DataArray(1.0), asked).verdict is Verdict.ERROR


def test_parabola_finds_the_vertex_between_grid_points() -> None:
    asked = criterion("argmin", "lr", tol=0.1, refine="parabola")
    judgement = judge(bowl(0.3), xr.DataArray(0.3), asked)
    assert judgement.discrepancy < 0.01
    assert judgement.verdict is Verdict.PASS


def test_parabola_in_noise_stays_within_the_cells_of_the_candidates() -> None:
    asked = criterion("argmin", "lr", tol=0.1, refine="parabola")
    judgement = judge(bowl(0.0, noise=1.5), xr.DataArray(0.0), asked)
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert judgement.interval[1] <= 2.5


def test_vertex_is_exact_on_an_uneven_grid() -> None:
    axis = np.array([0.0, 1.0, 3.0, 4.0])
    curve = (axis - 1.4) ** 2
    assert vertex(curve[np.newaxis], axis, np.array([1])) == pytest.approx(1.4)


def test_a_location_that_differs_from_seed_to_seed_is_an_error() -> None:
    forecast = seeded(np.arange(16.0))
    assert judge(bowl(0.0), forecast, criterion("argmin", "lr")).verdict is Verdict.ERROR


def test_named_grid_points_have_no_location() -> None:
    named = bowl(0.0).assign_coords(lr=list("abcdefghi"))
    judgement = judge(named, xr.DataArray(0.0), criterion("argmin", "lr"))
    assert judgement.verdict is Verdict.ERROR
