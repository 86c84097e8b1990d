"""Distributions: the measured values' distribution function against the predicted law's."""

from __future__ import annotations

import numpy as np
import xarray as xr

from harness.leaderboard.plots.figure import Figure, Key, Panel, Table
from harness.leaderboard.plots.scales import Scale, fitting_kind, label, scale_of
from harness.leaderboard.plots.scene import Scene, Told
from harness.leaderboard.plots.svg import Band, Layer, Line, Plot, draw
from harness.leaderboard.series import data_array, evenly

_STEPS = 60
_ROWS = 9


def law_figure(scene: Scene) -> Figure:
    """Draw both distribution functions; a Kolmogorov-Smirnov tolerance is a band about the law."""
    sample = _sample(scene)
    share = (np.arange(sample.size) + 0.5) / sample.size
    chosen = evenly(sample.size, _STEPS)
    layers: list[Layer] = []
    for told in scene.told:
        x, y = _law(told)
        if told is scene.claim and scene.spec.options.get("distance") == "ks":
            half = scene.tolerance
            layers.append(Band(x, [v - half for v in y], [v + half for v in y], told.style))
        layers.append(Line(x, y, told.style))
    layers.append(Line(sample[chosen].tolist(), share[chosen].tolist(), "measured"))
    values = [v for layer in layers if isinstance(layer, Line) for v in layer.x]
    table = _table(scene, sample)
    plot = Plot(
        title=f"{scene.name}: measured distribution against the predicted law",
        description="; ".join(", ".join(row) for row in table.rows),
        x=scale_of(values, fitting_kind(values, 30.0)),
        y=Scale("linear", 0.0, 1.0),
        x_label=scene.name if scene.spec.unit in ("", "1") else f"{scene.name} [{scene.spec.unit}]",
        y_label="share below",
        layers=tuple(layers),
    )
    keys = [
        Key("measured", "line", f"measured, {sample.size} values"),
        *(Key(told.style, "line", told.name) for told in scene.told),
        Key("claim", "band", "tolerance"),
    ]
    return Figure(scene.name, (Panel("", draw(plot)),), tuple(keys), "", table)


def _sample(scene: Scene) -> np.ndarray:
    """Return the finite measured values of all seeds together, in order."""
    pooled = scene.told[0].row["measured"]["per_seed"]
    array = scene.measured.mean if pooled is None else data_array(pooled)
    values: np.ndarray = np.sort(array.values[np.isfinite(array.values)])
    return values


def _law(told: Told) -> tuple[list[float], list[float]]:
    quantiles = _quantiles(told.forecast)
    share = (np.arange(quantiles.size) + 0.5) / quantiles.size
    chosen = evenly(quantiles.size, _STEPS)
    return quantiles[chosen].tolist(), share[chosen].tolist()


def _quantiles(forecast: xr.DataArray) -> np.ndarray:
    """Return a law's quantiles; of several points the first."""
    others = {dim: 0 for dim in forecast.dims if dim != "quantile"}
    ordered: np.ndarray = np.sort(forecast.isel(others).values.ravel())
    return ordered


def _table(scene: Scene, sample: np.ndarray) -> Table:
    rows = []
    for share in np.linspace(0.1, 0.9, _ROWS):
        laws = [_quantiles(told.forecast) for told in scene.told]
        found = (label(float(np.quantile(v, share))) if v.size else "–" for v in (sample, *laws))
        rows.append((f"{share:.0%}", *found))
    return Table(("share below", "measured", *(told.name for told in scene.told)), tuple(rows))
