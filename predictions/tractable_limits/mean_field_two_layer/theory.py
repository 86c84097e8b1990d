"""The mean-field dynamics of quadratic neurons, its first fluctuations in 1/N, and rivals.

With M = (1/N) sum_i w_i w_i^T and D = M - M* the risk E (f - y)^2 is 2 |D|^2 + (tr D)^2, and a
step of gradient descent multiplies every neuron by A = I - 2 eta (2 D + tr(D) I). The mean-field
equation of the distribution of neurons therefore closes on its second moment,

    M <- A M A,   M_0 = s^2 I for N = infinity.

Networks of N neurons obey it as well, from an M_0 that is a Wishart matrix: s^2 I plus noise that
is isotropic in the space of symmetric matrices, of variance 2 s^4 / N along each unit direction
B_k. To leading order in 1/N, with derivatives of the risk R along the B_k,

    E R_N = R + (s^4 / N) sum_k d^2 R / dB_k^2,   var R_N = (2 s^4 / N) sum_k (dR / dB_k)^2.

The closure and the sums are derived here.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.api import OutOfScope

from .world import Setup

Array = NDArray[np.float64]
Forecast = dict[str, Array | float]

LARGEST_BIAS = 0.1
"""Share of the risk beyond which a term of order 1/N is no small part, and its square no error."""


class Expansion(NamedTuple):
    """R at N = infinity; N (E R_N - R) and N var R_N to leading order; all [step]."""

    risk: Array
    bias: Array
    variance: Array


def mean_field(setup: Setup) -> Forecast:
    """Mean and spread of the risk to leading order in 1/N (Rotskoff & Vanden-Eijnden 2022).

    Raises OutOfScope where the term in 1/N is no small part of the risk.
    """
    found = expansion(setup)
    bias = found.bias / setup.width
    share = float(np.abs(bias).sum() / found.risk.sum())
    if share > LARGEST_BIAS:
        raise OutOfScope(f"the term of order 1/N is no small part of the risk: {share:.2g}")
    return {
        "exact_risk": found.risk + bias,
        "online_risk": found.risk + bias,
        "halving": bias,
        "spread": np.sqrt(found.variance / setup.width),
        "bias_exponent": -1.0,
        "spread_exponent": -0.5,
    }


def infinite_width(setup: Setup) -> Forecast:
    """The limit N = infinity taken for every network that descends the population risk."""
    return {"exact_risk": trajectory(setup, initial_moment(setup))}


def linearised(setup: Setup) -> Forecast:
    """Lazy training: the tangent kernel of the start, with N = infinity.

    To first order in the change of the weights, D <- D - 4 eta s^2 (2 D + tr(D) I).
    """
    d_DD = initial_moment(setup) - target(setup)
    risks = [risk_of(d_DD)]
    for _ in range(setup.steps):
        d_DD = d_DD - 4 * setup.learning_rate * setup.init_variance * _field(d_DD)
        risks.append(risk_of(d_DD))
    risk = np.array(risks)
    return {"exact_risk": risk, "online_risk": risk}


def without_trace(setup: Setup) -> Forecast:
    """A wrong recursion, A = I - 4 eta D: one pairing of the inputs' fourth moment is left out."""
    m_DD = initial_moment(setup)
    risks = [risk_of(m_DD - target(setup))]
    for _ in range(setup.steps):
        a_DD = np.eye(setup.dim) - 4 * setup.learning_rate * (m_DD - target(setup))
        m_DD = a_DD @ m_DD @ a_DD
        risks.append(risk_of(m_DD - target(setup)))
    risk = np.array(risks)
    return {"exact_risk": risk, "online_risk": risk}


def trajectory(setup: Setup, m_DD: Array) -> Array:
    """Risk [step, ...] from initial second moments M_0 [..., D, D], whatever the width."""
    risks = [risk_of(m_DD - target(setup))]
    for _ in range(setup.steps):
        a_DD = np.eye(setup.dim) - 2 * setup.learning_rate * _field(m_DD - target(setup))
        m_DD = a_DD @ m_DD @ a_DD
        risks.append(risk_of(m_DD - target(setup)))
    return np.array(risks)


def expansion(setup: Setup) -> Expansion:
    """Risk, bias and variance along training: the recursion and its first two derivatives."""
    m_DD = initial_moment(setup)
    first_KDD = symmetric_basis(setup.dim)
    second_KDD = np.zeros_like(first_KDD)
    rows = []
    for _ in range(setup.steps + 1):
        d_DD = m_DD - target(setup)
        slope_K = 2 * _product(d_DD, first_KDD)
        curvature_K = 2 * (_product(first_KDD, first_KDD) + _product(d_DD, second_KDD))
        rows.append((risk_of(d_DD), curvature_K.sum(), 2 * (slope_K**2).sum()))
        a_DD = np.eye(setup.dim) - 2 * setup.learning_rate * _field(d_DD)
        da_KDD = -2 * setup.learning_rate * _field(first_KDD)
        dda_KDD = -2 * setup.learning_rate * _field(second_KDD)
        second_KDD = a_DD @ second_KDD @ a_DD + _symmetrised(
            2 * da_KDD @ first_KDD @ a_DD + dda_KDD @ m_DD @ a_DD + da_KDD @ m_DD @ da_KDD
        )
        first_KDD = a_DD @ first_KDD @ a_DD + _symmetrised(da_KDD @ m_DD @ a_DD)
        m_DD = a_DD @ m_DD @ a_DD
    risk, laplacian, squares = np.array(rows).T
    return Expansion(risk, setup.init_variance**2 * laplacian, setup.init_variance**2 * squares)


def symmetric_basis(dim: int) -> Array:
    """An orthonormal basis of the symmetric matrices, [dim (dim + 1) / 2, dim, dim]."""
    rows, columns = np.triu_indices(dim)
    basis = np.zeros((len(rows), dim, dim))
    index = np.arange(len(rows))
    weight = np.where(rows == columns, 1.0, np.sqrt(0.5))
    basis[index, rows, columns] = basis[index, columns, rows] = weight
    return basis


def initial_moment(setup: Setup) -> Array:
    """M_0 at N = infinity, [D, D]."""
    return setup.init_variance * np.eye(setup.dim)


def target(setup: Setup) -> Array:
    """M*, [D, D]."""
    return np.diag(np.pad(setup.teacher, (0, setup.dim - len(setup.teacher))))


def risk_of(d_DD: Array) -> Array:
    """E (x^T d x)^2 of symmetric d [..., D, D]."""
    return _product(d_DD, d_DD)


def _product(a_DD: Array, b_DD: Array) -> Array:
    """E (x^T a x)(x^T b x) = 2 <a, b> + tr a tr b of symmetric [..., D, D]."""
    traces = np.trace(a_DD, axis1=-2, axis2=-1) * np.trace(b_DD, axis1=-2, axis2=-1)
    return np.asarray(2 * (a_DD * b_DD).sum(axis=(-2, -1)) + traces)


def _field(d_DD: Array) -> Array:
    """E (x^T d x) x x^T = 2 d + tr(d) I of symmetric [..., D, D]."""
    trace = np.trace(d_DD, axis1=-2, axis2=-1)[..., None, None]
    return np.asarray(2 * d_DD + trace * np.eye(d_DD.shape[-1]))


def _symmetrised(a_DD: Array) -> Array:
    """Sum of a and its transpose."""
    return np.asarray(a_DD + a_DD.swapaxes(-2, -1))
