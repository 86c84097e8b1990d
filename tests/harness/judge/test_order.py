import numpy as np
import pytest
import xarray as xr

from harness.judge import Verdict, judge
from tests.harness.judge.builders import criterion, seeded, spread

WIDTH = [8.0, 16.0, 32.0]


def measured(*values: float, size: float = 1e-3) -> xr.DataArray:
    return seeded(spread(values, size), "width", width=WIDTH)


def test_monotone_along_the_axis() -> None:
    rising = measured(1.0, 2.0, 3.0)
    assert judge(rising, xr.DataArray(1.0), criterion("order", "width")).verdict is Verdict.PASS
    falling = judge(rising, xr.DataArray(-1.0), criterion("order", "width"))
    assert falling.verdict is Verdict.FAIL
    assert falling.discrepancy == pytest.approx(2.0)


def test_a_forecast_curve_gives_the_order() -> None:
    forecast = xr.DataArray([2.0, 9.0, 5.0], dims="width", coords={"width": WIDTH})
    kept = judge(measured(0.1, 0.3, 0.2), forecast, criterion("order", "width", tol=0.0))
    assert kept.verdict is Verdict.PASS
    swapped = judge(measured(0.1, 0.2, 0.3), forecast, criterion("order", "width", tol=0.05))
    assert swapped.discrepancy == pytest.approx(0.1)


def test_equal_forecasts_are_not_compared() -> None:
    forecast = xr.DataArray([1.0, 1.0, 2.0], dims="width", coords={"width": WIDTH})
    judgement = judge(measured(5.0, 1.0, 6.0), forecast, criterion("order", "width", tol=0.0))
    assert judgement.verdict is Verdict.PASS


def test_one_direction_for_each_point() -> None:
    both = xr.concat([measured(1.0, 2.0, 3.0), measured(3.0, 2.0, 1.0)], dim="side")
    direction = xr.DataArray([1.0, -1.0], dims="side")
    assert judge(both, direction, criterion("order", "width")).verdict is Verdict.PASS


def test_violation_can_be_a_ratio() -> None:
    asked = criterion("order", "width", kind="log", tol=0.1)
    judgement = judge(measured(1.0, 3.0, 2.0, size=1e-6), xr.DataArray(1.0), asked)
    assert judgement.discrepancy == pytest.approx(np.log(1.5), rel=1e-5)


def test_named_cases_can_be_ordered_by_a_curve() -> None:
    names = ["mup", "ntk", "standard"]
    forecast = xr.DataArray([1.0, 2.0, 3.0], dims="width", coords={"width": names})
    named = measured(1.0, 2.0, 3.0).assign_coords(width=names)
    assert judge(named, forecast, criterion("order", "width")).verdict is Verdict.PASS


@pytest.mark.parametrize("kind", ["absolute", "relative"])
def test_nothing_to_order_or_no_such_tolerance_is_an_error(kind: str) -> None:
    judgement = judge(measured(1, 2, 3), xr.DataArray(0.0), criterion("order", "width", kind=kind))
    assert judgement.verdict is Verdict.ERROR
