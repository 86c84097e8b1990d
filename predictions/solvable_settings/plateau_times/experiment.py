"""One-pass SGD on a two-layer network of unit neurons, and when it learns what."""

from __future__ import annotations

from typing import TypeAlias

import jax
import jax.numpy as jnp
from flax import nnx

from models.activations import activation
from models.two_layer import TwoLayer

from .world import Setup, initial_outputs

Weights: TypeAlias = dict[str, jax.Array]


def train(setup: Setup, key: jax.Array) -> dict[str, jax.Array]:
    """First times at which each Hermite component of the target is half learnt, [K].

    A step of length eta on the time t: a_i <- a_i - (eta/epsilon) m dR/da_i and
    u_i <- normalised(u_i - eta m P_i grad_{u_i} R), with R on `batch` fresh samples. Crossing
    times are interpolated linearly inside a step. A component not learnt by the end T is recorded
    as learnt at T (censored); all are NaN if training diverged.
    """
    start_key, data_key = jax.random.split(key)
    graph, state = nnx.split(_network(setup, start_key))
    teacher = activation(_hermite(setup.target))
    eta = setup.end / setup.steps
    rate = {"a_M": eta * setup.width / setup.epsilon, "w_MD": eta * setup.width}

    def risk(weights: Weights, x_BD: jax.Array) -> jax.Array:
        return 0.5 * jnp.mean((teacher(x_BD[:, 0]) - nnx.merge(graph, weights)(x_BD)) ** 2)

    def step(weights: Weights, key: jax.Array) -> tuple[Weights, jax.Array]:
        gradient = jax.grad(risk)(weights, jax.random.normal(key, (setup.batch, setup.dim)))
        gradient["w_MD"] = _tangent(gradient["w_MD"], weights["w_MD"])
        moved = {name: weights[name] - rate[name] * gradient[name] for name in weights}
        moved["w_MD"] = _normalised(moved["w_MD"])
        return moved, learnt_fractions(setup, moved["a_M"], moved["w_MD"][:, 0])

    weights = nnx.to_pure_dict(state)
    before_K = learnt_fractions(setup, weights["a_M"], weights["w_MD"][:, 0])
    _, after_NK = jax.lax.scan(step, weights, jax.random.split(data_key, setup.steps))
    times_K = eta * first_crossings(jnp.concatenate([before_K[None], after_NK]))
    return {"learning_time": jnp.where(jnp.all(jnp.isfinite(after_NK[-1])), times_K, jnp.nan)}


def learnt_fractions(setup: Setup, a_M: jax.Array, s_M: jax.Array) -> jax.Array:
    """sigma_k c_k / phi_k with c_k = (1/m) sum_i a_i s_i^k, [K]: 1 where component k is learnt."""
    sigma = dict(enumerate(setup.activation))
    return jnp.stack(
        [sigma.get(k, 0.0) / setup.target[k] * jnp.mean(a_M * s_M**k) for k in setup.components]
    )


def first_crossings(learnt_NK: jax.Array) -> jax.Array:
    """First row, as a fraction, at which each column rises through 1/2; the last where none, [K]."""
    above_NK = learnt_NK >= 0.5  # noqa: PLR2004
    row_K = jnp.argmax(above_NK, axis=0)
    after_K = jnp.take_along_axis(learnt_NK, row_K[None], axis=0)[0]
    before_K = jnp.take_along_axis(learnt_NK, jnp.maximum(row_K - 1, 0)[None], axis=0)[0]
    rise_K = jnp.where(row_K > 0, after_K - before_K, 1.0)
    crossing_K = row_K - jnp.where(row_K > 0, (after_K - 0.5) / rise_K, 0.0)
    return jnp.where(jnp.any(above_NK, axis=0), crossing_K, len(learnt_NK) - 1)


def _network(setup: Setup, key: jax.Array) -> TwoLayer:
    """The network at the start; u* is the first coordinate axis, as good as any for x ~ N(0, I)."""
    if setup.start == "paired":
        directions = jnp.eye(setup.dim)[1 : 1 + setup.width // 2]
        w_MD = jnp.concatenate([directions, directions])
    else:
        w_MD = _normalised(jax.random.normal(key, (setup.width, setup.dim)).at[:, 0].set(0.0))
    return TwoLayer(
        w_MD,
        jnp.asarray(initial_outputs(setup), w_MD.dtype),
        activation=_hermite(setup.activation),
        output_scale="1/m",
    )


def _hermite(coefficients: tuple[float, ...]) -> str:
    return "hermite:" + ",".join(map(repr, coefficients))


def _tangent(g_MD: jax.Array, u_MD: jax.Array) -> jax.Array:
    return g_MD - jnp.sum(g_MD * u_MD, axis=1, keepdims=True) * u_MD


def _normalised(u_MD: jax.Array) -> jax.Array:
    return u_MD / jnp.linalg.norm(u_MD, axis=1, keepdims=True)
