"""Train an ensemble that shares inputs and teacher but not label noise, and compare its members."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax
from flax import nnx

from models.activations import activation, gain
from models.deep_linear import DeepLinear
from models.two_layer import TwoLayer

from .similarity import pair_cka, pair_cosine
from .world import LinearSetup, NetworkSetup

Readout = dict[str, jax.Array]


def train_linear(setup: LinearSetup, key: jax.Array) -> Readout:
    """Two-layer linear networks from small initial weights, each with label noise of its own.

    `pair_cka` [pair]: of the hidden layers over the whole input distribution, where the features
    W x have second moments W_a W_b^T; `overlap`: mean cosine of two members' end-to-end maps;
    `risk`: mean squared distance of the end-to-end map from the teacher.
    """
    teacher_key, input_key, member_key = jax.random.split(key, 3)
    teacher_D = jax.random.normal(teacher_key, (setup.dim,))
    teacher_D = teacher_D / jnp.linalg.norm(teacher_D)
    member_keys = jax.random.split(member_key, setup.members)
    shape = (setup.rows, setup.dim)
    if setup.inputs == "shared":
        inputs, axis = jax.random.normal(input_key, shape), None
    else:
        inputs, axis = jax.random.normal(input_key, (setup.members, *shape)), 0

    def member(x_ND: jax.Array, key: jax.Array) -> tuple[jax.Array, jax.Array]:
        net = _descend(setup, *_statistics(setup, x_ND, teacher_D, key), key)
        return net.weights[0][...], net.product()[0]

    w_EHD, map_ED = jax.vmap(member, in_axes=(axis, 0))(inputs, member_keys)
    return {
        "pair_cka": pair_cka(w_EHD.transpose(0, 2, 1)),
        "overlap": pair_cosine(map_ED).mean(),
        "risk": ((map_ED - teacher_D) ** 2).sum(axis=-1).mean(),
    }


def _statistics(
    setup: LinearSetup, x_ND: jax.Array, teacher_D: jax.Array, key: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """X^T X / n [d, d] and X^T y / n [d] of the first n rows."""
    samples = jnp.round(setup.samples_per_dim * setup.dim)
    used_N1 = (jnp.arange(setup.rows) < samples)[:, None]
    x_ND = jnp.where(used_N1, x_ND, 0.0)
    noise_N = jax.random.normal(key, (setup.rows,)) / jnp.sqrt(setup.snr)
    gram_DD = x_ND.T @ x_ND / samples
    return gram_DD, gram_DD @ teacher_D + noise_N @ x_ND / samples


def _descend(
    setup: LinearSetup, gram_DD: jax.Array, target_D: jax.Array, key: jax.Array
) -> DeepLinear:
    """Full-batch gradient descent on |X w - y|^2 / 2n, which is a function of the statistics."""
    input_key, output_key = jax.random.split(jax.random.fold_in(key, 1))
    w_HD = jax.random.normal(input_key, (setup.width, setup.dim)) / jnp.sqrt(setup.dim)
    a_1H = jax.random.normal(output_key, (1, setup.width)) / jnp.sqrt(setup.width)
    graph, params = nnx.split(DeepLinear([setup.init_std * w_HD, setup.init_std * a_1H]), nnx.Param)
    edge = (1 + 1 / jnp.sqrt(setup.samples_per_dim)) ** 2

    def loss(params: nnx.State) -> jax.Array:
        map_D = nnx.merge(graph, params).product()[0]
        # Its gradient in the map is that of the training loss, G w - t, for one matrix product.
        return jnp.vdot(map_D, jax.lax.stop_gradient(map_D @ gram_DD - target_D))

    params = _minimise(loss, params, optax.sgd(setup.relative_step / edge), setup.steps)
    return nnx.merge(graph, params)


def train_network(setup: NetworkSetup, key: jax.Array) -> Readout:
    """One-hidden-layer networks from the same initial weights, each with label noise of its own.

    `pair_cka` [pair]: of the hidden layers on fresh inputs, centred; `output_correlation`: mean
    correlation of two members' outputs there.
    """
    teacher_key, init_key, input_key, noise_key, test_key = jax.random.split(key, 5)
    # The samples are the leading axis: a larger training set contains the smaller ones.
    x_ND = jax.random.normal(input_key, (setup.samples, setup.dim))
    noise_NE = jax.random.normal(noise_key, (setup.samples, setup.members))
    z_TD = jax.random.normal(test_key, (setup.test_samples, setup.dim))
    teach = _teacher(setup, teacher_key, z_TD)
    labels_NE = teach(x_ND)[:, None] + noise_NE / jnp.sqrt(setup.snr)
    graph, params = nnx.split(_student(setup, init_key), nnx.Param)
    half = setup.steps // 2
    schedule = optax.linear_schedule(setup.learning_rate, 0.0, setup.steps - half, half)

    def member(y_N: jax.Array) -> tuple[jax.Array, jax.Array]:
        def loss(params: nnx.State) -> jax.Array:
            return ((nnx.merge(graph, params)(x_ND) - y_N) ** 2).mean() / 2

        net = nnx.merge(graph, _minimise(loss, params, optax.adam(schedule), setup.steps))
        return net.features(z_TD), net(z_TD)

    h_ETM, f_ET = jax.vmap(member, in_axes=1)(labels_NE)
    return {
        "pair_cka": pair_cka(h_ETM - h_ETM.mean(axis=1, keepdims=True)),
        "output_correlation": pair_cosine(f_ET - f_ET.mean(axis=1, keepdims=True)).mean(),
    }


def _teacher(
    setup: NetworkSetup, key: jax.Array, z_TD: jax.Array
) -> Callable[[jax.Array], jax.Array]:
    """Units of alternating sign, standardised on the test inputs."""
    v_KD = setup.teacher_scale * jax.random.normal(key, (setup.teacher_units, setup.dim))
    sign_K = (-1.0) ** jnp.arange(setup.teacher_units)

    def raw(x_ND: jax.Array) -> jax.Array:
        return activation(setup.activation)(x_ND @ v_KD.T / jnp.sqrt(setup.dim)) @ sign_K

    mean, std = raw(z_TD).mean(), raw(z_TD).std()
    return lambda x_ND: (raw(x_ND) - mean) / std


def _student(setup: NetworkSetup, key: jax.Array) -> TwoLayer:
    """Weights of variance gain / fan-in (He et al. 2015), biases 0."""
    input_key, output_key = jax.random.split(key)
    variance = gain(setup.activation)
    w_MD = jax.random.normal(input_key, (setup.width, setup.dim))
    a_M = jax.random.normal(output_key, (setup.width,))
    return TwoLayer(
        jnp.sqrt(variance / setup.dim) * w_MD,
        jnp.sqrt(variance / setup.width) * a_M,
        activation=setup.activation,
        output_scale="1",
        bias_M=jnp.zeros(setup.width),
    )


def _minimise(
    loss: Callable[[nnx.State], jax.Array],
    params: nnx.State,
    optimiser: optax.GradientTransformation,
    steps: int,
) -> nnx.State:
    """The parameters after a number of steps on the whole training set."""

    def step(
        carry: tuple[nnx.State, optax.OptState], _: None
    ) -> tuple[tuple[nnx.State, optax.OptState], None]:
        params, state = carry
        updates, state = optimiser.update(jax.grad(loss)(params), state)
        return (optax.apply_updates(params, updates), state), None

    (params, _), _ = jax.lax.scan(step, (params, optimiser.init(params)), length=steps)
    return params
