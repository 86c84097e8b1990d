"""`assay run`: train, judge, record."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.cli.common import (
    LOCAL_RECORDS,
    RECORDS,
    add_json_option,
    add_setup_options,
    add_tree_option,
    parse_overrides,
    print_json,
    registry,
)
from harness.cli.pool import add_pool_options, open_pool
from harness.cost import estimate, estimate_line
from harness.errors import AssayError, Exit
from harness.measure import Trainer
from harness.outcome import Trial
from harness.plan import Plan, make_plan
from harness.pools import Pool
from harness.progress import progress_bar
from harness.read import select
from harness.record import local_records, record_of, rows_as_json, write_record
from harness.runtime import COMPILE_CACHE_VARIABLE
from harness.text import trial_lines, trials_table
from harness.validate import validate


def add_parser(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb."""
    parser = verbs.add_parser(
        "run",
        help="train, judge, record",
        epilog="SELECTOR is an id, a glob, a path, strand:NAME or theory:NAME. Exit codes: 0 as "
        "expected, 1 a verdict differs or a control passed, 2 invalid, 3 inconclusive (with "
        "--strict), 4 an error while running.",
    )
    parser.add_argument("selector", nargs="*", help="what to run (default: all)")
    add_setup_options(parser)
    parser.add_argument("--seeds", type=int, help="seeds of the first look (and the only one)")
    parser.add_argument("--max-seeds", type=int, help="most seeds drawn while undecided")
    add_pool_options(parser)
    parser.add_argument(
        "--no-compile-cache", action="store_true", help="compile every program anew"
    )
    parser.add_argument("--fresh", action="store_true", help="ignore measurements already stored")
    parser.add_argument("--strict", action="store_true", help="exit 3 when something is undecided")
    parser.add_argument(
        "--records", type=Path, default=LOCAL_RECORDS, help=f"default: {LOCAL_RECORDS}"
    )
    parser.add_argument(
        "--publish", action="store_true", help=f"write the record to {RECORDS} as well"
    )
    add_tree_option(parser)
    add_json_option(parser)
    parser.set_defaults(action=run)


def run(chosen: argparse.Namespace) -> int:
    """Run the selected predictions; one that breaks does not stop the others."""
    if chosen.no_compile_cache:
        os.environ[COMPILE_CACHE_VARIABLE] = "off"
    selected = select(registry(chosen), chosen.selector)
    overrides = parse_overrides(chosen.overrides)
    plans = [
        make_plan(
            prediction, chosen.tier, overrides, seeds=chosen.seeds, max_seeds=chosen.max_seeds
        )
        for prediction in selected
        if prediction.retired is None
    ]
    if not plans:
        raise AssayError(
            "everything selected is retired", remedy="`assay show ID` says why.", path="SELECTOR"
        )
    if chosen.publish and overrides:
        raise AssayError(
            "a run with overrides is not what was promised",
            remedy="Publish without --set.",
            path="--publish",
        )
    for plan in plans:
        validate(plan)
    with open_pool(chosen) as pool:
        print_estimate(plans, chosen, pool)
        code, records = _run_all(plans, chosen, pool)
    if chosen.json:
        print_json([row for record in records for row in rows_as_json(record)])
    elif len(records) > 1:
        print("\n".join(trials_table([record["trial"] for record in records])))
    return code


def _run_all(
    plans: Sequence[Plan], chosen: argparse.Namespace, pool: Pool
) -> tuple[Exit, list[dict[str, Any]]]:
    """Try all plans, print and record each as soon as it and those before it are finished."""
    from harness.suite import try_all

    folders = [chosen.records, *([RECORDS] if chosen.publish else [])]
    code, records = Exit.OK, []
    with progress_bar(plans, pool.device, quiet=chosen.json) as progress:
        trainer = Trainer(pool=pool, fresh=chosen.fresh, progress=progress)
        with try_all(plans, trainer) as suite:
            for position, plan in enumerate(plans):
                try:
                    trial = suite.result(position)
                except AssayError as error:
                    print(error, file=sys.stderr)
                    code = Exit.RUN_ERROR
                    continue
                record = record_of(plan, trial, pool)
                for folder in folders:
                    write_record(folder, record, published=folder == RECORDS)
                records.append(record)
                code = max(code, exit_code(trial, strict=chosen.strict), key=_severity)
                if not chosen.json:
                    print("\n".join(trial_lines(record["trial"])), end="\n\n", flush=True)
    return code, records


def print_estimate(plans: Sequence[Plan], chosen: argparse.Namespace, pool: Pool) -> None:
    """Say on standard error how long a long run will take, as far as earlier records tell."""
    known = [*local_records(RECORDS), *local_records(chosen.records)]
    line = estimate_line(estimate(plans, known, pool.workers, device=pool.device))
    if line is not None:
        print(line, file=sys.stderr, flush=True)


def exit_code(trial: Trial, *, strict: bool) -> Exit:
    """The exit code of one trial.

    An error of a judged observable is an error while running; a claim out of its regime is what
    the theory itself announced and does not count against anybody.
    """
    verdicts = {
        *(outcome.verdict.value for outcome in trial.theories),
        *(outcome.verdict.value for outcome in trial.controls),
    }
    undecided = "inconclusive" in verdicts
    if "error" in verdicts:
        return Exit.RUN_ERROR
    decided = [
        outcome
        for outcome in trial.theories
        if outcome.verdict.value not in ("inconclusive", "out-of-scope")
    ]
    passing_controls = any(control.verdict.value == "pass" for control in trial.controls)
    if passing_controls or not all(outcome.as_expected for outcome in decided):
        return Exit.UNEXPECTED
    return Exit.INCONCLUSIVE if strict and undecided else Exit.OK


def _severity(code: Exit) -> int:
    return (Exit.OK, Exit.INCONCLUSIVE, Exit.UNEXPECTED, Exit.USAGE, Exit.RUN_ERROR).index(code)
