"""From labelled arrays to a Case: reduce, align, check."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .case import Case
from .comparisons import COMPARISONS, Comparison
from .mean import Array, as_array
from .pseudo import per_seed
from .terms import Criterion, UnjudgeableError

if TYPE_CHECKING:
    import xarray as xr


def arrange(measured: xr.DataArray, forecast: xr.DataArray, criterion: Criterion) -> Case:
    """Bring measurement and forecast into the shape that the comparison wants.

    measured: dims `seed`, then any others, before `criterion.reduce`; forecast: after it, with a
    subset of the others, `seed` if it is conditional, and the comparison's own forecast axis.
    Raises UnjudgeableError with the reason where nothing can be judged.
    """
    comparison = COMPARISONS.get(criterion.compare)
    if comparison is None:
        raise UnjudgeableError(f"no comparison is called {criterion.compare!r}")
    if criterion.tolerance_kind not in comparison.tolerances:
        raise UnjudgeableError(
            f"`{criterion.compare}` takes no {criterion.tolerance_kind} tolerance"
        )
    _check_seeds(measured)
    values = per_seed(measured, criterion.reduce)
    consumed = _consumed(comparison, criterion, values, forecast)
    rest = tuple(str(d) for d in values.dims if d != "seed" and d not in consumed)
    measured_NPT = _flatten(values, ("seed",), rest, consumed)
    if not measured_NPT.size:
        raise UnjudgeableError("nothing was measured: the array is empty")
    _check_finite(measured_NPT, "measured")
    forecast_NPF = _forecast(forecast, values, rest, consumed, comparison)
    _check_finite(forecast_NPF, "forecast")
    axis = values[consumed[0]].values if comparison.consumes == "one" else None
    axis_T = as_array(axis) if axis is not None and np.issubdtype(axis.dtype, np.number) else None
    points, yes_no = _names(values, rest), values.dtype == bool
    return Case(measured_NPT, forecast_NPF, criterion, axis_T, points, yes_no)


def _check_seeds(measured: xr.DataArray) -> None:
    if "seed" not in measured.dims:
        raise UnjudgeableError("the measurement has no dimension `seed`")
    seeds = measured.sizes["seed"]
    if seeds < 2:
        raise UnjudgeableError(
            "no seed was measured"
            if seeds == 0
            else "one seed shows no spread: at least two needed"
        )


def _check_finite(values: Array, what: str) -> None:
    bad = int(np.count_nonzero(~np.isfinite(values)))
    if bad:
        raise UnjudgeableError(f"{bad} of {values.size} {what} values are not finite")


def _consumed(
    comparison: Comparison, criterion: Criterion, values: xr.DataArray, forecast: xr.DataArray
) -> tuple[str, ...]:
    others = tuple(str(d) for d in values.dims if d != "seed")
    missing = [d for d in criterion.over if d not in others]
    if missing:
        raise UnjudgeableError(f"the measurement has no dimension `{missing[0]}` to compare over")
    if comparison.consumes == "none":
        return ()
    if comparison.consumes == "all":
        return others
    if comparison.consumes == "own":
        return criterion.over or tuple(d for d in others if d not in forecast.dims)
    if not criterion.over or (comparison.consumes == "one" and len(criterion.over) > 1):
        raise UnjudgeableError(
            f"`{criterion.compare}` needs `over`: {comparison.consumes} of {', '.join(others)}"
        )
    return criterion.over


def _forecast(
    forecast: xr.DataArray,
    values: xr.DataArray,
    rest: tuple[str, ...],
    consumed: tuple[str, ...],
    comparison: Comparison,
) -> Array:
    """Forecast as [1 or N, P, F], checked against the measurement's coordinates."""
    own = comparison.forecast_axis
    if own is not None and own not in forecast.dims:
        raise UnjudgeableError(f"the forecast has no dimension `{own}`")
    if own == "edge" and forecast.sizes["edge"] != 2:
        raise UnjudgeableError("the dimension `edge` must hold a lower and an upper edge")
    for dim in map(str, forecast.dims):
        if dim != own and dim not in values.dims:
            forecast = _squeezed(forecast, dim)
        elif dim != own:
            _check_coordinates(forecast, values, dim)
    if own is None and comparison.consumes == "one" and consumed[0] in forecast.dims:
        forecast = _number_or_curve(forecast, consumed[0])
    last = (own,) if own is not None else tuple(d for d in consumed if d in forecast.dims)
    if own is None and last:
        last = consumed
    lead = ("seed",) if "seed" in forecast.dims else ()
    sizes = {d: values.sizes[d] for d in (*rest, *consumed)}
    absent = {d: sizes[d] for d in (*rest, *last) if d not in forecast.dims}
    return _flatten(forecast.expand_dims(absent), lead, rest, last)


def _number_or_curve(forecast: xr.DataArray, dim: str) -> xr.DataArray:
    """A forecast that is constant along the axis is the location, exponent or sign itself."""
    return forecast.isel({dim: 0}, drop=True) if _constant(forecast, dim) else forecast


def _squeezed(forecast: xr.DataArray, dim: str) -> xr.DataArray:
    if dim == "seed" or not _constant(forecast, dim):
        raise UnjudgeableError(f"the forecast varies along `{dim}`, which the measurement lacks")
    return forecast.isel({dim: 0}, drop=True)


def _constant(forecast: xr.DataArray, dim: str) -> bool:
    return np.allclose(forecast, forecast.isel({dim: [0]}), rtol=1e-9, atol=0)


def _check_coordinates(forecast: xr.DataArray, values: xr.DataArray, dim: str) -> None:
    ours, theirs = values.sizes[dim], forecast.sizes[dim]
    if ours != theirs:
        raise UnjudgeableError(
            f"`{dim}` has {ours} points in the measurement, {theirs} in forecast"
        )
    if dim not in values.coords or dim not in forecast.coords:
        return
    here, there = values[dim].values, forecast[dim].values
    numeric = np.issubdtype(here.dtype, np.number) and np.issubdtype(there.dtype, np.number)
    same = np.allclose(here, there, rtol=1e-6) if numeric else np.array_equal(here, there)
    if not same:
        raise UnjudgeableError(f"`{dim}` has other coordinates in the forecast")


def _flatten(
    array: xr.DataArray, lead: tuple[str, ...], rest: Sequence[str], last: Sequence[str]
) -> Array:
    ordered = array.transpose(*lead, *rest, *last)
    seeds = array.sizes["seed"] if lead else 1
    points = int(np.prod([array.sizes[d] for d in rest], dtype=int))
    length = int(np.prod([array.sizes[d] for d in last], dtype=int))
    return as_array(ordered.values).reshape(seeds, points, length)


def _names(values: xr.DataArray, rest: tuple[str, ...]) -> tuple[str, ...]:
    """What to call each remaining point, such as `width=64, theta=2`."""
    if not rest:
        return ("",)
    columns = [[f"{d}={_short(v)}" for v in values[d].values] for d in rest]
    return tuple(", ".join(parts) for parts in itertools.product(*columns))


def _short(value: object) -> str:
    return f"{value:g}" if isinstance(value, int | float | np.number) else str(value)
