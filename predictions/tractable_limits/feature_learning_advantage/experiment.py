"""Train a network on a target of one direction, and fit linear methods to the same data."""

from __future__ import annotations

from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
from flax import nnx
from jax.scipy.linalg import cho_solve

from models.activations import activation
from models.two_layer import TwoLayer

from .world import Setup

Weights: TypeAlias = Any  # nnx.State of the model's parameters


def train(setup: Setup, key: jax.Array) -> dict[str, jax.Array]:
    """Mean squared errors over the target's power, both on the test points.

    network_risk: after the last step. ridge_risk [ridge]: regression with the network's tangent
    kernel at its initial weights. best_linear_risk: regression with the target's covariance over
    all axes, a mean over targets along each of the d coordinate axes, equal in law.
    """
    data_key, model_key = jax.random.split(key)
    x_BD = inputs(setup, data_key)
    y_BD = targets(setup, x_BD)
    x_PD, y_B1 = x_BD[: setup.samples], y_BD[:, :1]
    start = network(setup, model_key)
    end = descend(setup, start, x_PD, y_B1[: setup.samples, 0])
    ridge_R = jnp.array(setup.ridges)
    tangent_BP = tangent_kernel(start, x_BD, x_PD)
    return {
        "network_risk": risk(setup, setup.laziness * end(x_BD)[:, None], y_B1),
        "ridge_risk": jax.vmap(lambda ridge: risk(setup, regress(tangent_BP, y_B1, ridge), y_B1))(
            ridge_R
        ),
        "best_linear_risk": risk(setup, regress(covariance(setup, x_BD, x_PD), y_BD, 0.0), y_BD),
    }


def inputs(setup: Setup, key: jax.Array) -> jax.Array:
    """Training points, then test points [B, d], on the sphere of radius sqrt(d)."""
    x_BD = jax.random.normal(key, (setup.samples + setup.test_points, setup.dim))
    length_B1: jax.Array = jnp.linalg.norm(x_BD, axis=1, keepdims=True) / jnp.sqrt(setup.dim)
    return x_BD / length_B1


def targets(setup: Setup, x_BD: jax.Array) -> jax.Array:
    """Targets along each coordinate axis [B, d]; the network learns the first."""
    d = setup.dim
    fourth, sixth = 3 * d / (d + 2), 15 * d**2 / ((d + 2) * (d + 4))  # E u^4, E u^6
    quadratic_BD = (x_BD**2 - 1) / jnp.sqrt(fourth - 1)
    cubic_BD = (x_BD**3 - fourth * x_BD) / jnp.sqrt(sixth - fourth**2)
    return jnp.sqrt(1 - setup.cubic_power) * quadratic_BD + jnp.sqrt(setup.cubic_power) * cubic_BD


def covariance(setup: Setup, x_BD: jax.Array, other_PD: jax.Array) -> jax.Array:
    """Covariance [B, P] of the target's values over all axes: Legendre polynomials 2 and 3."""
    d = setup.dim
    t_BP = x_BD @ other_PD.T / d
    quadratic_BP = (d * t_BP**2 - 1) / (d - 1)
    cubic_BP = ((d + 2) * t_BP**3 - 3 * t_BP) / (d - 1)
    return (1 - setup.cubic_power) * quadratic_BP + setup.cubic_power * cubic_BP


def network(setup: Setup, key: jax.Array) -> TwoLayer:
    """A mean-field network of pairs of equal neurons with opposite readouts: zero at the start."""
    half_HX = jax.random.normal(key, (setup.width // 2, setup.dim + 1))
    w_HD, bias_H = half_HX[:, :-1] / jnp.sqrt(setup.dim), half_HX[:, -1]
    w_HD = w_HD.at[:, 0].multiply(setup.axis_scale)
    return TwoLayer(
        jnp.concatenate([w_HD, w_HD]),
        jnp.repeat(jnp.array([1.0, -1.0]), setup.width // 2),
        activation="relu",
        output_scale="1/m",
        bias_M=jnp.concatenate([bias_H, bias_H]),
    )


def descend(setup: Setup, start: TwoLayer, x_PD: jax.Array, y_P: jax.Array) -> TwoLayer:
    """The network after full-batch gradient descent of alpha f towards y."""
    graph, *layers = nnx.split(start, nnx.PathContains("a_M"), ...)
    rate = setup.step_size * setup.width / setup.laziness**2
    rates = (rate, setup.first_layer_rate * rate)

    def loss(layers: list[Weights]) -> jax.Array:
        f_P = setup.laziness * nnx.merge(graph, *layers)(x_PD)
        return 0.5 * jnp.mean((f_P - y_P) ** 2)

    def step(layers: list[Weights], _: None) -> tuple[list[Weights], None]:
        gradients = jax.grad(loss)(layers)
        return [_moved(*each) for each in zip(layers, gradients, rates, strict=True)], None

    layers, _ = jax.lax.scan(step, layers, length=setup.steps)
    end: TwoLayer = nnx.merge(graph, *layers)
    return end


def _moved(weights: Weights, gradient: Weights, rate: jax.Array | float) -> Weights:
    return jax.tree.map(lambda w, g: w - rate * g, weights, gradient)


def tangent_kernel(model: TwoLayer, x_BD: jax.Array, other_PD: jax.Array) -> jax.Array:
    """Products [B, P] of the gradients of the output in all weights, times the number of neurons.

    The gradient in w_j is a_j phi'(w_j.x + b_j) x / m, and without x in the bias b_j, if any.
    """

    def parts(x_BD: jax.Array) -> tuple[jax.Array, jax.Array]:
        pre_BM = x_BD @ model.w_MD[...].T
        if model.bias_M is not None:
            pre_BM = pre_BM + model.bias_M[...]
        slope_BM = jax.grad(lambda pre: activation(model.activation)(pre).sum())(pre_BM)
        return model.features(x_BD), model.a_M[...] * slope_BM

    (h_BM, slope_BM), (h_PM, slope_PM) = parts(x_BD), parts(other_PD)
    inner_BP = x_BD @ other_PD.T + (model.bias_M is not None)
    return (h_BM @ h_PM.T + inner_BP * (slope_BM @ slope_PM.T)) / h_BM.shape[1]


def regress(kernel_BP: jax.Array, y_BO: jax.Array, ridge: jax.Array | float) -> jax.Array:
    """Predictions [B, O] from the first P points, the ridge over the kernel's mean diagonal."""
    samples = kernel_BP.shape[1]
    gram_PP = kernel_BP[:samples]
    shift_PP = ridge * jnp.mean(jnp.diagonal(gram_PP)) * jnp.eye(samples)
    factor_PP = jnp.linalg.cholesky(gram_PP + shift_PP)
    return kernel_BP @ cho_solve((factor_PP, True), y_BO[:samples])


def risk(setup: Setup, f_BO: jax.Array, y_BO: jax.Array) -> jax.Array:
    """Mean squared error on the test points over the mean square of the targets there."""
    error_BO, y_BO = (f_BO - y_BO)[setup.samples :], y_BO[setup.samples :]
    return jnp.mean(error_BO**2) / jnp.mean(y_BO**2)
