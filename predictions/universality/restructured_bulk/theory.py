"""Forecasts of the hidden matrix's singular values when the outputs are as many as the neurons.

The derivation is our own; no more than the abstract of Lauditi, Pehlevan & Bordelon 2026 was used,
and their toy model of many outputs may be another one.

*What is learnt.* While A and W stay as they are, the gradient of half the squared distance between
f - f_0 = A (M - M_0) W and Y is A^T (A (M - M_0) W - Y) W^T. In the singular bases of A and W,
with the squared singular values a of A and b of W, each entry of M - M_0 obeys an equation of its
own, and after t steps of size eta it is

    (M_t - M_0)_ab = Y_ab (1 - (1 - eta a b)^t) / sqrt(a b).

The singular bases of M_0 and Y are nobody's in particular: in those of A and W both still have
independent Gaussian entries, of variance 1/N and y^2/N. So M_t is in these bases a matrix of
independent entries of the variance S(a, b)/N,

    S = 1 + y^2 (1 - (1 - eta a b)^t)^2 / (a b),

a (b) drawn from the Marchenko-Pastur law of A^T A (W W^T), zeros included, for which S = 1. After
one step, whichever layers move, this is the free sum of a Ginibre matrix and eta A^T Y W^T, a
product of three Gaussian matrices. With the outer layers moving, nothing is said of later steps.

*Its singular values* come from the Dyson equation of the matrix with the blocks M and M^T: with
g_a, h_b the diagonal of its resolvent at z,

    1/g_a = z - <S_ab h_b>_b,    1/h_b = z - <S_ab g_a>_a,

and their density on s > 0 is -2 Im <g>/pi just above the real axis (Girko 1990; Ajanki, Erdos &
Kruger 2017). No singular value stands out: none of the many directions that are learnt is special.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from harness.api import OutOfScope
from harness.theory.random_matrices import Array, Law, marchenko_pastur
from harness.theory.wigner import dyson_edge, spiked_wigner

from .world import GROUPS, Setup

Forecast = dict[str, Array]

NODES: Final = 24
"""Points of each Marchenko-Pastur law."""

POINTS: Final = 400
"""Singular values at which the density is computed, closer to each other at the edge."""

ITERATIONS: Final = 400
ABOVE_AXIS: Final = 1e-5


@dataclass(frozen=True)
class Profile:
    """Variances [a, b] of independent entries, times N, with the weights of rows and columns."""

    variance: Array
    rows: Array
    columns: Array

    @property
    def power(self) -> float:
        """Mean square of the singular values."""
        return float(self.rows @ self.variance @ self.columns)

    def edge(self) -> float:
        """Largest singular value."""
        rows, columns = len(self.rows), len(self.columns)
        both = np.zeros((rows + columns, rows + columns))
        both[:rows, rows:] = 2 * self.variance
        return dyson_edge(np.concatenate([self.rows, self.columns]) / 2, both + both.T)


def variance_profile(setup: Setup) -> Forecast:
    """From the Dyson equation of the variances that training has made, at infinite width.

    Raises OutOfScope where a step is so large that descent diverges.
    """
    laws = [_law(*_numbers(setup), steps) for steps in setup.steps]
    means, edges = zip(*laws, strict=True)
    return {"group_mean": np.array(means), "edge": np.array(edges)}


def rescaled_bulk(setup: Setup) -> Forecast:
    """A bulk that keeps its shape, the quarter circle, and has the same mean square."""
    scale_S = np.array([np.sqrt(profile(*_numbers(setup), t).power) for t in setup.steps])
    return {"group_mean": np.outer(scale_S, quarter_circle()), "edge": 2 * scale_S}


def outliers_only(setup: Setup) -> Forecast:
    """The initial bulk, and what training added standing out of it as a spike would."""
    spikes = [_learnt(profile(*_numbers(setup), steps)).edge() for steps in setup.steps]
    return {
        "group_mean": np.tile(quarter_circle(), (len(setup.steps), 1)),
        "edge": np.array([spiked_wigner(spike, 1.0).value for spike in spikes]),
    }


def profile(c: float, d: float, std: float, rate: float, steps: int) -> Profile:
    """S at the points of the two laws; c and d are the ratios of outputs and inputs to neurons."""
    rows, columns = _squared_singular_values(c), _squared_singular_values(d)
    ab = np.outer(rows.points, columns.points)
    if rate * ab.max() > 2:
        raise OutOfScope(f"descent diverges at the step size {rate:g}")
    learnt = std * (1 - (1 - rate * ab) ** steps)
    added = np.divide(learnt**2, ab, out=np.zeros_like(ab), where=ab > 0)
    return Profile(1 + added, rows.weights, columns.weights)


def group_means(law: Profile, edge: float) -> Array:
    """Means [rank] of the groups of singular values."""
    angle = (np.arange(POINTS) + 0.5) * np.pi / (2 * POINTS)
    s = edge * np.sin(angle)
    mass = density(law, s) * edge * np.cos(angle) * np.pi / (2 * POINTS)
    below = np.append(0, np.cumsum(mass))
    first_moment = np.append(0, np.cumsum(mass * s))
    levels = np.linspace(0, below[-1], GROUPS + 1)
    means = np.diff(np.interp(levels, below, first_moment)) * GROUPS / below[-1]
    return np.asarray(means, dtype=float)


def density(law: Profile, s: Array) -> Array:
    """Density at singular values s [point], by iteration of the Dyson equation with damping.

    At z = 0 the equation leaves the ratio of g to h open, so that its iteration would hardly
    converge close to there; that both blocks of a square matrix have one trace fixes the ratio.
    """
    z = s[:, None] + 1j * ABOVE_AXIS
    g = np.full((len(s), len(law.rows)), -1j)
    h = np.full((len(s), len(law.columns)), -1j)
    to_rows = law.columns[:, None] * law.variance.T
    to_columns = law.rows[:, None] * law.variance
    for _ in range(ITERATIONS):
        g = (g + 1 / (z - h @ to_rows)) / 2
        h = (h + 1 / (z - g @ to_columns)) / 2
        ratio = np.sqrt((h @ law.columns) / (g @ law.rows))[:, None]
        g, h = g * ratio, h / ratio
    return np.asarray(-2 / np.pi * (g @ law.rows).imag)


@lru_cache(maxsize=1)
def quarter_circle() -> Array:
    """Means [rank] of the groups for a matrix of independent entries of variance 1/N."""
    one = np.ones(1)
    return group_means(Profile(np.ones((1, 1)), one, one), 2.0)


@lru_cache(maxsize=256)
def _law(c: float, d: float, std: float, rate: float, steps: int) -> tuple[Array, float]:
    law = profile(c, d, std, rate, steps)
    edge = law.edge()
    return group_means(law, edge), edge


def _numbers(setup: Setup) -> tuple[float, float, float, float]:
    c, d = setup.outputs / setup.width, setup.inputs / setup.width
    return c, d, setup.teacher_std, setup.learning_rate


def _squared_singular_values(ratio: float) -> Law:
    """Spectrum of A^T A for A [ratio N, N] with entries of variance 1/N."""
    law = marchenko_pastur(1 / ratio, NODES)
    return Law(ratio * law.points, law.weights)


def _learnt(law: Profile) -> Profile:
    return Profile(law.variance - 1, law.rows, law.columns)
