"""One-pass SGD on a two-layer network of unit neurons, and when it learns what."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
from flax import nnx

from models.activations import activation
from models.two_layer import TwoLayer

from .world import Setup, initial_outputs

Weights: TypeAlias = dict[str, jax.Array]


class Run(NamedTuple):
    """Training under way: steps done, weights, fractions learnt [K], times of crossing 1/2 [K]."""

    steps: jax.Array
    weights: Weights
    learnt: jax.Array
    times: jax.Array


def train(setup: Setup, key: jax.Array) -> dict[str, jax.Array]:
    """First times at which each Hermite component of the target is half learnt, [K].

    A step of length eta on the time t: a_i <- a_i - (eta/epsilon) m dR/da_i and
    u_i <- normalised(u_i - eta m P_i grad_{u_i} R), with R on `batch` fresh samples, until all
    components are learnt. Times are interpolated linearly inside a step. A component not learnt by
    the end T is recorded as learnt at T (censored); all are NaN if training diverged.
    """
    start_key, data_key = jax.random.split(key)
    graph, state = nnx.split(_network(setup, start_key))
    teacher = activation(_hermite(setup.target))
    rate = {"a_M": setup.eta * setup.width / setup.epsilon, "w_MD": setup.eta * setup.width}

    def risk(weights: Weights, x_BD: jax.Array) -> jax.Array:
        return 0.5 * jnp.mean((teacher(x_BD[:, 0]) - nnx.merge(graph, weights)(x_BD)) ** 2)

    def descend(weights: Weights, key: jax.Array) -> Weights:
        gradient = jax.grad(risk)(weights, jax.random.normal(key, (setup.batch, setup.dim)))
        gradient["w_MD"] = _tangent(gradient["w_MD"], weights["w_MD"])
        moved = {name: weights[name] - rate[name] * gradient[name] for name in weights}
        return {**moved, "w_MD": _normalised(moved["w_MD"])}

    def goes_on(run: Run) -> jax.Array:
        return (run.steps * setup.eta < setup.end) & jnp.any(jnp.isinf(run.times))

    def step(run: Run) -> Run:
        weights = descend(run.weights, jax.random.fold_in(data_key, run.steps))
        learnt_K = learnt_fractions(setup, weights["a_M"], weights["w_MD"][:, 0])
        inside_K = (0.5 - run.learnt) / (learnt_K - run.learnt)
        first_K = jnp.isinf(run.times) & (learnt_K >= 0.5)
        times_K = jnp.where(first_K, (run.steps + inside_K) * setup.eta, run.times)
        return Run(run.steps + 1, weights, learnt_K, times_K)

    weights = nnx.to_pure_dict(state)
    learnt_K = learnt_fractions(setup, weights["a_M"], weights["w_MD"][:, 0])
    start = Run(jnp.array(0), weights, learnt_K, jnp.full_like(learnt_K, jnp.inf))
    last = jax.lax.while_loop(goes_on, step, start)
    times_K = jnp.minimum(last.times, setup.end)
    return {"learning_time": jnp.where(jnp.isfinite(last.learnt).all(), times_K, jnp.nan)}


def learnt_fractions(setup: Setup, a_M: jax.Array, s_M: jax.Array) -> jax.Array:
    """sigma_k c_k / phi_k with c_k = (1/m) sum_i a_i s_i^k, [K]: 1 where component k is learnt."""
    sigma = dict(enumerate(setup.activation))
    return jnp.stack(
        [sigma.get(k, 0.0) / setup.target[k] * jnp.mean(a_M * s_M**k) for k in setup.components]
    )


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
    length_M1: jax.Array = jnp.linalg.norm(u_MD, axis=1, keepdims=True)
    return u_MD / length_M1
