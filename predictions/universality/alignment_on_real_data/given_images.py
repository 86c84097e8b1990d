"""Two least-squares fits that share inputs and labels but not the labels' noise: how they agree."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

NODES = 400
SPAN = 32.0
SMALLEST = 1e-6
"""Singular values below this fraction of the largest are repeated images, not directions."""


def agreement(
    x_ND: Array, label_N: Array, deviation_D: Array, noise_variance: float
) -> tuple[float, float]:
    """E cos and E cos^2 of the angle between two fits, in coordinates scaled by `deviation_D`.

    A fit is a = m + e with m = D X^+ y, e normal of covariance D X^+ X^+T D times the noise's
    variance, D the scale. Two fits are independent given the images, hence
    E cos = |E a/|a||^2 and E cos^2 = |E a a^T/|a|^2|^2 (Frobenius). With 1/|a|^2 the integral of
    exp(-s |a|^2) over s > 0, and 1/|a| that of exp(-s |a|^2) / sqrt(pi s), the two means are
    integrals of Gaussian ones: in the eigenbasis of e's covariance (eigenvalues c_i)

        E exp(-s |a|^2) = f(s) = prod_i (1 + 2 s c_i)^(-1/2) exp(-s m_i^2 / (1 + 2 s c_i)),
        E a_i exp(..) = f u_i,  E a_i a_j exp(..) = f (u_i u_j + [i = j] c_i / (1 + 2 s c_i)),

    u_i = m_i / (1 + 2 s c_i).
    """
    left_NK, singular_K, right_KD = np.linalg.svd(x_ND, full_matrices=False)
    kept = singular_K > SMALLEST * singular_K[0]
    fit_DK = deviation_D[:, None] * right_KD[kept].T / singular_K[kept]
    basis_DK, root_K, _ = np.linalg.svd(fit_DK, full_matrices=False)
    mean_K = basis_DK.T @ (fit_DK @ (left_NK[:, kept].T @ label_N))
    variance_K = noise_variance * root_K**2

    log_s = np.linspace(-SPAN, SPAN, NODES)
    s = np.exp(log_s) / (mean_K @ mean_K + variance_K.sum())
    shrink_SK = 1 / (1 + 2 * s[:, None] * variance_K)
    u_SK = mean_K * shrink_SK
    exponent_S = 0.5 * np.log(shrink_SK).sum(axis=1) - s * (u_SK @ mean_K)
    weight_S = np.exp(exponent_S) * s * (log_s[1] - log_s[0])
    direction_K = (weight_S / np.sqrt(np.pi * s)) @ u_SK
    square_KK = (u_SK.T * weight_S) @ u_SK + np.diag(weight_S @ (variance_K * shrink_SK))
    return float(direction_K @ direction_K), float((square_KK**2).sum())
