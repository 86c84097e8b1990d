"""`assay leaderboard`: the published results, rendered."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from harness.cli.common import (
    SWEEPS,
    add_json_option,
    add_records_option,
    add_tree_option,
    registry,
)
from harness.errors import AssayError, Exit
from harness.history import FOLDER as RELEASES
from harness.history import Since, last_release, since
from harness.leaderboard.board import Board, Entry
from harness.leaderboard.collect import collect
from harness.leaderboard.markdown import markdown
from harness.leaderboard.tables import as_csv, as_json
from harness.read import Registry
from harness.record import read_records
from harness.store import write_atomically

if TYPE_CHECKING:
    from harness.compare import Comparison

RENDERERS: Final[dict[str, Callable[[Board, str, Since | None], str]]] = {
    "md": markdown,
    "json": lambda found, prefix, since: as_json(found, since),
    "csv": lambda found, prefix, since: as_csv(found),
}


def add_parser(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb."""
    parser = verbs.add_parser(
        "leaderboard",
        help="the published results",
        epilog="Every registered prediction is listed, also what failed or was never run.",
    )
    parser.add_argument(
        "--format", choices=[*RENDERERS, "html"], default="md", help="default: md; html is a folder"
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="PATH",
        help="file, or folder of the site (default: standard output)",
    )
    parser.add_argument(
        "--sweeps",
        type=Path,
        default=SWEEPS,
        metavar="PATH",
        help=f"folder of sweeps that the site shows (default: {SWEEPS})",
    )
    parser.add_argument(
        "--badge", type=Path, metavar="DIR", help="write SVG badges: of all and of each strand"
    )
    parser.add_argument(
        "--badge-each", action="store_true", help="with --badge: one of each prediction as well"
    )
    add_records_option(parser)
    add_tree_option(parser)
    add_json_option(parser)
    parser.set_defaults(action=run)


def run(chosen: argparse.Namespace) -> int:
    """Render the leaderboard; links in it lead from where it is written to the working folder."""
    found = registry(chosen)
    board = collect(found, read_records(chosen.records))
    if chosen.badge_each and chosen.badge is None:
        raise AssayError("badges go to a folder", remedy="Add --badge DIR.", path="--badge-each")
    if chosen.badge is not None:
        _write_badges(chosen, board)
        if chosen.output is None and not chosen.json:
            return Exit.OK
    if chosen.format == "html" and not chosen.json:
        return _write_site(chosen, found, board)
    folder = Path() if chosen.output is None else chosen.output.parent
    render = RENDERERS["json" if chosen.json else chosen.format]
    text = render(board, _way_back(folder), since(board, last_release(RELEASES)))
    if chosen.output is None:
        sys.stdout.write(text)
    else:
        write_atomically(chosen.output, text.encode())
        print(f"wrote {chosen.output}", file=sys.stderr)
    return Exit.OK


def _write_badges(chosen: argparse.Namespace, board: Board) -> None:
    from harness.badge import badges

    made = badges(board, each=chosen.badge_each)
    for name, text in made.items():
        write_atomically(chosen.badge / name, text.encode())
    print(f"wrote {len(made)} badges to {chosen.badge}", file=sys.stderr)


def _write_site(chosen: argparse.Namespace, found: Registry, board: Board) -> int:
    from harness.leaderboard.site import Material, site, write_site
    from harness.sweeps import read_sweeps

    if chosen.output is None or chosen.output.suffix or chosen.output.is_file():
        raise AssayError(
            "the site is a folder of pages",
            remedy="Name it with -o, for example -o results/site.",
            path="--output",
        )
    sweeps = read_sweeps(chosen.sweeps)
    comparisons = dict(_head_to_head(found, board))
    material = Material(found, board, sweeps, comparisons, since(board, last_release(RELEASES)))
    pages = write_site(chosen.output, site(material, _way_back(chosen.output)))
    print(f"wrote {pages} files to {chosen.output}", file=sys.stderr)
    return Exit.OK


def _head_to_head(found: Registry, board: Board) -> Iterator[tuple[str, Comparison]]:
    """Yield the comparison of all theories of each prediction that has a result.

    Whole distributions are left out: resampling them takes minutes.
    """
    from harness.compare import compare
    from harness.judge import UnjudgeableError

    board = replace(board, entries=tuple(map(_without_distributions, board.entries)))
    for prediction in found:
        if len(prediction.theories) < 2 or board.best(prediction.id) is None:
            continue
        try:
            yield prediction.id, compare(list(prediction.theories), board, on=[prediction.id])
        except UnjudgeableError as problem:
            print(f"{prediction.id}: theories not compared: {problem}", file=sys.stderr)


def _without_distributions(entry: Entry) -> Entry:
    kept = {name: o for name, o in entry.observables.items() if o.compare != "distribution"}
    return replace(entry, observables=kept)


def _way_back(folder: Path) -> str:
    """Return the address of the working folder as seen from a folder."""
    prefix = Path(os.path.relpath(Path.cwd(), folder.absolute())).as_posix()
    return "" if prefix == "." else f"{prefix}/"
