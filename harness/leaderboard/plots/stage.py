"""One panel: its axis, its place among the others, and arrays read off along it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import xarray as xr

from harness.leaderboard.plots.scene import Scene
from harness.leaderboard.series import at_point, is_numeric, thinned

MOST_ON_A_LINE: Final = 80


@dataclass(frozen=True)
class Stage:
    """One panel's axis and point."""

    scene: Scene
    dim: str
    point: Mapping[str, Any]
    x: list[float]

    @property
    def names(self) -> bool:
        """Whether the axis is one of names."""
        return not is_numeric(self.scene.measured.mean, self.dim)


def axis_of(array: xr.DataArray, over: Sequence[str]) -> str:
    """Return the axis to draw along: the compared one, else the longest, numbers first."""
    for dim in over:
        if dim in array.dims:
            return dim
    names = [str(dim) for dim in array.dims]
    return max(names, key=lambda dim: (is_numeric(array, dim), array.sizes[dim]))


def positions(array: xr.DataArray, dim: str) -> list[float]:
    """Return where the points of an axis lie: at their coordinates, or names at 0, 1, 2, ..."""
    if is_numeric(array, dim):
        return [float(value) for value in array[dim].values]
    return [float(index) for index in range(array.sizes[dim])]


def along(
    stage: Stage, array: xr.DataArray, most: int | None = MOST_ON_A_LINE
) -> tuple[list[float], list[float]] | None:
    """Return x and y of an array at the panel's point; None where it has no such point or axis."""
    found = at_point(array, stage.point)
    if found is None or found.dims != (stage.dim,):
        return None
    if most is not None:
        found = thinned(found, stage.dim, most)
    if stage.names:
        known = stage.scene.measured.mean[stage.dim].values.tolist()
        kept = [i for i, name in enumerate(found[stage.dim].values.tolist()) if name in known]
        found = found.isel({stage.dim: kept})
        return [float(known.index(n)) for n in found[stage.dim].values.tolist()], values_of(found)
    return positions(found, stage.dim), values_of(found)


def values_of(array: xr.DataArray) -> list[float]:
    """Return the values of an array with one axis."""
    return [float(value) for value in array.values]
