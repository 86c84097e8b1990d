"""`assay lock`: register what is promised, before it is run."""

from __future__ import annotations

import argparse

from harness.check import check
from harness.cli.common import add_json_option, add_tree_option, print_json, registry
from harness.errors import Exit, raise_all
from harness.lock import write_lock
from harness.read import select


def add_parser(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb."""
    parser = verbs.add_parser(
        "lock",
        help="register what is promised",
        description="Writes the content hash of each prediction's promise to lock.json.",
    )
    parser.add_argument("id", nargs="*", help="selectors (default: all)")
    add_tree_option(parser)
    add_json_option(parser)
    parser.set_defaults(action=run)


def run(chosen: argparse.Namespace) -> int:
    """Register new promises and new revisions; refuse a silent change."""
    found = registry(chosen)
    predictions = select(found, chosen.id)
    raise_all(check(predictions))
    written = write_lock(predictions)
    if chosen.json:
        print_json({"locked": written})
    else:
        for name in written:
            print(f"locked {name}")
        print(f"{len(written)} promises registered, {len(predictions) - len(written)} unchanged")
    return Exit.OK
