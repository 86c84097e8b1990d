"""Theories head to head: on every observable that both forecast, from the same training runs."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from scipy.special import bdtr

from harness.api import Normal
from harness.errors import AssayError
from harness.judge import LEVEL, Criterion, UnjudgeableError
from harness.judge.mean import mean_bounds
from harness.leaderboard.board import Board, Entry, Spec
from harness.leaderboard.series import at_point, data_array, points_of
from harness.plan import CLAIM
from harness.record import plain
from harness.scores import compare_paired, crps, log_score
from harness.suggest import choices
from harness.text import number, table

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


@dataclass(frozen=True)
class Match:
    """Two theories over all predictions.

    A prediction is won by the theory that wins one of its observables at least and loses none; else
    it is a tie. The sign test asks how often equally good theories would differ in wins as much:
    it counts predictions, because observables of one prediction share their training runs.
    """

    a: str
    b: str
    wins_a: int
    wins_b: int
    ties: int
    sign_test: float


@dataclass(frozen=True)
class Comparison:
    """Every bout of some theories, and every pair's match."""

    theories: tuple[str, ...]
    bouts: tuple[Bout, ...]
    matches: tuple[Match, ...]


def compare(theories: Sequence[str], board: Board) -> Comparison:
    """Compare theories pairwise on the current results of a board, each prediction's largest tier.

    Raises AssayError for fewer than two theories and for one that no prediction knows.
    """
    names = list(dict.fromkeys(theories))
    known = {standing.theory for standing in board.standings}
    for name in names:
        if name not in known:
            raise AssayError(f"there is no theory '{name}'", remedy=choices(name, known))
    if len(names) < 2:
        raise AssayError("a comparison needs two theories", remedy="Name another one.")
    ids = dict.fromkeys(entry.id for entry in board.entries)
    bests = [entry for entry in map(board.best, ids) if entry is not None]
    pairs = list(itertools.combinations(names, 2))
    bouts = [bout for entry in bests for a, b in pairs for bout in _bouts(entry, a, b)]
    matches = tuple(_match(a, b, bouts) for a, b in pairs)
    return Comparison(tuple(names), tuple(bouts), matches)


def _bouts(entry: Entry, a: str, b: str) -> Iterator[Bout]:
    assert entry.trial is not None
    rows = {
        (row["theory"], row["observable"]): row
        for row in entry.trial["rows"]
        if row["case"] == CLAIM
    }
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
        paired = compare_paired(measured, *forecasts, _criterion(spec, row_a))
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


def _criterion(spec: Spec, row: Json) -> Criterion:
    """Return the criterion on values that are reduced already."""
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


def _match(a: str, b: str, bouts: Sequence[Bout]) -> Match:
    winners: dict[str, set[str]] = {}
    for bout in bouts:
        if (bout.a, bout.b) == (a, b) and bout.difference is not None:
            winners.setdefault(bout.prediction, set()).update(
                [bout.winner] if bout.winner is not None else []
            )
    wins_a = sum(won == {a} for won in winners.values())
    wins_b = sum(won == {b} for won in winners.values())
    ties = len(winners) - wins_a - wins_b
    return Match(a, b, wins_a, wins_b, ties, sign_test(wins_a, wins_b))


def sign_test(wins_a: int, wins_b: int) -> float:
    """Return how often equals would win as unequally as this, on either side; ties drop out."""
    total = wins_a + wins_b
    if total == 0:
        return 1.0
    return float(min(1.0, 2 * bdtr(min(wins_a, wins_b), total, 0.5)))


def comparison_as_json(comparison: Comparison) -> str:
    """Return a comparison as JSON; winner null is a tie, or a bout that did not take place."""
    return json.dumps(plain(comparison), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def comparison_lines(comparison: Comparison) -> list[str]:
    """Return a comparison as plain text: a table of bouts, then one line a pair."""
    rows = [row for bout in comparison.bouts for row in _rows(bout)]
    lines = table(("prediction", "observable", "a - b", "interval", "closer"), rows) if rows else []
    for match in comparison.matches:
        played = match.wins_a + match.wins_b + match.ties
        if not played:
            lines.append(f"{match.a} and {match.b}: no result on an observable that both forecast")
            continue
        lines.append(
            f"{match.a} (a) against {match.b} (b): {match.wins_a} won, {match.wins_b} lost, "
            f"{match.ties} tied of {played} predictions; sign test p = {match.sign_test:.2g}"
        )
    return lines


def _rows(bout: Bout) -> Iterator[tuple[str, ...]]:
    what = (f"{bout.prediction} [{bout.tier}]", f"{bout.observable}: {bout.a} - {bout.b}")
    if bout.difference is None or bout.interval is None:
        yield (*what, "-", "", f"not compared: {bout.reason}")
        return
    span = f"[{number(bout.interval[0])}, {number(bout.interval[1])}] tolerances"
    yield (*what, number(bout.difference), span, bout.winner or "tie")
    for score in bout.scores:
        span = f"[{number(score.interval[0])}, {number(score.interval[1])}] {score.unit}"
        yield ("", f"  {score.name}", number(score.a - score.b), span, score.winner or "tie")
