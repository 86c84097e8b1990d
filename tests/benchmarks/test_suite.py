"""The whole suite at the smoke tier: with an empty cache, and again with compiled programs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from harness.cost import spent
from harness.record import read_records
from harness.text import table

ROOT = Path(__file__).parents[2]
ASSAY = (sys.executable, "-m", "harness.cli")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.mark.parametrize("state", ["cold", "warm"])
def test_suite(
    benchmark: BenchmarkFixture, cache: Path, tmp_path: Path, measuring: bool, state: str
) -> None:
    """`assay run --fresh` in a process of its own; the second one finds compiled programs."""
    chosen = [] if measuring else ["transient-bbp-phases", "--seeds", "2"]

    def run() -> float:
        began = time.perf_counter()
        subprocess.run(
            [*ASSAY, "run", *chosen, "--fresh", "--records", str(tmp_path)],
            cwd=ROOT,
            env={**os.environ, "ASSAY_CACHE_DIR": str(cache)},
            stdout=subprocess.DEVNULL,
            check=False,
        )
        return time.perf_counter() - began

    wall = benchmark.pedantic(run, rounds=1, iterations=1)
    records = read_records(tmp_path)
    assert len(records) >= 1
    costs = sorted(
        ((record["id"], spent(record)) for record in records),
        key=lambda entry: -(entry[1].run_s or 0.0),
    )
    rows = [
        [name, *(f"{getattr(cost, part) or 0.0:.1f}" for part in _PARTS)] for name, cost in costs
    ]
    benchmark.extra_info.update(wall_s=round(wall, 1), lines=table(("prediction", *_PARTS), rows))
    if state == "warm":
        shutil.rmtree(cache)


_PARTS = ("run_s", "compile_s", "forecast_s", "judge_s", "wall_s")
