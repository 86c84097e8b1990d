import numpy as np
import pytest
import xarray as xr

from harness.judge import UnjudgeableError
from harness.judge.arrange import arrange
from harness.judge.pseudo import per_seed
from tests.harness.judge.builders import criterion, seeded

DATA = np.random.default_rng(0).standard_normal((16, 3)) + 5


def test_a_reduction_that_keeps_seeds_is_taken_as_it_is() -> None:
    case = arrange(
        seeded(DATA, "t"), xr.DataArray(5.0), criterion("value", reduce=lambda x: x.max("t"))
    )
    np.testing.assert_allclose(case.measured[:, 0, 0], DATA.max(axis=1))


def test_pseudo_values_of_a_mean_are_the_values_stretched() -> None:
    values = per_seed(seeded(DATA[:, 0]), lambda x: x.mean("seed")).values
    assert values.mean() == pytest.approx(DATA[:, 0].mean())
    assert np.corrcoef(values, DATA[:, 0])[0, 1] == pytest.approx(1)
    assert 1 <= values.std() / DATA[:, 0].std() < 1.4


def test_pseudo_values_have_the_statistic_as_their_mean() -> None:
    values = per_seed(seeded(DATA, "t"), lambda x: x.std("seed"))
    assert set(values.dims) == {"seed", "t"}
    np.testing.assert_allclose(values.mean("seed"), DATA.std(axis=0))


def test_a_statistic_that_jumps_keeps_its_spread() -> None:
    # The jackknife of the mode of 8 zeros and 6 ones sees no spread; halves of the seeds do.
    data = seeded(np.r_[np.zeros(8), np.ones(6)])
    values = per_seed(data, lambda x: (x.mean("seed") > 0.5).astype(float))
    assert values.values.std() > 0.1


def test_the_forecast_may_leave_out_dimensions_and_change_their_order() -> None:
    measured = seeded(np.zeros((4, 2, 3)), "a", "b")
    forecast = xr.DataArray(np.arange(6.0).reshape(3, 2), dims=("b", "a"))
    case = arrange(measured, forecast, criterion("value"))
    np.testing.assert_allclose(case.forecast.reshape(2, 3), forecast.T)
    assert arrange(measured, forecast[0], criterion("value")).forecast.shape == (1, 6, 1)


def test_a_forecast_that_is_constant_along_a_reduced_axis_fits() -> None:
    asked = criterion("value", reduce=lambda x: x.mean("t"))
    constant = xr.DataArray([2.0, 2.0, 2.0], dims="t")
    assert arrange(seeded(DATA, "t"), constant, asked).forecast.shape == (1, 1, 1)
    with pytest.raises(UnjudgeableError, match="varies along `t`"):
        arrange(seeded(DATA, "t"), constant * [1, 2, 3], asked)


@pytest.mark.parametrize(
    ("measured", "forecast", "compare", "over", "message"),
    [
        (xr.DataArray(DATA, dims=("a", "b")), 1.0, "value", (), "no dimension `seed`"),
        (seeded(DATA[:0], "t"), 1.0, "value", (), "no seed"),
        (seeded(DATA[:1], "t"), 1.0, "value", (), "one seed"),
        (seeded(DATA[:, :0], "t"), 1.0, "value", (), "nothing was measured"),
        (seeded(np.where(DATA > 5, np.nan, 1), "t"), 1.0, "value", (), "measured values are not"),
        (seeded(DATA * np.inf, "t"), 1.0, "value", (), "48 of 48 measured"),
        (seeded(DATA, "t"), np.nan, "value", (), "1 of 3|3 of 3"),
        (seeded(DATA, "t"), 1.0, "curve", ("time",), "no dimension `time`"),
        (seeded(DATA, "t"), 1.0, "curve", (), "needs `over`"),
        (seeded(DATA, "t"), 1.0, "window", (), "no dimension `edge`"),
        (seeded(DATA, "t"), 1.0, "distribution", (), "no dimension `quantile`"),
        (seeded(DATA, "t"), 1.0, "distance", (), "no comparison"),
    ],
)
def test_what_cannot_be_judged_says_why(
    measured: xr.DataArray, forecast: float, compare: str, over: tuple[str, ...], message: str
) -> None:
    with pytest.raises(UnjudgeableError, match=message):
        arrange(measured, xr.DataArray(forecast), criterion(compare, *over))


def test_coordinates_must_agree() -> None:
    measured = seeded(DATA, "t", t=[1.0, 2.0, 3.0])
    other = xr.DataArray(np.ones(3), dims="t", coords={"t": [1.0, 2.0, 4.0]})
    with pytest.raises(UnjudgeableError, match="other coordinates"):
        arrange(measured, other, criterion("value"))
    with pytest.raises(UnjudgeableError, match="2 in"):
        arrange(measured, other[:2], criterion("value"))
    rounded = other.assign_coords(t=np.array([1.0, 2.0, 3.0], dtype=np.float32))
    assert arrange(measured, rounded, criterion("value")).forecast.shape == (1, 3, 1)


def test_a_forecast_that_varies_along_an_inner_axis_is_not_a_constant() -> None:
    measured = seeded(np.zeros((4, 3, 3)), "a", "b")
    forecast = xr.DataArray(np.arange(9.0).reshape(3, 3), dims=("a", "b"))
    case = arrange(measured, forecast, criterion("order", "b"))
    np.testing.assert_allclose(case.forecast[0], forecast.values)
