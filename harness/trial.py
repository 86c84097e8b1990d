"""Put one prediction on trial: train, judge, draw more seeds while undecided, try the controls."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.case_run import CaseRun
from harness.errors import AssayError
from harness.forecast import Forecast, align, forecast
from harness.health import examine
from harness.judge import LEVEL, Criterion, Judgement, Verdict, judge
from harness.judge.comparisons import COMPARISONS
from harness.measure import Trainer
from harness.outcome import ControlOutcome, Measured, Row, Series, TheoryOutcome, Trial
from harness.plan import CLAIM, Case, Plan
from harness.topic import load_function
from harness.work import Cost

if TYPE_CHECKING:
    import xarray as xr

    from harness.schema import Prediction


def try_prediction(plan: Plan, trainer: Trainer) -> Trial:
    """Run one prediction at one tier with its rivals and controls.

    All theories are judged on the same training runs. Seeds are doubled up to the tier's
    maximum while a verdict that is expected to be decided is not; the level is split over the
    looks, so that looking more often does not make a wrong verdict more likely.

    Raises AssayError when an experiment, a forecast or a reduction breaks.
    """
    began = time.perf_counter()
    claim = CaseRun(plan, plan.claim, trainer)
    controls = [CaseRun(plan, case, trainer) for case in plan.controls]
    looks = plan.looks()
    try:
        for run in (claim, *controls):
            run.grow(looks[0])
        rows = _decide(plan, claim, looks, lambda: _judge_theories(plan, claim, len(looks)))
        theories = _theory_outcomes(plan.prediction, rows)
        control_rows: list[Row] = []
        for run in controls:
            control_rows += _decide(
                plan, run, looks, lambda run=run: _judge_control(plan, run, len(looks))
            )
    except BaseException:
        for run in (claim, *controls):
            run.cancel()
        raise
    outcomes = tuple(
        _control_outcome(plan.prediction, run.case.name, control_rows) for run in controls
    )
    theories = _mark_vacuous(plan.prediction, theories, outcomes)
    power = _resolving_power(theories, rows, outcomes)
    all_rows = tuple(replace(row, resolving_power=power) for row in (*rows, *control_rows))
    trial = Trial(
        id=plan.prediction.id,
        tier=plan.tier,
        overrides=dict(plan.overrides),
        seeds=claim.seeds,
        rows=all_rows,
        theories=theories,
        controls=outcomes,
        resolving_power=power,
        health=(),
        raw={
            name: replace(_summary(array), per_seed=None) for name, array in claim.arrays().items()
        },
        cost=sum((run.cost for run in (claim, *controls)), Cost()),
        wall_s=time.perf_counter() - began,
    )
    return replace(trial, health=examine(plan, trial))


def criteria(prediction: Prediction, tier: str) -> dict[str, Criterion]:
    """The criterion of every observable at a tier (a tier may tighten a tolerance)."""
    found = {}
    for name, spec in prediction.observables.items():
        tolerance = prediction.tolerance(name, tier)
        reduce = load_function(prediction, spec.reduce, "reduce") if spec.reduce else None
        options = {key: value for key, value in spec.options.items() if key != "over"}
        found[name] = Criterion(
            observable=name,
            compare=spec.compare,
            over=spec.axes,
            tolerance_kind=tolerance.kind,
            tolerance=tolerance.size,
            reduce=reduce,
            **options,
        )
    return found


def _decide(plan: Plan, run: CaseRun, looks: Sequence[int], judge_all: Any) -> list[Row]:
    """Judge at every look until nothing that should be decided is undecided."""
    rows: list[Row] = []
    for seeds in looks:
        run.grow(seeds)
        rows = judge_all()
        if not _undecided(plan.prediction, run.case, rows):
            break
    return rows


def _undecided(prediction: Prediction, case: Case, rows: Sequence[Row]) -> bool:
    if case.name != CLAIM:
        return _control_outcome(prediction, case.name, rows).verdict is Verdict.INCONCLUSIVE
    outcomes = _theory_outcomes(prediction, rows)
    return any(
        outcome.verdict is Verdict.INCONCLUSIVE and outcome.expect != "open" for outcome in outcomes
    )


def _judge_theories(plan: Plan, run: CaseRun, looks: int) -> list[Row]:
    rows: list[Row] = []
    for name, theory in plan.prediction.theories.items():
        run.arrays()
        with run.timed("forecast_s"):
            said = forecast(plan, run.case, name, theory.forecast, run.draws_at)
        rows += _judge(plan, run, name, said, looks)
    return rows


def _judge_control(plan: Plan, run: CaseRun, looks: int) -> list[Row]:
    control = plan.prediction.controls[run.case.name]
    theory = plan.prediction.claims_theory
    if control.forecast is None:
        where = ("theories", theory, "forecast")
        spec = plan.prediction.theories[theory].forecast
    else:
        where = ("controls", run.case.name, "forecast")
        spec = control.forecast
    run.arrays()
    with run.timed("forecast_s"):
        said = forecast(plan, run.case, theory, spec, run.draws_at, where=where)
    return _judge(plan, run, theory, said, looks, only=tuple(control.observables))


def _judge(
    plan: Plan,
    run: CaseRun,
    theory: str,
    said: Forecast,
    looks: int,
    only: tuple[str, ...] = (),
) -> list[Row]:
    rows = []
    for name, criterion in criteria(plan.prediction, plan.tier).items():
        if only and name not in only:
            continue
        spec = plan.prediction.observables[name]
        blank = Row(
            case=run.case.name,
            theory=theory,
            observable=name,
            unit=spec.unit,
            compare=spec.compare,
            verdict=Verdict.OUT_OF_SCOPE,
            reason=said.out_of_scope or "",
            tolerance=criterion.tolerance,
            tolerance_kind=criterion.tolerance_kind,
            seeds=run.seeds,
        )
        if said.out_of_scope is not None:
            rows.append(blank)
        elif name in said.values:
            with run.timed("judge_s"):
                measured = run.compared(name, spec.of or name, criterion)
                with _located(plan, theory, name):
                    rows.append(_judged(blank, measured, said, criterion, LEVEL / looks))
    return rows


@contextmanager
def _located(plan: Plan, theory: str, observable: str) -> Iterator[None]:
    """Say where an error of judging comes from."""
    try:
        yield
    except AssayError as error:
        raise AssayError(
            f"'{theory}' and '{observable}': {error.what}",
            remedy=error.remedy,
            file=plan.prediction.source,
            line=plan.prediction.line("theories", theory, "forecast"),
            path=f"theories.{theory}.forecast",
        ) from None


def _judged(
    blank: Row, measured: xr.DataArray, said: Forecast, criterion: Criterion, level: float
) -> Row:
    over = criterion.over if COMPARISONS[criterion.compare].consumes == "one" else ()
    predicted = align(said.values[criterion.observable], measured, over)
    spread = said.spread.get(criterion.observable)
    verdict = judge(measured, predicted, replace(criterion, reduce=None), level)
    return replace(
        blank,
        verdict=verdict.verdict,
        reason=verdict.reason,
        **_numbers(verdict),
        forecast=series(predicted),
        spread=None if spread is None else series(align(spread, measured, over)),
        measured=_summary(measured),
    )


def _numbers(verdict: Judgement) -> dict[str, Any]:
    return {
        "discrepancy": verdict.discrepancy,
        "interval": verdict.interval,
        "error_in_tolerances": verdict.error_in_tolerances,
        "minimum_detectable": verdict.minimum_detectable,
        "seeds_to_decide": verdict.seeds_to_decide,
    }


# Worst first: the verdict of several observables together is the first that occurs, and the reason
# is that of the observable farthest off.
_PRECEDENCE = (
    Verdict.FAIL,
    Verdict.ERROR,
    Verdict.INCONCLUSIVE,
    Verdict.PASS,
    Verdict.OUT_OF_SCOPE,
)


def worst(rows: Sequence[Row]) -> tuple[Verdict, str]:
    """The verdict on several observables together, with the reason of the one farthest off."""
    for verdict in _PRECEDENCE:
        alike = [row for row in rows if row.verdict is verdict]
        if alike:
            row = max(alike, key=lambda row: _error(row) or 0.0)
            return verdict, f"{row.observable}: {row.reason}"
    return Verdict.ERROR, "it forecasts none of the observables"


def _theory_outcomes(prediction: Prediction, rows: Sequence[Row]) -> tuple[TheoryOutcome, ...]:
    outcomes = []
    for name, theory in prediction.theories.items():
        verdict, reason = worst([row for row in rows if row.theory == name])
        outcomes.append(TheoryOutcome(name, theory.expect, verdict, reason))
    return tuple(outcomes)


def _control_outcome(prediction: Prediction, name: str, rows: Sequence[Row]) -> ControlOutcome:
    mine = [row for row in rows if row.case == name]
    verdict, reason = worst(mine)
    return ControlOutcome(name, verdict, reason, _largest_error(mine))


def _largest_error(rows: Sequence[Row]) -> float | None:
    errors = [error for error in map(_error, rows) if error is not None]
    return max(errors, default=None)


def _error(row: Row) -> float | None:
    """The error in tolerances; None where the observable could not be judged."""
    error = row.error_in_tolerances
    return None if error is None or math.isnan(error) else error


def _mark_vacuous(
    prediction: Prediction,
    theories: Sequence[TheoryOutcome],
    controls: Sequence[ControlOutcome],
) -> tuple[TheoryOutcome, ...]:
    """A pass whose control passes as well proves nothing and is not shown as a pass."""
    passed = [control.control for control in controls if control.verdict is Verdict.PASS]
    mine = prediction.claims_theory
    return tuple(
        replace(
            outcome,
            verdict=Verdict.VACUOUS,
            reason=f"the control '{passed[0]}' passes as well: the criterion cannot fail",
        )
        if passed and outcome.theory == mine and outcome.verdict is Verdict.PASS
        else outcome
        for outcome in theories
    )


def _resolving_power(
    theories: Sequence[TheoryOutcome], rows: Sequence[Row], controls: Sequence[ControlOutcome]
) -> float | None:
    """Error in tolerances of the nearest failing rival or control.

    A rival or control fails through its worst observable, so that observable is what counts.
    """
    powers = [control.error_in_tolerances for control in controls]
    for outcome in theories:
        if outcome.verdict is Verdict.FAIL:
            powers.append(_largest_error([row for row in rows if row.theory == outcome.theory]))
    known = [power for power in powers if power is not None]
    return min(known, default=None)


def series(array: xr.DataArray) -> Series:
    """An array as plain lists, for reports."""
    coords = {str(dim): np.asarray(array[dim]).tolist() for dim in array.dims}
    return Series(tuple(str(dim) for dim in array.dims), coords, array.values.tolist())


def _summary(array: xr.DataArray) -> Measured:
    seeds = array.sizes["seed"]
    return Measured(
        mean=series(array.mean("seed", skipna=False)),
        stderr=series(array.std("seed", ddof=1, skipna=False) / np.sqrt(seeds)),
        per_seed=series(array),
    )
