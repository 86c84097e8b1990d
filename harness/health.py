"""Health checks: weaknesses of a prediction that a verdict alone would hide."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from harness.cost import budget_s
from harness.judge import Verdict
from harness.outcome import Finding, Row, Trial
from harness.plan import CLAIM, Plan

Check = Callable[[Plan, Trial], str | None]


def examine(plan: Plan, trial: Trial) -> tuple[Finding, ...]:
    """All findings of a trial, in the order of the table; suppressed ones keep their reason."""
    reasons = {str(name): reason for name, reason in plan.prediction.suppress.items()}
    findings = []
    for name, (check, remedy) in CHECKS.items():
        summary = check(plan, trial)
        if summary is not None:
            findings.append(Finding(name, summary, remedy, reasons.get(name)))
    return tuple(findings)


def _claim_rows(trial: Trial) -> list[Row]:
    return [row for row in trial.rows if row.case == CLAIM and row.theory == trial.claim.theory]


def _vacuous_control(plan: Plan, trial: Trial) -> str | None:
    passed = [control.control for control in trial.controls if control.verdict is Verdict.PASS]
    return f"the control passes: {', '.join(passed)}" if passed else None


def _tolerance_exceeds_gap(plan: Plan, trial: Trial) -> str | None:
    if trial.resolving_power is None or trial.resolving_power >= 1:
        return None
    return f"the nearest rival or control lies {trial.resolving_power:.2g} tolerances away"


def _underpowered(plan: Plan, trial: Trial) -> str | None:
    weak = [
        row.observable
        for row in _claim_rows(trial)
        if row.minimum_detectable is not None and row.minimum_detectable > 2 * row.tolerance
    ]
    names = ", ".join(weak)
    return f"a deviation of twice the tolerance would not be seen in: {names}" if weak else None


def _over_budget(plan: Plan, trial: Trial) -> str | None:
    spent, budget = trial.cost.run_s, budget_s(plan.tier, plan.budget_s)
    if budget is None or spent <= budget or plan.overrides:
        return None
    return f"training took {spent:.1f} core-seconds, the {plan.tier} budget is {budget:g}"


def _grid_edge(plan: Plan, trial: Trial) -> str | None:
    edges = [row.observable for row in _claim_rows(trial) if "grid-edge" in row.reason]
    return f"the location lies at the edge of the grid: {', '.join(edges)}" if edges else None


def _non_finite(plan: Plan, trial: Trial) -> str | None:
    broken = [row.observable for row in _claim_rows(trial) if row.verdict is Verdict.ERROR]
    return f"no verdict is possible for: {', '.join(broken)}" if broken else None


def _single_point(plan: Plan, trial: Trial) -> str | None:
    case = plan.claim
    points = sum(len(values) > 1 for values in (*case.sweep.values(), *case.grid.values()))
    own = any(spec.dims for spec in plan.prediction.observables.values())
    return None if points or own else "one point of the setup and one number: nothing varies"


def _asymptotic_only(plan: Plan, trial: Trial) -> str | None:
    statistical = ("monte-carlo", "seeds")
    bare = [
        name
        for name, spec in plan.prediction.observables.items()
        if all(any(word in reason.lower() for word in statistical) for reason in spec.because)
    ]
    names = ", ".join(bare)
    return f"the tolerance allows for statistical error alone: {names}" if bare else None


CHECKS: Final[dict[str, tuple[Check, str]]] = {
    "vacuous-control": (
        _vacuous_control,
        "choose a control that breaks what the claim rests on, or a stricter observable",
    ),
    "tolerance-exceeds-gap": (
        _tolerance_exceeds_gap,
        "shrink the tolerance's largest reason, or move to a setup where the rivals differ",
    ),
    "underpowered": (_underpowered, "raise seeds or max_seeds of the tier"),
    "over-budget": (_over_budget, "shrink the setup of the tier, or raise budget_s with a reason"),
    "grid-edge": (_grid_edge, "extend the grid until the location lies inside"),
    "non-finite": (_non_finite, "find the seed in the record; say what a divergence counts as"),
    "single-point": (
        _single_point,
        "add a sweep or a grid over a key that the theory speaks about",
    ),
    "asymptotic-only": (
        _asymptotic_only,
        "add the finite-size or discretisation term to `because`, or say under `suppress` why "
        "there is none",
    ),
}
