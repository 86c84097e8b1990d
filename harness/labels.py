"""Names and coordinates for what units of work return."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.errors import AssayError
from harness.execute import Arrays
from harness.plan import Case
from harness.work import ensemble_at, raw_dims

if TYPE_CHECKING:
    import xarray as xr

    from harness.schema import Prediction


def labelled(
    prediction: Prediction, case: Case, first: int, blocks: Sequence[Sequence[Arrays]]
) -> dict[str, xr.DataArray]:
    """Raw arrays by name from blocks of seeds, in each the units [seed, grid point, ...] by point.

    Seeds count from `first`. Raises AssayError for an array unlike its declared dims.
    """
    import xarray as xr

    dims_of = raw_dims(prediction)
    own = own_coordinates(prediction, case, {dim for dims in dims_of.values() for dim in dims})
    arrays = {}
    for raw, dims in dims_of.items():
        units = [[unit[raw] for unit in block] for block in blocks]
        _check_shapes(raw, dims, own, [unit for block in units for unit in block], prediction)
        stacked = np.concatenate([np.stack(block, axis=1) for block in units])
        shape = [len(values) for values in {**case.sweep, **case.grid}.values()]
        coords: dict[str, Any] = {"seed": np.arange(first, first + len(stacked))}
        coords |= {key: list(values) for key, values in {**case.sweep, **case.grid}.items()}
        coords |= {dim: own[dim] for dim in dims if dim in own}
        arrays[raw] = xr.DataArray(
            stacked.reshape(len(stacked), *shape, *stacked.shape[3:]),
            dims=("seed", *case.sweep, *case.grid, *dims),
            coords=coords,
            name=raw,
        )
    return arrays


def own_coordinates(prediction: Prediction, case: Case, dims: set[str]) -> dict[str, np.ndarray]:
    """Coordinates of observables' own axes, from the setup's `axes()`.

    Raises AssayError when they differ between sweep points.
    """
    if not dims:
        return {}
    per_point = []
    for point in case.sweep_points():
        ensemble, _ = ensemble_at(prediction, case, point)
        axes = ensemble.world.axes() if hasattr(ensemble.world, "axes") else {}
        per_point.append({dim: np.asarray(axes[dim]) for dim in dims if dim in axes})
    first = per_point[0]
    for other in per_point[1:]:
        for dim, values in first.items():
            if not _same(values, other[dim]):
                raise AssayError(
                    f"the axis '{dim}' differs between sweep points",
                    remedy="give axes() values that do not depend on swept keys",
                    file=prediction.source,
                    line=prediction.line("sweep"),
                    path="sweep",
                )
    return first


def _check_shapes(
    raw: str,
    dims: tuple[str, ...],
    own: Mapping[str, np.ndarray],
    units: Sequence[np.ndarray],
    prediction: Prediction,
) -> None:
    shapes = {unit.shape[2:] for unit in units}
    shape = next(iter(shapes))
    wrong = None
    if len(shapes) > 1 or len(shape) != len(dims):
        named = " and ".join(str(shape) for shape in sorted(shapes))
        wrong = f"'{raw}' has shape {named} for one seed, but dims are {list(dims)}"
        remedy = "return one axis for each of `dims`, of one length at every sweep point"
    for dim, length in zip(dims, shape, strict=False):
        if wrong is None and dim in own and len(own[dim]) != length:
            wrong = (
                f"'{raw}' has {length} entries along '{dim}', the setup's axes() {len(own[dim])}"
            )
            remedy = "return as many as axes() says; a network in `model` must have as many layers"
    if wrong is not None:
        raise AssayError(
            wrong,
            remedy=remedy,
            file=prediction.source,
            line=prediction.line("observables"),
            path="observables",
        )


def _same(values: np.ndarray, other: np.ndarray) -> bool:
    """Whether two axes have the same coordinates; names compare exactly, numbers to rounding."""
    if values.shape != other.shape:
        return False
    if values.dtype.kind in "fiu" and other.dtype.kind in "fiu":
        return bool(np.allclose(values, other))
    return bool(np.array_equal(values, other))
