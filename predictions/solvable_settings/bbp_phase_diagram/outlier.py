"""Outlier of (W + W^T)/2 for W = N + theta u w^T, N with columns of unlike variances.

In d dimensions N has independent centred entries, of variance s_b / d in the columns of block b
(fractions c_b of all d); u is orthogonal to w in every block. For d -> infinity the resolvent of
the symmetric part of N is diagonal, with entries g_b that solve the block Dyson equation

    1 / g_a = z - sum_b c_b g_b (s_a + s_b) / 4.

With <f> = sum_b c_b f_b, e = 1 / (x - s), x > max s and m = <e> its solution is

    g = 2 e / sqrt(m),   z = x sqrt(m) - 1 / (2 sqrt(m)),

and z falls with x down to the bulk's edge, where dz/dx = 0. With A = sum_b g_b |u_b|^2 and
C = sum_b g_b |w_b|^2 there is an outlier at z if theta^2 A C = 4; the squared overlap of its
eigenvector with u is A / (-d ln(A C)/dz). Both depend on x alone: a contour of the overlap is
found without theta.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.theory.random_matrices import root_between

Array = NDArray[np.float64]

FAR = 1e6


@dataclass(frozen=True)
class Spike:
    """One matrix by block: fractions c, variances s, |u_b|^2 and |w_b|^2, each [block]."""

    weights: Array
    variances: Array
    left: Array
    right: Array

    def overlap(self, theta: float) -> float:
        """Squared overlap of the top eigenvector with u, |u| = 1; zero without an outlier."""
        edge = self.edge()
        if theta <= self.threshold(edge):
            return 0.0
        # Below `far` the threshold exceeds theta: g < 2 / sqrt(x - max s) there.
        size = self.left.sum() * self.right.sum()
        far = self.variances.max() + max(2 * theta**2 * size, edge)
        x = root_between(lambda x: theta - self.threshold(x), far, edge)
        return self.overlap_at(x)

    def contour(self, level: float) -> float:
        """The theta at which the overlap is `level`; infinite if it is smaller for every theta."""
        edge, far = self.edge(), FAR * float(self.variances.max())
        if self.overlap_at(far) <= level:
            return float("inf")
        return self.threshold(root_between(lambda x: self.overlap_at(x) - level, edge, far))

    def edge(self) -> float:
        """The x of the bulk's right edge, where dz/dx = 0."""
        largest = float(self.variances.max())
        share = float(self.weights[self.variances == largest].sum())
        return root_between(lambda x: self._slopes(x)[0], largest * (1 + share / 2), 3 * largest)

    def threshold(self, x: float) -> float:
        """The theta whose outlier lies at x."""
        a, c = self._forms(x)
        return float(2 / np.sqrt(a * c))

    def overlap_at(self, x: float) -> float:
        """Squared overlap of the eigenvector whose eigenvalue lies at x."""
        z_slope, log_slope = self._slopes(x)
        return float(-self._forms(x)[0] * z_slope / log_slope)

    def _forms(self, x: float) -> tuple[float, float]:
        e = 1 / (x - self.variances)
        g = 2 * e / np.sqrt(self.weights @ e)
        return float(g @ self.left), float(g @ self.right)

    def _slopes(self, x: float) -> tuple[float, float]:
        """Slopes dz/dx and d ln(A C)/dx."""
        e = 1 / (x - self.variances)
        m, m_slope = self.weights @ e, -(self.weights @ e**2)
        z_slope = np.sqrt(m) + m_slope * (2 * x * m + 1) / (4 * m * np.sqrt(m))
        logs = (-(e**2 @ part) / (e @ part) for part in (self.left, self.right))
        return float(z_slope), float(sum(logs) - m_slope / m)
