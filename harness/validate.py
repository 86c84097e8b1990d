"""Is a plan runnable: every setup that it will build, before anything trains."""

from __future__ import annotations

from dataclasses import replace

from harness.errors import AssayError, Problem, raise_all
from harness.plan import Plan
from harness.work import ensemble_at


def validate(plan: Plan) -> None:
    """Build the Setup of every case and point.

    Raises AssayErrors with all that is wrong: a value that came from an override is reported
    under `--set`, any other at its line of the file.
    """
    problems: dict[str, Problem] = {}
    for case in (plan.claim, *plan.controls):
        for point in case.sweep_points():
            for grid_point in case.grid_points():
                fixed = replace(case, grid={key: (value,) for key, value in grid_point.items()})
                try:
                    ensemble_at(plan.prediction, fixed, point)
                except AssayError as error:
                    for problem in error.problems:
                        problems.setdefault(str(problem), _of_override(plan, problem))
    raise_all(problems.values())


def _of_override(plan: Plan, problem: Problem) -> Problem:
    key = next((key for key in plan.overrides if key in problem.path.split(".")), None)
    if key is None:
        return problem
    return replace(problem, file=None, line=None, path=f"--set {key}")
