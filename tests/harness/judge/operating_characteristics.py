"""How often the judge is wrong: synthetic experiments whose truth lies exactly at the tolerance.

    python -m tests.harness.judge.operating_characteristics [experiments]

prints the table of docs/statistics.md. `test_levels.py` asserts on the same simulations.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.judge import LEVEL, Criterion
from harness.judge.arrange import per_seed
from harness.judge.case import Case, Estimate, Levels
from harness.judge.comparisons import COMPARISONS
from harness.judge.curve import largest
from harness.judge.distribution import ks, wasserstein

Array = NDArray[np.float64]
Draw = Callable[..., Array]
BOTH = Levels(LEVEL, LEVEL)
SEEDS = (8, 16, 32, 64)


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


@dataclass(frozen=True)
class Truth:
    """Estimates of many experiments, and the tolerance at (or just inside) which the truth lies.

    `passing` are experiments in which a pass is wrong, `failing` those in which a fail is.
    """

    passing: Estimate
    failing: Estimate
    tolerance: float

    def rates(self) -> tuple[float, float]:
        """Rate of false passes and rate of false fails."""
        limit = self.tolerance * (1 + 1e-9)
        return (
            float(np.mean(self.passing.upper <= limit)),
            float(np.mean(self.failing.lower > limit)),
        )


Scenario = Callable[[Draw, int, int], Truth]


def estimate(
    compare: str, measured: Array, forecast: Array, tolerance: float, **more: object
) -> Estimate:
    """Estimate of a batch: the experiments play the part of the points."""
    axis = more.pop("axis", None)
    levels = more.pop("levels", BOTH)
    criterion = Criterion("x", compare, ("t",), "absolute", tolerance, **more)  # type: ignore[arg-type]
    case = Case(measured, forecast, criterion, axis)  # type: ignore[arg-type]
    return COMPARISONS[compare].estimate(case, levels)  # type: ignore[arg-type]


def number(x: float | Array) -> Array:
    """A forecast for all seeds, points and grid values alike."""
    return np.reshape(np.asarray(x, dtype=float), (1, 1, -1))


def value(draw: Draw, n: int, runs: int) -> Truth:
    both = estimate("value", 4 + draw(n, runs, 1), number(1.0), 3.0)
    return Truth(both, both, 3.0)


def value_tight(draw: Draw, n: int, runs: int) -> Truth:
    # A tolerance as small as the interval's half-width: both of its sides matter at once.
    tolerance = 2.5 / np.sqrt(n)
    both = estimate("value", tolerance + draw(n, runs, 1), number(0.0), tolerance)
    return Truth(both, both, tolerance)


def value_points(draw: Draw, n: int, runs: int) -> Truth:
    points = 5
    dev = draw(n, runs * points, 1)
    one = np.tile(np.eye(points)[0], runs)[:, np.newaxis]
    levels = Levels(LEVEL / points, LEVEL)
    passing = estimate("value", dev + 3 * one, number(0.0), 3.0, levels=levels)
    failing = estimate("value", dev + 3, number(0.0), 3.0, levels=levels)
    return Truth(worst_of(passing, points), worst_of(failing, points), 3.0)


def worst_of(batch: Estimate, points: int) -> Estimate:
    """Group every `points` successive ones into one judgement."""
    ends = (batch.discrepancy, batch.lower, batch.upper)
    return largest(Estimate(*(end.reshape(-1, points) for end in ends)))


def value_conditional(draw: Draw, n: int, runs: int) -> Truth:
    # The forecast shares the seed's own large draw, which cancels in the pairs.
    own = 10 * draw(n, runs, 1)
    both = estimate("value", own + 3 + draw(n, runs, 1), own, 3.0)
    return Truth(both, both, 3.0)


def bound(draw: Draw, n: int, runs: int) -> Truth:
    both = estimate("bound", 3.5 + draw(n, runs, 1), number(3.0), 0.5)
    return Truth(both, both, 0.5)


def window(draw: Draw, n: int, runs: int) -> Truth:
    both = estimate("window", 3.5 + draw(n, runs, 1), number(np.array([-3.0, 3.0])), 0.5)
    return Truth(both, both, 0.5)


LENGTH = 12


def _curve(mix: str, shape: str, norm: str, tolerance: float) -> Scenario:
    deviation = np.ones(LENGTH) if shape == "offset" else np.eye(LENGTH)[3]
    size = {"l2": np.sqrt(np.mean(deviation**2)), "l1": deviation.mean(), "sup": 1.0}[norm]

    def scenario(draw: Draw, n: int, runs: int) -> Truth:
        noise = draw(n, runs, LENGTH if mix == "independent" else 1)
        if mix == "smooth":
            modes = draw(n, runs, 3)
            noise = modes @ np.cos(np.outer(np.arange(3), np.linspace(0, np.pi, LENGTH))) / 1.4
        dev = deviation * tolerance / size + np.broadcast_to(noise, (n, runs, LENGTH))
        both = estimate("curve", dev, np.zeros((1, 1, LENGTH)), tolerance, norm=norm)
        return Truth(both, both, tolerance)

    return scenario


def exponent(draw: Draw, n: int, runs: int) -> Truth:
    axis = 2.0 ** np.arange(6)
    measured = np.exp(-0.4 * np.log(axis) + 0.2 * draw(n, runs, 6))
    both = estimate("exponent", measured, number(-0.6), 0.2, axis=axis)
    return Truth(both, both, 0.2)


def _location(compare: str, noise_size: float, paired: bool) -> Scenario:
    axis = np.arange(-5.0, 6.0)
    sign = 1.0 if compare == "argmin" else -1.0

    def scenario(draw: Draw, n: int, runs: int) -> Truth:
        noise = noise_size * draw(n, runs, axis.size)
        if paired:
            noise = noise + 5 * draw(n, runs, 1)
        measured = noise + sign * (axis - 0.1) ** 2 / 4
        # The minimum on the grid is at 0; forecast 1.9 away (a pass is wrong), then 2 away.
        passing = estimate(compare, measured, number(2.0), 1.9, axis=axis)
        failing = estimate(compare, measured, number(1.9), 1.9, axis=axis)
        return Truth(passing, failing, 1.9)

    return scenario


def argmin_tied(draw: Draw, n: int, runs: int) -> Truth:
    # Four grid points are almost as low as the lowest one, at 1.
    axis = np.arange(7.0)
    measured = np.array([9, 0, 1e-3, 1e-3, 1e-3, 1e-3, 9]) + 0.5 * draw(n, runs, axis.size)
    passing = estimate("argmin", measured, number(6.0), 4.9, axis=axis)
    failing = estimate("argmin", measured, number(-3.9), 4.9, axis=axis)
    return Truth(passing, failing, 4.9)


def _jackknife(statistic: str) -> Scenario:
    def scenario(draw: Draw, n: int, runs: int) -> Truth:
        import xarray as xr

        data = xr.DataArray(draw(2, n, runs), dims=("part", "seed", "run"))
        if statistic == "ratio":
            reduce, truth = lambda x: (x[0] + 4).mean("seed") / (x[1] + 4).mean("seed"), 1.0
        elif statistic == "median":
            reduce, truth = lambda x: x[0].median("seed"), np.median(draw(2_000_001))
        else:
            reduce, truth = lambda x: x[0].std("seed"), 1.0
        values = per_seed(data, reduce).transpose("seed", "run").values[..., np.newaxis]
        both = estimate("value", values, number(truth - 0.5), 0.5)
        return Truth(both, both, 0.5)

    return scenario


def parabola(draw: Draw, n: int, runs: int) -> Truth:
    axis = np.arange(-4.0, 5.0)
    measured = (axis - 0.3) ** 2 + 0.7 * draw(n, runs, axis.size)
    both = estimate("argmin", measured, number(0.8), 0.5, axis=axis, refine="parabola")
    return Truth(both, both, 0.5)


def order(draw: Draw, n: int, runs: int) -> Truth:
    axis = np.arange(5.0)
    mean = 3 * axis
    mean[3] = mean[2] - 1.0
    both = estimate("order", mean + draw(n, runs, 5), number(1.0), 1.0, axis=axis)
    return Truth(both, both, 1.0)


def _uniform(draw_normal: Draw, n: int, runs: int, own: int, shared: float) -> Array:
    """Uniform variates of n seeds with `own` values each, correlated within a seed."""
    from scipy.special import ndtr

    z = np.sqrt(shared) * draw_normal(n, runs, 1) + np.sqrt(1 - shared) * draw_normal(n, runs, own)
    return np.asarray(ndtr(z))


def _distribution(distance: str, own: int, shared: float) -> Scenario:
    law = (np.arange(51) + 0.5) / 51  # one of them at the kink
    tolerance = 0.2 if own > 1 else 0.35

    def scenario(draw: Draw, n: int, runs: int) -> Truth:
        u = _uniform(draw, n, runs, own, shared)
        if distance == "ks":  # distribution function min(x, 1 - t) up to the jump of size t at 1
            sample = np.where(u < 0.5 + tolerance, u * 0.5 / (0.5 + tolerance), 0.0)
            above = 0.5 + (u - 0.5 - tolerance) * 0.5 / (0.5 - tolerance)
            sample = np.where(u < 0.5 + tolerance, sample, above)
            pick = ks
        else:
            sample, pick = u + tolerance, wasserstein
        each = [pick(sample[:, r], law, BOTH) for r in range(runs)]
        ends = zip(*((e.discrepancy, e.lower, e.upper) for e in each), strict=True)
        both = Estimate(*(np.concatenate(end) for end in ends))
        return Truth(both, both, tolerance)

    return scenario


def _label(cases: int, shared: float) -> Scenario:
    def scenario(draw: Draw, n: int, runs: int) -> Truth:
        wrong = (_uniform(draw, n, runs, cases, shared) < 0.1).astype(float)
        both = estimate("label", wrong, number(0.0), 0.1)
        return Truth(both, both, 0.1)

    return scenario


SCENARIOS: dict[str, Scenario] = {
    "value": value,
    "value, tight tolerance": value_tight,
    "value, worst of 5 points": value_points,
    "value, conditional forecast": value_conditional,
    "bound": bound,
    "window": window,
    "curve l2, one mode": _curve("common", "offset", "l2", 2.0),
    "curve l2, one mode, deviation elsewhere": _curve("common", "point", "l2", 1.0),
    "curve l2, three modes": _curve("smooth", "offset", "l2", 1.5),
    "curve l2, independent": _curve("independent", "offset", "l2", 1.5),
    "curve l2, independent, at one point": _curve("independent", "point", "l2", 1.0),
    "curve l1, one mode": _curve("common", "offset", "l1", 2.0),
    "curve l1, three modes": _curve("smooth", "offset", "l1", 1.5),
    "curve l1, independent": _curve("independent", "offset", "l1", 1.5),
    "curve sup, one mode": _curve("common", "offset", "sup", 2.0),
    "curve sup, independent": _curve("independent", "offset", "sup", 3.0),
    "curve sup, independent, at one point": _curve("independent", "point", "sup", 3.0),
    "exponent": exponent,
    "argmin": _location("argmin", 0.5, paired=False),
    "argmin, common noise": _location("argmin", 0.5, paired=True),
    "argmax, noisy": _location("argmax", 1.5, paired=False),
    "argmin, four near ties": argmin_tied,
    "argmin, parabola": parabola,
    "order": order,
    "jackknife, ratio of means": _jackknife("ratio"),
    "jackknife, median": _jackknife("median"),
    "jackknife, standard deviation": _jackknife("std"),
}

COUNTED: dict[str, Scenario] = {
    "distribution ks, 1 value a seed": _distribution("ks", 1, 0.0),
    "distribution ks, 40 values": _distribution("ks", 40, 0.0),
    "distribution ks, 40 correlated": _distribution("ks", 40, 0.5),
    "distribution wasserstein, 1 value a seed": _distribution("wasserstein", 1, 0.0),
    "distribution wasserstein, 40 correlated": _distribution("wasserstein", 40, 0.5),
    "label, 1 case": _label(1, 0.0),
    "label, 6 correlated cases": _label(6, 0.5),
    "label, 6 independent cases": _label(6, 0.0),
}
"""Comparisons of counts, whose noise is what it is."""


def rates(scenario: Scenario, noise: str, n: int, runs: int, seed: int = 0) -> tuple[float, float]:
    """Simulated rates of false passes and false fails."""
    rng = np.random.default_rng([seed, n])
    shaped = NOISES[noise]
    return scenario(lambda *shape: shaped(rng.standard_normal(shape)), n, runs).rates()


def table(runs: int) -> str:
    """Markdown table of rates in per cent, pass / fail, the worst noise first named."""
    lines = ["| comparison | noise | " + " | ".join(f"n = {n}" for n in SEEDS) + " |"]
    lines.append("|---" * (2 + len(SEEDS)) + "|")
    for name, scenario in SCENARIOS.items():
        for noise in NOISES:
            lines.append(_row(name, scenario, noise, runs))
    for name, scenario in COUNTED.items():
        lines.append(_row(name, scenario, "normal", runs).replace("| normal |", "| its own |"))
    return "\n".join(lines)


def _row(name: str, scenario: Scenario, noise: str, runs: int) -> str:
    cells = []
    for n in SEEDS:
        false_pass, false_fail = rates(scenario, noise, n, runs)
        cells.append(f"{100 * false_pass:.2f} / {100 * false_fail:.2f}")
    return f"| {name} | {noise} | " + " | ".join(cells) + " |"


if __name__ == "__main__":
    print(table(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000))
