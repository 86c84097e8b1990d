"""Two theories on one observable, on the same training runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from harness.api import Normal
from harness.judge import LEVEL, Criterion, UnjudgeableError
from harness.judge.mean import mean_bounds
from harness.leaderboard.board import Entry, Spec
from harness.leaderboard.series import at_point, data_array, points_of
from harness.plan import CLAIM
from harness.scores import compare_paired, crps, log_score

if TYPE_CHECKING:
    import xarray as xr

Json: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True)
class Score:
    """A proper score of both theories' distributions, mean over seeds; lower is better.

    `winner` is None unless the interval of the paired difference a minus b excludes zero.
    """

    name: str
    unit: str
    a: float
    b: float
    interval: tuple[float, float]
    winner: str | None


@dataclass(frozen=True)
class Bout:
    """Two theories on one observable; `difference` is the error in tolerances of a minus that of b.

    `interval` comes from a bootstrap of the seeds that gives both theories the same resamples;
    `winner` is None, a tie, unless it excludes zero. `reason` says why a bout did not take place.
    """

    prediction: str
    tier: str
    observable: str
    a: str
    b: str
    seeds: int
    error_a: float | None = None
    error_b: float | None = None
    difference: float | None = None
    interval: tuple[float, float] | None = None
    winner: str | None = None
    scores: tuple[Score, ...] = ()
    reason: str | None = None


def rows_of(entry: Entry) -> dict[tuple[str, str], Json]:
    """The rows of a prediction's own case, by theory and observable."""
    assert entry.trial is not None
    return {
        (row["theory"], row["observable"]): row
        for row in entry.trial["rows"]
        if row["case"] == CLAIM
    }


def bouts_of(entry: Entry, a: str, b: str) -> Iterator[Bout]:
    """Every bout of two theories in one prediction."""
    rows = rows_of(entry)
    for observable, spec in entry.observables.items():
        if (a, observable) in rows and (b, observable) in rows:
            yield _bout(entry, spec, rows[a, observable], rows[b, observable])


def _bout(entry: Entry, spec: Spec, row_a: Json, row_b: Json) -> Bout:
    """Let two theories compete on the values that were judged."""
    shared: dict[str, Any] = {
        "prediction": entry.id,
        "tier": entry.tier,
        "observable": row_a["observable"],
        "a": row_a["theory"],
        "b": row_b["theory"],
        "seeds": row_a["seeds"],
        "error_a": row_a["error_in_tolerances"],
        "error_b": row_b["error_in_tolerances"],
    }
    for row in (row_a, row_b):
        if row["forecast"] is None:
            return Bout(**shared, reason=f"{row['theory']}: {row['reason']}")
        if row["measured"] is None or row["measured"]["per_seed"] is None:
            return Bout(**shared, reason="the record holds no values by seed")
    measured = data_array(row_a["measured"]["per_seed"])
    forecasts = data_array(row_a["forecast"]), data_array(row_b["forecast"])
    try:
        paired = compare_paired(measured, *forecasts, criterion_of(spec, row_a))
    except UnjudgeableError as problem:
        return Bout(**shared, reason=str(problem))
    tolerance = row_a["tolerance"]
    return Bout(
        **shared,
        difference=paired.difference / tolerance,
        interval=(paired.interval[0] / tolerance, paired.interval[1] / tolerance),
        winner={"a": row_a["theory"], "b": row_b["theory"], "tie": None}[paired.winner],
        scores=tuple(_scores(measured, row_a, row_b)),
    )


def criterion_of(spec: Spec, row: Json) -> Criterion:
    """The criterion on values that are reduced already."""
    options = {name: value for name, value in spec.options.items() if name != "over"}
    return Criterion(
        observable=row["observable"],
        compare=row["compare"],
        over=spec.over,
        tolerance_kind=row["tolerance_kind"],
        tolerance=row["tolerance"],
        **options,
    )


def _scores(measured: xr.DataArray, row_a: Json, row_b: Json) -> Iterator[Score]:
    """Return the proper scores where both theories forecast a distribution over seeds."""
    if row_a["spread"] is None or row_b["spread"] is None:
        return
    for name, score, unit in (("CRPS", crps, row_a["unit"]), ("log score", log_score, "nats")):
        by_seed = []
        for row in (row_a, row_b):
            mean, spread = data_array(row["forecast"]), data_array(row["spread"])
            by_seed.append(_by_seed(score, measured, mean, spread))
        _, low, high = mean_bounds(by_seed[0] - by_seed[1])(LEVEL)
        yield Score(
            name=name,
            unit=unit,
            a=float(by_seed[0].mean()),
            b=float(by_seed[1].mean()),
            interval=(float(low), float(high)),
            winner=row_a["theory"] if high < 0 else row_b["theory"] if low > 0 else None,
        )


def _by_seed(
    score: Callable[[Normal, Any], np.ndarray],
    measured: xr.DataArray,
    mean: xr.DataArray,
    spread: xr.DataArray,
) -> np.ndarray:
    """Return each seed's score, averaged over the points of the observable."""
    dims = [str(dim) for dim in measured.dims if dim != "seed"]
    parts = []
    for point in points_of(measured, dims):
        values, centre, width = (at_point(array, point) for array in (measured, mean, spread))
        assert values is not None and centre is not None and width is not None
        parts.append(score(Normal(float(centre), float(width)), values.values))
    whole: np.ndarray = np.mean(parts, axis=0)
    return whole
