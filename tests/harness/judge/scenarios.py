"""Synthetic experiments whose true discrepancy lies exactly at the tolerance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.special import ndtr, stdtrit

from harness.judge import LEVEL, Criterion
from harness.judge.case import Case, Estimate, Levels
from harness.judge.comparisons import COMPARISONS
from harness.judge.curve import largest
from harness.judge.distribution import ks, wasserstein
from harness.judge.pseudo import per_seed

Array = NDArray[np.float64]
Draw = Callable[..., Array]  # shape, seeds first -> noise of zero mean and unit variance
BOTH = Levels(LEVEL, LEVEL)
LENGTH = 12  # points of a curve


def _lognormal(sigma: float) -> Callable[[Array], Array]:
    """From a standard normal to a log-normal of zero mean and unit variance."""
    mean, growth = np.exp(sigma**2 / 2), np.exp(sigma**2)
    scale = np.sqrt((growth - 1) * growth)
    return lambda z: (np.exp(sigma * z) - mean) / scale


NOISES: dict[str, Callable[[Array], Array]] = {
    "normal": lambda z: z,
    "log-normal +0.5": _lognormal(0.5),
    "log-normal -0.5": lambda z: -_lognormal(0.5)(z),
    "log-normal +1": _lognormal(1.0),
    "log-normal -1": lambda z: -_lognormal(1.0)(z),
}
"""Noises for which the level is declared."""

BEYOND: dict[str, Callable[[Array], Array]] = {
    "uniform": lambda z: (2 * ndtr(z) - 1) * np.sqrt(3),
    "exponential": lambda z: -np.log(ndtr(-z)) - 1,
    "Laplace": lambda z: -np.sign(z) * np.log(2 * ndtr(-np.abs(z))) / np.sqrt(2),
    "Student, 3 degrees": lambda z: stdtrit(3, ndtr(z)) / np.sqrt(3),
    "two values, 1 in 4": lambda z: (np.where(ndtr(z) < 0.25, 1.0, 0.0) - 0.25) / np.sqrt(3 / 16),
    "two values, 1 in 10": lambda z: (np.where(ndtr(z) < 0.1, 1.0, 0.0) - 0.1) / 0.3,
    "log-normal 1.5": _lognormal(1.5),
}
"""Noises on which nothing was calibrated."""


@dataclass(frozen=True)
class Truth:
    """Estimates of many experiments, and the tolerance at which the truth lies.

    `passing` are experiments in which a pass is wrong, `failing` those in which a fail is.
    """

    passing: Estimate
    failing: Estimate
    tolerance: float

    def wrong(self) -> tuple[float, float]:
        """Rate of false passes and rate of false fails."""
        limit = self.tolerance * (1 + 1e-9)
        false_pass, false_fail = self.passing.upper <= limit, self.failing.lower > limit
        return float(np.mean(false_pass)), float(np.mean(false_fail))


Scenario = Callable[[Draw, int, int], Truth]


def estimate(
    compare: str,
    measured: Array,
    forecast: float | Array,
    tolerance: float,
    *,
    axis: Array | None = None,
    levels: Levels = BOTH,
    norm: str = "l2",
    refine: str = "none",
) -> Estimate:
    """Estimate of a batch: the experiments play the part of the points."""
    criterion = Criterion("x", compare, ("t",), "absolute", tolerance, norm=norm, refine=refine)
    values = np.asarray(forecast, dtype=float)
    if values.ndim < 3:
        values = values.reshape(1, 1, -1)
    return COMPARISONS[compare].estimate(Case(measured, values, criterion, axis), levels)


def simulate(
    scenario: Scenario, noise: str, seeds: int, runs: int, start: int = 0
) -> tuple[float, float]:
    """Simulated rates of false passes and false fails."""
    rng = np.random.default_rng([start, seeds])
    shape_noise = {**NOISES, **BEYOND}[noise]
    return scenario(lambda *s: shape_noise(rng.standard_normal(s)), seeds, runs).wrong()


def value(draw: Draw, n: int, runs: int) -> Truth:
    both = estimate("value", 4 + draw(n, runs, 1), 1.0, 3.0)
    return Truth(both, both, 3.0)


def value_tight(draw: Draw, n: int, runs: int) -> Truth:
    # A tolerance as small as the interval's half-width: both of its sides matter at once.
    tolerance = 2.5 / np.sqrt(n)
    both = estimate("value", tolerance + draw(n, runs, 1), 0.0, tolerance)
    return Truth(both, both, tolerance)


def value_points(draw: Draw, n: int, runs: int) -> Truth:
    points = 5
    noise = draw(n, runs * points, 1)
    one = np.tile(np.eye(points)[0], runs)[:, np.newaxis]
    levels = Levels(LEVEL / points, LEVEL)
    passing = estimate("value", 3 * one + noise, 0.0, 3.0, levels=levels)
    failing = estimate("value", -3 + noise, 0.0, 3.0, levels=levels)
    return Truth(_worst_of(passing, points), _worst_of(failing, points), 3.0)


def _worst_of(batch: Estimate, points: int) -> Estimate:
    """Group every `points` successive ones into one judgement."""
    shape = (-1, points)
    return largest(
        Estimate(
            batch.discrepancy.reshape(shape), batch.lower.reshape(shape), batch.upper.reshape(shape)
        )
    )


def value_looks(draw: Draw, n: int, runs: int) -> Truth:
    # Up to four looks at n, 2 n, 3 n, 4 n seeds, a quarter of the level each; the first decides.
    looks = 4
    noise = 3 + draw(looks * n, runs, 1)
    quarter = Levels(LEVEL / looks, LEVEL / looks)
    seen = [
        estimate("value", noise[: k * n], 0.0, 3.0, levels=quarter) for k in range(1, looks + 1)
    ]
    passed = np.stack([e.upper <= 3.0 for e in seen])
    failed = np.stack([e.lower > 3.0 for e in seen])
    first = np.argmax(passed | failed, axis=0)[np.newaxis]
    passes = np.take_along_axis(passed, first, axis=0)[0]
    fails = np.take_along_axis(failed, first, axis=0)[0]
    both = Estimate(
        seen[0].discrepancy, np.where(fails, np.inf, 0.0), np.where(passes, 0.0, np.inf)
    )
    return Truth(both, both, 3.0)


def value_conditional(draw: Draw, n: int, runs: int) -> Truth:
    # The forecast shares the seed's own large draw, which cancels in the pairs.
    own = 10 * draw(n, runs, 1)
    both = estimate("value", own + 3 + draw(n, runs, 1), own, 3.0)
    return Truth(both, both, 3.0)


def bound(draw: Draw, n: int, runs: int) -> Truth:
    both = estimate("bound", 3.5 + draw(n, runs, 1), 3.0, 0.5)
    return Truth(both, both, 0.5)


def window(draw: Draw, n: int, runs: int) -> Truth:
    both = estimate("window", 3.5 + draw(n, runs, 1), np.array([-3.0, 3.0]), 0.5)
    return Truth(both, both, 0.5)


def _curve(norm: str, mix: str, shape: str, tolerance: float) -> Scenario:
    deviation = np.ones(LENGTH) if shape == "offset" else np.eye(LENGTH)[3]
    if norm == "sup":
        deviation = -deviation
    size = {"l2": np.sqrt(np.mean(deviation**2)), "l1": deviation.mean(), "sup": 1.0}[norm]
    modes = np.cos(np.outer(np.arange(3), np.linspace(0, np.pi, LENGTH)))

    def scenario(draw: Draw, n: int, runs: int) -> Truth:
        if mix == "three modes":
            noise = draw(n, runs, 3) @ modes / np.sqrt(2)
        else:
            noise = draw(n, runs, LENGTH if mix == "independent" else 1)
        measured = deviation * tolerance / size + np.broadcast_to(noise, (n, runs, LENGTH))
        both = estimate("curve", measured, np.zeros(LENGTH), tolerance, norm=norm)
        return Truth(both, both, tolerance)

    return scenario


def exponent(draw: Draw, n: int, runs: int) -> Truth:
    axis = np.array([1.0, 2.0, 4.0, 8.0, 16.0, 32.0])
    measured = np.exp(-0.4 * np.log(axis) + 0.2 * draw(n, runs, 6))
    both = estimate("exponent", measured, -0.6, 0.2, axis=axis)
    return Truth(both, both, 0.2)


def _location(compare: str, size: float, paired: bool) -> Scenario:
    axis = np.arange(-5.0, 6.0)
    sign = 1.0 if compare == "argmin" else -1.0

    def scenario(draw: Draw, n: int, runs: int) -> Truth:
        noise = size * draw(n, runs, axis.size)
        if paired:
            noise = noise + 5 * draw(n, runs, 1)
        measured = noise + sign * (axis - 0.1) ** 2 / 4
        # The extremum on the grid is at 0: forecast 2 away (a pass is wrong), or 1.9 (a fail is).
        passing = estimate(compare, measured, 2.0, 1.9, axis=axis)
        failing = estimate(compare, measured, 1.9, 1.9, axis=axis)
        return Truth(passing, failing, 1.9)

    return scenario


def argmin_ties(draw: Draw, n: int, runs: int) -> Truth:
    # Four grid points are almost as low as the lowest one, at 1.
    axis = np.arange(7.0)
    measured = np.array([9, 0, 1e-3, 1e-3, 1e-3, 1e-3, 9]) + 0.5 * draw(n, runs, axis.size)
    passing = estimate("argmin", measured, 6.0, 4.9, axis=axis)
    failing = estimate("argmin", measured, -3.9, 4.9, axis=axis)
    return Truth(passing, failing, 4.9)


def _parabola(curvature: float) -> Scenario:
    def scenario(draw: Draw, n: int, runs: int) -> Truth:
        axis = np.arange(-4.0, 5.0)
        measured = curvature * (axis - 0.1) ** 2 + 0.7 * draw(n, runs, axis.size)
        both = estimate("argmin", measured, 0.6, 0.5, axis=axis, refine="parabola")
        return Truth(both, both, 0.5)

    return scenario


def order(draw: Draw, n: int, runs: int) -> Truth:
    axis = np.arange(5.0)
    mean = 3 * axis
    mean[3] = mean[2] - 1.0
    both = estimate("order", mean + draw(n, runs, 5), 1.0, 1.0, axis=axis)
    return Truth(both, both, 1.0)


STATISTICS: dict[str, Callable[[xr.DataArray], xr.DataArray]] = {
    "ratio of means": lambda x: (x[0] + 4).mean("seed") / (x[1] + 4).mean("seed"),
    "median": lambda x: x[0].median("seed"),
    "standard deviation": lambda x: x[0].std("seed"),
}


def _jackknife(statistic: str) -> Scenario:
    def scenario(draw: Draw, n: int, runs: int) -> Truth:
        data = xr.DataArray(draw(2, n, runs), dims=("part", "seed", "run"))
        values = per_seed(data, STATISTICS[statistic]).transpose("seed", "run").values
        truth = np.median(draw(1_000_001)) if statistic == "median" else 1.0
        both = estimate("value", values[..., np.newaxis], truth - 0.5, 0.5)
        return Truth(both, both, 0.5)

    return scenario


def _uniform(draw: Draw, n: int, runs: int, own: int, shared: float) -> Array:
    """Uniform variates of n seeds with `own` values each, correlated within a seed."""
    common, single = draw(n, runs, 1), draw(n, runs, own)
    uniform: Array = ndtr(np.sqrt(shared) * common + np.sqrt(1 - shared) * single)
    return uniform


def _distribution(distance: str, own: int, shared: float) -> Scenario:
    law = (np.arange(51) + 0.5) / 51  # quantiles of the uniform law, one of them at the kink
    tolerance = 0.2 if own > 1 else 0.35
    kink = 0.5 + tolerance

    def scenario(draw: Draw, n: int, runs: int) -> Truth:
        u = _uniform(draw, n, runs, own, shared)
        if distance == "ks":
            low, high = u * 0.5 / kink, 0.5 + (u - kink) * 0.5 / (1 - kink)
            sample, compute = np.where(u < kink, low, high), ks
        else:
            sample, compute = u + tolerance, wasserstein
        each = [compute(sample[:, run], law, BOTH) for run in range(runs)]
        both = Estimate(
            np.concatenate([e.discrepancy for e in each]),
            np.concatenate([e.lower for e in each]),
            np.concatenate([e.upper for e in each]),
        )
        return Truth(both, both, tolerance)

    return scenario


def _label(cases: int, shared: float) -> Scenario:
    def scenario(draw: Draw, n: int, runs: int) -> Truth:
        wrong = (_uniform(draw, n, runs, cases, shared) < 0.1).astype(float)
        both = estimate("label", wrong, 0.0, 0.1)
        return Truth(both, both, 0.1)

    return scenario


SCENARIOS: dict[str, Scenario] = {
    "value": value,
    "value, tight tolerance": value_tight,
    "value, worst of 5 points": value_points,
    "value, up to 4 looks": value_looks,
    "value, conditional forecast": value_conditional,
    "bound": bound,
    "window": window,
    "curve l2, one mode": _curve("l2", "one mode", "offset", 2.0),
    "curve l2, one mode, deviation at one point": _curve("l2", "one mode", "point", 1.0),
    "curve l2, three modes": _curve("l2", "three modes", "offset", 1.5),
    "curve l2, independent": _curve("l2", "independent", "offset", 1.5),
    "curve l2, independent, deviation at one point": _curve("l2", "independent", "point", 1.0),
    "curve l1, one mode": _curve("l1", "one mode", "offset", 2.0),
    "curve l1, three modes": _curve("l1", "three modes", "offset", 1.5),
    "curve l1, independent": _curve("l1", "independent", "offset", 1.5),
    "curve sup, one mode": _curve("sup", "one mode", "offset", 2.0),
    "curve sup, independent": _curve("sup", "independent", "offset", 3.0),
    "curve sup, independent, deviation at one point": _curve("sup", "independent", "point", 3.0),
    "exponent": exponent,
    "argmin": _location("argmin", 0.5, paired=False),
    "argmin, common noise": _location("argmin", 0.5, paired=True),
    "argmin, four near ties": argmin_ties,
    "argmax, noisy": _location("argmax", 1.5, paired=False),
    "argmin, parabola": _parabola(3.0),
    "argmin, flat parabola": _parabola(0.5),
    "order": order,
    "jackknife, ratio of means": _jackknife("ratio of means"),
    "jackknife, median": _jackknife("median"),
    "jackknife, standard deviation": _jackknife("standard deviation"),
}

COUNTED: dict[str, Scenario] = {
    "label, 1 case": _label(1, 0.0),
    "label, 6 correlated cases": _label(6, 0.5),
    "label, 6 independent cases": _label(6, 0.0),
    "distribution ks, 1 value a seed": _distribution("ks", 1, 0.0),
    "distribution ks, 40 values": _distribution("ks", 40, 0.0),
    "distribution ks, 40 correlated": _distribution("ks", 40, 0.5),
    "distribution wasserstein, 1 value a seed": _distribution("wasserstein", 1, 0.0),
    "distribution wasserstein, 40 correlated": _distribution("wasserstein", 40, 0.5),
}
"""Comparisons of counts, whose noise is what it is."""

NOT_HELD = {("jackknife, standard deviation", noise) for noise in NOISES if noise != "normal"}
"""Where the level is known not to hold: the spread of noise whose tail few seeds have not seen."""
