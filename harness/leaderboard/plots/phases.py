"""Labels: forecast and measured phase at every point, as a grid."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

import xarray as xr

from harness.leaderboard.plots.figure import Figure, Table
from harness.leaderboard.plots.scene import Scene, Told
from harness.leaderboard.series import (
    Json,
    at_point,
    data_array,
    name_of,
    points_of,
    short,
    single_points,
    squeezed,
)

_TINTS: Final = 6
"""Colours of labels; a seventh label has that of the first."""


def phase_figure(scene: Scene) -> Figure:
    """Make the table of phases: one column a point of the first axis, one row a theory.

    With two axes or more the rows are the points of the others, and a cell holds what was measured
    and, where it differs, the claim's forecast.
    """
    stored = scene.told[0].row["measured"]["per_seed"]
    per_seed = scene.measured.mean.expand_dims("seed") if stored is None else _stored(stored)
    dims = [str(dim) for dim in per_seed.dims if dim != "seed"]
    table = _grid(scene, per_seed, dims) if len(dims) > 1 else _by_theory(scene, per_seed, dims)
    note = "Beside a measured label stands its share of the seeds; marked cells disagree."
    return Figure(scene.name, (), (), note, table)


def _stored(per_seed: Json) -> xr.DataArray:
    array = data_array(per_seed)
    return squeezed(array, [dim for dim in single_points(array) if dim != "seed"])


def _by_theory(scene: Scene, per_seed: xr.DataArray, dims: Sequence[str]) -> Table:
    points = list(points_of(per_seed, dims))
    measured = [_measured(scene, per_seed, point) for point in points]
    rows = [("measured", *(f"{name} ({share:.0%})" for name, share in measured))]
    marks = [(0, column, _tint(scene, name)) for column, (name, _) in enumerate(measured, 1)]
    for told in scene.told:
        said = [_said(scene, told, point) for point in points]
        rows.append((told.name, *said))
        for column, (name, (found, _)) in enumerate(zip(said, measured, strict=True), 1):
            tint = _tint(scene, name)
            marks.append((len(rows) - 1, column, tint if name == found else f"{tint} differs"))
    return Table((dims[0] if dims else "", *map(_coordinates, points)), tuple(rows), tuple(marks))


def _grid(scene: Scene, per_seed: xr.DataArray, dims: Sequence[str]) -> Table:
    columns = list(points_of(per_seed, dims[-1:]))
    rows = []
    marks = []
    for row, point in enumerate(points_of(per_seed, dims[:-1])):
        cells = []
        for column, across in enumerate(columns, 1):
            here = {**point, **across}
            found, share = _measured(scene, per_seed, here)
            said = found if scene.claim is None else _said(scene, scene.claim, here)
            cells.append(f"{found} ({share:.0%})" + ("" if said == found else f", forecast {said}"))
            tint = _tint(scene, found)
            marks.append((row, column, tint if said == found else f"{tint} differs"))
        rows.append((name_of(point), *cells))
    return Table((dims[-1], *map(_coordinates, columns)), tuple(rows), tuple(marks))


def _measured(scene: Scene, per_seed: xr.DataArray, point: Mapping[str, Any]) -> tuple[str, float]:
    """Return the most frequent label at a point and its share of the seeds."""
    found = at_point(per_seed, point)
    assert found is not None
    counts = Counter(_label(scene, value) for value in found.values.ravel().tolist())
    name, most = counts.most_common(1)[0]
    return name, most / counts.total()


def _said(scene: Scene, told: Told, point: Mapping[str, Any]) -> str:
    found = at_point(told.forecast, point)
    return "–" if found is None or found.dims else _label(scene, float(found))


def _label(scene: Scene, value: float) -> str:
    """Return the name of a label; a mean that lies between two stays a number."""
    labels = scene.spec.options.get("labels", ())
    if not math.isfinite(value):
        return "–"
    known = value == round(value) and 0 <= value < len(labels)
    return str(labels[round(value)]) if known else short(value)


def _tint(scene: Scene, name: str) -> str:
    """Return the class of a label's colour."""
    labels = [str(label) for label in scene.spec.options.get("labels", ())]
    return f"phase-{1 + labels.index(name) % _TINTS}" if name in labels else "phase-none"


def _coordinates(point: Mapping[str, Any]) -> str:
    return ", ".join(short(value) for value in point.values())
