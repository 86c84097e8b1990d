"""What `assay list --cost` prints: what tiers took, and what those never run would compute."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

from harness.cli.common import board, print_json
from harness.cost import HEADINGS, Spent, budget_s, cells, seconds, total
from harness.errors import Exit
from harness.leaderboard.board import Entry
from harness.leaderboard.wording import status_of
from harness.plan import make_plan
from harness.schema import Prediction, Tier, TierName
from harness.text import table
from harness.workload import Workload, workload


def list_costs(chosen: argparse.Namespace, kept: Sequence[Prediction]) -> int:
    """List recorded costs, one line a prediction and tier, the dearest first.

    With `trace`, tiers without a result show the steps and operations of their first look.
    """
    predictions = {prediction.id: prediction for prediction in kept}
    entries = sorted(
        (entry for entry in board(chosen).entries if entry.id in predictions),
        key=lambda entry: -1.0 if entry.run is None else entry.run.cost.run_s or 0.0,
        reverse=True,
    )
    traced = {
        (entry.id, entry.tier): workload(make_plan(predictions[entry.id], entry.tier))
        for entry in entries
        if chosen.trace and entry.run is None
    }
    together = total(entry.run.cost for entry in entries if entry.run is not None)
    rows = [
        (
            entry,
            traced.get((entry.id, entry.tier)),
            _budget(predictions[entry.id].tiers, entry.tier),
        )
        for entry in entries
    ]
    if chosen.json:
        print_json({"tiers": [_as_json(*row) for row in rows], "total": vars(together)})
        return Exit.OK
    lines = [_in_words(*row) for row in rows]
    lines.append(["total", "", "recorded", *cells(together), ""])
    if traced:
        lines.append(["total", "", "traced", *cells(_foretold(*traced.values())), ""])
    print("\n".join(table(("id", "tier", "status", *HEADINGS, "budget"), lines)))
    return Exit.OK


def _budget(tiers: Mapping[TierName, Tier], name: str) -> float | None:
    """Return the budget of a tier; None also where a result's tier is not declared any more."""
    return next((budget_s(name, tier.budget_s) for key, tier in tiers.items() if key == name), None)


def _foretold(*loads: Workload) -> Spent:
    """Steps and operations together, of those that can be counted before they ran."""
    return Spent(
        steps=sum(load.steps for load in loads if load.steps is not None),
        flops=sum(load.flops for load in loads if load.flops is not None),
    )


def _as_json(entry: Entry, traced: Workload | None, budget: float | None) -> dict[str, Any]:
    run = entry.run
    return {
        "id": entry.id,
        "tier": entry.tier,
        "status": entry.status,
        "verdict": entry.verdict,
        "budget_s": budget,
        "seeds": None if run is None else run.seeds,
        "device": None if run is None else run.device,
        "cost": None if run is None else vars(run.cost),
        "traced": None if traced is None else vars(traced),
    }


def _in_words(entry: Entry, traced: Workload | None, budget: float | None) -> list[str]:
    status, cost = status_of(entry), Spent() if entry.run is None else entry.run.cost
    if traced is not None:
        status, cost = f"{status}, traced", Spent(steps=traced.steps, flops=traced.flops)
    limit = "-" if budget is None else seconds(budget)
    over = budget is not None and cost.run_s is not None and cost.run_s > budget
    return [
        entry.id,
        entry.tier,
        status,
        *cells(cost),
        f"{limit} (over)" if over else limit,
    ]
