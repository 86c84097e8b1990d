"""Forecasts: what their axes stand for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from harness.errors import AssayError
from harness.forecast import align, forecast
from harness.measure import local_trainer
from harness.plan import make_plan
from harness.read import read_prediction
from harness.trial import try_prediction

MEASURED = xr.DataArray(
    np.zeros((4, 2, 3)), dims=("seed", "width", "layer"), coords={"layer": ["in", "mid", "out"]}
)


def positional(*lengths: int) -> xr.DataArray:
    names = [f"axis_{index}" for index in range(len(lengths))]
    return xr.DataArray(np.zeros(lengths), dims=names)


@pytest.mark.parametrize(
    ("lengths", "over", "expected"),
    [
        ((), (), ()),
        ((3,), (), ("layer",)),
        ((2, 3), (), ("width", "layer")),
        ((3, 2), (), ("layer", "width")),
    ],
)
def test_axes_are_named_by_their_length(
    lengths: tuple[int, ...], over: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    assert align(positional(*lengths), MEASURED, over).dims == expected


def test_axes_of_equal_length_are_taken_in_order_and_the_one_taken_up_last() -> None:
    measured = MEASURED.isel(layer=[0, 1])
    assert align(positional(2), measured).dims == ("width",)
    assert align(positional(2), measured, ("width",)).dims == ("layer",)


def test_an_axis_gets_the_coordinates_of_its_name() -> None:
    assert list(align(positional(3), MEASURED).coords["layer"].values) == ["in", "mid", "out"]


def test_an_axis_without_a_counterpart_is_an_error() -> None:
    with pytest.raises(AssayError, match=r"5 values along an axis.*'width': 2, 'layer': 3"):
        align(positional(5), MEASURED)


def test_the_error_names_file_and_theory(suite: Path) -> None:
    suite.write_text(
        suite.read_text().replace("dims: [step]", "dims: [step]\n    reduce: readout.whole")
    )
    suite.with_name("readout.py").write_text("def whole(raw):\n    return raw\n")
    theory = suite.with_name("theory.py")
    theory.write_text(theory.read_text().replace("np.ones(setup.steps)", "np.ones(7)"))
    with local_trainer() as trainer, pytest.raises(AssayError) as caught:
        try_prediction(make_plan(read_prediction(suite)), trainer)
    assert "theories.frozen.forecast: 'frozen' and 'weight'" in str(caught.value)
    assert "parabola.yaml" in str(caught.value)


def test_a_law_over_an_axis_of_the_observable_is_forecast_without_that_axis(suite: Path) -> None:
    suite.write_text(
        suite.read_text().replace("compare: curve", "compare: distribution\n    distance: ks")
    )
    theory = suite.with_name("theory.py")
    ranks = "np.linspace(0, 1, 101)"
    theory.write_text(theory.read_text().replace("np.ones(setup.steps)", ranks))
    plan = make_plan(read_prediction(suite))
    said = forecast(plan, plan.claim, "frozen", "theory.frozen")
    assert said.values["weight"].dims == ("curvature", "quantile")
