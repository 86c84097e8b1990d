from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.health import examine
from harness.judge import Verdict
from harness.outcome import Finding, TheoryOutcome, Trial
from harness.plan import make_plan
from harness.read import read_prediction
from harness.schema import SMOKE_BUDGET_S
from harness.work import Cost


def findings(file: Path, cost: Cost, **request: Any) -> dict[str, Finding]:
    """The findings of a trial that passed at a cost, by check."""
    plan = make_plan(read_prediction(file), **request)
    trial = Trial(
        id=plan.prediction.id,
        tier=plan.tier,
        overrides=plan.overrides,
        seeds=plan.seeds,
        rows=(),
        theories=(TheoryOutcome("descent", "pass", Verdict.PASS, "-"),),
        controls=(),
        resolving_power=5.0,
        health=(),
        raw={},
        cost=cost,
        wall_s=1.0,
    )
    return {finding.check: finding for finding in examine(plan, trial)}


def test_training_beyond_the_budget_is_found_with_both_numbers(suite: Path) -> None:
    found = findings(suite, Cost(run_s=7.5))["over-budget"]
    assert found.summary == "training took 7.5 core-seconds, the smoke budget is 5"
    assert findings(suite, Cost(run_s=4.9)).keys() == set()


def test_compiling_is_not_in_the_budget(suite: Path) -> None:
    assert "over-budget" not in findings(suite, Cost(run_s=4.0, compile_s=60.0))


def test_a_run_with_overrides_has_no_budget(suite: Path) -> None:
    assert "over-budget" not in findings(suite, Cost(run_s=50.0), overrides={"steps": 2})


@pytest.mark.parametrize(("tier", "over"), [("smoke", True), ("full", False)])
def test_only_the_smoke_tier_has_a_budget_where_none_is_declared(
    suite: Path, tier: str, over: bool
) -> None:
    suite.write_text(suite.read_text().replace(", budget_s: 5", ""))
    found = findings(suite, Cost(run_s=SMOKE_BUDGET_S + 1), tier=tier)
    assert ("over-budget" in found) is over
    assert "over-budget" not in findings(suite, Cost(run_s=SMOKE_BUDGET_S - 1), tier=tier)
