"""`assay leaderboard`: the published results, rendered."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from harness.cli.common import RECORDS, add_json_option, add_tree_option, registry
from harness.errors import Exit
from harness.leaderboard import RENDERERS, collect
from harness.record import read_records
from harness.store import write_atomically


def add_parser(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb."""
    parser = verbs.add_parser(
        "leaderboard",
        help="the published results",
        epilog="Every registered prediction is listed, also what failed or was never run.",
    )
    parser.add_argument("--format", choices=list(RENDERERS), default="md", help="default: md")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="PATH", help="default: standard output"
    )
    parser.add_argument(
        "--records", type=Path, default=RECORDS, help=f"folder of records (default: {RECORDS})"
    )
    add_tree_option(parser)
    add_json_option(parser)
    parser.set_defaults(action=run)


def run(chosen: argparse.Namespace) -> int:
    """Render the leaderboard."""
    records = read_records(chosen.records) if chosen.records.is_dir() else []
    root = chosen.output.parent if chosen.output else Path()
    board = collect(registry(chosen), records, root)
    text = RENDERERS["json" if chosen.json else chosen.format](board)
    if chosen.output is None:
        sys.stdout.write(text)
    else:
        write_atomically(chosen.output, text.encode())
        print(f"wrote {chosen.output}", file=sys.stderr)
    return Exit.OK
