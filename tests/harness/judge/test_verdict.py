import math

import numpy as np
import pytest
import xarray as xr

from harness.judge import COMPARISONS, LEVEL, Verdict, judge, point_discrepancy
from tests.harness.judge.builders import criterion, seeded, spread


def test_errors_carry_a_reason_and_no_numbers() -> None:
    judgement = judge(seeded([math.nan] * 4), xr.DataArray(1.0), criterion("value"))
    assert judgement.verdict is Verdict.ERROR
    assert "not finite" in judgement.reason
    assert math.isnan(judgement.discrepancy)
    assert judgement.seeds == 4
    assert judgement.seeds_to_decide is None


def test_a_stricter_level_widens_the_interval() -> None:
    measured, forecast = seeded(spread(1.0, 0.1)), xr.DataArray(1.0)
    ordinary = judge(measured, forecast, criterion("value"))
    strict = judge(measured, forecast, criterion("value"), LEVEL / 4)
    assert strict.interval[1] > ordinary.interval[1]


def test_more_points_make_a_fail_harder_but_not_a_pass() -> None:
    one = seeded(spread(1.0, 0.1))
    many = xr.concat([one] * 10, dim="width")
    single = judge(one, xr.DataArray(1.3), criterion("value"))
    tenfold = judge(many, xr.DataArray(1.3), criterion("value"))
    assert tenfold.interval[0] < single.interval[0]
    assert tenfold.interval[1] == pytest.approx(single.interval[1])


def test_seeds_to_decide_is_what_it_says() -> None:
    rng = np.random.default_rng(3)
    first = judge(seeded(_normalised(rng, 32)), xr.DataArray(0.3), criterion("value", tol=0.5))
    assert first.verdict is Verdict.INCONCLUSIVE
    assert first.seeds_to_decide is not None
    enough = 2 * first.seeds_to_decide
    later = judge(seeded(_normalised(rng, enough)), xr.DataArray(0.3), criterion("value", tol=0.5))
    assert later.verdict is Verdict.PASS


def _normalised(rng: np.random.Generator, seeds: int) -> np.ndarray:
    values = rng.standard_normal(seeds)
    return np.asarray((values - values.mean()) / values.std())


def test_minimum_detectable_deviation_is_where_a_fail_begins() -> None:
    measured = seeded(spread(1.0, 0.1))
    judgement = judge(measured, xr.DataArray(1.2), criterion("value"))
    begins = 1.1 + judgement.minimum_detectable
    beyond = judge(measured, xr.DataArray(begins + 1e-6), criterion("value"))
    before = judge(measured, xr.DataArray(begins - 1e-6), criterion("value"))
    assert (before.verdict, beyond.verdict) == (Verdict.INCONCLUSIVE, Verdict.FAIL)


def test_a_tolerance_of_zero_is_allowed() -> None:
    judgement = judge(seeded(spread(1.0)), xr.DataArray(2.0), criterion("value", tol=0.0))
    assert judgement.error_in_tolerances == math.inf
    exact = judge(seeded(np.ones(4)), xr.DataArray(1.0), criterion("value", tol=0.0))
    assert exact.error_in_tolerances == 0


def test_judging_is_deterministic() -> None:
    measured = seeded(np.random.default_rng(0).standard_normal(20))
    asked = criterion("value", reduce=lambda x: x.median("seed"))
    first = judge(measured, xr.DataArray(0.0), asked)
    assert judge(measured, xr.DataArray(0.0), asked) == first


@pytest.mark.parametrize("name", COMPARISONS)
def test_every_comparison_agrees_with_its_point_discrepancy(name: str) -> None:
    rng = np.random.default_rng(1)
    axis = np.arange(1.0, 6.0)
    if name == "label":
        measured = seeded(rng.integers(0, 2, (12, 5)), "t", t=axis)
    else:
        bowl = (axis - 3.2) ** 2 + 1 + rng.random((12, 5))
        measured = seeded(bowl if name != "argmax" else -bowl, "t", t=axis)
    extra = COMPARISONS[name].forecast_axis
    forecast = xr.DataArray([1.0, 2.0], dims=extra) if extra else xr.DataArray(1.0)
    over = ("t",) if COMPARISONS[name].consumes in ("one", "some") else ()
    asked = criterion(name, *over)
    judgement = judge(measured, forecast, asked)
    assert judgement.verdict is not Verdict.ERROR, judgement.reason
    assert point_discrepancy(measured, forecast, asked) == pytest.approx(judgement.discrepancy)
    assert judgement.interval[0] <= judgement.discrepancy <= judgement.interval[1]
