"""`assay release`: the published results under a name, kept for ever; or what changed since."""

from __future__ import annotations

import argparse
import datetime
from pathlib import Path

from harness.cli.common import add_json_option, add_records_option, add_tree_option, print_json
from harness.errors import Exit
from harness.history import (
    FOLDER,
    Change,
    Release,
    changes,
    freeze,
    last_release,
    require_releasable,
    write_release,
)
from harness.identity import versions


def add_parser(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb."""
    parser = verbs.add_parser(
        "release",
        help="keep the published results under a name; what changed since the last time",
        epilog="A release is a small summary that is never written again. Without NAME nothing is "
        "written.",
    )
    parser.add_argument("name", nargs="?", metavar="NAME", help="such as v0.2")
    parser.add_argument(
        "--force", action="store_true", help="release although there are stale results"
    )
    parser.add_argument(
        "--releases", type=Path, default=FOLDER, metavar="PATH", help=f"default: {FOLDER}"
    )
    add_records_option(parser)
    add_tree_option(parser)
    add_json_option(parser)
    parser.set_defaults(action=run)


def run(chosen: argparse.Namespace) -> int:
    """Say what changed since the last release, and freeze the board if a name is given."""
    from harness.cli.common import board

    found = board(chosen)
    former = last_release(chosen.releases)
    since = [] if former is None else changes(found, former)
    path = None
    if chosen.name is not None:
        if not chosen.force:
            require_releasable(found)
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        release = Release(chosen.name, now, versions()["assay-bench"], freeze(found))
        path = write_release(chosen.releases, release)
    if chosen.json:
        print_json(
            {
                "since": None if former is None else former.name,
                "changes": [vars(change) for change in since],
                "written": None if path is None else str(path),
            }
        )
    else:
        print("\n".join([*_in_words(former, since), *([] if path is None else [f"wrote {path}"])]))
    return Exit.OK


def _in_words(former: Release | None, since: list[Change]) -> list[str]:
    if former is None:
        return ["no release yet"]
    if not since:
        return [f"nothing has changed since {former.name} of {former.date[:10]}"]
    head = f"since {former.name} of {former.date[:10]}"
    return [head, *(f"  {change.kind:<12} {change}" for change in since)]
