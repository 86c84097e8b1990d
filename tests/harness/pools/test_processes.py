"""Units on local worker processes: each result once, whatever dies, and no process left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future, wait
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.errors import AssayError
from harness.plan import make_plan
from harness.pools import processes
from harness.pools.processes import ProcessPool
from harness.read import read_prediction
from harness.work import Unit, run_unit

HERE = Path(__file__).parents[3]
SECONDS = 30
LONG = 100.0


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ASSAY_CACHE_DIR", str(folder))
        yield folder


@pytest.fixture(scope="module")
def pool(cache: Path) -> Iterator[ProcessPool]:
    pool = ProcessPool(2)
    yield pool
    pool.close()


def square(number: int) -> int:
    return number * number


def worker(seconds: float = 0.0) -> int:
    time.sleep(seconds)
    return os.getpid()


def fails(error: Exception) -> None:
    raise error


def environment() -> dict[str, str]:
    return dict(os.environ)


def threads_of_blas() -> int:
    """Threads that a matrix product adds to this process."""
    before = len(list(Path("/proc/self/task").iterdir()))
    matrix = np.ones((500, 500))
    _ = matrix @ matrix
    return 1 + len(list(Path("/proc/self/task").iterdir())) - before


def sleeps_at_first(log: Path) -> list[int]:
    """The workers of all attempts; only the first one takes long."""
    with log.open("a") as file:
        file.write(f"{os.getpid()}\n")
    attempts = attempts_in(log)
    time.sleep(LONG if len(attempts) == 1 else 0)
    return attempts


def kills_its_worker(log: Path) -> None:
    with log.open("a") as file:
        file.write(f"{os.getpid()}\n")
    os.kill(os.getpid(), signal.SIGKILL)


def attempts_in(log: Path) -> list[int]:
    return [int(line) for line in log.read_text().splitlines()] if log.exists() else []


def results(futures: list[Future[Any]]) -> list[Any]:
    assert not wait(futures, timeout=SECONDS).not_done
    return [future.result() for future in futures]


def until(reached: Callable[[], Any]) -> Any:
    """Wait until something is so."""
    end = time.monotonic() + SECONDS
    while not (found := reached()):
        assert time.monotonic() < end, "it never came to pass"
        time.sleep(0.02)
    return found


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except ProcessLookupError:
        return True
    except FileNotFoundError:
        return Path("/proc/self").exists()


def test_every_unit_gives_its_result_once(pool: ProcessPool) -> None:
    assert (pool.name, pool.workers, pool.device) == ("processes", 2, "cpu")
    futures = [pool.submit(f"program-{n % 3}", square, n) for n in range(20)]
    assert results(futures) == [n * n for n in range(20)]


def test_units_run_in_as_many_processes_as_there_are_workers(pool: ProcessPool) -> None:
    found = set(results([pool.submit(name, worker, 0.1) for name in "abcd"]))
    assert len(found) == 2
    assert os.getpid() not in found


def test_errors_of_a_unit_arrive(pool: ProcessPool) -> None:
    error = AssayError("no such folder", remedy="Mount it", file=Path("a.yaml"), line=3)
    with pytest.raises(AssayError, match="no such folder") as caught:
        pool.submit("p", fails, error).result(timeout=SECONDS)
    assert (caught.value.remedy, caught.value.file, caught.value.line) == (
        "Mount it",
        Path("a.yaml"),
        3,
    )
    with pytest.raises(ZeroDivisionError):
        pool.submit("p", fails, ZeroDivisionError()).result(timeout=SECONDS)


def test_what_does_not_pickle_is_an_error_of_its_unit_alone(pool: ProcessPool) -> None:
    with pytest.raises((AttributeError, TypeError, ValueError), match=r"pickle|lambda"):
        pool.submit("p", lambda: 1).result(timeout=SECONDS)
    assert pool.submit("p", square, 3).result(timeout=SECONDS) == 9


def test_a_unit_is_trained_and_a_broken_one_names_its_file(pool: ProcessPool, suite: Path) -> None:
    plan = make_plan(read_prediction(suite))
    unit = Unit(plan.prediction, plan.claim, {"curvature": 0.5}, 0, 4, "as it is")
    finished = pool.submit(unit.program(), run_unit, unit).result(timeout=SECONDS)
    np.testing.assert_allclose(
        finished.arrays["weight"], run_unit(unit).arrays["weight"], rtol=1e-5
    )
    broken = Unit(plan.prediction, plan.claim, {"curvature": -1.0}, 0, 4, "as it is")
    with pytest.raises(AssayError) as error:
        pool.submit(broken.program(), run_unit, broken).result(timeout=SECONDS)
    assert error.value.file == suite


def test_a_worker_has_one_thread_and_the_settings_of_its_parent(
    pool: ProcessPool, cache: Path
) -> None:
    before = os.environ.get("ASSAY_SHARES")
    inside = pool.submit("p", environment).result(timeout=SECONDS)
    single = ("NPROC", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
    assert {inside[name] for name in single} == {"1"}
    assert inside["ASSAY_CACHE_DIR"] == str(cache)
    assert inside["ASSAY_SHARES"] == "2"
    assert os.environ.get("ASSAY_SHARES") == before


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="counts threads in /proc")
def test_a_worker_multiplies_in_one_thread(pool: ProcessPool) -> None:
    assert pool.submit("p", threads_of_blas).result(timeout=SECONDS) == 1


def test_a_killed_worker_loses_nothing(pool: ProcessPool, tmp_path: Path) -> None:
    arrived: list[list[int]] = []
    log = tmp_path / "attempts"
    killed = pool.submit("killed", sleeps_at_first, log)
    killed.add_done_callback(lambda future: arrived.append(future.result()))
    others = [pool.submit("others", worker, 0.01) for _ in range(10)]
    (first,) = until(lambda: attempts_in(log))
    os.kill(first, signal.SIGKILL)
    attempts = killed.result(timeout=SECONDS)
    assert len(attempts) == 2
    assert attempts[0] == first != attempts[1]
    assert first not in results(others)
    assert arrived == [attempts]


def test_a_worker_that_dies_idle_costs_nothing(pool: ProcessPool) -> None:
    idle = set(results([pool.submit(name, worker, 0.1) for name in "ab"]))
    for pid in idle:
        os.kill(pid, signal.SIGKILL)
    until(lambda: all(map(gone, idle)))
    assert results([pool.submit("p", square, n) for n in range(4)]) == [0, 1, 4, 9]


def test_a_unit_that_always_kills_its_worker_is_an_error(
    pool: ProcessPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "MOST_ATTEMPTS", 2)
    log = tmp_path / "attempts"
    deadly = pool.submit("deadly", kills_its_worker, log)
    others = [pool.submit("others", square, n) for n in range(5)]
    with pytest.raises(AssayError, match="died 2 times") as error:
        deadly.result(timeout=SECONDS)
    assert "--workers" in error.value.remedy
    assert len(attempts_in(log)) == 2
    assert results(others) == [0, 1, 4, 9, 16]


def test_an_interrupt_of_the_terminal_is_for_the_parent(pool: ProcessPool) -> None:
    """Ctrl-C reaches all processes of a terminal; the parent alone decides what to end."""
    busy = [pool.submit(name, worker, 0.5) for name in "pq"]
    pids = {pool.submit(name, worker).result(timeout=SECONDS) for name in "pq"}
    busy += [pool.submit(name, worker, 0.5) for name in "pq"]
    time.sleep(0.2)
    for pid in pids:
        os.kill(pid, signal.SIGINT)
    assert [future.exception(timeout=SECONDS) for future in busy] == [None] * 4


def owners(pool: ProcessPool) -> dict[str, int]:
    return dict(zip("ab", results([pool.submit(name, worker, 0.3) for name in "ab"]), strict=True))


def test_queued_units_go_to_the_worker_that_has_their_program(cache: Path) -> None:
    pool = ProcessPool(2)
    try:
        results([pool.submit(name, worker, 0.1) for name in "cd"])
        first = [pool.submit(name, worker, 0.4) for name in "ab"]
        names = "babaabbabaab"
        queued = [pool.submit(name, worker, 0.02) for name in names]
        owner = dict(zip("ab", results(first), strict=True))
        found = results(queued)
    finally:
        pool.close()
    assert owner["a"] != owner["b"]
    kept = [pid == owner[name] for name, pid in zip(names, found, strict=True)]
    assert sum(kept) >= len(names) - 1


def test_an_idle_worker_leaves_a_unit_to_the_idle_owner_of_its_program(cache: Path) -> None:
    pool = ProcessPool(2)
    try:
        owner = owners(pool)
        found = [pool.submit("b", worker).result(timeout=SECONDS) for _ in range(6)]
    finally:
        pool.close()
    assert found == [owner["b"]] * 6


def test_a_unit_does_not_wait_for_the_owner_of_its_program_alone(pool: ProcessPool) -> None:
    began = time.monotonic()
    found = results([pool.submit("shared", worker, 0.3) for _ in range(2)])
    assert len(set(found)) == 2
    assert time.monotonic() - began < 10


def test_a_unit_that_was_cancelled_does_not_run(pool: ProcessPool, tmp_path: Path) -> None:
    busy = [pool.submit("busy", worker, 0.3) for _ in range(2)]
    log = tmp_path / "attempts"
    cancelled = pool.submit("cancelled", sleeps_at_first, log)
    assert cancelled.cancel()
    results([*busy, *(pool.submit("busy", worker) for _ in range(4))])
    assert attempts_in(log) == []


def test_closing_ends_the_workers_in_the_middle_of_a_unit(cache: Path, tmp_path: Path) -> None:
    pool = ProcessPool(2)
    logs = [tmp_path / name for name in "ab"]
    running = [pool.submit(log.name, sleeps_at_first, log) for log in logs]
    waiting = pool.submit("waiting", square, 2)
    pids = [until(lambda log=log: attempts_in(log))[0] for log in logs]
    began = time.monotonic()
    pool.close()
    assert time.monotonic() - began < 5
    assert waiting.cancelled()
    until(lambda: all(map(gone, pids)))
    for future in running:
        with pytest.raises((CancelledError, AssayError)):
            future.result(timeout=SECONDS)
    pool.close()


def test_nothing_waits_for_a_pool_that_is_closed(cache: Path) -> None:
    """A trial that goes on after the session was interrupted must come to an end."""
    pool = ProcessPool(1)
    pool.close()
    with pytest.raises((RuntimeError, CancelledError)):
        pool.submit("late", square, 2).result(timeout=1)


_PARENT = """
import sys, time
from pathlib import Path
from harness.pools.processes import ProcessPool
from tests.harness.pools.test_processes import sleeps_at_first, worker

if __name__ == "__main__":
    pool = ProcessPool(2)
    pool.submit("a", sleeps_at_first, Path(sys.argv[1]))
    pool.submit("b", sleeps_at_first, Path(sys.argv[2]))
    time.sleep(100)
"""


def test_workers_end_with_a_parent_that_is_killed(cache: Path, tmp_path: Path) -> None:
    logs = [tmp_path / name for name in "ab"]
    parent = subprocess.Popen(
        [sys.executable, "-c", _PARENT, *map(str, logs)],
        cwd=HERE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        pids = [until(lambda log=log: attempts_in(log))[0] for log in logs]
    finally:
        parent.kill()
        parent.wait()
    until(lambda: all(map(gone, pids)))
