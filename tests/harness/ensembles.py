"""A small experiment without a prediction around it: descent from a random vector."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from harness.ensemble import Ensemble
from harness.keys import root_key

ROOT = root_key("descent", 1)
TRACED = {"rate": 0.3, "noise": 0.1}
POINTS = {"curvature": np.array([0.25, 0.5, 1.0, 1.5, 2.0])}


@dataclass(frozen=True, kw_only=True)
class Setup:
    rate: float = 0.0
    noise: float = 0.0
    curvature: float = 0.0
    steps: int = 6


def train(setup: Setup, key: jax.Array) -> dict[str, jax.Array]:
    start = 1 + setup.noise * jax.random.uniform(key, (3,))

    def step(weight: jax.Array, _: None) -> tuple[jax.Array, jax.Array]:
        weight = weight - setup.rate * setup.curvature * weight
        return weight, weight.sum()

    end, sums = jax.lax.scan(step, start, length=setup.steps)
    return {"weight": end, "sums": sums, "positive": end[0] > 0.3}


def ensemble(experiment: Callable[..., Any] = train, **changes: Any) -> Ensemble:
    return Ensemble(
        **{
            "experiment": experiment,
            "draw": None,
            "world": Setup(),
            "traced": ("rate", "noise"),
            "grid": ("curvature",),
            "outputs": ("weight", "positive"),
            "precision": "float32",
            "matmul": "highest",
            "code": "as it is",
            **changes,
        }
    )


def seeds(count: int, first: int = 0) -> np.ndarray:
    return np.arange(first, first + count, dtype=np.int32)


def arguments(lanes: int, points: int) -> Any:
    """What a program of this many lanes is called with."""
    traced = {name: jnp.float32(value) for name, value in TRACED.items()}
    grid = {name: values[:points].astype(np.float32) for name, values in POINTS.items()}
    return traced, grid, ROOT, seeds(lanes)


def assert_same(measured: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    """Equal but for the last bits of float32."""
    assert set(measured) == set(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(
            np.asarray(measured[name], float), np.asarray(values, float), rtol=2e-5, atol=2e-6
        )


def lowering(steps: int = 6) -> tuple[Any, dict[str, Any]]:
    """The descent of one seed, lowered, and a note."""
    world = Setup(rate=0.3, noise=0.1, curvature=1.0, steps=steps)
    lowered = jax.jit(lambda key: train(world, jax.random.wrap_key_data(key))["weight"])
    return lowered.lower(ROOT), {"steps": steps}


def factorise() -> float:
    """A program with several independent batches of Cholesky factorisations, run three times."""

    def norm(x_BND: jax.Array, size: int) -> jax.Array:
        h_BDN = x_BND[:, :size]
        return jnp.linalg.cholesky(h_BDN @ h_BDN.mT + jnp.eye(size)).sum()

    def total(key: jax.Array) -> jax.Array:
        x_BND = jax.random.normal(key, (6, 200, 400))
        return sum((norm(x_BND, size) for size in (8, 16, 32, 64, 100, 200)), jnp.zeros(()))

    run = jax.jit(jax.vmap(total))
    return sum(float(run(jax.random.split(jax.random.key(i), 8)).sum()) for i in range(3))
