"""What an observable is computed from: the raw measurement, one line a point of a second axis."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from harness.leaderboard.plots.figure import Figure, Key, Panel
from harness.leaderboard.plots.scales import fitting_kind, scale_of
from harness.leaderboard.plots.scene import Scene
from harness.leaderboard.plots.stage import MOST_ON_A_LINE, positions, values_of
from harness.leaderboard.plots.svg import Line, Plot, Points, draw
from harness.leaderboard.series import (
    at_point,
    evenly,
    is_numeric,
    name_of,
    points_of,
    thinned,
)

MOST_PANELS: Final = 4
MOST_LINES: Final = 6

_LOG_RATIO: Final = 30.0


def raw_figure(scene: Scene) -> Figure | None:
    """Draw what was measured before it was reduced, one line a point of a second axis."""
    if scene.raw is None:
        return None
    mean = scene.raw.mean
    long = [str(d) for d in mean.dims if is_numeric(mean, str(d)) and mean.sizes[d] > 2]
    long = [d for d in long if float(np.ptp(mean.values, axis=mean.dims.index(d)).max()) != 0]
    if not long:
        return None
    dim = max(long, key=lambda d: mean.sizes[d])
    others = [str(d) for d in mean.dims if d != dim]
    along, rest = others[-1:], others[:-1]
    points = list(points_of(mean, rest))
    lines = list(points_of(mean, along))
    lines = [lines[index] for index in evenly(len(lines), MOST_LINES)]
    panels = [
        _raw_panel(scene, dim, points[index], lines) for index in evenly(len(points), MOST_PANELS)
    ]
    keys = [Key(f"shade-{i}", "line", name_of(line)) for i, line in enumerate(lines, 1) if line]
    title = f"{scene.spec.raw}, from which {scene.name} is computed"
    note = "Mean over seeds."
    if any("lowest" in panel.picture for panel in panels):
        note = "Mean over seeds; a dot marks the lowest point of a line."
    return Figure(title, tuple(panels), tuple(keys), note)


def _raw_panel(
    scene: Scene, dim: str, point: Mapping[str, Any], lines: Sequence[Mapping[str, Any]]
) -> Panel:
    assert scene.raw is not None
    mean = scene.raw.mean
    layers: list[Line | Points] = []
    for index, line in enumerate(lines, 1):
        found = at_point(mean, {**point, **line})
        if found is not None:
            found = thinned(found, dim, MOST_ON_A_LINE)
            layers.append(Line(positions(found, dim), values_of(found), f"shade-{index}"))
    values = [y for layer in layers for y in layer.y]
    layers += _lowest(layers)
    where = name_of(point)
    varied = ", ".join(lines[0])
    plot = Plot(
        title=f"{scene.spec.raw}{f' at {where}' if where else ''} along {dim}",
        description=f"Mean over seeds, one line for each value of {varied or 'the setup'}.",
        x=scale_of(positions(mean, dim), fitting_kind(positions(mean, dim))),
        y=scale_of(values, fitting_kind(values, _LOG_RATIO)),
        x_label=dim,
        y_label=scene.spec.raw,
        layers=tuple(layers),
    )
    return Panel(where, draw(plot))


def _lowest(lines: Sequence[Line | Points]) -> list[Points]:
    """Return the lowest point of each line; nothing unless all of them fall and rise once."""
    found = []
    for line in lines:
        known = [index for index, y in enumerate(line.y) if math.isfinite(y)]
        y = [line.y[index] for index in known]
        at = y.index(min(y)) if y else 0
        if at in (0, len(y) - 1) or y != [*sorted(y[:at], reverse=True), *sorted(y[at:])]:
            return []
        found.append(Points([line.x[known[at]]], [y[at]], f"{line.style} lowest"))
    return found
