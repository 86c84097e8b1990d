"""How often the slope's interval and the model confidence set miss.

`python -m tests.harness.sweeps.coverage 300` prints the tables of docs/statistics.md.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from harness.compare.confidence import confidence_set
from harness.sweeps.deviation import Deviation, mean_square
from harness.sweeps.slope import fit_power


@dataclass(frozen=True)
class Law:
    """Sweeps whose error is a power: points at doubled sizes, seeds, and noise at each point.

    `resolution` is the first point's error in standard errors of its mean; `scatter` is relative,
    `common` the part of the noise's variance that all points share, `length` that of the curve.
    """

    slope: float
    points: int = 5
    seeds: int = 32
    resolution: float = 100.0
    scatter: float = 0.0
    common: float = 0.0
    length: int = 1
    skewed: bool = False


LAWS: Mapping[str, Law] = {
    "-1": Law(-1.0),
    "-1, 40 standard errors": Law(-1.0, resolution=40.0),
    "-1/2, 20 standard errors": Law(-0.5, resolution=20.0),
    "-1, 16 seeds, 4 points": Law(-1.0, points=4, seeds=16),
    "-1, 30 standard errors, nine tenths of the noise common": Law(-1.0, resolution=30, common=0.9),
    "-1, log-normal noise": Law(-1.0, resolution=60.0, skewed=True),
    "-1, curve of 10 points": Law(-1.0, length=10),
    "-1/2, curve of 10 points, 10 standard errors": Law(-0.5, resolution=10.0, length=10),
    "-1, scatter of 10 %, 4 points": Law(-1.0, points=4, resolution=1000.0, scatter=0.1),
    "-1, scatter of 10 %": Law(-1.0, resolution=1000.0, scatter=0.1),
    "-1, scatter of 5 % among 100 standard errors": Law(-1.0, scatter=0.05),
}


def slope_misses(law: Law, runs: int) -> tuple[float, float, float, float]:
    """Rates: not resolved, truth below the interval, truth above it; and the median width."""
    generator = np.random.default_rng(0)
    sizes = 50 * 2.0 ** np.arange(law.points)
    below, above, widths = 0, 0, []
    for _ in range(runs):
        shape_J = generator.standard_normal(law.length) if law.length > 1 else np.ones(1)
        shared_NJ = generator.standard_normal((law.seeds, law.length))
        found = []
        for size in sizes:
            own_NJ = generator.standard_normal((law.seeds, law.length))
            noise_NJ = np.sqrt(law.common) * shared_NJ + np.sqrt(1 - law.common) * own_NJ
            if law.skewed:
                noise_NJ = (np.exp(noise_NJ) - np.exp(0.5)) / np.sqrt((np.e - 1) * np.e)
            true = (size / 50) ** law.slope * np.exp(law.scatter * generator.standard_normal())
            dev_NJ = true * shape_J + np.sqrt(law.seeds) / law.resolution * noise_NJ
            found.append(
                Deviation("signed", dev_NJ[:, 0])
                if law.length == 1
                else Deviation("rms", mean_square(dev_NJ))
            )
        power = fit_power(list(sizes), found).power
        if power is not None:
            low, high = power.interval
            below += law.slope < low
            above += law.slope > high
            widths.append(high - low)
    resolved = max(len(widths), 1)
    return 1 - len(widths) / runs, below / resolved, above / resolved, float(np.median(widths))


def set_misses(true_M: list[float], seeds: int, runs: int) -> tuple[float, float]:
    """How often the set lacks a best theory, and how many theories it has on average."""
    generator = np.random.default_rng(0)
    best = {str(i) for i, loss in enumerate(true_M) if loss == min(true_M)}
    missed, size = 0, 0
    for _ in range(runs):
        noise_NM = generator.standard_normal((seeds, 1 + len(true_M)))
        loss_NM = np.array(true_M) + (noise_NM[:, :1] + noise_NM[:, 1:]) / np.sqrt(2)
        index_RN = generator.integers(seeds, size=(400, seeds))
        members = confidence_set(
            [str(i) for i in range(len(true_M))],
            loss_NM.mean(axis=0),
            loss_NM[index_RN].mean(axis=1),
            seeds,
        )
        kept = {member.theory for member in members if member.kept}
        missed += not best <= kept
        size += len(kept)
    return missed / runs, size / runs


SETS: tuple[list[float], ...] = ([0.0] * 2, [0.0] * 3, [0.0, 0.0, 0.5, 1.0], [0.0] * 8)


def main(runs: int) -> None:
    """Print both tables."""
    print("| power | not resolved | below / above, % | median width |\n|---|---|---|---|")
    for name, law in LAWS.items():
        unresolved, below, above, width = slope_misses(law, runs)
        print(
            f"| {name} | {100 * unresolved:.0f} % | {100 * below:.1f} / {100 * above:.1f} "
            f"| {width:.2f} |",
            flush=True,
        )
    print(
        "\n| losses in sd of the seeds | n = 8 | n = 16 | n = 32 | n = 64 |\n|---|---|---|---|---|"
    )
    for true_M in SETS:
        cells = (set_misses(true_M, seeds, runs) for seeds in (8, 16, 32, 64))
        said = " | ".join(f"{100 * missed:.1f} % / {size:.1f}" for missed, size in cells)
        print(f"| {', '.join(f'{loss:g}' for loss in true_M)} | {said} |", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
