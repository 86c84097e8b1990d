"""`assay leaderboard`: the published results, rendered."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from harness.cli.common import add_json_option, add_records_option, add_tree_option, board
from harness.errors import Exit
from harness.leaderboard.board import Board
from harness.leaderboard.html import html
from harness.leaderboard.markdown import markdown
from harness.leaderboard.tables import as_csv, as_json
from harness.store import write_atomically

RENDERERS: Final[dict[str, Callable[[Board, str], str]]] = {
    "md": lambda found, prefix: markdown(found, prefix=prefix),
    "json": lambda found, prefix: as_json(found),
    "csv": lambda found, prefix: as_csv(found),
    "html": lambda found, prefix: html(found, prefix=prefix),
}


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
    add_records_option(parser)
    add_tree_option(parser)
    add_json_option(parser)
    parser.set_defaults(action=run)


def run(chosen: argparse.Namespace) -> int:
    """Render the leaderboard; links in it lead from the written file to the working folder."""
    folder = Path() if chosen.output is None else chosen.output.parent
    prefix = Path(os.path.relpath(Path.cwd(), folder.absolute())).as_posix()
    render = RENDERERS["json" if chosen.json else chosen.format]
    text = render(board(chosen), "" if prefix == "." else f"{prefix}/")
    if chosen.output is None:
        sys.stdout.write(text)
    else:
        write_atomically(chosen.output, text.encode())
        print(f"wrote {chosen.output}", file=sys.stderr)
    return Exit.OK
