"""The deviation at a point: signed for a number, a mean square without noise for more."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr

from harness.judge import Criterion
from harness.sweeps.deviation import deviation_of, mean_square

SEEDS = 24


def criterion(compare: str, **changes: Any) -> Criterion:
    settings = {
        "observable": "o",
        "compare": compare,
        "over": (),
        "tolerance_kind": "absolute",
        "tolerance": 0.5,
        **changes,
    }
    return Criterion(**settings)


def by_seed(values_N: np.ndarray, *dims: str, **coords: Any) -> xr.DataArray:
    return xr.DataArray(values_N, dims=("seed", *dims), coords=coords)


def test_one_number_deviates_with_its_sign_in_tolerances() -> None:
    measured = by_seed(np.linspace(0.9, 1.1, SEEDS))
    found = deviation_of(measured, xr.DataArray(2.0), criterion("value"))
    assert found is not None
    assert found.kind == "signed"
    mean, (low, high) = found.estimate()
    assert mean == pytest.approx(-2.0)
    assert low < -2 < high < 0


@pytest.mark.parametrize(
    ("kind", "expected"), [("relative", -0.5 / 0.5), ("log", np.log(0.5) / 0.5)]
)
def test_the_kind_of_tolerance_counts(kind: str, expected: float) -> None:
    measured = by_seed(np.ones(SEEDS))
    found = deviation_of(measured, xr.DataArray(2.0), criterion("value", tolerance_kind=kind))
    assert found is not None
    assert found.estimate()[0] == pytest.approx(expected)


def test_a_curve_deviates_by_its_root_mean_square() -> None:
    time = [0.0, 1.0, 2.0]
    measured = by_seed(np.tile([1.0, 2.0, 3.0], (SEEDS, 1)), "time", time=time)
    forecast = xr.DataArray([1.0, 2.0, 4.0], dims="time", coords={"time": time})
    found = deviation_of(measured, forecast, criterion("curve", over=("time",)))
    assert found is not None
    assert found.kind == "rms"
    assert found.estimate()[0] == pytest.approx(2 / np.sqrt(3))


def test_an_exponent_deviates_by_its_slope() -> None:
    width = [1.0, 10.0, 100.0]
    measured = by_seed(np.tile([1.0, 0.1, 0.01], (SEEDS, 1)), "width", width=width)
    found = deviation_of(measured, xr.DataArray(-0.5), criterion("exponent", over=("width",)))
    assert found is not None
    assert found.estimate()[0] == pytest.approx(-1.0)


def test_noise_adds_nothing_to_a_mean_square() -> None:
    generator = np.random.default_rng(5)
    truth_J = np.array([0.3, -0.2, 0.0, 0.1])
    found = [
        mean_square(truth_J + generator.standard_normal((SEEDS, 4))).mean() for _ in range(4000)
    ]
    # The naive mean square of the seed means would be higher by 1/24 = 0.042.
    assert np.mean(found) == pytest.approx((truth_J**2).mean(), abs=0.004)


def test_a_mean_square_is_that_of_pairs_of_seeds() -> None:
    dev_NJ = np.random.default_rng(6).standard_normal((4, 3))
    pairs = [(dev_NJ[i] @ dev_NJ[j]) / 3 for i in range(4) for j in range(4) if i != j]
    assert mean_square(dev_NJ).mean() == pytest.approx(np.mean(pairs))


def test_what_noise_made_negative_is_zero() -> None:
    noise = np.random.default_rng(8).standard_normal((SEEDS, 3))
    measured = by_seed(noise - 0.9 * noise.mean(axis=0), "time", time=[0, 1, 2])
    found = deviation_of(measured, xr.DataArray(0.0), criterion("curve", over=("time",)))
    assert found is not None
    mean, (low, high) = found.estimate()
    assert mean == low == 0
    assert high >= 0


@pytest.mark.parametrize(
    ("compare", "changes"),
    [("bound", {}), ("argmin", {"over": ("time",)}), ("value", {"tolerance_kind": "relative"})],
)
def test_where_there_is_no_deviation_there_is_none(compare: str, changes: dict[str, Any]) -> None:
    measured = by_seed(np.ones((SEEDS, 3)), "time", time=[0.0, 1.0, 2.0])
    assert deviation_of(measured, xr.DataArray(0.0), criterion(compare, **changes)) is None


def test_two_seeds_have_no_mean_square() -> None:
    measured = by_seed(np.ones((2, 3)), "time", time=[0.0, 1.0, 2.0])
    assert deviation_of(measured, xr.DataArray(0.0), criterion("value")) is None
