"""The finite-size slope: the power of a setup key with which a theory's error shrinks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import stdtrit

from harness.judge import LEVEL
from harness.judge.mean import Array, mean_bounds
from harness.sweeps.deviation import Deviation

FEWEST_POINTS: Final = 3
"""Points whose deviation must exceed the noise of the seeds before a power is fitted."""

STEEPEST: Final = 8.0
"""Powers are sought between minus and plus this."""

_ROUNDS: Final = 5  # reweightings; the weights change little after two or three
_ZOOMS: Final = 5  # to a step of about 1e-6


@dataclass(frozen=True)
class Power:
    """A fitted power law: deviation = amplitude * size^slope, in tolerances.

    `interval` of the slope has `LEVEL` on either side. `scatter` is the relative scatter of the
    points about the law beyond the noise of the seeds.
    """

    slope: float
    interval: tuple[float, float]
    amplitude: float
    scatter: float


@dataclass(frozen=True)
class Fit:
    """How many points have a deviation, how many one beyond noise, and the power if one fits.

    `reason` says why there is none.
    """

    points: int
    resolved: int
    power: Power | None = None
    reason: str = ""


def fit_power(sizes: Sequence[float], deviations: Sequence[Deviation]) -> Fit:
    """Fit deviation = amplitude * size^slope to the points of a sweep, each by its precision.

    Deviations are fitted as they are, not their logarithms, so that points within the noise count
    for what they are worth: leaving them out, or taking the logarithm of their size, would flatten
    the slope. All deviations must be of one kind; their seeds are paired in order (seed i has the
    same key at every point). docs/statistics.md derives it.
    """
    bounds = [mean_bounds(one.by_seed)(LEVEL) for one in deviations]
    signs = [1 if low > 0 else -1 if high < 0 else 0 for _, low, high in bounds]
    resolved = sum(map(abs, signs))
    count = len(deviations)
    if count < FEWEST_POINTS:
        return Fit(count, resolved, reason=f"a slope needs {FEWEST_POINTS} points with a deviation")
    if resolved < FEWEST_POINTS:
        what = f"beyond the seeds' noise at {resolved} of {count} points"
        return Fit(count, resolved, reason=f"the error is {what}, a slope needs {FEWEST_POINTS}")
    if {1, -1} <= set(signs):
        return Fit(count, resolved, reason="the deviation changes its sign: no power fits")
    return Fit(count, resolved, _power(_Points.of(sizes, deviations), sign=max(signs) or -1))


@dataclass(frozen=True)
class _Points:
    """Shapes [P]: log sizes about their mean, mean deviations (to the `order`) and variances."""

    log_size: Array
    origin: float
    mean: Array
    variance: Array
    by_seed: tuple[Array, ...]
    order: int

    @classmethod
    def of(cls, sizes: Sequence[float], deviations: Sequence[Deviation]) -> _Points:
        log_size = np.log(np.asarray(sizes, dtype=np.float64))
        by_seed = tuple(one.by_seed for one in deviations)
        return cls(
            log_size=log_size - log_size.mean(),
            origin=float(log_size.mean()),
            mean=np.array([x.mean() for x in by_seed]),
            variance=np.array([x.var(ddof=1) / len(x) for x in by_seed]),
            by_seed=by_seed,
            order=deviations[0].power,
        )

    def influence(self) -> Array:
        """Each seed's part in the error of each mean; shape [N, P].

        Columns multiply to the covariance of the means. A point with fewer seeds than others has
        zeros for those that it lacks.
        """
        seeds = max(len(x) for x in self.by_seed)
        influence_NP = np.zeros((seeds, len(self.by_seed)))
        for p, x in enumerate(self.by_seed):
            influence_NP[: len(x), p] = (x - x.mean()) / np.sqrt(len(x) * (len(x) - 1))
        return influence_NP

    def laws(self, slopes: Array) -> Array:
        """Power laws with height one at the mean log size; shape [S, P]."""
        return np.asarray(np.exp(self.order * np.multiply.outer(slopes, self.log_size)))


@dataclass(frozen=True)
class _Law:
    """Fitted values [P], the weights [P] that they were fitted with, and what they are made of."""

    slope: float
    height: float
    fitted: Array
    weight: Array
    chi2: float


def _power(points: _Points, sign: int) -> Power:
    """The weighted fit, with as much scatter about the law as the points show."""
    scatter, law = 0.0, _fit(points, 0.0)
    for _ in range(_ROUNDS):
        scatter = _scatter(points, law)
        law = _fit(points, scatter)
    size = (law.height * sign) ** (1 / points.order) if law.height * sign > 0 else 0.0
    return Power(
        slope=law.slope,
        interval=_interval(points, law, scatter),
        amplitude=sign * size * float(np.exp(-law.slope * points.origin)),
        scatter=scatter,
    )


def _scatter(points: _Points, law: _Law) -> float:
    """Relative scatter by the method of moments: what the seeds do not explain of the misfit.

    The misfit that they do explain follows from their covariance over the points, which share them:
    noise that moves all points alike is no excuse for a law that bends.
    """
    jacobian_P2 = _jacobian(points, law)
    left_PP = np.eye(len(law.weight)) - jacobian_P2 @ _pull(jacobian_P2, law)
    influence_NP = points.influence()
    seeds = (law.weight * ((influence_NP @ left_PP.T) ** 2).sum(axis=0)).sum()
    unit = (law.weight * (left_PP**2 @ (points.order * law.fitted) ** 2)).sum()
    return float(np.sqrt(max(law.chi2 - seeds, 0.0) / unit)) if unit > 0 else 0.0


def _fit(points: _Points, scatter: float) -> _Law:
    """Least squares with variance (seeds) + (scatter of the law), reweighted by the fitted law."""
    fitted = points.mean
    for _ in range(_ROUNDS if scatter > 0 else 1):
        variance = points.variance + (points.order * scatter * fitted) ** 2
        weight = 1 / np.maximum(variance, 1e-12 * points.mean**2 + 1e-300)
        slope = _lowest(points, weight)
        height, chi2 = _heights(points, weight, np.array([slope]))
        fitted = height * points.laws(np.array([slope]))[0]
    return _Law(slope, float(height[0]), fitted, weight, float(chi2[0]))


def _lowest(points: _Points, weight: Array) -> float:
    """The slope of least cost: the best of a grid, refined by finer and finer grids."""
    middle, reach = 0.0, STEEPEST
    for _ in range(_ZOOMS):
        slopes = np.linspace(middle - reach, middle + reach, 65)
        _, chi2 = _heights(points, weight, slopes)
        middle = float(slopes[np.argmin(chi2)])
        reach = 1.5 * float(slopes[1] - slopes[0])
    return middle


def _heights(points: _Points, weight: Array, slopes: Array) -> tuple[Array, Array]:
    """The best height of the law at each of S slopes, and the cost there; shapes [S]."""
    law_SP = points.laws(slopes)
    height_S = law_SP @ (weight * points.mean) / (law_SP**2 @ weight)
    misfit_SP = points.mean - height_S[:, np.newaxis] * law_SP
    return height_S, misfit_SP**2 @ weight


def _jacobian(points: _Points, law: _Law) -> Array:
    """How the fitted values move with the slope and with the logarithm of the height; [P, 2]."""
    return np.stack([points.order * law.fitted * points.log_size, law.fitted], axis=1)


def _pull(jacobian_P2: Array, law: _Law) -> Array:
    """How slope and log height move with each point's mean; shape [2, P]."""
    normal_22 = jacobian_P2.T @ (law.weight[:, np.newaxis] * jacobian_P2)
    return np.asarray(np.linalg.solve(normal_22, jacobian_P2.T) * law.weight)


def _interval(points: _Points, law: _Law, scatter: float) -> tuple[float, float]:
    """Ends of the slope: the noise of the seeds and the scatter about the law, in quadrature.

    Of the seeds the slope makes one value each (they are paired over the points), whose mean has
    the bounds of any mean.
    """
    pull_P = _pull(_jacobian(points, law), law)[0]
    influence_NP = points.influence()
    moved_N = influence_NP @ pull_P * np.sqrt(len(influence_NP) * (len(influence_NP) - 1))
    _, low, high = mean_bounds(moved_N)(LEVEL)
    beyond = 0.0
    if scatter > 0:
        error = np.sqrt(((pull_P * points.order * scatter * law.fitted) ** 2).sum())
        beyond = float(-stdtrit(len(pull_P) - 2, LEVEL) * error)
    return (
        law.slope - float(np.hypot(low, beyond)),
        law.slope + float(np.hypot(high, beyond)),
    )
