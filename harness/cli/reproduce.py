"""`assay reproduce`: a stored run once more, and whether it came out the same."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from harness.cli.common import (
    LOCAL_RECORDS,
    RECORDS,
    add_json_option,
    add_tree_option,
    one,
    print_json,
    registry,
)
from harness.cli.pool import add_pool_options, open_pool
from harness.errors import AssayError, Exit
from harness.measure import Trainer
from harness.progress import progress_bar
from harness.read import Registry
from harness.record import plain, read_record, record_of
from harness.reproduce import (
    FLOAT_NOISE,
    Reproduction,
    Verdicts,
    changes_between,
    compare_runs,
    plan_again,
)
from harness.suggest import choices
from harness.validate import validate


def add_parser(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb."""
    parser = verbs.add_parser(
        "reproduce",
        help="run a stored record again and compare",
        epilog="Setup, tier, overrides, revision and seeds are the record's; the code is the "
        "present one. Exit codes: 0 reproduced within Monte-Carlo error, 1 not, 2 invalid, 4 an "
        "error while running.",
    )
    parser.add_argument(
        "record",
        help="file of a record, or id of a prediction: its published record, else the last local "
        "one",
    )
    parser.add_argument("--tier", default="smoke", help="which record of an id (default: smoke)")
    parser.add_argument(
        "--fresh-seeds",
        type=int,
        nargs="?",
        const=1,
        default=0,
        metavar="K",
        help="other seeds instead of the record's: the K-th other set (default: 1)",
    )
    add_pool_options(parser)
    add_tree_option(parser)
    add_json_option(parser)
    parser.set_defaults(action=run)


def run(chosen: argparse.Namespace) -> int:
    """Train again, ignoring what is stored, and print what is the same and what is not."""
    from harness.trial import try_prediction

    if chosen.fresh_seeds < 0:
        raise AssayError("there is no such set of seeds", remedy="Count from 1.", path="K")
    found = registry(chosen)
    path = _find(chosen.record, chosen.tier, found)
    stored = read_record(path)
    prediction = one(found, stored["id"])
    plan = plan_again(prediction, stored, other_seeds=chosen.fresh_seeds)
    validate(plan)
    with (
        open_pool(chosen) as pool,
        progress_bar([plan], pool.device, quiet=chosen.json) as progress,
    ):
        trial = try_prediction(plan, Trainer(pool=pool, fresh=True, progress=progress))
        again = record_of(plan, trial, pool)
    differences = changes_between(stored, again)
    if prediction.revision.number != stored["revision"]:
        differences.insert(
            0, f"revision: {stored['revision']} -> {prediction.revision.number} in the file"
        )
    result = compare_runs(stored, again, same_seeds=not chosen.fresh_seeds)
    if chosen.json:
        print_json(_as_json(path, result, differences))
    else:
        print("\n".join(describe(path, stored, result, differences)))
    return Exit.OK if result.reproduced else Exit.UNEXPECTED


def describe(
    path: Path, stored: dict[str, Any], result: Reproduction, differences: list[str]
) -> list[str]:
    """The comparison in words."""
    provenance = stored["provenance"]
    then, now = result.seeds
    lines = [
        f"record    {path}: revision {stored['revision']}, {then} seeds, {provenance['device']}, "
        f"{provenance['time']}",
        *(f"differs   {line}" for line in differences),
        *(f"lost      {line}" for line in result.lost),
    ]
    widest, worst = result.difference, result.worst
    if widest is not None:
        noise = "float noise" if (widest.difference or 0) <= FLOAT_NOISE else "more than rounding"
        lines.append(
            f"seeds     the same {min(then, now)}: largest relative difference "
            f"{widest.difference:.2g} ({noise}; {widest.observable}, case {widest.case})"
        )
    elif not result.same_seeds:
        lines.append(f"seeds     {now} others")
    if worst is not None:
        at = f" at {worst.at}" if worst.at else ""
        lines.append(
            f"means     {result.coordinates} compared, largest z {worst.z:.2f} "
            f"({worst.observable}{at}, case {worst.case}), p = {result.p:.2g} for all of them"
        )
    same = sum(pair.former == pair.now for pair in result.verdicts)
    lines.append(f"verdicts  {same} of {len(result.verdicts)} as before")
    lines += [f"          {_in_words(pair)}" for pair in result.verdicts if pair.former != pair.now]
    return [*lines, "REPRODUCED" if result.reproduced else "NOT REPRODUCED"]


def _in_words(pair: Verdicts) -> str:
    if pair.former is None:
        return f"{pair.name}: {pair.now}, new since"
    return f"{pair.name}: {pair.former} -> {pair.now or 'not declared any more'}"


def _find(name: str, tier: str, found: Registry) -> Path:
    """The file of a record: named itself, or the published one of an id, or the last local one."""
    if Path(name).is_file():
        return Path(name)
    if name.endswith(".json"):
        raise AssayError(
            "there is no such record", remedy="Give a file, or an id.", file=Path(name)
        )
    published = RECORDS / f"{name}.{tier}.json"
    if published.is_file():
        return published
    local = sorted(LOCAL_RECORDS.glob(f"{name}.{tier}.*.json"), key=_time)
    if not local:
        known = name in found.predictions
        raise AssayError(
            f"there is no record of '{name}' at the {tier} tier",
            remedy=f"Run it first: assay run {name} --tier {tier}"
            if known
            else choices(name, found.predictions),
        )
    return local[-1]


def _time(path: Path) -> str:
    """When a record was made; those of other versions come first."""
    try:
        return str(read_record(path)["provenance"]["time"])
    except AssayError:
        return ""


def _as_json(path: Path, result: Reproduction, differences: list[str]) -> dict[str, Any]:
    widest = result.difference
    return {
        "record": str(path),
        "reproduced": result.reproduced,
        "same_seeds": result.same_seeds,
        "seeds": {"stored": result.seeds[0], "again": result.seeds[1]},
        "differs": differences,
        "lost": list(result.lost),
        "largest_relative_difference": plain(None if widest is None else widest.difference),
        "coordinates": result.coordinates,
        "p": plain(result.p),
        "observables": plain(result.observables),
        "verdicts": plain(result.verdicts),
    }
