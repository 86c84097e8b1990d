"""`assay check`: validate everything without training."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.check import check
from harness.cli.common import FOLDER, add_json_option, print_json
from harness.errors import AssayError, Exit, Problem
from harness.lock import lock_problems
from harness.read import Registry, read_tree
from harness.sweeps.shipped import FILE_NAME, read_shipped


def add_parser(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb."""
    parser = verbs.add_parser("check", help="validate everything without training")
    parser.add_argument("path", nargs="*", type=Path, help="files or folders (default: the suite)")
    add_json_option(parser)
    parser.set_defaults(action=run)


def run(chosen: argparse.Namespace) -> int:
    """Check files, code, forecasts and the lock; print every problem, not only the first."""
    paths = chosen.path or [FOLDER if FOLDER.is_dir() else Path()]
    problems, count = _problems(paths)
    if chosen.json:
        print_json(
            {
                "predictions": count,
                "problems": [
                    {
                        "file": None if problem.file is None else str(problem.file),
                        "line": problem.line,
                        "path": problem.path,
                        "what": problem.what,
                        "remedy": problem.remedy,
                    }
                    for problem in problems
                ],
            }
        )
    else:
        for problem in problems:
            print(problem)
        print(f"{count} predictions checked, {len(problems)} problems")
    return Exit.USAGE if problems or not count else Exit.OK


def _problems(paths: list[Path]) -> tuple[list[Problem], int]:
    try:
        found = read_tree(paths)
    except AssayError as error:
        return list(error.problems), 0
    if not len(found):
        named = ", ".join(str(path) for path in paths)
        return [Problem(what=f"there is no prediction in {named}", remedy="Name another path.")], 0
    return [*check(list(found)), *lock_problems(found), *_sweep_problems(found, paths)], len(found)


def _sweep_problems(found: Registry, paths: list[Path]) -> list[Problem]:
    """What is wrong with the sweeps that a suite ships, if the whole of it is checked."""
    if not any((path / FILE_NAME).is_file() for path in paths):
        return []
    try:
        read_shipped(found)
    except AssayError as error:
        return list(error.problems)
    return []
