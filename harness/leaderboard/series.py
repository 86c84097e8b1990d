"""Arrays of a record, back from nested lists to labelled arrays, and cut down for a page."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import xarray as xr

Json: TypeAlias = Mapping[str, Any]


def data_array(series: Json) -> xr.DataArray:
    """Return the labelled array that a record's series holds; null becomes NaN."""
    values = np.asarray(series["values"], dtype=np.float64)
    return xr.DataArray(values, dims=tuple(series["dims"]), coords=dict(series["coords"]))


def evenly(count: int, most: int) -> list[int]:
    """Return at most `most` of the indices 0 .. count - 1, evenly spread with both ends."""
    if count <= most:
        return list(range(count))
    return [round(i * (count - 1) / (most - 1)) for i in range(most)] if most > 1 else [0]


def thinned(array: xr.DataArray, dim: str, most: int) -> xr.DataArray:
    """Return the array with at most `most` points along a dimension."""
    return array.isel({dim: evenly(array.sizes[dim], most)})


def single_points(array: xr.DataArray) -> tuple[str, ...]:
    """Return the axes of one point."""
    return tuple(str(dim) for dim in array.dims if array.sizes[dim] == 1)


def squeezed(array: xr.DataArray, dims: Iterable[str]) -> xr.DataArray:
    """Return the array without those of `dims` that have one point."""
    return array.isel({dim: 0 for dim in dims if array.sizes.get(dim) == 1}, drop=True)


def is_numeric(array: xr.DataArray, dim: str) -> bool:
    """Whether the coordinates along a dimension are numbers."""
    return bool(np.issubdtype(array[dim].dtype, np.number))


def points_of(array: xr.DataArray, dims: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Return every combination of coordinates along `dims`, the last fastest."""
    axes = [array[dim].values.tolist() for dim in dims]
    for values in itertools.product(*axes):
        yield dict(zip(dims, values, strict=True))


def at_point(array: xr.DataArray, point: Mapping[str, Any]) -> xr.DataArray | None:
    """Return the array at a point, or None; dimensions that the array lacks do not count."""
    places: dict[str, int] = {}
    for dim, value in point.items():
        if dim not in array.dims:
            continue
        found = _index(array[dim].values, value)
        if found is None:
            return None
        places[dim] = found
    return array.isel(places, drop=True) if places else array


def over_seeds(array: xr.DataArray) -> xr.DataArray:
    """Return the mean over seeds of a forecast that is conditional on each seed's draw."""
    return array.mean("seed") if "seed" in array.dims else array


def name_of(point: Mapping[str, Any]) -> str:
    """Return what to call a point, such as `width = 64, theta = 2`."""
    return ", ".join(f"{key} = {short(value)}" for key, value in point.items())


def short(value: Any) -> str:
    """Return a coordinate as text."""
    return f"{value:.4g}".replace("-", "−") if isinstance(value, int | float) else str(value)


def _index(values: np.ndarray, value: Any) -> int | None:
    if np.issubdtype(values.dtype, np.number) and isinstance(value, int | float):
        close = np.isclose(values, value, rtol=1e-6, atol=0.0)
    else:
        close = values == value
    return int(np.argmax(close)) if np.any(close) else None
