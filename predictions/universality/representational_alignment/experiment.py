"""Train an ensemble that shares inputs and teacher but not label noise, and compare its members."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import optax
from flax import nnx

from models.activations import activation, gain
from models.deep_linear import DeepLinear
from models.two_layer import TwoLayer

from .similarity import pair_cka, pair_cosine
from .world import LinearSetup, NetworkSetup

Readout: TypeAlias = dict[str, jax.Array]
State: TypeAlias = nnx.State[Any, Any]


def train_linear(setup: LinearSetup, key: jax.Array) -> Readout:
    """Two-layer linear networks from small initial weights, each with label noise of its own.

    `pair_cka` [pair]: of the hidden layers over the whole input distribution, where the features
    W x have second moments W_a W_b^T; `overlap`: mean cosine of two members' end-to-end maps;
    `risk`: mean squared distance of the end-to-end map from the teacher.
    """
    fixed_key, sample_key = jax.random.split(key)
    members, dim = setup.members, setup.dim
    teacher_D, w_EHD, a_E1H = _normals(
        fixed_key, ((dim,), (members, setup.width, dim), (members, 1, setup.width))
    )
    teacher_D = teacher_D / jnp.linalg.norm(teacher_D)
    shared = setup.inputs == "shared"
    copies = 1 if shared else members
    rows_NX = jax.random.normal(sample_key, (setup.rows, copies * dim + members))
    x_CND = rows_NX[:, :-members].reshape(-1, copies, dim).transpose(1, 0, 2)

    def member(
        x_ND: jax.Array, noise_N: jax.Array, w_HD: jax.Array, a_1H: jax.Array
    ) -> tuple[jax.Array, jax.Array]:
        gram_DD, target_D = _statistics(setup, x_ND, teacher_D, noise_N)
        net = _descend(setup, gram_DD, target_D, w_HD, a_1H)
        return net.weights[0][...], net.product()[0]

    w_EHD, map_ED = jax.vmap(member, in_axes=(None if shared else 0, 0, 0, 0))(
        x_CND[0] if shared else x_CND, rows_NX[:, -members:].T, w_EHD, a_E1H
    )
    return {
        "pair_cka": pair_cka(w_EHD.transpose(0, 2, 1)),
        "overlap": pair_cosine(map_ED).mean(),
        "risk": ((map_ED - teacher_D) ** 2).sum(axis=-1).mean(),
    }


def _statistics(
    setup: LinearSetup, x_ND: jax.Array, teacher_D: jax.Array, noise_N: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """X^T X / n [d, d] and X^T y / n [d] of the first n rows, y = X w* + noise / sqrt(snr)."""
    samples = jnp.round(setup.samples_per_dim * setup.dim)
    x_ND = jnp.where(jnp.arange(setup.rows)[:, None] < samples, x_ND, 0.0)
    gram_DD = x_ND.T @ x_ND / samples
    return gram_DD, gram_DD @ teacher_D + noise_N @ x_ND / (samples * jnp.sqrt(setup.snr))


def _descend(
    setup: LinearSetup, gram_DD: jax.Array, target_D: jax.Array, w_HD: jax.Array, a_1H: jax.Array
) -> DeepLinear:
    """Full-batch gradient descent on |X w - y|^2 / 2n, which is a function of the statistics.

    The standard normal w_HD, a_1H become initial weights of variance init_std^2 / fan-in.
    """
    w_HD = setup.init_std / math.sqrt(setup.dim) * w_HD
    a_1H = setup.init_std / math.sqrt(setup.width) * a_1H
    graph, params = nnx.split(DeepLinear([w_HD, a_1H]), nnx.Param)
    edge = (1 + 1 / jnp.sqrt(setup.samples_per_dim)) ** 2

    def loss(params: State) -> jax.Array:
        map_D = nnx.merge(graph, params).product()[0]
        # Its gradient in the map is that of the training loss, G w - t, for one matrix product.
        return jnp.vdot(map_D, jax.lax.stop_gradient(map_D @ gram_DD - target_D))

    params = _minimise(loss, params, optax.sgd(setup.relative_step / edge), setup.steps)
    return nnx.merge(graph, params)


def train_network(setup: NetworkSetup, key: jax.Array) -> Readout:
    """One-hidden-layer networks from the same initial weights, each with label noise of its own.

    `pair_cka` [pair]: of the hidden layers on fresh inputs, centred.
    """
    fixed_key, sample_key = jax.random.split(key)
    hidden, dim = setup.width, setup.dim
    v_KD, w_MD, a_M, z_TD = _normals(
        fixed_key,
        ((setup.teacher_units, dim), (hidden, dim), (hidden,), (setup.test_samples, dim)),
    )
    # One row a sample, so that a larger training set contains the smaller ones.
    rows_NX = jax.random.normal(sample_key, (setup.samples, dim + setup.members))
    x_ND, noise_NE = rows_NX[:, :dim], rows_NX[:, dim:]
    teach = _teacher(setup, v_KD, z_TD)
    labels_NE = teach(x_ND)[:, None] + noise_NE / jnp.sqrt(setup.snr)
    graph, params = nnx.split(_student(setup, w_MD, a_M), nnx.Param)
    half = setup.steps // 2
    schedule = optax.linear_schedule(setup.learning_rate, 0.0, setup.steps - half, half)

    def member(y_N: jax.Array) -> jax.Array:
        def loss(params: State) -> jax.Array:
            return ((nnx.merge(graph, params)(x_ND) - y_N) ** 2).mean() / 2

        trained = _minimise(loss, params, optax.adam(schedule), setup.steps)
        return nnx.merge(graph, trained).features(z_TD)

    h_ETM = jax.vmap(member, in_axes=1)(labels_NE)
    return {"pair_cka": pair_cka(h_ETM - h_ETM.mean(axis=1, keepdims=True))}


def _normals(key: jax.Array, shapes: Sequence[tuple[int, ...]]) -> list[jax.Array]:
    """Standard normal arrays from one draw: each call of the generator costs seconds to compile."""
    sizes = [math.prod(shape) for shape in shapes]
    parts = jnp.split(jax.random.normal(key, (sum(sizes),)), list(accumulate(sizes))[:-1])
    return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]


def _teacher(
    setup: NetworkSetup, v_KD: jax.Array, z_TD: jax.Array
) -> Callable[[jax.Array], jax.Array]:
    """Units of alternating sign, standardised on the test inputs."""
    scale = setup.teacher_scale / math.sqrt(setup.dim)
    sign_K = (-1.0) ** jnp.arange(setup.teacher_units)

    def raw(x_ND: jax.Array) -> jax.Array:
        return activation(setup.activation)(scale * x_ND @ v_KD.T) @ sign_K

    mean, std = raw(z_TD).mean(), raw(z_TD).std()
    return lambda x_ND: (raw(x_ND) - mean) / std


def _student(setup: NetworkSetup, w_MD: jax.Array, a_M: jax.Array) -> TwoLayer:
    """Weights of variance gain / fan-in (He et al. 2015) from standard normal ones, biases 0."""
    variance = gain(setup.activation)
    return TwoLayer(
        math.sqrt(variance / setup.dim) * w_MD,
        math.sqrt(variance / setup.width) * a_M,
        activation=setup.activation,
        output_scale="1",
        bias_M=jnp.zeros(setup.width),
    )


def _minimise(
    loss: Callable[[State], jax.Array],
    params: State,
    optimiser: optax.GradientTransformation,
    steps: int,
) -> State:
    """The parameters after a number of steps on the whole training set."""

    def step(
        carry: tuple[State, optax.OptState], _: None
    ) -> tuple[tuple[State, optax.OptState], None]:
        params, state = carry
        updates, state = optimiser.update(jax.grad(loss)(params), state)
        return (optax.apply_updates(params, updates), state), None

    (params, _), _ = jax.lax.scan(step, (params, optimiser.init(params)), length=steps)
    return params
