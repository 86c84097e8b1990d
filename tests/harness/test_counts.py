from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from harness.counts import Counts, count
from harness.ensemble import single_run
from harness.keys import root_key, seed_key
from harness.plan import make_plan
from harness.read import read_prediction, read_tree
from harness.runtime import numerics
from harness.schema import Prediction
from harness.work import ensemble_at

ROOT = Path(__file__).parents[2]
EYE = np.eye(8, dtype=np.float32)
BATCH, DIM, WIDTH, STEPS = 32, 20, 64, 50

Array = jax.Array


def counted(function: Callable[..., Any], *arguments: Any) -> Counts:
    return count(jax.make_jaxpr(function)(*arguments))


def descend(w: Array) -> Array:
    return w - 0.1 * jnp.tanh(w @ EYE)


def descent(w: Array, steps: int | Array) -> Array:
    return jax.lax.fori_loop(0, steps, lambda _, w: descend(w), w)


def two_layer_sgd(w: Array, a: Array, key: Array) -> tuple[Array, Array]:
    def loss(params: tuple[Array, Array], x: Array) -> Array:
        w, a = params
        return 0.5 * jnp.mean((jnp.tanh(x @ w) @ a - x[:, 0]) ** 2)

    def step(params: tuple[Array, Array], key: Array) -> tuple[tuple[Array, Array], None]:
        gradients = jax.grad(loss)(params, jax.random.normal(key, (BATCH, DIM)))
        return jax.tree.map(lambda p, g: p - 0.1 * g, params, gradients), None

    return jax.lax.scan(step, (w, a), jax.random.split(key, STEPS))[0]


def test_sgd_of_a_two_layer_network_costs_its_matrix_products_times_the_steps() -> None:
    arguments = (jnp.ones((DIM, WIDTH)), jnp.ones(WIDTH), jax.random.key(0))
    counts = counted(two_layer_sgd, *arguments)
    # Forward x w and h a; backward the gradients in w, a and h.
    products = 2 * BATCH * (2 * DIM * WIDTH + 2 * WIDTH) + BATCH * WIDTH
    assert counts.steps == STEPS
    assert counts.exact
    assert counts.state_bytes == 4 * (DIM * WIDTH + WIDTH)
    assert counts.flops == pytest.approx(STEPS * products, rel=0.25)
    assert counts.flops > STEPS * products


def over_record_points(w: Array) -> Array:
    def until_record(w: Array, _: None) -> tuple[Array, Array]:
        w = jax.lax.scan(lambda w, _: (descend(w), None), w, length=30)[0]
        return w, jnp.linalg.norm(w)

    return jax.lax.scan(until_record, w, length=7)[1]


def record_first(w: Array) -> Array:
    """A step of its own precedes the inner loop, which starts from the moved weights."""

    def until_record(w: Array, _: None) -> tuple[Array, Array]:
        return descent(descend(w), 30), w.sum()

    return jax.lax.scan(until_record, w, length=7)[0]


def with_running_mean(w: Array) -> Array:
    def epoch(carry: tuple[Array, Array], _: None) -> tuple[tuple[Array, Array], None]:
        w = jax.jit(descent, static_argnums=1)(carry[0], 30)
        return (w, 0.9 * carry[1] + 0.1 * w), None

    return jax.lax.scan(epoch, (w, w), length=7)[0][1]


def one_after_the_other(w: Array) -> Array:
    return descent(descent(w, 30), 12)


def members_in_a_map(w: Array) -> Array:
    return jax.lax.map(lambda scale: descent(scale * w, 30), jnp.ones(7))


def with_readout_loop(w: Array) -> Array:
    """Repeated squaring of the weights at each record point goes nowhere near the training."""

    def until_record(w: Array, _: None) -> tuple[Array, Array]:
        power = jax.lax.fori_loop(0, 12, lambda _, p: p @ p / jnp.linalg.norm(p), w)
        return descent(w, 30), power.sum()

    return jax.lax.scan(until_record, w, length=7)[1]


def deep(w: Array, batch: int) -> Array:
    """Layers are scanned over, forward and (by jax.grad) backward; w has shape [L, D, D]."""

    def loss(w: Array) -> Array:
        h = jax.lax.scan(lambda h, w: (jnp.tanh(h @ w), None), jnp.ones((batch, 8)) @ w[0], w)[0]
        return jnp.mean(h**2)

    step = jax.checkpoint(lambda w: w - 0.1 * jax.grad(loss)(w))
    return jax.lax.scan(lambda w, _: (step(w), None), w, length=40)[0]


def recurrent(w: Array) -> Array:
    """The same weights at each position: backward, their gradient is carried along."""

    def loss(w: Array) -> Array:
        h = jax.lax.scan(lambda h, _: (jnp.tanh(h @ w), None), jnp.ones((4, 8)), length=5)[0]
        return jnp.mean(h**2)

    return jax.lax.scan(lambda w, _: (w - jax.grad(loss)(w), None), w, length=40)[0]


def micro_batches(w: Array) -> Array:
    def step(w: Array, _: None) -> tuple[Array, None]:
        def add(total: Array, x: Array) -> tuple[Array, None]:
            return total + jax.grad(lambda w: jnp.sum((x @ w) ** 2))(w), None

        total = jax.lax.scan(add, jnp.zeros_like(w), jnp.ones((6, 3, 8)))[0]
        return w - 0.1 * total, None

    return jax.lax.scan(step, w, length=40)[0]


@pytest.mark.parametrize(
    ("function", "shape", "steps"),
    [
        (over_record_points, (8, 8), 210),
        (record_first, (8, 8), 210),
        (with_running_mean, (8, 8), 210),
        (one_after_the_other, (8, 8), 42),
        (members_in_a_map, (8, 8), 210),
        (with_readout_loop, (8, 8), 210),
        (lambda w: deep(w, 4), (3, 8, 8), 40),
        (lambda w: deep(w, 1000), (3, 8, 8), 40),
        (recurrent, (8, 8), 40),
        (micro_batches, (8, 8), 40),
        (lambda w: w + 1, (8, 8), 0),
    ],
)
def test_only_loops_that_go_on_with_the_training_multiply(
    function: Callable[[Array], Array], shape: tuple[int, ...], steps: int
) -> None:
    counts = counted(function, jnp.ones(shape))
    assert counts.steps == steps
    assert counts.exact


@pytest.mark.parametrize("function", [over_record_points, with_readout_loop])
def test_steps_do_not_depend_on_vectorisation_and_flops_grow_with_it(
    function: Callable[[Array], Array],
) -> None:
    one, many = counted(function, EYE), counted(jax.vmap(function), jnp.stack([EYE] * 5))
    assert many.steps == one.steps
    assert many.flops == pytest.approx(5 * one.flops, rel=0.02)
    assert many.state_bytes == pytest.approx(5 * one.state_bytes, rel=0.1)


def test_flops_of_nested_loops_multiply() -> None:
    step = 2 * 8**3 + 3 * 8**2
    recorded = 8**2 * 2 + 1
    assert counted(descend, EYE).flops == step
    assert counted(over_record_points, EYE).flops == 7 * (30 * step + recorded)


def test_a_loop_whose_length_is_scanned_over_is_counted_exactly() -> None:
    record_steps = np.array([3, 10, 11, 40])

    def train(w: Array) -> Array:
        gaps = jnp.diff(jnp.asarray(record_steps), prepend=0)
        return jax.lax.scan(lambda w, gap: (descent(w, gap), w.sum()), w, gaps)[0]

    counts = counted(train, EYE)
    assert counts.exact
    assert counts.steps == 40
    step = counted(descend, EYE).flops
    assert counts.flops == pytest.approx(40 * step + 4 * 64)


def test_a_loop_of_unknown_length_is_counted_once_and_said_to_be_inexact() -> None:
    def train(w: Array, tolerance: Array) -> Array:
        return jax.lax.while_loop(lambda w: jnp.sum(w) > tolerance, descend, w)

    counts = counted(train, EYE, 0.1)
    step = counted(descend, EYE).flops
    assert counts == Counts(steps=1, flops=step + 64 + 1, exact=False, state_bytes=256)
    assert not counted(descent, EYE, 3).exact


def test_what_no_result_needs_is_not_counted() -> None:
    def train(w: Array) -> Array:
        descent(w, 30)
        return descent(w, 12)

    assert counted(train, EYE) == counted(lambda w: descent(w, 12), EYE)


def test_an_experiment_may_close_over_a_key() -> None:
    key = jax.random.key(0)

    def train(w: Array) -> Array:
        def step(w: Array, i: Array) -> tuple[Array, None]:
            return w + jax.random.normal(jax.random.fold_in(key, i), (8, 8)), None

        return jax.lax.scan(step, w, jnp.arange(9))[0]

    assert counted(train, EYE).steps == 9


def test_a_conditional_costs_its_dearest_branch() -> None:
    def either(w: Array, big: Array) -> Array:
        return jax.lax.cond(big, lambda w: descent(w, 9), lambda w: w + 1, w)

    assert counted(either, EYE, True) == counted(lambda w: descent(w, 9), EYE)


@pytest.mark.parametrize(
    ("function", "flops"),
    [
        (jnp.linalg.eigvalsh, 9 * 8**3),
        (lambda a: jnp.linalg.cholesky(a, symmetrize_input=False), 8**3 / 3),
        (jnp.linalg.qr, 8 / 3 * 8**3),
        (lambda a: jnp.linalg.svd(a, compute_uv=False), 8 / 3 * 8**3),
        (lambda a: jnp.linalg.solve(a, a), (2 / 3 + 2) * 8**3),
        (lambda a: jax.random.bits(jax.random.key(0), (9,)), 0),
        (lambda a: jnp.sort(a.T)[::-1].reshape(-1), 0),
    ],
)
def test_linear_algebra_costs_its_leading_terms(
    function: Callable[[Array], Any], flops: float
) -> None:
    assert counted(function, EYE).flops == pytest.approx(flops, rel=0.15, abs=1)


def multiply_and_add(x: Array, w: Array) -> Array:
    return (x @ w) * 2.0 + x[:, :1]


def gradient(x: Array, w: Array) -> Array:
    return jax.grad(lambda w: jnp.mean((jnp.maximum(x @ w, 0) @ w.T - x) ** 2))(w)


def convolution(x: Array, w: Array) -> Array:
    image = x.reshape(1, 1, *x.shape)
    return jax.lax.conv(image, w[None, None, :5, :3], (1, 1), "VALID") + 1.0


@pytest.mark.parametrize("function", [multiply_and_add, gradient, convolution])
def test_flops_agree_with_xla_where_there_are_no_loops(function: Callable[..., Array]) -> None:
    x, w = jnp.ones((64, 48)), jnp.ones((48, 96))
    cost = jax.jit(function).lower(x, w).compile().cost_analysis()
    assert counted(function, x, w).flops == pytest.approx(cost["flops"], rel=0.15)


PREDICTIONS = sorted(
    path for path in (ROOT / "predictions").glob("*/*/*.yaml") if path.name != "theories.yaml"
)


def traced(prediction: Prediction, tier: str) -> Any:
    case = make_plan(prediction, tier).claim
    ensemble, values = ensemble_at(prediction, case, next(case.sweep_points()))
    point = {name: axis[0] for name, axis in case.grid.items()}
    with numerics(prediction.precision):
        key = seed_key(root_key(prediction.id, prediction.revision.number), 0)
        return jax.make_jaxpr(single_run(ensemble))(values, point, key)


@pytest.mark.parametrize("path", PREDICTIONS, ids=lambda path: path.stem)
def test_every_shipped_experiment_is_counted(path: Path) -> None:
    """Networks at their initial weights take no training step, but operations."""
    counts = count(traced(read_prediction(path), "smoke"))
    assert counts.steps >= 0
    assert counts.flops > max(counts.steps, 1000)
    assert counts.state_bytes > 0


def test_the_record_points_of_a_shipped_experiment_add_up_to_its_steps() -> None:
    registry = read_tree([ROOT / "predictions" / "solvable_settings" / "transient_bbp"])
    prediction = registry.predictions["transient-bbp-window"]
    case = make_plan(prediction).claim
    ensemble, _ = ensemble_at(prediction, case, next(case.sweep_points()))
    counts = count(traced(prediction, "smoke"))
    assert counts.exact
    assert counts.steps == ensemble.world.record_steps()[-1]
