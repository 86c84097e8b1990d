"""The same as a plot in words and numbers: descriptions, tables, notes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import xarray as xr

from harness.leaderboard.plots.figure import Table
from harness.leaderboard.plots.scales import label
from harness.leaderboard.plots.scene import Scene, Told
from harness.leaderboard.plots.stage import Stage
from harness.leaderboard.series import at_point, evenly, short

MOST_ROWS: Final = 16


def description(stage: Stage) -> str:
    """Say in words what the panel shows, at up to three places of its axis."""
    parts = []
    mean = at_point(stage.scene.measured.mean, stage.point)
    assert mean is not None
    for index in evenly(mean.sizes[stage.dim], 3):
        value = mean[stage.dim].values.tolist()[index]
        here = {**stage.point, stage.dim: value}
        said = ", ".join(f"{told.name} {_said(told, here)}" for told in stage.scene.told)
        measured = _number(mean.isel({stage.dim: index}))
        parts.append(f"at {stage.dim} = {short(value)} measured {measured}, {said}")
    return f"{'; '.join(parts)}."


def _said(told: Told, point: Mapping[str, Any]) -> str:
    found = at_point(told.forecast, point)
    if found is None:
        return "–"
    if found.dims == ("edge",):
        return " to ".join(label(float(v)) for v in found.values)
    return _number(found) if not found.dims else "–"


def _number(array: xr.DataArray) -> str:
    return label(float(array))


def numbers(
    scene: Scene, dim: str, rest: Sequence[str], points: Sequence[Mapping[str, Any]]
) -> Table:
    """Return what a figure draws, in numbers, at up to MOST_ROWS places."""
    coordinates = scene.measured.mean[dim].values.tolist()
    places = [{**point, dim: value} for point in points for value in coordinates]
    rows = []
    for index in evenly(len(places), MOST_ROWS):
        here = places[index]
        mean = at_point(scene.measured.mean, here)
        half = at_point(scene.measured.half, here)
        assert mean is not None and half is not None
        said = [_said(told, here) for told in scene.told]
        rows.append((*map(short, here.values()), _number(mean), _number(half), *said))
    told = (f"{told.name} forecasts" for told in scene.told)
    return Table((*rest, dim, "measured", "±", *told), tuple(rows))


def note_on(scene: Scene, dim: str) -> str:
    """Return the sentence that a plot cannot say: forecast orders and exponents."""
    note = _NOTES.get(scene.spec.compare)
    return "" if note is None else note(scene, dim)


def _order_note(scene: Scene, dim: str) -> str:
    return " ".join(f"{told.name} forecasts {_ordering(scene, told, dim)}." for told in scene.told)


def _ordering(scene: Scene, told: Told, dim: str) -> str:
    forecast = told.forecast
    if dim not in forecast.dims:
        rises = float(forecast.mean()) > 0
        return f"that {scene.name} {'rises' if rises else 'falls'} with {dim}"
    if len(forecast.dims) > 1:
        return f"an order along {dim} at each point"
    ranked = sorted(zip(forecast.values.tolist(), forecast[dim].values.tolist(), strict=True))
    return f"{scene.name} rising along {dim} = {', '.join(short(place) for _, place in ranked)}"


def _slope_note(scene: Scene, dim: str) -> str:
    said = [
        f"{told.name} forecasts {label(float(told.forecast))}"
        for told in scene.told
        if not told.forecast.dims
    ]
    return f"{'; '.join(said)}." if said else ""


_NOTES: Final[Mapping[str, Callable[[Scene, str], str]]] = {
    "order": _order_note,
    "exponent": _slope_note,
}
