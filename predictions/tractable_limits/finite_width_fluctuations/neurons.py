"""Independent neurons driven by given residuals: their mean, covariance and response.

Given the residuals Delta(t) = y - f(t) at the training inputs, the neurons of a mean-field
two-layer network do not know of each other. The output is the mean of their contributions
g(t, x) = a(t) phi(h(t, x)) / gamma, whose readout a and preactivations h(t, x) = w(t) . x / sqrt(d)
step by

    a += (eta gamma / P) sum_p Delta_p phi(h_p)
    h += sum_p k(., x_p) c_p,   c_p = (eta gamma / P) Delta_p a phi'(h_p),   k(x, x') = x . x' / d.

The start is Gaussian: a ~ N(0, 1), h ~ N(0, k). Averages over it are taken at randomly shifted
Sobol points, each with its mirror image a -> -a, so that the mean output starts at exactly zero.
Axes: N neurons, T steps 0 ... T, B all inputs, P training inputs (the first of B), and
X = (T, B) all outputs of a training run.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf
from scipy.stats import norm, qmc

from .world import Activation, Setup, dataset

Array = NDArray[np.float64]
Derivatives = Callable[[Array], tuple[Array, Array, Array]]

LOG2_POINTS: Final = 13
"""log2 of the number of Sobol points: variances are then accurate to 0.6 % (rms over shifts)."""

SHIFT: Final = 0
"""Seed of their random shift."""

RESPONDING: Final = 4096
"""Neurons that the response, a smoother average than the covariance, is taken over."""

BLOCK: Final = 512
"""Neurons whose responses are held in memory together."""


def _tanh(h: Array) -> tuple[Array, Array, Array]:
    phi = np.tanh(h)
    slope = 1 - phi**2
    return phi, slope, -2 * phi * slope


def _erf(h: Array) -> tuple[Array, Array, Array]:
    slope = 2 / math.sqrt(math.pi) * np.exp(-(h**2))
    return erf(h), slope, -2 * h * slope


DERIVATIVES: Final[dict[Activation, Derivatives]] = {"tanh": _tanh, "erf": _erf}
"""phi, phi' and phi''."""


@dataclass(frozen=True)
class World:
    """What neurons see: gram [B, P], k of all with training inputs; target [P]; constants."""

    gram: Array
    target: Array
    eta: float
    gamma: float
    steps: int
    derivatives: Derivatives


@dataclass(frozen=True)
class Neurons:
    """Neurons of equal weight: readout a [N], preactivation h [N, B]."""

    readout: Array
    preactivation: Array


@dataclass(frozen=True)
class Statistics:
    """Of a neuron's g at all steps and inputs, driven by given residuals.

    covariance [X, X] over neurons; response [X, X]: mean derivative of g(t, x) by the residual
    Delta(s, x'), zero unless s < t and x' is a training input.
    """

    covariance: Array
    response: Array


def world(setup: Setup) -> World:
    """The setup as neurons see it."""
    x_BD, y_P = dataset(setup)
    return World(
        gram=x_BD @ x_BD[: setup.samples].T,
        target=y_P,
        eta=setup.learning_rate,
        gamma=setup.gamma,
        steps=setup.steps,
        derivatives=DERIVATIVES[setup.activation],
    )


def initial(setup: Setup) -> Neurons:
    """The quadrature points of the initial law, 2^(LOG2_POINTS + 1) of them, mirror images next.

    The first 2^k are such a set themselves.
    """
    x_BD, _ = dataset(setup)
    triangle_RB = np.linalg.qr(x_BD.T, mode="r")
    axes = 1 + len(triangle_RB)
    shift = np.random.default_rng(SHIFT).random(axes)
    points = (qmc.Sobol(axes, scramble=False).random_base2(LOG2_POINTS) + shift) % 1
    normal = norm.ppf(points)
    a_N, h_NB = normal[:, 0], normal[:, 1:] @ triangle_RB
    return Neurons(np.outer(a_N, [1, -1]).ravel(), np.repeat(h_NB, 2, axis=0))


def contribution(world: World, neurons: Neurons) -> Array:
    """What each neuron adds to the mean that is the output, g [N, B]."""
    phi_NB, _, _ = world.derivatives(neurons.preactivation)
    return neurons.readout[:, None] * phi_NB / world.gamma


def advance(world: World, neurons: Neurons, residual_P: Array) -> Neurons:
    """The neurons after one step of gradient descent."""
    samples = len(residual_P)
    phi_NP, slope_NP, _ = world.derivatives(neurons.preactivation[:, :samples])
    pull_P = world.eta * world.gamma / samples * residual_P
    push_NP = neurons.readout[:, None] * slope_NP * pull_P
    return Neurons(
        neurons.readout + phi_NP @ pull_P, neurons.preactivation + push_NP @ world.gram.T
    )


def mean_residuals(world: World, neurons: Neurons) -> Array:
    """Delta [T, P] of the network that consists of all these neurons."""
    samples = len(world.target)
    residual_TP = np.empty((world.steps + 1, samples))
    for residual_P in residual_TP:
        residual_P[:] = world.target - contribution(world, neurons)[:, :samples].mean(axis=0)
        neurons = advance(world, neurons, residual_P)
    return residual_TP


def driven(world: World, neurons: Neurons, residual_TP: Array) -> Array:
    """Contributions g [N, T, B] of neurons driven by the given residuals."""
    g_TNB = []
    for residual_P in residual_TP:
        g_TNB.append(contribution(world, neurons))
        neurons = advance(world, neurons, residual_P)
    return np.stack(g_TNB, axis=1)


def statistics(world: World, neurons: Neurons, residual_TP: Array) -> Statistics:
    """Covariance and response of neurons that learn features, driven by the given residuals."""
    g_NTB = driven(world, neurons, residual_TP)
    response_TBTP = np.zeros((*g_NTB.shape[1:], *residual_TP.shape))
    responding = min(RESPONDING, len(g_NTB))
    for first in range(0, responding, BLOCK):
        block = slice(first, min(first + BLOCK, responding))
        some = Neurons(neurons.readout[block], neurons.preactivation[block])
        response_TBTP += _summed_response(world, some, residual_TP) / responding
    return Statistics(_covariance(g_NTB), _causal(response_TBTP))


def frozen_statistics(world: World, neurons: Neurons) -> Statistics:
    """The same for neurons linearised at their start, driven by their own mean's residuals.

    A neuron's output then moves by its initial tangent kernel, phi phi' + a^2 phi' phi' k.
    """
    samples = len(world.target)
    phi_NB, slope_NB, _ = world.derivatives(neurons.preactivation)
    moved_NB = neurons.readout[:, None] * slope_NB
    kernel_NPB = phi_NB[:, :samples, None] * phi_NB[:, None]
    kernel_NPB += moved_NB[:, :samples, None] * moved_NB[:, None] * world.gram.T
    mean_PB = kernel_NPB.mean(axis=0)
    way_TP = np.zeros((world.steps + 1, samples))
    for now_P, next_P in itertools.pairwise(way_TP):
        residual_P = world.target - now_P @ mean_PB[:, :samples]
        next_P[:] = now_P + world.eta / samples * residual_P
    g_NTB = contribution(world, neurons)[:, None] + way_TP @ kernel_NPB
    response_BP = world.eta / samples * mean_PB.T
    steps_TT = np.ones((world.steps + 1, world.steps + 1))
    return Statistics(_covariance(g_NTB), _causal(np.einsum("ts,bp->tbsp", steps_TT, response_BP)))


def _covariance(g_NTB: Array) -> Array:
    """Covariance over neurons, [X, X]."""
    g_NX = g_NTB.reshape(len(g_NTB), -1)
    g_NX = g_NX - g_NX.mean(axis=0)
    covariance_XX: Array = g_NX.T @ g_NX / len(g_NX)
    return covariance_XX


def _causal(response_TBTP: Array) -> Array:
    """The response from earlier steps alone, [X, X], with zeros for held-out inputs' residuals."""
    steps, inputs, _, samples = response_TBTP.shape
    whole_TBTB = np.zeros((steps, inputs, steps, inputs))
    earlier_TT = np.tri(steps, k=-1)
    whole_TBTB[..., :samples] = earlier_TT[:, None, :, None] * response_TBTP
    return whole_TBTB.reshape(steps * inputs, steps * inputs)


def _summed_response(world: World, neurons: Neurons, residual_TP: Array) -> Array:
    """Sum over neurons of dg(t, x) / dDelta(s, x'), [T, B, T, P]; meaningless unless s < t.

    Changes of a neuron are those of S = (a, sum of all c_p) and move on by the Jacobian of each
    step. With M_t their product up to step t, a kick at step s arrives as M_t M_(s+1)^-1 kick, so
    the derivative is a product of a factor of t and a factor of s.
    """
    (steps, samples), (count, inputs) = residual_TP.shape, neurons.preactivation.shape
    states = samples + 1
    gram_PP = world.gram[:samples]
    rate = world.eta * world.gamma / samples
    read_TBNS = np.empty((steps, inputs, count, states))
    kick_TPNS = np.empty((steps, samples, count, states))
    passed_NSS = np.tile(np.eye(states), (count, 1, 1))
    for t, residual_P in enumerate(residual_TP):
        phi_NB, slope_NB, bend_NB = world.derivatives(neurons.preactivation)
        moved_NB = neurons.readout[:, None] * slope_NB
        read_NBS = np.concatenate([phi_NB[..., None], moved_NB[..., None] * world.gram], axis=2)
        read_TBNS[t] = (read_NBS @ passed_NSS).swapaxes(0, 1) / world.gamma

        pull_NP = rate * residual_P * slope_NB[:, :samples]
        bent_NP = rate * residual_P * neurons.readout[:, None] * bend_NB[:, :samples]
        jacobian_NSS = np.tile(np.eye(states), (count, 1, 1))
        jacobian_NSS[:, 0, 1:] = pull_NP @ gram_PP
        jacobian_NSS[:, 1:, 0] = pull_NP
        jacobian_NSS[:, 1:, 1:] += bent_NP[..., None] * gram_PP
        passed_NSS = jacobian_NSS @ passed_NSS

        kick_NSP = np.zeros((count, states, samples))
        kick_NSP[:, 0] = rate * phi_NB[:, :samples]
        kick_NSP[:, np.arange(1, states), np.arange(samples)] = rate * moved_NB[:, :samples]
        kick_TPNS[t] = np.linalg.solve(passed_NSS, kick_NSP).transpose(2, 0, 1)
        neurons = advance(world, neurons, residual_P)
    product = read_TBNS.reshape(steps * inputs, -1) @ kick_TPNS.reshape(steps * samples, -1).T
    return product.reshape(steps, inputs, steps, samples)
