"""`assay compare`: theories head to head on what they both forecast."""

from __future__ import annotations

import argparse

from harness.cli.common import add_json_option, add_records_option, add_tree_option, board
from harness.compare import compare, comparison_as_json, comparison_lines
from harness.errors import Exit


def add_parser(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb."""
    parser = verbs.add_parser(
        "compare",
        help="theories head to head on what they both forecast",
        epilog="Compares on the published records; --records .assay/records takes local ones.",
    )
    parser.add_argument("theory", nargs="+", help="two theories or more")
    add_records_option(parser)
    add_tree_option(parser)
    add_json_option(parser)
    parser.set_defaults(action=run)


def run(chosen: argparse.Namespace) -> int:
    """Print the bouts of every pair, and who won them."""
    found = compare(chosen.theory, board(chosen))
    if chosen.json:
        print(comparison_as_json(found))
    else:
        print("\n".join(comparison_lines(found)))
    return Exit.OK
