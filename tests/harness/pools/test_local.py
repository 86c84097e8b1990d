"""Which pool is chosen on this machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.errors import AssayError
from harness.pools import local
from harness.pools.local import MOST_WORKERS, default_workers, local_pool
from harness.pools.threads import ThreadPool
from harness.runtime import THREADS_VARIABLE, cores

HERE = Path(__file__).parents[3]

_FACTORISE = """
from harness.pools.local import local_pool
from tests.harness.ensembles import factorise

if __name__ == "__main__":
    pool = local_pool(1)
    print(pool.submit("factorise", factorise).result())
    pool.close()
"""


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with a processor only, outside of pytest-xdist."""
    monkeypatch.delenv(local.XDIST_VARIABLE, raising=False)
    monkeypatch.setattr(local, "device_kind", lambda: "cpu")
    monkeypatch.setenv(THREADS_VARIABLE, "1")


def chosen(workers: int | None) -> tuple[str, int]:
    pool = local_pool(workers)
    pool.close()
    return pool.name, pool.workers


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (1, ("threads", 1)),
        (3, ("processes", 3)),
        (MOST_WORKERS, ("processes", MOST_WORKERS)),
        (64, ("processes", MOST_WORKERS)),
    ],
)
def test_by_default_there_is_a_worker_a_core(
    number: int, expected: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "cores", lambda: number)
    assert chosen(None) == expected


def test_a_number_of_workers_is_taken_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "cores", lambda: 2)
    assert chosen(1) == ("threads", 1)
    assert chosen(MOST_WORKERS + 1) == ("processes", MOST_WORKERS + 1)


def test_one_worker_is_a_process_where_xla_has_several_threads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(THREADS_VARIABLE, "2")
    assert chosen(1) == ("processes", 1)


def test_one_worker_does_independent_factorisations() -> None:
    """With two threads in its pool XLA waits for itself in such a program for ever."""
    done = subprocess.run(
        [sys.executable, "-c", _FACTORISE],
        cwd=HERE,
        env={name: value for name, value in os.environ.items() if name != THREADS_VARIABLE},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) > 0


def test_a_worker_of_xdist_trains_in_its_own_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "cores", lambda: 64)
    monkeypatch.setenv(local.XDIST_VARIABLE, "gw0")
    assert default_workers() == 1
    assert chosen(None) == ("threads", 1)
    assert chosen(2) == ("processes", 2)


@pytest.mark.parametrize("workers", [None, 1, 8])
def test_an_accelerator_is_used_by_this_process_alone(
    workers: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "device_kind", lambda: "gpu of some kind")
    assert chosen(workers) == ("threads", local.ACCELERATOR_THREADS)


@pytest.mark.parametrize("workers", [0, -1])
def test_no_workers_are_an_error(workers: int) -> None:
    with pytest.raises(AssayError, match=f"{workers} workers cannot train") as error:
        local_pool(workers)
    assert error.value.path == "--workers"
    assert error.value.remedy


def test_cores_are_those_that_this_process_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {3, 5}, raising=False)
    assert cores() == 2
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert cores() == 1


def test_threads_run_units_in_this_process() -> None:
    pool = ThreadPool(2)
    assert [pool.submit("p", os.getpid).result(timeout=30) for _ in range(3)] == [os.getpid()] * 3
    pool.close()
    with pytest.raises(RuntimeError):
        pool.submit("late", os.getpid)
