"""Forecasts: what a theory says each observable will be, from the setup and without training."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from harness.api import Normal, OutOfScope
from harness.errors import AssayError
from harness.execute import Arrays
from harness.labels import own_coordinates
from harness.plan import Case, Plan
from harness.suggest import choices
from harness.topic import build_setup, load_function, setup_class, takes_draw

if TYPE_CHECKING:
    import xarray as xr

    from harness.schema import Prediction

ForecastSpec = str | Mapping[str, Any]
# Axes that a forecast has beyond the measured ones, by comparison.
EXTRA_DIMS: Final = {"window": ("edge",), "distribution": ("quantile",)}

Draws = Callable[[Mapping[str, Any]], Sequence[Arrays]]


@dataclass(frozen=True)
class Forecast:
    """A theory's forecasts by observable, reduced where the observable is.

    `spread` holds the standard deviation over seeds where a theory forecasts a distribution;
    `out_of_scope` says why where the theory does not speak about this setup.
    """

    values: Mapping[str, xr.DataArray]
    spread: Mapping[str, xr.DataArray]
    out_of_scope: str | None = None


def forecast(
    plan: Plan,
    case: Case,
    theory: str,
    spec: ForecastSpec,
    draws: Draws | None = None,
    *,
    where: tuple[str, ...] = (),
) -> Forecast:
    """Compute a theory's forecasts in a case.

    `spec` is a function of the topic or a table of numbers; `draws` gives the seeds' draws at
    a sweep point and is asked only by conditional forecasts, whose arrays then have a leading
    dimension `seed`.

    Raises AssayError for an unknown observable, a value that is not finite or of another shape
    than the observable, and a forecast of a reduced observable that varies along an axis which
    the reduction removes.
    """
    prediction = plan.prediction
    where = where or ("theories", theory, "forecast")
    reason = outside_regime(prediction, case, theory)
    if reason is not None:
        return Forecast({}, {}, reason)
    if not isinstance(spec, str):
        tables = [_checked(prediction, dict(spec), where)]
        return _assemble(prediction, case, tables, where, constant=True, seeded=False)
    function = load_function(prediction, spec, "forecast", where)
    world_class = setup_class(load_function(prediction, prediction.experiment, "experiment"))
    conditional = takes_draw(function)
    if conditional and draws is None:
        return Forecast({}, {}, "conditional on each seed's own draw, known once it is made")
    tables = []
    try:
        for point in case.sweep_points():
            samples = draws(point) if conditional and draws is not None else None
            for grid_point in case.grid_points():
                values = {**case.setup, **point, **grid_point}
                world = build_setup(world_class, values, prediction)
                tables.append(_call(prediction, function, world, samples, where))
    except OutOfScope as reason_given:
        return Forecast({}, {}, str(reason_given))
    return _assemble(prediction, case, tables, where, constant=False, seeded=conditional)


def outside_regime(prediction: Prediction, case: Case, theory: str) -> str | None:
    """Why a case lies outside a theory's declared regime, or None; controls are exempt."""
    if theory not in prediction.theories or case.name != "claim":
        return None
    axes = {**case.sweep, **case.grid}
    for key, bounds in prediction.theories[theory].regime.items():
        values = axes.get(key, (case.setup.get(key),))
        for value in values:
            if not bounds[0] <= value <= bounds[1]:
                return f"{key} = {value} lies outside {theory}'s regime [{bounds[0]}, {bounds[1]}]"
    return None


def _call(
    prediction: Prediction,
    function: Callable[..., Any],
    world: Any,
    samples: Sequence[Arrays] | None,
    where: tuple[str, ...],
) -> dict[str, Any]:
    try:
        if samples is None:
            return _checked(prediction, function(world), where)
        per_seed = [_checked(prediction, function(world, sample), where) for sample in samples]
    except (OutOfScope, AssayError):
        raise
    except Exception as error:
        line = (str(error).strip().splitlines() or [""])[0]
        raise AssayError(
            f"the forecast broke: {type(error).__name__}: {line}",
            remedy="call it on this setup in Python to see where",
            file=prediction.source,
            line=prediction.line(*where),
            path=".".join(where),
        ) from error
    return {name: np.stack([row[name] for row in per_seed]) for name in per_seed[0]}


def _checked(prediction: Prediction, table: Any, where: tuple[str, ...]) -> dict[str, Any]:
    """A theory's table with known names and finite values; a Normal splits in mean and std."""

    def wrong(what: str, remedy: str) -> AssayError:
        return AssayError(
            what,
            remedy=remedy,
            file=prediction.source,
            line=prediction.line(*where),
            path=".".join(where),
        )

    if not isinstance(table, Mapping) or not table:
        raise wrong("the forecast is not a table {observable: value}", "return a dictionary")
    raws = {spec.of for spec in prediction.observables.values() if spec.of}
    known = {*prediction.observables, *raws}
    flat: dict[str, Any] = {}
    for name, value in table.items():
        if name not in known:
            raise wrong(f"there is no observable '{name}'", choices(name, known))
        parts = {"": value.mean, ":std": value.std} if isinstance(value, Normal) else {"": value}
        for suffix, part in parts.items():
            try:
                array = np.asarray(part, np.float64)
            except (TypeError, ValueError):
                raise wrong(f"the forecast of '{name}' is not a number", "return floats") from None
            if not np.isfinite(array).all():
                raise wrong(
                    f"the forecast of '{name}' is not finite",
                    "raise OutOfScope where the theory has no value",
                )
            flat[name + suffix] = array
    return flat


def _assemble(
    prediction: Prediction,
    case: Case,
    tables: list[dict[str, Any]],
    where: tuple[str, ...],
    *,
    constant: bool,
    seeded: bool,
) -> Forecast:
    """Label the tables of all sweep and grid points, and reduce what the observables reduce."""
    values: dict[str, Any] = {}
    spread: dict[str, Any] = {}
    for name, spec in prediction.observables.items():
        raw = spec.of or name
        for suffix, target in (("", values), (":std", spread)):
            if name + suffix in tables[0] and (spec.reduce or constant):
                arrays = [table[name + suffix] for table in tables]
                target[name] = _of_what_is_compared(
                    arrays, spec, case, seeded, _error(prediction, where, name)
                )
                continue
            given = next((key for key in (name, raw) if key + suffix in tables[0]), None)
            if given is not None:
                arrays = [table[given + suffix] for table in tables]
                array = _of_the_raw_array(
                    arrays, spec, prediction, case, seeded, _error(prediction, where, given)
                )
                target[name] = _apply(prediction, spec.reduce, array)
    return Forecast(values, spread)


def _error(
    prediction: Prediction, where: tuple[str, ...], name: str
) -> Callable[[str, str], AssayError]:
    def error(what: str, remedy: str) -> AssayError:
        return AssayError(
            f"the forecast of '{name}' {what}",
            remedy=remedy,
            file=prediction.source,
            line=prediction.line(*where),
            path=".".join(where),
        )

    return error


def _of_what_is_compared(
    arrays: list[np.ndarray],
    spec: Any,
    case: Case,
    seeded: bool,
    error: Callable[[str, str], AssayError],
) -> xr.DataArray:
    """A forecast of the compared quantity itself: axes that a reduction removes must not matter.

    Its own axes are named by position; `align` gives them the measurement's names.
    """
    import xarray as xr

    lead = ("seed",) if seeded else ()
    extra = EXTRA_DIMS.get(spec.compare, ())
    free = arrays[0].ndim - len(lead) - len(extra)
    if free < 0 or any(array.shape != arrays[0].shape for array in arrays):
        raise error(f"has shape {arrays[0].shape}", "return one number, or one for each axis left")
    own = (*lead, *(f"axis_{index}" for index in range(free)), *extra)
    if len(arrays) == 1:
        return xr.DataArray(arrays[0], dims=own)
    stacked = np.stack(arrays).reshape((*_shape(case), *arrays[0].shape))
    array = xr.DataArray(stacked, dims=(*case.sweep, *case.grid, *own), coords=_coords(case))
    for dim in (*case.sweep, *case.grid):
        if np.allclose(array, array.isel({dim: [0]}), rtol=1e-9, atol=1e-12):
            array = array.isel({dim: 0}, drop=True)
    return array


def _of_the_raw_array(
    arrays: list[np.ndarray],
    spec: Any,
    prediction: Prediction,
    case: Case,
    seeded: bool,
    error: Callable[[str, str], AssayError],
) -> xr.DataArray:
    """Stack a raw forecast over sweep and grid points under the names of its axes."""
    import xarray as xr

    lead = ("seed",) if seeded else ()
    dims = [dim for dim in spec.dims if spec.compare != "distribution" or dim not in spec.over]
    own = (*lead, *dims, *EXTRA_DIMS.get(spec.compare, ()))
    if arrays[0].ndim != len(own) or any(array.shape != arrays[0].shape for array in arrays):
        raise error(
            f"has shape {arrays[0].shape}, its axes are {list(own)}",
            "return one axis for each of `dims`",
        )
    stacked = np.stack(arrays).reshape((*_shape(case), *arrays[0].shape))
    coords = _coords(case) | own_coordinates(prediction, case, set(dims))
    array = xr.DataArray(stacked, dims=(*case.sweep, *case.grid, *own), coords=coords)
    return array.transpose("seed", ...) if seeded else array


def _shape(case: Case) -> tuple[int, ...]:
    return tuple(len(axis) for axis in (*case.sweep.values(), *case.grid.values()))


def _coords(case: Case) -> dict[str, Any]:
    return {key: list(axis) for key, axis in {**case.sweep, **case.grid}.items()}


def align(
    forecast_array: xr.DataArray, measured: xr.DataArray, over: tuple[str, ...] = ()
) -> xr.DataArray:
    """Name the positional axes of a forecast after the measurement's free ones of equal length.

    Axes `over` come last: a forecast of a location, an exponent or a sign lacks them.
    Raises AssayError when an axis has no counterpart.
    """
    free = [dim for dim in measured.dims if dim != "seed" and dim not in forecast_array.dims]
    free.sort(key=lambda dim: dim in over)
    renamed: dict[Any, Any] = {}
    for dim in forecast_array.dims:
        if not str(dim).startswith("axis_"):
            continue
        length = forecast_array.sizes[dim]
        fits = [other for other in free if measured.sizes[other] == length]
        if not fits:
            sizes = {str(other): measured.sizes[other] for other in free}
            raise AssayError(
                f"a forecast has {length} values along an axis, what it is compared with {sizes}",
                remedy="return one number, or one for each axis left",
            )
        renamed[dim] = fits[0]
        free.remove(fits[0])
    coords = {dim: measured.coords[dim] for dim in renamed.values() if dim in measured.coords}
    return forecast_array.rename(renamed).assign_coords(coords)


def _apply(prediction: Prediction, reduce: str | None, array: xr.DataArray) -> xr.DataArray:
    """Reduce a raw forecast as the measurement is reduced."""
    if reduce is None:
        return array
    function = load_function(prediction, reduce, "reduce")
    if "seed" in array.dims:
        seeded: xr.DataArray = function(array)
        return seeded
    result: xr.DataArray = function(array.expand_dims("seed"))
    return result.isel(seed=0, drop=True) if "seed" in result.dims else result
