"""Steps per second of the whole machine against the loops that one writes by hand."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from harness.pools import Pool
from tests.benchmarks.teacher import (
    Size,
    hand_rate,
    harness_rate,
    matmul_rate,
    nnx_rate,
)

SIZES = {
    "d8-width16": Size(dim=8, width=16, batch=16, steps=8000),
    "d16-width32": Size(dim=16, width=32, batch=32, steps=3000),
    "d32-width64": Size(dim=32, width=64, batch=32, steps=2000),
    "d64-width128": Size(dim=64, width=128, batch=64, steps=600),
    "d64-width256": Size(dim=64, width=256, batch=64, steps=400),
    "d128-width512": Size(dim=128, width=512, batch=64, steps=150),
    "d256-width1024": Size(dim=256, width=1024, batch=256, steps=50),
}
ROUNDS = 5
PEAK_ROUNDS = 15
SETTLING_S = 25.0
GRID = [
    Size(dim=dim, width=width, batch=batch, steps=0)
    for dim, width, batch in itertools.product((8, 256), (16, 128, 1024), (8, 256))
]


def small(size: Size) -> Size:
    return replace(size, steps=3)


def tenth_of_a_second(size: Size) -> int:
    """Steps that take about that long in a loop by hand: calls, arithmetic, weights in memory."""
    return int(0.1 / (3e-5 + size.flops / 1.5e11 + 1e-9 * size.dim * size.width))


def settled(
    pool: Pool, size: Size, seeds: int, rates: tuple[float, ...] = (), *, measuring: bool
) -> float:
    """Train until the harness has tried other strategies; the rate before, once compiled."""
    harness_rate(pool, size, seeds, rates)
    first = harness_rate(pool, size, seeds, rates)
    began = time.perf_counter()
    while measuring and time.perf_counter() - began < SETTLING_S:
        harness_rate(pool, size, seeds, rates)
    return first


def against(
    benchmark: BenchmarkFixture,
    pool: Pool,
    size: Size,
    rival: Callable[[Size], float],
    *,
    measuring: bool,
) -> None:
    """Interleave the harness and a rival, and note the ratio of their best rates."""
    size, seeds = (size, 64) if measuring else (small(size), 4)
    first = settled(pool, size, seeds, measuring=measuring)
    rates: dict[str, list[float]] = {"harness": [], "rival": []}

    def both() -> None:
        rates["rival"].append(rival(size))
        rates["harness"].append(harness_rate(pool, size, seeds))

    benchmark.pedantic(both, rounds=ROUNDS if measuring else 1, iterations=1)
    best = {name: max(found) for name, found in rates.items()}
    benchmark.extra_info.update(
        ratio=round(best["harness"] / best["rival"], 2),
        before_trials=round(first / best["rival"], 2),
        harness_steps_per_s=round(best["harness"]),
        rival_steps_per_s=round(best["rival"]),
        harness_gflops=round(best["harness"] * size.flops / 1e9, 1),
    )


@pytest.mark.parametrize("name", SIZES)
def test_harness_against_a_loop_of_jitted_steps(
    benchmark: BenchmarkFixture, pool: Pool, name: str, measuring: bool
) -> None:
    against(benchmark, pool, SIZES[name], hand_rate, measuring=measuring)


@pytest.mark.parametrize("name", ["d8-width16", "d128-width512"])
def test_harness_against_a_loop_of_nnx_jit(
    benchmark: BenchmarkFixture, pool: Pool, name: str, measuring: bool
) -> None:
    against(benchmark, pool, SIZES[name], nnx_rate, measuring=measuring)


@pytest.mark.parametrize("size", GRID, ids=lambda size: f"{size.dim}-{size.width}-{size.batch}")
def test_never_slower_with_the_first_guess(
    benchmark: BenchmarkFixture, pool: Pool, size: Size, measuring: bool
) -> None:
    """d, width, batch: programs as they are before any other strategy was tried."""
    size, seeds = (
        (replace(size, steps=tenth_of_a_second(size)), 32) if measuring else (small(size), 4)
    )
    ratios: list[float] = []

    def both() -> None:
        ratios.append(harness_rate(pool, size, seeds) / hand_rate(size))

    harness_rate(pool, size, seeds)
    benchmark.pedantic(both, rounds=3 if measuring else 1, iterations=1)
    benchmark.extra_info.update(ratio=round(max(ratios), 2), worst=round(min(ratios), 2))


RATES = (5e-5, 1e-4, 2e-4, 4e-4)
PEAK = {
    "fresh-data": (True, ()),
    "fixed-data": (False, ()),
    "fixed-data-four-rates": (False, RATES),
}


@pytest.mark.parametrize("name", PEAK)
def test_fraction_of_the_matmul_peak(
    benchmark: BenchmarkFixture, pool: Pool, measuring: bool, name: str
) -> None:
    """Width 1024, batch 256: against a 1024 x 1024 product on all cores in this process.

    The median over rounds of the ratio within a round, because the machine's speed drifts.
    """
    fresh, rates = PEAK[name]
    size = replace(SIZES["d256-width1024"], fresh=fresh)
    size = size if measuring else small(size)
    seeds = 32 if measuring else 2
    settled(pool, size, seeds, rates, measuring=measuring)
    peaks: list[float] = []
    trained: list[float] = []

    def both() -> None:
        peaks.append(matmul_rate() if measuring else matmul_rate(64, 2))
        trained.append(harness_rate(pool, size, seeds, rates) * size.flops)

    benchmark.pedantic(both, rounds=PEAK_ROUNDS if measuring else 1, iterations=1)
    fractions = np.array(trained) / np.array(peaks)
    benchmark.extra_info.update(
        fraction=round(float(np.median(fractions)), 2),
        smallest=round(fractions.min(), 2),
        largest=round(fractions.max(), 2),
        peak_gflops=round(float(np.median(peaks)) / 1e9, 1),
        cores=os.cpu_count(),
    )


@pytest.mark.parametrize("name", ["d8-width16", "d64-width256"])
def test_time_per_seed(benchmark: BenchmarkFixture, pool: Pool, name: str, measuring: bool) -> None:
    """Seconds per seed as seeds grow, relative to one seed."""
    size = SIZES[name] if measuring else small(SIZES[name])
    counts = (1, 8, 64, 512) if measuring else (1, 2)
    for seeds in counts:
        harness_rate(pool, size, seeds)
    per_seed: dict[int, float] = dict.fromkeys(counts, float("inf"))

    def all_counts() -> None:
        for seeds in counts:
            took = size.steps / harness_rate(pool, size, seeds)
            per_seed[seeds] = min(per_seed[seeds], took)

    benchmark.pedantic(all_counts, rounds=3 if measuring else 1, iterations=1)
    info: dict[str, Any] = {
        f"seeds_{seeds}": round(took / per_seed[1], 3) for seeds, took in per_seed.items()
    }
    benchmark.extra_info.update(info, milliseconds_of_one=round(1e3 * per_seed[1], 1))
