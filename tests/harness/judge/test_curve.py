import numpy as np
import pytest
import xarray as xr

from harness.judge import Verdict, judge
from harness.judge.curve import _farthest
from tests.harness.judge.builders import criterion, seeded, spread

TIME = [0.0, 1.0, 2.0, 3.0]
FORECAST = xr.DataArray([1.0, 2.0, 2.0, 4.0], dims="time", coords={"time": TIME})
MEASURED = seeded(spread([1.0, 2.0, 3.0, 4.0], 1e-6), "time", time=TIME)


@pytest.mark.parametrize(
    ("norm", "kind", "expected"),
    [
        ("l2", "absolute", 0.5),
        ("l1", "absolute", 0.25),
        ("sup", "absolute", 1.0),
        ("l2", "relative", 1 / 5),
        ("l1", "relative", 1 / 9),
        ("sup", "relative", 1 / 4),
        ("l2", "log", np.log(1.5) / 2),
        ("l1", "log", np.log(1.5) / 4),
        ("sup", "log", np.log(1.5)),
    ],
)
def test_norms(norm: str, kind: str, expected: float) -> None:
    judgement = judge(MEASURED, FORECAST, criterion("curve", "time", kind=kind, norm=norm))
    assert judgement.discrepancy == pytest.approx(expected, rel=1e-4)
    assert judgement.verdict is Verdict.FAIL


def test_a_flat_forecast_needs_no_axis() -> None:
    measured = seeded(spread([1.0, 1.0, 1.0], 1e-3), "time")
    assert judge(measured, xr.DataArray(1.0), criterion("curve", "time")).verdict is Verdict.PASS


def test_each_remaining_point_has_its_own_curve() -> None:
    both = xr.concat([MEASURED, MEASURED + 1], dim="width").assign_coords(width=[8, 16])
    judgement = judge(both, FORECAST, criterion("curve", "time", norm="sup", tol=1.5))
    assert judgement.discrepancy == pytest.approx(2.0)
    assert "width=16" in judgement.reason


def test_curve_over_two_axes() -> None:
    measured = seeded(spread([[1.0, 1.0], [1.0, 3.0]], 1e-6), "k", "epsilon")
    judgement = judge(measured, xr.DataArray(1.0), criterion("curve", "epsilon", "k"))
    assert judgement.discrepancy == pytest.approx(1.0)


def test_a_zero_forecast_has_no_relative_error() -> None:
    judgement = judge(MEASURED, 0 * FORECAST, criterion("curve", "time", kind="relative"))
    assert judgement.verdict is Verdict.ERROR
    assert "zero" in judgement.reason


def test_farthest_point_of_an_ellipsoid_beats_every_sampled_one() -> None:
    rng = np.random.default_rng(0)
    mean, root = rng.standard_normal(4), rng.standard_normal((6, 4))
    found = _farthest(mean[np.newaxis], root[np.newaxis], np.array([1.5]))[0]
    z = rng.standard_normal((6, 200_000))
    sampled = mean[:, np.newaxis] + 1.5 * root.T @ (z / np.linalg.norm(z, axis=0))
    best = np.linalg.norm(sampled, axis=0).max()
    assert best <= found * (1 + 1e-9)
    assert found <= best * 1.01


def test_farthest_point_along_an_axis_is_their_sum() -> None:
    root = np.diag([2.0, 1.0])[np.newaxis]
    found = _farthest(np.array([[3.0, 0.0]]), root, np.array([1.0]))
    assert found == pytest.approx(5.0)
