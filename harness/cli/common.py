"""Options and look-ups that several verbs share."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from harness.errors import AssayError
from harness.read import Registry, read_tree, select
from harness.schema import Prediction
from harness.strict_yaml import parse

if TYPE_CHECKING:
    from harness.leaderboard.board import Board

FOLDER: Final = Path("predictions")
RECORDS: Final = Path("results/records")
LOCAL_RECORDS: Final = Path(".assay/records")
SWEEPS: Final = Path("results/sweeps")
LOCAL_SWEEPS: Final = Path(".assay/sweeps")


def add_tree_option(parser: argparse.ArgumentParser) -> None:
    """Add `--predictions`, the tree that is read."""
    parser.add_argument(
        "--predictions",
        type=Path,
        default=None,
        metavar="PATH",
        help="folder of predictions (default: ./predictions, else the current folder)",
    )


def add_json_option(parser: argparse.ArgumentParser) -> None:
    """Add `--json`."""
    parser.add_argument("--json", action="store_true", help="machine-readable output")


def add_setup_options(parser: argparse.ArgumentParser) -> None:
    """Add `--tier` and `--set`."""
    parser.add_argument("--tier", default="smoke", help="smoke (default) or full")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        dest="overrides",
        help="override a setup key, or the values of an axis (KEY=[a, b]); repeatable",
    )


def add_records_option(parser: argparse.ArgumentParser) -> None:
    """Add `--records`, the folder of results."""
    parser.add_argument(
        "--records", type=Path, default=RECORDS, help=f"folder of records (default: {RECORDS})"
    )


def board(chosen: argparse.Namespace) -> Board:
    """The board of all registered predictions with the records that the command names."""
    from harness.leaderboard.collect import collect
    from harness.record import read_records

    return collect(registry(chosen), read_records(chosen.records))


def registry(chosen: argparse.Namespace) -> Registry:
    """Read the tree that the command speaks about.

    Raises AssayError when there is no prediction in it.
    """
    folder = chosen.predictions or (FOLDER if FOLDER.is_dir() else Path())
    found = read_tree([folder])
    if not len(found):
        raise AssayError(
            f"there is no prediction in '{folder}'",
            remedy="Go to the folder of a suite, or name one with --predictions PATH.",
        )
    return found


def one(found: Registry, name: str) -> Prediction:
    """The one prediction that a selector names.

    Raises AssayError when it names none or several.
    """
    matched = select(found, [name])
    if len(matched) > 1:
        raise AssayError(
            f"'{name}' names {len(matched)} predictions, this verb takes one",
            remedy=f"Choose one: {', '.join(prediction.id for prediction in matched)}.",
        )
    return matched[0]


def parse_overrides(pairs: list[str]) -> dict[str, Any]:
    """`KEY=VALUE` pairs with values read as strict YAML.

    Raises AssayError for a pair without `=`, a repeated key or an unreadable value.
    """
    overrides: dict[str, Any] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals or not key:
            raise AssayError(
                f"'{pair}' is no override", remedy="Write --set key=value.", path="--set"
            )
        if key in overrides:
            raise AssayError(f"'{key}' is set twice", remedy="Keep one of the two.", path="--set")
        overrides[key] = _value(key, text)
    return overrides


def print_json(value: Any) -> None:
    """Print a JSON value."""
    print(json.dumps(value, indent=1, allow_nan=False))


def _value(key: str, text: str) -> Any:
    try:
        return parse(f"value: {text}", Path("--set")).data["value"]
    except AssayError as error:
        raise AssayError(error.what, remedy=error.remedy, path=f"--set {key}") from None
