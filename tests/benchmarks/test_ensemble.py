"""Speed as ratios measured in one run; reported by pytest-benchmark, never asserted as seconds.

pytest tests/benchmarks --benchmark-group-by=func
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import optax
import pytest
from flax import nnx
from pytest_benchmark.fixture import BenchmarkFixture

from models.mlp import MLP

SEEDS, STEPS, WIDTH, DIM, BATCH = 32, 50, 16, 8, 16


def run_one(key: jax.Array) -> jax.Array:
    """A small network trained by SGD on fresh data, as a scan: loss after each step."""
    model_key, data_key = jax.random.split(key)
    graph, params = nnx.split(MLP(model_key, d_in=DIM, width=WIDTH, depth=1, base_width=WIDTH))

    def step(params: nnx.State, key: jax.Array) -> tuple[nnx.State, jax.Array]:
        return train_step(graph, params, key)

    return jax.lax.scan(step, params, jax.random.split(data_key, STEPS))[1]


def train_step(
    graph: nnx.GraphDef[MLP], params: nnx.State, key: jax.Array
) -> tuple[nnx.State, jax.Array]:
    x_BD = jax.random.normal(key, (BATCH, DIM))

    def loss(params: nnx.State) -> jax.Array:
        return jnp.mean((nnx.merge(graph, params)(x_BD)[:, 0] - jnp.maximum(x_BD[:, 0], 0)) ** 2)

    value, gradient = jax.value_and_grad(loss)(params)
    updates = jax.tree.map(lambda g: -0.05 * g, gradient)
    return optax.apply_updates(params, updates), value


@pytest.mark.benchmark(group="32 seeds of a small network")
def test_ensemble(benchmark: BenchmarkFixture) -> None:
    """As the harness runs it: one program over all seeds."""
    keys = jax.random.split(jax.random.key(0), SEEDS)
    program = jax.jit(lambda keys: jax.lax.map(run_one, keys, batch_size=8)).lower(keys).compile()
    losses = benchmark(lambda: jax.block_until_ready(program(keys)))
    assert losses.shape == (SEEDS, STEPS)


@pytest.mark.benchmark(group="32 seeds of a small network")
def test_loop_of_jitted_steps(benchmark: BenchmarkFixture) -> None:
    """As one writes it by hand: a Python loop of jitted steps, one network at a time."""
    keys = jax.random.split(jax.random.key(0), SEEDS)
    graph, first = nnx.split(MLP(keys[0], d_in=DIM, width=WIDTH, depth=1, base_width=WIDTH))
    step = jax.jit(lambda params, key: train_step(graph, params, key))
    step(first, keys[0])

    def loop() -> list[jax.Array]:
        values = []
        for key in keys:
            params = first
            for step_key in jax.random.split(key, STEPS):
                params, value = step(params, step_key)
            values.append(value)
        return jax.block_until_ready(values)

    losses = benchmark.pedantic(loop, rounds=3, iterations=1, warmup_rounds=1)
    assert len(losses) == SEEDS
