"""The representation that label noise selects, whatever the network it started from.

For f = W_2 W_1 x with inputs of covariance Sigma and label noise of covariance Sigma_xi, a step of
SGD changes Q = W_1 W_1^T - W_2^T W_2 by eta^2 (G_1 G_1^T - G_2^T G_2), exactly. At a minimum the
residual is the label noise, and the mean change vanishes if

    tr(Sigma) W_2^T Sigma_xi W_2 = tr(Sigma_xi) W_1 Sigma W_1^T,

the balance of gradients of Ziyin, Xu & Chuang (2025), from which Ziyin & Chuang (2025) prove that
deep linear networks represent alike. The closed form that follows is derived here. The matrices
P = Sigma_xi^(1/2) W_2 and L = W_1 Sigma^(1/2) have the product Z = Sigma_xi^(1/2) M Sigma^(1/2)
and P^T P proportional to L L^T: with Z = U S V^T they are P = c U S^(1/2) R^T and
L = R S^(1/2) V^T / c for a free rotation R, and c^4 = tr Sigma_xi / tr Sigma. So

    L^T L = sqrt(tr Sigma / tr Sigma_xi) (Z^T Z)^(1/2):

the hidden layer's Gram matrix does not know the width or the start. Nor does its direction know the
view: for x = A z the form on z is A^T W_1^T W_1 A, which is sqrt(tr A A^T / tr Sigma_xi) times
(M^T Sigma_xi M)^(1/2) with M that of z ~ N(0, I), as A = (A A^T)^(1/2) O for some rotation O.
Corrections are of order eta Sigma_xi and eta times the curvature.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

from .world import PairSetup

Array: TypeAlias = NDArray[np.float64]
Draw: TypeAlias = Mapping[str, Array]
Forecast: TypeAlias = dict[str, Array | float]

FLOW_TIME = 200.0
"""Gradient flow is followed for this long, in eta * steps."""


def balanced_gradients(setup: PairSetup) -> Forecast:
    """The one representation in which both layers' gradients are equally large on average."""
    return _universal(setup, np.array(setup.label_noise))


def isotropic_noise(setup: PairSetup) -> Forecast:
    """`balanced_gradients` with noise of equal power in all outputs (wrong)."""
    return _universal(setup, np.full_like(setup.label_noise, 1.0))


def balanced_weights(setup: PairSetup, draw: Draw) -> Forecast:
    """W_1 W_1^T = W_2^T W_2, as gradient flow from small weights and weak weight decay give.

    Then W_1^T W_1 = (N^T N)^(1/2) for the map N = M A^-1 from inputs to outputs.
    """
    return _forecast(
        [
            view.T @ _root(_gram(setup.teacher() @ np.linalg.inv(view))) @ view
            for view in _views(draw)
        ]
    )


def conserved(setup: PairSetup, draw: Draw) -> Forecast:
    """Gradient flow from the seed's initial weights, which keeps Q."""
    ends = [
        _flow(setup.teacher(), view_DD, draw[f"first_{n}"], draw[f"second_{n}"])[0] @ view_DD
        for n, view_DD in enumerate(_views(draw))
    ]
    return _forecast([_gram(hidden_HD) for hidden_HD in ends])


def _flow(
    teacher_CD: Array, view_DD: Array, first_HD: Array, second_CH: Array
) -> tuple[Array, Array]:
    """Weights at the end of gradient flow on |W_2 W_1 A - M|^2 / 2."""
    cut = first_HD.size

    def layers(state: Array) -> tuple[Array, Array]:
        return state[:cut].reshape(first_HD.shape), state[cut:].reshape(second_CH.shape)

    def velocity(_: float, state: Array) -> Array:
        w_HD, a_CH = layers(state)
        hidden_HD = w_HD @ view_DD
        error_CD = teacher_CD - a_CH @ hidden_HD
        rises = a_CH.T @ error_CD @ view_DD.T, error_CD @ hidden_HD.T
        return np.concatenate([rise.ravel() for rise in rises])

    start = np.concatenate([first_HD.ravel(), second_CH.ravel()])
    path = solve_ivp(velocity, (0, FLOW_TIME), start, "LSODA", rtol=1e-5, atol=1e-6)
    return layers(path.y[:, -1])


def _universal(setup: PairSetup, noise_C: Array) -> Forecast:
    root_DD = _root(_gram(noise_C[:, None] * setup.teacher()) / (noise_C**2).sum())
    values_D = setup.view_condition ** np.linspace(-0.5, 0.5, setup.dim)
    return _forecast([np.sqrt(power) * root_DD for power in (setup.dim, (values_D**2).sum())])


def _views(draw: Draw) -> tuple[Array, Array]:
    """What each network sees of the latent space in the basis of M's right singular vectors."""
    return draw["basis"], draw["view"] @ draw["basis"]


def _forecast(grams: list[Array]) -> Forecast:
    first_DD, second_DD = grams
    size = np.linalg.norm(first_DD) * np.linalg.norm(second_DD)
    return {"gram": np.stack(grams), "alignment": float(np.vdot(first_DD, second_DD) / size)}


def _gram(matrix_AB: Array) -> Array:
    gram_BB: Array = matrix_AB.T @ matrix_AB
    return gram_BB


def _root(positive_DD: Array) -> Array:
    """Square root of a positive semidefinite matrix."""
    values_D, vectors_DD = np.linalg.eigh(positive_DD)
    root_DD: Array = (vectors_DD * np.sqrt(np.maximum(values_D, 0))) @ vectors_DD.T
    return root_DD
