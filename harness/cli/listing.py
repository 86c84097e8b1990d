"""`assay list`: what there is."""

from __future__ import annotations

import argparse

from harness.cli.common import (
    add_json_option,
    add_records_option,
    add_tree_option,
    print_json,
    registry,
)
from harness.errors import AssayError, Exit
from harness.schema import STRANDS
from harness.suggest import choices
from harness.text import table


def add_parser(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb."""
    parser = verbs.add_parser("list", help="what there is")
    parser.add_argument("--strand", help="only this strand of evidence")
    parser.add_argument("--theory", help="only predictions that this theory forecasts")
    parser.add_argument("--cost", action="store_true", help="what each of its tiers costs to run")
    parser.add_argument(
        "--trace",
        action="store_true",
        help="with --cost: count steps and FLOPs of tiers never run, by tracing them",
    )
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
    if chosen.trace and not chosen.cost:
        raise AssayError("--trace is about costs", remedy="Add --cost.", path="--trace")
    if chosen.cost:
        from harness.cli.costs import list_costs

        return list_costs(chosen, kept)
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
