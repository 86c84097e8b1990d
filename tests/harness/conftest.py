"""A small suite that trains in milliseconds: noisy gradient descent on a parabola."""

from __future__ import annotations

from pathlib import Path

import pytest

WORLD = '''
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import Field


@dataclass(frozen=True, kw_only=True)
class Setup:
    """A parabola, descended with noise."""

    curvature: Annotated[float, Field(gt=0, description="curvature of the parabola")]
    learning_rate: Annotated[float, Field(gt=0, description="step size")]
    noise: Annotated[float, Field(ge=0, description="standard deviation of the start")]
    steps: Annotated[int, Field(gt=0, description="number of steps")]

    def axes(self) -> dict[str, np.ndarray]:
        return {"step": np.arange(1, self.steps + 1)}
'''

THEORY = '''
import numpy as np

from .world import Setup


def decay(setup: Setup) -> dict[str, np.ndarray]:
    """Weight after each step of gradient descent from one."""
    return {"weight": (1 - setup.learning_rate * setup.curvature) ** setup.axes()["step"]}


def flow(setup: Setup) -> dict[str, np.ndarray]:
    """Gradient flow in place of gradient descent."""
    return {"weight": np.exp(-setup.learning_rate * setup.curvature * setup.axes()["step"])}


def frozen(setup: Setup) -> dict[str, np.ndarray]:
    """Nothing moves."""
    return {"weight": np.ones(setup.steps)}
'''

EXPERIMENT = '''
import jax
import jax.numpy as jnp

from .world import Setup


def train(setup: Setup, key: jax.Array) -> dict[str, jax.Array]:
    """Descend; one seed, one start."""
    start = 1 + setup.noise * jax.random.normal(key)

    def step(weight, _):
        weight = weight - setup.learning_rate * setup.curvature * weight
        return weight, weight

    _, weights = jax.lax.scan(step, start, length=setup.steps)
    return {"weight": weights}
'''

YAML = """\
id: parabola
title: Gradient descent on a parabola decays geometrically
claim: >-
  The weight after k steps is (1 - eta h)^k on average.
strand: solvable_settings
sources: [{title: Convex Optimization, authors: Boyd and Vandenberghe, year: 2004}]
experiment: experiment.train
setup: {learning_rate: 0.5, noise: 0.05, steps: 4}
sweep: {curvature: [0.5, 1.0]}
tiers:
  smoke: {seeds: 8, max_seeds: 32, budget_s: 5}
  full: {seeds: 64, max_seeds: 64}
observables:
  weight:
    unit: "1"
    dims: [step]
    compare: curve
    over: step
    tolerance: {absolute: 0.1}
    because: {finite number of steps: 0.1}
theories:
  descent: {forecast: theory.decay, expect: pass, regime: {learning_rate: [0.0, 1.0]}}
  frozen: {forecast: theory.frozen, expect: fail}
controls:
  backwards: {forecast: theory.frozen, because: a frozen weight cannot decay}
  no-curvature: {setup: {learning_rate: 1.0e-6}, forecast: theory.faster, because: nothing moves}
"""


def write_suite(folder: Path) -> Path:
    """Write predictions/solvable_settings/decay/ and return the YAML file."""
    topic = folder / "predictions" / "solvable_settings" / "decay"
    topic.mkdir(parents=True)
    (topic / "world.py").write_text(WORLD)
    (topic / "theory.py").write_text(
        THEORY + "\n\ndef faster(setup: Setup) -> dict[str, np.ndarray]:\n"
        '    """Decay at a rate of one half, whatever the setup."""\n'
        '    return {"weight": 0.5 ** setup.axes()["step"]}\n'
    )
    (topic / "experiment.py").write_text(EXPERIMENT)
    path = topic / "parabola.yaml"
    path.write_text(YAML)
    return path


@pytest.fixture
def suite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh copy of the suite, with a cache of its own; returns the YAML file."""
    monkeypatch.setenv("ASSAY_CACHE_DIR", str(tmp_path / "cache"))
    return write_suite(tmp_path)
