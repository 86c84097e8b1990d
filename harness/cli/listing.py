"""`assay list`: what there is."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from harness.cli.common import (
    add_json_option,
    add_records_option,
    add_tree_option,
    board,
    print_json,
    registry,
)
from harness.errors import AssayError, Exit
from harness.schema import STRANDS, Prediction, Tier, TierName
from harness.suggest import choices
from harness.text import table

if TYPE_CHECKING:
    from harness.leaderboard.board import Entry


def add_parser(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb."""
    parser = verbs.add_parser("list", help="what there is")
    parser.add_argument("--strand", help="only this strand of evidence")
    parser.add_argument("--theory", help="only predictions that this theory forecasts")
    parser.add_argument("--cost", action="store_true", help="what each of its tiers costs to run")
    add_records_option(parser)
    add_tree_option(parser)
    add_json_option(parser)
    parser.set_defaults(action=run)


def run(chosen: argparse.Namespace) -> int:
    """List the registered predictions."""
    found = registry(chosen)
    theories = {name for prediction in found for name in prediction.theories}
    for value, known, what in (
        (chosen.strand, STRANDS, "strand"),
        (chosen.theory, theories, "theory"),
    ):
        if value is not None and value not in known:
            raise AssayError(
                f"there is no {what} '{value}'", remedy=choices(value, known), path=f"--{what}"
            )
    kept = [
        prediction
        for prediction in found
        if chosen.strand in (None, prediction.strand)
        and (chosen.theory is None or chosen.theory in prediction.theories)
    ]
    if chosen.cost:
        return _list_costs(chosen, kept)
    if chosen.json:
        print_json(
            [
                {
                    "id": prediction.id,
                    "title": prediction.title,
                    "strand": prediction.strand,
                    "theories": {name: entry.expect for name, entry in prediction.theories.items()},
                    "controls": list(prediction.controls),
                    "observables": list(prediction.observables),
                    "tiers": list(prediction.tiers),
                    "revision": prediction.revision.number,
                    "retired": prediction.retired,
                    "source": str(prediction.source),
                }
                for prediction in kept
            ]
        )
        return Exit.OK
    rows = [
        [
            prediction.id + (" (retired)" if prediction.retired else ""),
            prediction.strand,
            ", ".join(prediction.theories),
            prediction.title,
        ]
        for prediction in kept
    ]
    print("\n".join(table(("id", "strand", "theories", "title"), rows)))
    return Exit.OK


def _list_costs(chosen: argparse.Namespace, kept: Sequence[Prediction]) -> int:
    """List what the recorded results cost, one line a prediction and tier, the dearest first."""
    from harness.cost import HEADINGS, cells, total

    tiers = {prediction.id: prediction.tiers for prediction in kept}
    entries = sorted(
        (entry for entry in board(chosen).entries if entry.id in tiers),
        key=lambda entry: -1.0 if entry.run is None else entry.run.cost.run_s or 0.0,
        reverse=True,
    )
    together = total(entry.run.cost for entry in entries if entry.run is not None)
    budgets = [_budget(tiers[entry.id], entry.tier) for entry in entries]
    if chosen.json:
        shown = [_cost_as_json(*pair) for pair in zip(entries, budgets, strict=True)]
        print_json({"tiers": shown, "total": vars(together)})
        return Exit.OK
    rows = [_cost_in_words(*pair) for pair in zip(entries, budgets, strict=True)]
    rows.append(["total", "", "", *cells(together), ""])
    print("\n".join(table(("id", "tier", "status", *HEADINGS, "budget"), rows)))
    return Exit.OK


def _budget(tiers: Mapping[TierName, Tier], name: str) -> float | None:
    """Return the budget of a tier; None also where a result's tier is not declared any more."""
    from harness.cost import budget_s

    return next((budget_s(name, tier.budget_s) for key, tier in tiers.items() if key == name), None)


def _cost_as_json(entry: Entry, budget: float | None) -> dict[str, Any]:
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
    }


def _cost_in_words(entry: Entry, budget: float | None) -> list[str]:
    from harness.cost import Spent, cells, seconds
    from harness.leaderboard.wording import status_of

    cost = Spent() if entry.run is None else entry.run.cost
    limit = "-" if budget is None else seconds(budget)
    over = budget is not None and cost.run_s is not None and cost.run_s > budget
    end = f"{limit} (over)" if over else limit
    return [entry.id, entry.tier, status_of(entry), *cells(cost), end]
