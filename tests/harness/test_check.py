"""Deep checks: valid topics pass, nothing is trained, several tiers and draws are looked at.

What broken topics lead to is in test_broken_files.
"""

from __future__ import annotations

from pathlib import Path

from harness.check import check
from harness.read import read_prediction

CONDITIONAL = {
    "world.py": '''
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field


@dataclass(frozen=True, kw_only=True)
class Setup:
    """A noisy number."""

    mean: Annotated[float, Field(description="mean of the draw")]


def draw(setup: Setup, key):
    """The number itself."""
    import jax

    return {"number": setup.mean + jax.random.normal(key)}
''',
    "theory.py": '''
from .world import Setup


def half(setup: Setup, draw):
    """Given the draw."""
    return {"half": draw["number"] / 2}


def mean(setup: Setup):
    """Without it."""
    return {"half": setup.mean / 2}
''',
    "experiment.py": '''
from .world import Setup


def train(setup: Setup, key, draw):
    """Never called by a check."""
    raise AssertionError("a check must not train")
''',
    "number.yaml": """\
id: number
title: A number
claim: Half of a number is half of it.
strand: solvable_settings
sources: [{title: T, authors: A, year: 2020}]
experiment: experiment.train
draw: world.draw
setup: {mean: 1.0}
tiers: {smoke: {seeds: 2}}
observables:
  half: {unit: "1", compare: value, tolerance: {absolute: 0.1}, because: {seeds: 0.1}}
theories:
  given: {forecast: theory.half, expect: pass}
  average: {forecast: theory.mean, expect: fail}
controls:
  average: {forecast: theory.mean, because: the mean is not the draw}
""",
}


def write(folder: Path, **changes: str) -> Path:
    """Write the conditional topic, with files changed; return its YAML file."""
    for name, text in {**CONDITIONAL, **changes}.items():
        (folder / name).write_text(text)
    return folder / "number.yaml"


def test_a_valid_suite_has_no_problems(suite: Path) -> None:
    assert check([read_prediction(suite)]) == []
    assert check([]) == []


def test_conditional_forecasts_are_computed_from_a_draw(tmp_path: Path) -> None:
    assert check([read_prediction(write(tmp_path))]) == []


def test_a_draw_that_breaks(tmp_path: Path) -> None:
    world = CONDITIONAL["world.py"].replace("setup.mean + jax", "setup.median + jax")
    (problem,) = check([read_prediction(write(tmp_path, **{"world.py": world}))])
    assert problem.path == "theories.given.forecast"
    assert "AttributeError" in problem.what
    assert "median" in problem.what


def test_a_forecast_that_asks_for_more_than_is_drawn(tmp_path: Path) -> None:
    theory = CONDITIONAL["theory.py"].replace('draw["number"]', 'draw["outcome"]')
    (problem,) = check([read_prediction(write(tmp_path, **{"theory.py": theory}))])
    assert problem.path == "theories.given.forecast"
    assert "KeyError" in problem.what


def test_each_problem_is_reported_once(suite: Path) -> None:
    suite.write_text(suite.read_text().replace("steps: 4", "steps: 4.0"))
    (problem,) = check([read_prediction(suite)])
    assert problem.path == "setup.steps"
    assert problem.what == "must be a whole number, got 4.0"


def test_problems_of_several_predictions(suite: Path, tmp_path: Path) -> None:
    suite.write_text(suite.read_text().replace("noise: 0.05", "noise: -1"))
    other = tmp_path / "other"
    other.mkdir()
    broken = write(other, **{"theory.py": "import nothing_of_this_name\n"})
    paths = [problem.path for problem in check([read_prediction(suite), read_prediction(broken)])]
    assert paths == [
        "setup.noise",
        "theories.given.forecast",
        "theories.average.forecast",
        "controls.average.forecast",
    ]
