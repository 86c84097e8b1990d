"""Dot plots: single numbers against their tolerance, and their residuals."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

import numpy as np
from markupsafe import Markup

from harness.leaderboard.plots.dotplot import DotPlot, DotRow, Mark, draw_dots
from harness.leaderboard.plots.figure import Figure, Key, Panel, Table
from harness.leaderboard.plots.residuals import has_residuals, signed_errors
from harness.leaderboard.plots.scales import fitting_kind, label, scale_of
from harness.leaderboard.plots.scene import Scene, Told, band
from harness.leaderboard.series import evenly

FARTHEST: Final = 6.0
"""Residuals of rivals beyond this many tolerances stand at the edge; their number is written."""

MOST_SEEDS: Final = 64

_LOG_RATIO: Final = 30.0


def number_figure(scene: Scene) -> Figure:
    """Draw one measured number with its interval against the tolerance, rivals and controls."""
    rows = []
    cells = []
    if scene.claim is not None:
        rows.append(_row(scene, "claim", scene.claim, scene.told))
    controls = [told for told in scene.controls if not told.measured.mean.dims]
    for told in controls:
        rows.append(_row(scene, f"control {told.name}", told, (told,)))
    for name, told in [
        *((told.name, told) for told in scene.told),
        *((f"control {told.name}", told) for told in controls),
    ]:
        mean, half = float(told.measured.mean), float(told.measured.half)
        said = " to ".join(label(v) for v in _values(told))
        cells.append((name, said, f"{label(mean)} ± {label(half)}"))
    values = [v for row in rows for v in _extent(row)]
    unit = "" if scene.spec.unit in ("", "1") else f" [{scene.spec.unit}]"
    plot = DotPlot(
        title=f"{scene.name}: forecast against measurement",
        description="; ".join(f"{name}: forecast {said}, measured {m}" for name, said, m in cells)
        + ".",
        x=scale_of(values, fitting_kind(values, _LOG_RATIO)),
        x_label=f"{scene.name}{unit}",
        rows=tuple(rows),
    )
    keys = [
        Key("measured", "dot", "measured, mean and interval over seeds"),
        Key("seed", "dot", "one value a seed" if scene.spec.reduced else "single seeds"),
        *(Key(told.style, "tick", told.name) for told in scene.told),
        Key("claim", "band", "tolerance"),
    ]
    table = Table(("", "forecast", "measured"), tuple(cells))
    if scene.by_seed is None:
        del keys[1]
    panel = Panel("", draw_dots(plot), _residuals(scene))
    return Figure(scene.name, (panel,), tuple(keys), "", table)


def _residuals(scene: Scene) -> Markup | None:
    """Draw measured minus forecast over tolerance of every theory; None where it means nothing."""
    if not has_residuals(scene):
        return None
    rows = []
    for told, at, low, high in signed_errors(scene):
        mark = Mark(at, "measured" if told is scene.claim else told.style, low, high)
        rows.append(DotRow(f"{told.name} {label(round(at, 2))}", (mark,), _allowed(scene)))
    values = [max(-FARTHEST, min(v, FARTHEST)) for row in rows for v in _extent(row)]
    said = "; ".join(row.label for row in rows)
    plot = DotPlot(
        title=f"{scene.name}: residuals in units of the tolerance",
        description=f"Measured minus forecast over tolerance: {said}.",
        x=scale_of([*values, -1.2, 1.2]),
        x_label="residual / tolerance",
        rows=tuple(rows),
        reference=0.0,
    )
    return draw_dots(plot)


def _allowed(scene: Scene) -> tuple[float, float]:
    if scene.spec.compare != "bound":
        return -1.0, 1.0
    upper = scene.spec.options.get("side", "upper") == "upper"
    return (-math.inf, 1.0) if upper else (-1.0, math.inf)


def _row(scene: Scene, name: str, told: Told, everyone: Iterable[Told]) -> DotRow:
    mean, half = float(told.measured.mean), float(told.measured.half)
    marks = [
        Mark(value, other.style, shape="tick") for other in everyone for value in _values(other)
    ]
    if told is scene.claim and scene.by_seed is not None:
        seeds = scene.by_seed.values.ravel()
        chosen = evenly(len(seeds), MOST_SEEDS)
        marks += [Mark(float(seeds[index]), "seed", shape="speck") for index in chosen]
    marks.append(Mark(mean, "measured", mean - half, mean + half))
    return DotRow(name, tuple(marks), _band(scene, told))


def _values(told: Told) -> list[float]:
    return [float(value) for value in np.atleast_1d(told.forecast.squeeze().values)]


def _band(scene: Scene, told: Told) -> tuple[float, float]:
    """Where a measurement passes: about a value, on one side of a bound, within a window."""
    low, high = band(scene, np.array(_values(told)))
    if scene.spec.compare == "bound":
        if scene.spec.options.get("side", "upper") == "upper":
            return -math.inf, float(high[0])
        return float(low[0]), math.inf
    return float(low[0]), float(high[-1])


def _extent(row: DotRow) -> list[float]:
    marks = [mark for mark in row.marks if mark.shape != "speck"]
    marked = [value for mark in marks for value in (mark.at, mark.low, mark.high)]
    found = [value for value in (*marked, *(row.band or ())) if value is not None]
    return [value for value in found if math.isfinite(value)]
