"""Eigenvalues of a sample covariance matrix, and gradient descent on each of its directions."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

NODES = 401


@dataclass(frozen=True)
class Spectrum:
    """Quadrature for the non-zero eigenvalues of X^T X/n, X [n, d] with entries N(0, 1).

    `values` [node], `weights` [node]. `trace(f)` is E tr f up to relative O(1/d^2): the number of
    eigenvalues times the Marchenko-Pastur law, plus the first correction for real matrices,
    [delta(x - a) + delta(x - b)]/4 - 1/(2 pi sqrt((x - a)(b - x))) between the edges a and b
    (Bai & Silverstein 2004, Ann. Probab. 32, 553, eq. 5.13).
    """

    values: Array
    weights: Array

    def trace(self, f_K: Array) -> float:
        """Sum over the eigenvalues of a function given at the nodes."""
        return float(self.weights @ f_K)


def spectrum(samples: int, dim: int) -> Spectrum:
    """Spectrum for n samples in d dimensions.

    The eigenvalues are N/n times those of a k x k Wishart matrix with N degrees of freedom over N,
    k = min(n, d), N = max(n, d); nodes 1 + c + 2 sqrt(c) cos(theta), c = k/N, equidistant in theta,
    where both densities are smooth.
    """
    rank, freedom = min(samples, dim), max(samples, dim)
    ratio = rank / freedom
    theta_K = np.linspace(0, np.pi, NODES)
    step_K = np.full(NODES, np.pi / (NODES - 1))
    step_K[[0, -1]] /= 2
    x_K = 1 + ratio + 2 * math.sqrt(ratio) * np.cos(theta_K)
    at_zero = np.isclose(x_K, 0.0)
    # sin^2 / x tends to 1 where the lower edge touches zero (ratio 1, theta = pi).
    density_K = np.divide(np.sin(theta_K) ** 2, x_K, out=np.ones(NODES), where=~at_zero)
    weight_K = rank * 2 / np.pi * density_K * step_K - step_K / (2 * np.pi)
    weight_K[[0, -1]] += 0.25
    return Spectrum(values=np.where(at_zero, 0.0, x_K) * freedom / samples, weights=weight_K)


def learned_filter(
    spec: Spectrum, dim: int, samples: int, snr: float, *, start: float, step: float, steps: int
) -> Array:
    """phi(s) [K] with w_i = phi(s_i) (X^T y/n)_i after `steps` steps on a two-layer linear network.

    From small weights the layers stay balanced and of rank one, W = u p^T and a = q u with |u| = 1,
    and w = q p: then p_i = psi(s_i) t_i with t = X^T y/n, and gradient descent is

        psi <- psi - step q r,   q <- q - step sum_i t_i^2 psi r,   r = s q psi - 1,

    where the sum over directions self-averages: E t_i^2 = s^2/d + s/(n snr). `start` is q = |p| at
    the beginning, when p has the direction of t.
    """
    s_K = spec.values
    power_K = spec.weights * (s_K**2 / dim + s_K / (samples * snr))
    q = start
    psi_K = np.full_like(s_K, start / math.sqrt(power_K.sum()))
    for _ in range(steps):
        residual_K = q * s_K * psi_K - 1
        q, psi_K = q - step * float((power_K * psi_K) @ residual_K), psi_K - step * q * residual_K
    return q * psi_K
