"""Two Dask workers against one on a prediction of about a minute, and with workers being killed."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from harness.measure import Trainer
from harness.outcome import Trial
from harness.plan import make_plan
from harness.read import read_prediction
from harness.runtime import worker_environment
from harness.trial import try_prediction

distributed = pytest.importorskip("distributed")

MINUTE = Path(__file__).parents[2] / "predictions/hyperparameters/mup_transfer"
SEEDS = 80
MOST_WARM_UPS = 4
KILL_EVERY_S = 10.0


@pytest.fixture
def quick(measuring: bool) -> Iterator[None]:
    if not measuring:
        pytest.skip("takes minutes; run with --benchmark-only")
    yield


@contextmanager
def cluster(workers: int) -> Iterator[Any]:
    """A scheduler and worker processes with a nanny each, single-threaded."""
    before = dict(os.environ)
    os.environ.update(worker_environment(workers))
    try:
        with distributed.LocalCluster(
            n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None
        ) as made:
            yield made
    finally:
        os.environ.clear()
        os.environ.update(before)


def run(made: Any, folder: Path) -> tuple[Trial, int]:
    """The prediction on a cluster, nothing from the store; and how many units were stored."""
    from harness.pools.dask import open_cluster

    plan = make_plan(read_prediction(MINUTE / "mup-lr-transfer-adam.yaml"), seeds=SEEDS)
    pool = open_cluster(made.scheduler_address)
    try:
        trial = try_prediction(plan, Trainer(pool=pool, fresh=True, folder=folder))
    finally:
        pool.close()
    return trial, len(list(folder.glob("*.npz")))


def same(one: Trial, other: Trial) -> bool:
    """Same verdicts, and discrepancies that differ by rounding alone."""
    for a, b in zip(one.rows, other.rows, strict=True):
        if a.verdict is not b.verdict:
            return False
        if not np.isclose(a.discrepancy or 0.0, b.discrepancy or 0.0, rtol=0.05, atol=1e-3):
            return False
    return True


@pytest.mark.usefixtures("quick")
def test_two_workers_against_one_and_under_kills(
    benchmark: BenchmarkFixture, tmp_path: Path
) -> None:
    """Wall time once programs are compiled and strategies found, and every verdict the same."""
    walls: dict[str, float] = {}
    trials: dict[str, Trial] = {}

    def timed(name: str, workers: int, killing: bool = False) -> None:
        with cluster(workers) as made, kills(made) if killing else nothing() as killed:
            began = time.perf_counter()
            trials[name], stored = run(made, tmp_path / name)
            walls[name] = time.perf_counter() - began
        cost = trials[name].cost
        benchmark.extra_info[name] = (
            f"{walls[name]:.0f} s (training {cost.run_s:.0f}, compiling {cost.compile_s:.0f} s), "
            f"{stored} units, {len(killed)} kills"
        )

    def every_way() -> None:
        for number in range(MOST_WARM_UPS):
            timed(f"warm-up {number}", 2)
            if trials[f"warm-up {number}"].cost.compile_s < 3:
                break
        timed("one worker", 1)
        timed("two workers", 2)
        timed("two workers, killed", 2, killing=True)

    benchmark.pedantic(every_way, rounds=1, iterations=1)
    units = {len(list((tmp_path / name).glob("*.npz"))) for name in trials}
    assert len(units) == 1
    assert all(same(trials["one worker"], trial) for trial in trials.values())
    assert len({trial.cost.units for trial in trials.values()}) == 1
    benchmark.extra_info["ratio"] = round(walls["one worker"] / walls["two workers"], 2)


@contextmanager
def nothing() -> Iterator[list[int]]:
    yield []


@contextmanager
def kills(made: Any) -> Iterator[list[int]]:
    """SIGKILL one worker process, chosen at random, every KILL_EVERY_S."""
    stop, killed, choose = Event(), [], random.Random(1)

    def kill() -> None:
        while not stop.wait(KILL_EVERY_S):
            alive = [nanny.pid for nanny in made.workers.values() if nanny.pid]
            if alive:
                killed.append(choose.choice(alive))
                os.kill(killed[-1], signal.SIGKILL)

    thread = Thread(target=kill, daemon=True)
    thread.start()
    try:
        yield killed
    finally:
        stop.set()
        thread.join()
