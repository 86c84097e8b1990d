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
_BINS = 32
_HEADROOM = 1.3  # a rival that puts all its mass on a point is cut off


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
    panels = (Panel("density", draw(_histogram(scene, sample))), Panel("share below", draw(plot)))
    return Figure(scene.name, panels, tuple(keys), "", table)


def _histogram(scene: Scene, sample: np.ndarray) -> Plot:
    """Return the measured values' histogram with the predicted densities on the same bins."""
    laws = [(told, _quantiles(told.forecast)) for told in scene.told]
    everything = np.concatenate([sample, *(values for _, values in laws)])
    low, high = np.quantile(everything, [0.002, 0.998])
    edges = np.linspace(low, high if high > low else low + 1.0, _BINS + 1)
    found = np.histogram(sample, edges)[0] / max(sample.size, 1) / np.diff(edges)
    steps = np.repeat(edges, 2)[1:-1].tolist()
    heights = np.repeat(found, 2).tolist()
    layers: list[Layer] = [Band(steps, [0.0] * len(steps), heights, "measured")]
    for law, values in laws:
        density = np.histogram(values, edges)[0] / values.size / np.diff(edges)
        layers.append(Line(steps, np.repeat(density, 2).tolist(), law.style))
    told = [max(layer.y) for layer in layers if isinstance(layer, Line) and layer.style == "claim"]
    tallest = max([*heights, *told, 1e-12])
    mode = label(float(edges[int(np.argmax(found))]))
    return Plot(
        title=f"{scene.name}: histogram of what was measured against the predicted density",
        description=f"{sample.size} values in {_BINS} bins, most of them near {mode}.",
        x=Scale("linear", float(edges[0]), float(edges[-1])),
        y=Scale("linear", 0.0, _HEADROOM * tallest),
        x_label=scene.name if scene.spec.unit in ("", "1") else f"{scene.name} [{scene.spec.unit}]",
        y_label="density",
        layers=tuple(layers),
    )


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
