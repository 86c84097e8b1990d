import numpy as np
import pytest
import xarray as xr

from harness.judge import Verdict, judge
from tests.harness.judge.builders import criterion, seeded

WIDTH = np.array([8.0, 16.0, 32.0, 64.0])
FACTOR = np.exp(np.linspace(-0.5, 0.5, 16))[:, np.newaxis]
MEASURED = seeded(FACTOR * WIDTH**-0.5, "width", width=WIDTH)


def test_a_power_law_has_its_exponent_whatever_its_prefactor() -> None:
    judgement = judge(MEASURED, xr.DataArray(-0.5), criterion("exponent", "width", tol=0.01))
    assert judgement.verdict is Verdict.PASS
    assert judgement.discrepancy == pytest.approx(0, abs=1e-12)


def test_a_forecast_curve_gives_its_slope() -> None:
    curve = xr.DataArray(7 * WIDTH**-1.0, dims="width", coords={"width": WIDTH})
    judgement = judge(MEASURED, curve, criterion("exponent", "width"))
    assert judgement.discrepancy == pytest.approx(0.5)
    assert judgement.verdict is Verdict.FAIL


def test_a_constant_forecast_is_the_exponent_itself() -> None:
    constant = xr.DataArray(np.full(4, -0.5), dims="width", coords={"width": WIDTH})
    judgement = judge(MEASURED, constant, criterion("exponent", "width", tol=0.01))
    assert judgement.verdict is Verdict.PASS


@pytest.mark.parametrize("measured", [-MEASURED, MEASURED.assign_coords(width=WIDTH - 8)])
def test_no_logarithm_is_an_error(measured: xr.DataArray) -> None:
    judgement = judge(measured, xr.DataArray(-0.5), criterion("exponent", "width"))
    assert judgement.verdict is Verdict.ERROR
    assert "positive" in judgement.reason
