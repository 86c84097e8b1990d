"""Dot plots: single numbers against their tolerance, and errors in tolerances against one."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

import numpy as np

from harness.leaderboard.board import Entry
from harness.leaderboard.collect import interval_in_tolerances
from harness.leaderboard.plots.figure import Figure, Key, Panel, Table
from harness.leaderboard.plots.scales import Scale, fitting_kind, label, scale_of
from harness.leaderboard.plots.scene import Scene, Told, band
from harness.leaderboard.plots.svg import DotPlot, DotRow, Mark, draw_dots
from harness.leaderboard.series import Json
from harness.plan import CLAIM

SMALLEST: Final = 0.01
"""Errors below this many tolerances are drawn at it: the axis is logarithmic."""

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
        *(Key(told.style, "tick", told.name) for told in scene.told),
        Key("claim", "band", "tolerance"),
    ]
    table = Table(("", "forecast", "measured"), tuple(cells))
    return Figure(scene.name, (Panel("", draw_dots(plot)),), tuple(keys), "", table)


def errors_figure(entry: Entry) -> Figure | None:
    """Draw the error in tolerances of every theory and control on every observable, against 1."""
    if entry.trial is None:
        return None
    judged = [row for row in entry.trial["rows"] if row["error_in_tolerances"] is not None]
    theory = next(result.theory for result in entry.theories if result.is_claim)
    names = list(dict.fromkeys(row["observable"] for row in judged))
    judged.sort(key=lambda row: (names.index(row["observable"]), _rank(row, theory)))
    if not judged:
        return None
    highest = max(10.0, *(_high(row) for row in judged))
    rows = tuple(_error_row(row, theory, len(names) > 1) for row in judged)
    told = "; ".join(f"{row.label} {label(row.marks[0].at)}" for row in rows)
    plot = DotPlot(
        title="Error in tolerances of every observable",
        description=f"{told}. Up to 1 lies within the tolerance.",
        x=Scale("log", SMALLEST, highest * 1.3),
        x_label="error in tolerances (1: at the tolerance)",
        rows=rows,
        reference=1.0,
    )
    keys = (
        Key("claim", "dot", "the claim's theory"),
        Key("rival-1", "dot", "rival"),
        Key("control-1", "dot", "control: must lie beyond 1"),
        Key("claim", "band", "within the tolerance"),
    )
    return Figure(
        title="Error in tolerances",
        panels=(Panel("", draw_dots(plot)),),
        legend=keys,
        note="Intervals hold at the level of the verdicts; an interval across 1 decides nothing.",
    )


def _row(scene: Scene, name: str, told: Told, everyone: Iterable[Told]) -> DotRow:
    mean, half = float(told.measured.mean), float(told.measured.half)
    marks = [
        Mark(value, other.style, shape="tick") for other in everyone for value in _values(other)
    ]
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
    marked = [value for mark in row.marks for value in (mark.at, mark.low, mark.high)]
    found = [value for value in (*marked, *(row.band or ())) if value is not None]
    return [value for value in found if math.isfinite(value)]


def _rank(row: Json, theory: str) -> int:
    if row["case"] != CLAIM:
        return 2
    return 0 if row["theory"] == theory else 1


def _high(row: Json) -> float:
    interval = interval_in_tolerances(row)
    error = float(row["error_in_tolerances"])
    high = error if interval is None else interval[1]
    return max(error, high if math.isfinite(high) else 0.0)


def _error_row(row: Json, theory: str, several: bool) -> DotRow:
    rank = _rank(row, theory)
    name = row["theory"] if rank < 2 else f"control {row['case']}"
    low, high = interval_in_tolerances(row) or (None, None)
    mark = Mark(row["error_in_tolerances"], ("claim", "rival-1", "control-1")[rank], low, high)
    return DotRow(
        label=f"{row['observable']}: {name}" if several else name,
        marks=(mark,),
        band=(-math.inf, 1.0),
    )
