"""How often the judge is wrong, and how often it decides: the tables of docs/statistics.md.

python -m tests.harness.judge.operating_characteristics [experiments per cell]
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike

from tests.harness.judge.scenarios import (
    BEYOND,
    COUNTED,
    NOISES,
    NOT_HELD,
    SCENARIOS,
    estimate,
    simulate,
)

SEEDS = (8, 16, 32, 64)


def levels_table(runs: int) -> Iterator[str]:
    """Markdown rows: false passes / false fails in per cent, each under its worst noise."""
    yield from _head("comparison", *(f"n = {n}" for n in SEEDS))
    for name, scenario in SCENARIOS.items():
        noises = [noise for noise in NOISES if (name, noise) not in NOT_HELD]
        by_noise = [[simulate(scenario, noise, n, runs) for n in SEEDS] for noise in noises]
        worst = np.max(by_noise, axis=0)
        yield _row(name if len(noises) == len(NOISES) else f"{name} (normal noise)", worst)
    for name, scenario in COUNTED.items():
        few = runs // 10 if name.startswith("distribution") else runs
        yield _row(name, [simulate(scenario, "normal", n, few) for n in SEEDS])


def noise_table(runs: int) -> Iterator[str]:
    """Markdown rows: the same by noise, for a mean; then where the level is known not to hold."""
    yield from _head("noise", *(f"n = {n}" for n in SEEDS))
    for noise in (*NOISES, *BEYOND):
        yield _row(noise, [simulate(SCENARIOS["value"], noise, n, runs) for n in SEEDS])
    for name, noise in sorted(NOT_HELD):
        rates = [simulate(SCENARIOS[name], noise, n, runs) for n in SEEDS]
        yield _row(f"{name}: {noise}", rates)


def power_table(runs: int) -> Iterator[str]:
    """Markdown rows: pass / inconclusive / fail in per cent for `value` and normal noise."""
    biases = (0.0, 0.5, 1.5, 2.0)
    yield from _head("tolerance / sd", "seeds", *(f"true deviation {b:g} tol" for b in biases))
    for tolerance in (0.25, 0.5, 1.0, 2.0, 4.0):
        for n in (*SEEDS, 128, 256):
            noise = np.random.default_rng(n).standard_normal((n, runs, 1))
            cells = [_decisions(bias * tolerance + noise, tolerance) for bias in biases]
            yield f"| {tolerance:g} | {n} | " + " | ".join(cells) + " |"


def _decisions(measured: np.ndarray, tolerance: float) -> str:
    seen = estimate("value", measured, 0.0, tolerance)
    passed, failed = np.mean(seen.upper <= tolerance), np.mean(seen.lower > tolerance)
    return f"{100 * passed:.0f} / {100 * (1 - passed - failed):.0f} / {100 * failed:.0f}"


def _head(*names: str) -> Iterator[str]:
    yield "| " + " | ".join(names) + " |"
    yield "|---" * len(names) + "|"


def _row(name: str, rates: ArrayLike) -> str:
    cells = (f"{100 * passes:.2f} / {100 * fails:.2f}" for passes, fails in np.asarray(rates))
    return f"| {name} | " + " | ".join(cells) + " |"


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    for rows in (levels_table(count), noise_table(count), power_table(count)):
        for row in rows:
            print(row, flush=True)
        print()
