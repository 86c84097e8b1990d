"""Units on a Dask cluster: each result once, whatever dies, and errors that say what to do."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future, wait
from pathlib import Path
from typing import Any

import pytest

from harness.errors import AssayError
from harness.pools import roster
from harness.pools.dask import DaskPool, open_cluster

distributed = pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    import dask

    with (
        dask.config.set({"distributed.admin.log-format": "%(message)s"}),
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=":0", processes=True
        ) as cluster,
    ):
        cluster.wait_for_workers(2)
        yield cluster


@pytest.fixture
def pool(cluster: Any) -> Iterator[DaskPool]:
    pool = open_cluster(cluster.scheduler_address)
    yield pool
    pool.close()


def results(futures: list[Future[Any]]) -> list[Any]:
    assert not wait(futures, timeout=30).not_done
    return [future.result() for future in futures]


def test_every_unit_gives_its_result_once(pool: DaskPool) -> None:
    assert (pool.name, pool.workers, pool.device) == ("dask", 2, "cpu")
    futures = [pool.submit(f"program-{n % 3}", lambda x: x * x, n) for n in range(20)]
    assert results(futures) == [n * n for n in range(20)]


def test_a_worker_keeps_its_program(pool: DaskPool) -> None:
    def sleeps() -> int:
        time.sleep(0.05)
        return os.getpid()

    first = [pool.submit(name, sleeps) for name in "ab"]
    owner = dict(zip("ab", results(first), strict=True))
    assert owner["a"] != owner["b"]
    names = "bababab"
    again = [pool.submit(name, sleeps) for name in names]
    kept = [pid == owner[name] for name, pid in zip(names, results(again), strict=True)]
    assert sum(kept) >= len(names) - 1


def test_arguments_arrive_as_they_are(pool: DaskPool) -> None:
    arguments = {"tuple": (1, [2, {"three"}]), "path": Path("x")}
    assert results([pool.submit("p", lambda given: given, arguments)]) == [arguments]


def test_errors_of_a_unit_arrive(pool: DaskPool) -> None:
    def fails(error: Exception) -> None:
        raise error

    failure = pool.submit("p", fails, AssayError("no such folder", remedy="Mount it"))
    with pytest.raises(AssayError, match="no such folder") as caught:
        failure.result(timeout=30)
    assert caught.value.remedy == "Mount it"
    with pytest.raises(ZeroDivisionError):
        pool.submit("p", lambda: 1 // 0).result(timeout=30)


def test_a_killed_worker_loses_nothing(pool: DaskPool, tmp_path: Path) -> None:
    log = tmp_path / "attempts"

    def sleeps() -> str:
        with log.open("a") as file:
            file.write(f"{os.getpid()}\n")
        time.sleep(1.0)
        return "slept"

    done: list[Future[str]] = []
    future = pool.submit("p", sleeps)
    future.add_done_callback(done.append)
    others = [pool.submit("q", lambda x: x, n) for n in range(4)]
    while not log.is_file() or not log.read_text():
        time.sleep(0.02)
    os.kill(int(log.read_text()), signal.SIGKILL)
    assert results([future, *others]) == ["slept", 0, 1, 2, 3]
    assert len(set(log.read_text().split())) == 2
    assert done == [future]


def test_a_unit_that_kills_its_workers_is_given_up(
    pool: DaskPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.pools.dask.MOST_ATTEMPTS", 2)
    deadly = pool.submit("deadly", lambda: os.kill(os.getpid(), signal.SIGKILL))
    harmless = [pool.submit("p", lambda x: x, n) for n in range(6)]
    with pytest.raises(AssayError, match=r"died 2 times while running .* of program deadly"):
        deadly.result(timeout=30)
    assert results(harmless) == list(range(6))


def test_closing_cancels_what_waits_and_spares_the_scheduler(cluster: Any) -> None:
    pool = open_cluster(cluster.scheduler_address, workers=1)
    assert pool.workers == 1
    futures = [pool.submit("p", time.sleep, 0.5) for _ in range(3)]
    pool.close()
    for future in futures:
        with pytest.raises(CancelledError):
            future.result(timeout=1)
    assert cluster.status.name == "running"


def test_only_workers_with_a_gpu_train_where_there_are_some(cluster: Any, pool: DaskPool) -> None:
    addresses = sorted(pool._roster.look().ready)
    found = roster.Roster(pool._client, None)
    workers = {
        address: {"status": "running", "resources": {"GPU": 1} if n == 0 else {}}
        for n, address in enumerate(addresses)
    }
    found._workers = lambda: workers  # type: ignore[method-assign]
    assert found.first_look().ready == {addresses[0]}
    assert found.resources == {"GPU": 1}


def test_a_worker_with_other_versions_is_named(
    cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roster, "software", lambda: {"assay-bench": "9.0", "jax": "0.1"})
    with pytest.raises(
        AssayError, match=r"worker tcp://\S+ has assay-bench \S+ \(here 9\.0\), jax"
    ) as caught:
        open_cluster(cluster.scheduler_address)
    assert "restart the worker" in caught.value.remedy


def test_nobody_at_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.pools.schedulers.CONNECT_S", 1.0)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(AssayError, match="no Dask scheduler answers"):
        open_cluster(address)


def test_a_scheduler_without_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.pools.dask.WORKERS_S", 0.5)
    with (
        distributed.LocalCluster(n_workers=0, dashboard_address=":0") as empty,
        pytest.raises(AssayError, match="no Dask worker has connected"),
    ):
        open_cluster(empty.scheduler_address)


@pytest.mark.parametrize(
    ("address", "message"), [("nowhere", "is no cluster"), ("x.json", "no scheduler file")]
)
def test_addresses_that_mean_nothing(address: str, message: str) -> None:
    with pytest.raises(AssayError, match=message):
        open_cluster(address)


@pytest.mark.parametrize(
    ("address", "module"), [("tcp://127.0.0.1:1", "distributed"), ("slurm", "dask_jobqueue")]
)
def test_without_the_extra(monkeypatch: pytest.MonkeyPatch, address: str, module: str) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(AssayError, match=module) as caught:
        open_cluster(address, workers=1)
    assert caught.value.remedy == "pip install 'assay-bench[cluster]'"


def write_command(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A machine with a SLURM of its own: sbatch runs the job here, scancel ends it."""
    import dask

    pytest.importorskip("dask_jobqueue")
    write_command(
        tmp_path,
        "sbatch",
        f'cp "$1" {tmp_path}/job.sh; setsid sh {tmp_path}/job.sh >{tmp_path}/out 2>&1 &\n'
        f"echo $! >{tmp_path}/pid; echo Submitted batch job 1",
    )
    write_command(tmp_path, "scancel", f"kill -- -$(cat {tmp_path}/pid)")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    slurm = {"cores": 1, "memory": "2GB", "job-script-prologue": ["export SITE=here"]}
    with dask.config.set({f"jobqueue.slurm.{key}": value for key, value in slurm.items()}):
        yield tmp_path


def test_slurm_jobs_train_and_end_with_the_pool(site: Path) -> None:
    pool = open_cluster("slurm", workers=1)
    try:
        names = ("SITE", "NPROC", "OPENBLAS_NUM_THREADS", "ASSAY_SHARES")
        future = pool.submit("p", lambda: [os.environ.get(name) for name in names])
        assert results([future]) == [["here", "1", "1", "1"]]
    finally:
        pool.close()
    group = int((site / "pid").read_text())
    for _ in range(100):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    raise AssertionError("the job outlived the pool")


def test_slurm_that_refuses_the_job(site: Path) -> None:
    write_command(site, "sbatch", "echo sbatch: error: invalid account >&2; exit 1")
    with pytest.raises(AssayError, match=r"does not take the job: .*invalid account"):
        open_cluster("slurm", workers=1)


def test_slurm_without_configuration(site: Path) -> None:
    import dask

    with dask.config.set({"jobqueue.slurm.cores": None}), pytest.raises(AssayError) as caught:
        open_cluster("slurm", workers=1)
    assert "jobqueue.yaml" in caught.value.remedy


def test_slurm_without_sbatch_or_number_of_jobs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("dask_jobqueue")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(AssayError, match="no sbatch"):
        open_cluster("slurm", workers=1)
    with pytest.raises(AssayError, match="how many SLURM jobs"):
        open_cluster("slurm")
