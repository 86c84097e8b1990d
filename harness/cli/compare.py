"""`assay compare`: theories head to head on what they both forecast."""

from __future__ import annotations

import argparse

from harness.cli.common import add_json_option, add_records_option, add_tree_option, board, registry
from harness.compare import compare, comparison_as_json, comparison_lines
from harness.errors import Exit
from harness.read import select


def add_parser(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb."""
    parser = verbs.add_parser(
        "compare",
        help="theories head to head on what they both forecast",
        epilog="Compares on the published records; --records .assay/records takes local ones.",
    )
    parser.add_argument("theory", nargs="+", help="two theories or more")
    parser.add_argument(
        "--on",
        action="append",
        default=[],
        metavar="SELECTOR",
        help="only predictions with this id, glob, path, strand:NAME or theory:NAME; repeatable",
    )
    add_records_option(parser)
    add_tree_option(parser)
    add_json_option(parser)
    parser.set_defaults(action=run)


def run(chosen: argparse.Namespace) -> int:
    """Print the bouts of every pair, who won them, and which theories may be the best."""
    on = {prediction.id for prediction in select(registry(chosen), chosen.on)}
    found = compare(chosen.theory, board(chosen), on if chosen.on else None)
    if chosen.json:
        print(comparison_as_json(found))
    else:
        print("\n".join(comparison_lines(found)))
    return Exit.OK
