"""`assay sweep`: where a theory breaks, along one setup key or two."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cli.common import (
    LOCAL_SWEEPS,
    SWEEPS,
    add_setup_options,
    add_tree_option,
    one,
    parse_overrides,
    registry,
)
from harness.cli.pool import add_pool_options, open_pool
from harness.errors import AssayError, Exit
from harness.read import Registry, select

if TYPE_CHECKING:
    from harness.plan import Plan
    from harness.pools import Pool
    from harness.sweeps.axes import Question
    from harness.sweeps.model import Point, Sweep


def add_parser(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb."""
    parser = verbs.add_parser(
        "sweep",
        help="where a theory breaks: verdict and error along a setup key",
        epilog="Every point is a run with that value set, judged as `assay run` judges it; the "
        "controls are not run again unless --controls is given. Exit codes: 0 all points ran, 2 "
        "invalid, 4 a point broke (it is kept with its reason).",
    )
    parser.add_argument("id", nargs="*", help="the prediction; with --shipped any selectors")
    parser.add_argument(
        "--over",
        action="append",
        default=[],
        metavar="KEY=V1,V2,...",
        help="the key and its values; a second --over makes a map of two keys (the size first)",
    )
    parser.add_argument(
        "--shipped", action="store_true", help="run the sweeps of the suite's sweeps.yaml"
    )
    add_setup_options(parser)
    parser.add_argument("--seeds", type=int, help="seeds of the first look (and the only one)")
    parser.add_argument("--max-seeds", type=int, help="most seeds drawn while undecided")
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="OBSERVABLE",
        help="judge only this observable; repeatable (default: all that can be)",
    )
    parser.add_argument(
        "--beyond",
        action="store_true",
        help="judge theories outside their declared regimes too, and say so",
    )
    parser.add_argument(
        "--no-slope", action="store_true", help="the key is no size: fit no power of it"
    )
    parser.add_argument("--controls", action="store_true", help="run the controls at every point")
    add_pool_options(parser)
    parser.add_argument("--fresh", action="store_true", help="ignore measurements already stored")
    parser.add_argument(
        "--sweeps", type=Path, default=LOCAL_SWEEPS, help=f"default: {LOCAL_SWEEPS}"
    )
    parser.add_argument(
        "--publish", action="store_true", help=f"write the sweep to {SWEEPS} as well"
    )
    add_tree_option(parser)
    parser.add_argument("--json", action="store_true", help="the stored sweeps, as a JSON list")
    parser.set_defaults(action=run)


def run(chosen: argparse.Namespace) -> int:
    """Run the sweeps, print a line a point and the slopes, and store them."""
    from harness.sweeps.axes import plans_of
    from harness.sweeps.files import sweep_as_json

    found = registry(chosen)
    questions = _shipped(chosen, found) if chosen.shipped else [_asked(chosen, found)]
    plans = [plans_of(question) for question in questions]
    if chosen.publish:
        _refuse_changed_code(questions)
    code, sweeps = Exit.OK, []
    with open_pool(chosen) as pool:
        for question, points in zip(questions, plans, strict=True):
            sweep = _swept(question, points, chosen, pool)
            sweeps.append(sweep)
            if any(point.problem is not None for point in sweep.points):
                code = Exit.RUN_ERROR
    if chosen.json:
        print(json.dumps([json.loads(sweep_as_json(sweep)) for sweep in sweeps], indent=1))
    return code


def _swept(
    question: Question, plans: Sequence[Plan], chosen: argparse.Namespace, pool: Pool
) -> Sweep:
    """One sweep, printed and stored."""
    from harness.measure import Trainer
    from harness.progress import progress_bar
    from harness.sweeps.conduct import conduct
    from harness.sweeps.files import write_sweep
    from harness.sweeps.text import heading, point_line, sweep_lines, values_of

    prediction = question.prediction
    width = max(len(values_of(keys)) for keys in question.points())

    def told(point: Point) -> None:
        if not chosen.json:
            print(point_line(point, prediction.claims_theory, width), flush=True)
        elif point.problem is not None:
            print(point.problem, file=sys.stderr)

    if not chosen.json:
        print(heading(prediction.id, question.tier, question.over, question.overrides), flush=True)
    with progress_bar(plans, pool.device, quiet=chosen.json) as progress:
        trainer = Trainer(pool=pool, fresh=chosen.fresh, progress=progress)
        sweep = conduct(question, plans, trainer, told)
    for folder in (chosen.sweeps, *([SWEEPS] if chosen.publish else [])):
        write_sweep(folder, sweep)
    if not chosen.json:
        print("\n".join(sweep_lines(sweep)), end="\n\n", flush=True)
    return sweep


def _asked(chosen: argparse.Namespace, found: Registry) -> Question:
    """The question of a command that names a prediction and keys."""
    from harness.sweeps.axes import OPTION, Question, parse_over

    if len(chosen.id) != 1 or not chosen.over:
        raise AssayError(
            "a sweep needs one prediction and the keys to go over",
            remedy="Write `assay sweep ID --over key=v1,v2,v3`, or `assay sweep --shipped`.",
            path="ID" if len(chosen.id) != 1 else OPTION,
        )
    prediction = one(found, chosen.id[0])
    if prediction.retired is not None:
        raise AssayError(f"'{prediction.id}' is retired", remedy="`assay show ID` says why.")
    return Question(
        prediction=prediction,
        tier=chosen.tier,
        over=parse_over(chosen.over),
        overrides=parse_overrides(chosen.overrides),
        seeds=chosen.seeds,
        max_seeds=chosen.max_seeds,
        only=tuple(chosen.only),
        controls=chosen.controls,
        beyond=chosen.beyond,
        size=not chosen.no_slope,
    )


def _shipped(chosen: argparse.Namespace, found: Registry) -> list[Question]:
    """The questions of sweeps.yaml about the selected predictions."""
    from dataclasses import replace

    from harness.sweeps.shipped import FILE_NAME, read_shipped

    if chosen.over or chosen.overrides:
        raise AssayError(
            f"{FILE_NAME} says which keys are swept and set",
            remedy="Leave out --over and --set, or leave out --shipped.",
            path="--shipped",
        )
    named = {prediction.id for prediction in select(found, chosen.id)}
    kept = [question for question in read_shipped(found) if question.prediction.id in named]
    if not kept:
        raise AssayError(f"{FILE_NAME} has no sweep of {', '.join(sorted(named))}")
    return [
        replace(
            question,
            seeds=chosen.seeds or question.seeds,
            max_seeds=chosen.max_seeds or (question.max_seeds if chosen.seeds is None else None),
            controls=chosen.controls,
        )
        for question in kept
    ]


def _refuse_changed_code(questions: Sequence[Question]) -> None:
    """A published sweep must be one that others can repeat from a commit."""
    from harness.provenance import git_state

    for folder in dict.fromkeys(question.prediction.folder for question in questions):
        state = git_state(folder)
        if state is not None and state["dirty"]:
            raise AssayError(
                "files that are tracked have changed since the last commit",
                remedy="Commit them first, so that the sweep can be repeated.",
                path="--publish",
            )
