"""The workload of the benchmarks: one-pass SGD of a two-layer ReLU network on a ReLU teacher.

As an experiment of the harness, as the loop one writes by hand, and as the loop of the NNX
tutorial. All three do the same arithmetic.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from harness.ensemble import Ensemble
from harness.execute import execute
from harness.identity import digest
from harness.keys import root_key
from harness.pools import Pool
from harness.streams import scan_stream

UNIT = 16


@dataclass(frozen=True, kw_only=True)
class Size:
    """Input dimension, hidden neurons, batch, steps and learning rate of one training.

    `fresh` data at every step, or one batch for the whole training.
    """

    dim: int
    width: int
    batch: int
    steps: int
    rate: float = 1e-4
    fresh: bool = True

    @property
    def flops(self) -> int:
        """Floating-point operations of a step: the matrix products, forward and backward."""
        return 4 * self.batch * self.dim * self.width + 6 * self.batch * self.width


Weights = dict[str, jax.Array]


def initial(size: Size, key: jax.Array) -> Weights:
    hidden, readout = jax.random.split(key)
    return {
        "w": jax.random.normal(hidden, (size.dim, size.width)) / size.dim**0.5,
        "a": jax.random.normal(readout, (size.width,)) / size.width**0.5,
    }


def inputs(size: Size, key: jax.Array) -> jax.Array:
    return jax.random.normal(key, (size.batch, size.dim))


def descend(rate: float, weights: Weights, x_BD: jax.Array) -> tuple[Weights, jax.Array]:
    def loss(weights: Weights) -> jax.Array:
        f_B = jax.nn.relu(x_BD @ weights["w"]) @ weights["a"]
        return jnp.mean((f_B - jax.nn.relu(x_BD[:, 0])) ** 2)

    value, gradient = jax.value_and_grad(loss)(weights)
    return jax.tree.map(lambda w, g: w - rate * g, weights, gradient), value


def train(size: Size, key: jax.Array) -> dict[str, jax.Array]:
    """The experiment of the harness: last loss of one seed."""
    start_key, data_key = jax.random.split(key)
    if not size.fresh:
        x_BD = inputs(size, data_key)
        _, loss_T = jax.lax.scan(
            lambda weights, _: descend(size.rate, weights, x_BD),
            initial(size, start_key),
            length=size.steps,
        )
        return {"loss": loss_T[-1]}
    _, loss_T = scan_stream(
        lambda weights, x_BD: descend(size.rate, weights, x_BD),
        initial(size, start_key),
        lambda key: inputs(size, key),
        data_key,
        size.steps,
    )
    return {"loss": loss_T[-1]}


def harness_rate(pool: Pool, size: Size, seeds: int, rates: tuple[float, ...] = ()) -> float:
    """Steps per second of the whole machine, all seeds and learning rates together."""
    grid = {"rate": np.array(rates)} if rates else {}
    ensemble = Ensemble(
        experiment=train,
        draw=None,
        world=size,
        traced=() if grid else ("rate",),
        grid=tuple(grid),
        outputs=("loss",),
        precision="float32",
        matmul="highest",
        code=digest(Path(__file__).read_text(encoding="utf-8")),
    )
    unit = min(UNIT, seeds)
    began = time.perf_counter()
    running = [
        pool.submit(
            f"{size}",
            execute,
            ensemble,
            {} if grid else {"rate": size.rate},
            grid,
            root_key("benchmark", 1),
            np.arange(first, min(first + unit, seeds), dtype=np.int32),
        )
        for first in range(0, seeds, unit)
    ]
    done = [future.result() for future in running]
    took = time.perf_counter() - began
    assert np.isfinite(np.concatenate([one.arrays["loss"].ravel() for one in done])).all()
    return seeds * max(1, len(rates)) * size.steps / took


def hand_rate(size: Size) -> float:
    """Steps per second of a Python loop of jitted steps, one network at a time."""

    @jax.jit
    def step(weights: Weights, key: jax.Array) -> tuple[Weights, jax.Array, jax.Array]:
        key, draw = jax.random.split(key)
        weights, loss = descend(size.rate, weights, inputs(size, draw))
        return weights, key, loss

    weights, key, loss = step(initial(size, jax.random.key(0)), jax.random.key(1))
    jax.block_until_ready(loss)
    began = time.perf_counter()
    for _ in range(size.steps):
        weights, key, loss = step(weights, key)
    jax.block_until_ready(loss)
    return size.steps / (time.perf_counter() - began)


class Student(nnx.Module):
    """The same network as an NNX module."""

    def __init__(self, size: Size, rngs: nnx.Rngs) -> None:
        self.hidden = nnx.Linear(size.dim, size.width, use_bias=False, rngs=rngs)
        self.readout = nnx.Linear(size.width, 1, use_bias=False, rngs=rngs)

    def __call__(self, x_BD: jax.Array) -> jax.Array:
        return self.readout(jax.nn.relu(self.hidden(x_BD)))[:, 0]


def nnx_rate(size: Size) -> float:
    """Steps per second of a Python loop of `nnx.jit` steps with `nnx.Optimizer`."""

    @nnx.jit
    def step(model: Student, optimizer: Any, key: jax.Array) -> tuple[jax.Array, jax.Array]:
        key, draw = jax.random.split(key)
        x_BD = inputs(size, draw)

        def loss(model: Student) -> jax.Array:
            return jnp.mean((model(x_BD) - jax.nn.relu(x_BD[:, 0])) ** 2)

        value, gradient = nnx.value_and_grad(loss)(model)
        optimizer.update(model, gradient)
        return key, value

    model = Student(size, nnx.Rngs(0))
    optimizer = nnx.Optimizer(model, optax.sgd(size.rate), wrt=nnx.Param)
    key, value = step(model, optimizer, jax.random.key(1))
    jax.block_until_ready(value)
    began = time.perf_counter()
    for _ in range(size.steps):
        key, value = step(model, optimizer, key)
    jax.block_until_ready(value)
    return size.steps / (time.perf_counter() - began)


def matmul_rate(size: int = 1024, repeats: int = 150) -> float:
    """Floating-point operations per second of this process' own float32 matrix product.

    About a second of it: shorter bursts run up to a tenth faster than any core can go on.
    """
    a = jnp.ones((size, size))
    product = jax.jit(lambda a: a @ a)
    jax.block_until_ready(product(a))
    began = time.perf_counter()
    for _ in range(repeats):
        result = product(a)
    jax.block_until_ready(result)
    return 2 * size**3 * repeats / (time.perf_counter() - began)
