"""How well a theory's error bars are calibrated, over all observables that it forecasts.

A theory that forecasts a distribution over seeds is held to its own spread; of any other one can
only say how its errors compare with the tolerances, and with the noise of the measurement.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

import numpy as np
import xarray as xr
from scipy.special import ndtr, ndtri
from scipy.stats import kstest

from harness.judge import LEVEL
from harness.judge.mean import quantile
from harness.leaderboard import wording
from harness.leaderboard.board import Entry
from harness.leaderboard.collect import interval_in_tolerances
from harness.leaderboard.plots.dotplot import DotPlot, DotRow, Mark, draw_dots
from harness.leaderboard.plots.figure import Figure, Key, Panel
from harness.leaderboard.plots.scales import Scale, label
from harness.leaderboard.plots.svg import Band, Level, Plot, draw
from harness.leaderboard.series import data_array
from harness.plan import CLAIM

Json = Mapping[str, Any]

LEVELS: Final = (0.5, 0.8, 0.95)
_BINS: Final = 10
_SMALLEST: Final = 0.01
_MOST_ROWS: Final = 24
_WITHOUT_POINTS: Final = frozenset(
    {"argmin", "argmax", "order", "distribution", "label", "exponent"}
)


@dataclass(frozen=True)
class Calibration:
    """What is to be said in sentences, and what can be drawn."""

    sentences: tuple[str, ...]
    figures: tuple[Figure, ...]


def calibration(theory: str, entries: Sequence[Entry]) -> Calibration | None:
    """Return the calibration of a theory on the results that it has; None without any."""
    rows = [
        (entry, row)
        for entry in entries
        for row in ([] if entry.trial is None else entry.trial["rows"])
        if row["case"] == CLAIM
        and row["theory"] == theory
        and row["error_in_tolerances"] is not None
    ]
    if not rows:
        return None
    ranks = _ranks([row for _, row in rows])
    said = [*_own_spread(ranks, len(rows)), *_against_tolerances(rows), *_against_noise(rows)]
    drawn = [] if ranks is None else [_histogram(theory, ranks)]
    return Calibration(tuple(said), (*drawn, _errors(theory, rows)))


def _ranks(rows: Sequence[Json]) -> np.ndarray | None:
    """Return where each measured value lies in its forecast distribution, from 0 to 1."""
    found = []
    for row in rows:
        if row["spread"] is None or row["measured"] is None or not row["measured"]["per_seed"]:
            continue
        values = data_array(row["measured"]["per_seed"])
        mean, spread = (data_array(row[name]) for name in ("forecast", "spread"))
        if set(mean.dims) <= set(values.dims):
            scores = (values - mean) / spread
            found.append(ndtr(scores.values.ravel()))
    if not found:
        return None
    ranks: np.ndarray = np.concatenate(found)
    finite: np.ndarray = ranks[np.isfinite(ranks)]
    return finite


def _own_spread(ranks: np.ndarray | None, judged: int) -> Iterator[str]:
    if ranks is None or not ranks.size:
        noun = "observable" if judged == 1 else "observables"
        yield (
            f"It forecasts no spread over seeds on the {judged} {noun} judged here, so it has no "
            "error bars of its own to be calibrated; what follows holds it to the tolerances."
        )
        return
    scores = ndtri(np.clip(ranks, 1e-9, 1 - 1e-9))
    inside = ", ".join(
        f"{np.mean(np.abs(ranks - 0.5) <= level / 2):.0%} in its central {level:.0%}"
        for level in LEVELS
    )
    test = kstest(ranks, "uniform")
    yield (
        f"It forecasts a spread over seeds: of {ranks.size} measured values {inside}. Standardised "
        f"residuals have mean {label(round(float(scores.mean()), 3))} and standard deviation "
        f"{label(round(float(scores.std()), 3))} (calibrated: 0 and 1; above 1 its error bars are "
        f"too narrow). Kolmogorov-Smirnov test of uniform ranks: p = {test.pvalue:.2g}."
    )


def _against_tolerances(rows: Sequence[tuple[Entry, Json]]) -> Iterator[str]:
    errors = [float(row["error_in_tolerances"]) for _, row in rows]
    within = sum(error <= 1 for error in errors)
    of = "observable" if len(errors) == 1 else "observables"
    yield (
        f"Its error is within the tolerance on {within} of {len(errors)} {of}; the median error is "
        f"{wording.number(median(errors))} tolerances, the largest {wording.number(max(errors))}."
    )


def _against_noise(rows: Sequence[tuple[Entry, Json]]) -> Iterator[str]:
    counts = [found for _, row in rows for found in [_resolved(row)] if found is not None]
    points = sum(total for _, total in counts)
    if points:
        resolved = sum(beyond for beyond, _ in counts)
        yield (
            f"At {resolved} of {points} measured points the mean differs from the forecast beyond "
            f"the noise of the seeds; {2 * LEVEL:.0%} would if the theory were exact there."
        )


def _resolved(row: Json) -> tuple[int, int] | None:
    """Return at how many points the forecast lies outside the interval of the mean, and of all."""
    if row["measured"] is None or row["forecast"] is None or row["compare"] in _WITHOUT_POINTS:
        return None
    mean, error = (data_array(row["measured"][part]) for part in ("mean", "stderr"))
    forecast = data_array(row["forecast"])
    if not set(forecast.dims) <= set(mean.dims):
        return None
    here, noise, said = xr.align(mean, error, forecast.broadcast_like(mean), join="inner")
    off = np.abs(np.asarray((here - said) / noise)).ravel()
    beyond = off[np.isfinite(off)] > float(quantile(row["seeds"], LEVEL))
    return int(beyond.sum()), int(beyond.size)


def _histogram(theory: str, ranks: np.ndarray) -> Figure:
    edges = np.linspace(0.0, 1.0, _BINS + 1)
    share = np.histogram(ranks, edges)[0] / max(ranks.size, 1) * _BINS
    steps, heights = np.repeat(edges, 2)[1:-1].tolist(), np.repeat(share, 2).tolist()
    said = ", ".join(f"{value:.2g}" for value in share)
    plot = Plot(
        title=f"Ranks of measured values in the distributions that {theory} forecasts",
        description=f"Density in {_BINS} equal bins from 0 to 1: {said}. Calibrated is 1 in all.",
        x=Scale("linear", 0.0, 1.0),
        y=Scale("linear", 0.0, 1.1 * max(1.2, *heights)),
        x_label="share of the forecast distribution below the measured value",
        y_label="density",
        layers=(Band(steps, [0.0] * len(steps), heights, "measured"), Level(1.0, "claim")),
    )
    keys = (Key("measured", "band", "measured"), Key("claim", "line", "calibrated"))
    note = "A hump in the middle: error bars too wide. Heaped ends: too narrow. A slope: a bias."
    return Figure("Ranks in its own distributions", (Panel("", draw(plot)),), keys, note)


def _errors(theory: str, rows: Sequence[tuple[Entry, Json]]) -> Figure:
    """Draw the error of every observable with its interval, the largest first."""
    ordered = sorted(rows, key=lambda pair: -float(pair[1]["error_in_tolerances"]))[:_MOST_ROWS]
    drawn = []
    for entry, row in ordered:
        low, high = interval_in_tolerances(row) or (None, None)
        mark = Mark(float(row["error_in_tolerances"]), f"verdict-{row['verdict']}", low, high)
        drawn.append(DotRow(f"{entry.id}: {row['observable']}", (mark,), (-np.inf, 1.0)))
    highest = max(10.0, *(row.marks[0].at for row in drawn))
    told = "; ".join(f"{row.label} {label(row.marks[0].at)}" for row in drawn)
    plot = DotPlot(
        title=f"Error in tolerances of {theory} on every observable",
        description=f"{told}. Up to 1 lies within the tolerance.",
        x=Scale("log", _SMALLEST, highest * 1.3),
        x_label="error in tolerances (1: at the tolerance)",
        rows=tuple(drawn),
        reference=1.0,
    )
    keys = (
        Key("verdict-pass", "dot", "passes"),
        Key("verdict-fail", "dot", "fails"),
        Key("verdict-inconclusive", "dot", "undecided"),
    )
    note = "" if len(rows) <= _MOST_ROWS else f"The {_MOST_ROWS} largest of {len(rows)} are shown."
    picture = draw_dots(plot, width=560.0)
    return Figure("Its errors against the tolerances", (Panel("", picture),), keys, note)
