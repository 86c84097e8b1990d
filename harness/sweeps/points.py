"""From a trial to a point of a sweep: verdicts, errors, and what each theory deviates by."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from harness.forecast import outside_regime
from harness.judge import Criterion, Verdict
from harness.leaderboard.series import data_array
from harness.outcome import Row, Series, Trial
from harness.plan import CLAIM, Plan
from harness.sweeps.axes import Question
from harness.sweeps.deviation import Deviation, deviation_of
from harness.sweeps.model import At, Interval, Outcome, Point
from harness.trial import criteria, worst

Deviations = dict[tuple[str, str], Deviation]
"""What a point deviates by, by theory and observable."""


def point_of(
    question: Question, plan: Plan, keys: Mapping[str, Any], trial: Trial
) -> tuple[Point, Deviations]:
    """What a trial found at a point, and what every theory deviates by there."""
    judged = question.observables()
    rows = [row for row in trial.rows if row.case == CLAIM and row.observable in judged]
    deviations = _deviations(plan, rows)
    cost = trial.cost
    point = Point(
        keys=keys,
        seeds=trial.seeds,
        outcomes=tuple(_outcomes(question, plan, trial, rows)),
        results=tuple(_at(row, deviations.get((row.theory, row.observable))) for row in rows),
        controls={found.control: found.verdict for found in trial.controls},
        busy_s=cost.run_s + cost.compile_s + cost.forecast_s + cost.judge_s,
    )
    return point, deviations


def _outcomes(
    question: Question, plan: Plan, trial: Trial, rows: Sequence[Row]
) -> Iterator[Outcome]:
    """Each theory's verdict on the observables that are judged; none where it forecasts none."""
    for found in trial.theories:
        mine = [row for row in rows if row.theory == found.theory]
        if not mine:
            continue
        verdict, reason = worst(mine)
        if found.verdict is Verdict.VACUOUS and verdict is Verdict.PASS:
            verdict, reason = found.verdict, found.reason
        beyond = None
        if verdict is not Verdict.OUT_OF_SCOPE:
            beyond = outside_regime(question.prediction, plan.claim, found.theory)
        yield _with_error(Outcome(found.theory, verdict, reason, beyond=beyond), mine)


def _with_error(blank: Outcome, rows: Sequence[Row]) -> Outcome:
    """The outcome with the error of the observable that is farthest off."""
    judged = [row for row in rows if _known(row.error_in_tolerances)]
    if not judged:
        return blank
    farthest = _at(max(judged, key=lambda row: row.error_in_tolerances or 0.0), None)
    return replace(
        blank, error_in_tolerances=farthest.error_in_tolerances, interval=farthest.error_interval
    )


def _at(row: Row, found: Deviation | None) -> At:
    shared = At(
        theory=row.theory,
        observable=row.observable,
        verdict=row.verdict,
        reason=row.reason,
        tolerance=row.tolerance,
        tolerance_kind=row.tolerance_kind,
        seeds=row.seeds,
        discrepancy=_number(row.discrepancy),
        interval=_interval(row),
        error_in_tolerances=_number(row.error_in_tolerances),
    )
    if found is None:
        return shared
    mean, interval = found.estimate()
    return replace(shared, deviation=mean, deviation_interval=interval, deviation_kind=found.kind)


def _deviations(plan: Plan, rows: Sequence[Row]) -> Deviations:
    every = criteria(plan.prediction, plan.tier)
    found = {}
    for row in rows:
        if (one := _deviation(row, every[row.observable])) is not None:
            found[row.theory, row.observable] = one
    return found


def _deviation(row: Row, criterion: Criterion) -> Deviation | None:
    if row.measured is None or row.measured.per_seed is None or row.forecast is None:
        return None
    return deviation_of(_array(row.measured.per_seed), _array(row.forecast), criterion)


def _array(series: Series) -> Any:
    return data_array(vars(series))


def _interval(row: Row) -> Interval | None:
    if row.interval is None or any(math.isnan(end) for end in row.interval):
        return None
    return row.interval


def _number(value: float | None) -> float | None:
    return value if _known(value) else None


def _known(value: float | None) -> bool:
    return value is not None and not math.isnan(value)
