"""`assay forecast`: what each theory says, without training."""

from __future__ import annotations

import argparse

from harness.cli.common import (
    add_json_option,
    add_setup_options,
    add_tree_option,
    one,
    parse_overrides,
    print_json,
    registry,
)
from harness.errors import Exit
from harness.forecast import forecast
from harness.measure import draws
from harness.plan import Plan, make_plan
from harness.record import plain
from harness.text import table, values
from harness.validate import validate


def add_parser(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb."""
    parser = verbs.add_parser("forecast", help="what each theory says, without training")
    parser.add_argument("id", help="id of a prediction")
    add_setup_options(parser)
    add_tree_option(parser)
    add_json_option(parser)
    parser.set_defaults(action=run)


def run(chosen: argparse.Namespace) -> int:
    """Print the forecasts of all theories."""
    prediction = one(registry(chosen), chosen.id)
    plan = make_plan(prediction, chosen.tier, parse_overrides(chosen.overrides))
    validate(plan)
    said, silent = forecasts(plan)
    case = plan.claim
    setup = {**case.setup, **case.sweep, **case.grid}
    if chosen.json:
        print_json(
            {
                "id": prediction.id,
                "tier": plan.tier,
                "setup": plain(setup),
                "theories": said,
                "out_of_scope": silent,
            }
        )
        return Exit.OK
    rows = [
        [theory, name, values(value), prediction.observables[name].unit]
        for theory, table_ in said.items()
        for name, value in table_.items()
    ]
    print("\n".join(table(("theory", "observable", "forecast", "unit"), rows)))
    for theory, reason in silent.items():
        print(f"{theory} is out of scope: {reason}")
    return Exit.OK


def forecasts(plan: Plan) -> tuple[dict[str, dict[str, object]], dict[str, str]]:
    """Forecasts as plain lists by theory and observable, and why the other theories are silent.

    A theory conditional on a seed's own draw is given the draws of the tier's first seeds.
    """
    said: dict[str, dict[str, object]] = {}
    silent: dict[str, str] = {}
    for name, entry in plan.prediction.theories.items():
        result = forecast(
            plan,
            plan.claim,
            name,
            entry.forecast,
            lambda point: draws(plan, plan.claim, point, 0, plan.seeds),
        )
        if result.out_of_scope is not None:
            silent[name] = result.out_of_scope
        else:
            said[name] = {key: plain(array.values) for key, array in result.values.items()}
    return said, silent
