"""A pool on a Dask cluster: one unit at a time on each worker; a lost worker's unit runs again."""

from __future__ import annotations

import logging
import pickle
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from threading import Event, Lock, Thread
from typing import Any, Final, TypeVar
from uuid import uuid4

from harness.errors import AssayError
from harness.pools.roster import Present, Roster
from harness.pools.schedulers import SLURM, SlurmJobs, connect, end, start_slurm
from harness.runtime import keep_memory

T = TypeVar("T")

MOST_ATTEMPTS: Final = 10
WORKERS_S: Final = 60.0
POLL_S: Final = 1.0
_log = logging.getLogger(__name__)


def open_cluster(address: str, *, workers: int | None = None) -> DaskPool:
    """Connect to a scheduler, or start `workers` SLURM jobs, and wait for the first worker.

    `address` is tcp://host:port, tls://host:port, a scheduler file (*.json), or `slurm`. Of a
    scheduler's workers at most `workers` are used. Waits WORKERS_S for a worker; on SLURM as
    long as the queue takes. Raises AssayError when the extra is not installed, nobody answers, no
    worker comes, or a worker differs from this process in versions or code.
    """
    if workers is not None and workers < 1:
        raise AssayError(
            f"{workers} workers cannot train", remedy="Give 1 or more", path="--workers"
        )
    if address != SLURM:
        client = connect(address)
        with _closing_on_error(client):
            roster = Roster(client, workers)
            return DaskPool(client, roster, _first_workers(roster, address))
    jobs = start_slurm(workers)
    with _closing_on_error(jobs):
        client = jobs.client()
        with _closing_on_error(client):
            roster = Roster(client, None)
            return DaskPool(client, roster, _first_workers(roster, address), jobs)


@dataclass(eq=False)
class _Job:
    program: str
    title: str
    payload: bytes
    future: Future[Any] = field(default_factory=Future)
    attempts: int = 0


@dataclass(frozen=True, eq=False)
class _Run:
    job: _Job
    task: Any


@dataclass(frozen=True)
class _Outcome:
    """How a task ended: with a value, with the function's error, or lost with its worker."""

    value: Any = None
    error: BaseException | None = None
    lost: bool = False


class DaskPool:
    """Workers of a Dask scheduler, each given one unit at a time.

    Units wait here, not on the workers: a dying worker takes exactly one unit with it, that unit
    alone is blamed, and it runs again on another worker, MOST_ATTEMPTS times at most. A unit goes
    to a worker that has its program already, else to one that compiles it while the others
    compile different ones. Use open_cluster to make one.
    """

    name = "dask"

    def __init__(
        self, client: Any, roster: Roster, present: Present, jobs: SlurmJobs | None = None
    ) -> None:
        self._client = client
        self._roster = roster
        self._jobs = jobs
        self._lock = Lock()
        self._waiting: list[_Job] = []
        self._running: dict[str, _Run] = {}
        self._owners: dict[str, set[str]] = {}
        self._ready = present.ready
        self._closing = Event()
        self._watcher = Thread(target=self._watch, name="assay-cluster", daemon=True)
        self._watcher.start()

    @property
    def workers(self) -> int:
        """How many workers train now; on SLURM as many as have started."""
        return max(1, len(self._ready))

    @property
    def device(self) -> str:
        """Kind of the device that every worker trains on."""
        return self._roster.device

    def submit(self, program: str, function: Callable[..., T], /, *arguments: Any) -> Future[T]:
        """Queue function(*arguments), all of which must pickle."""
        title = getattr(function, "__name__", type(function).__name__)
        payload = import_module("cloudpickle").dumps((function, arguments))
        job = _Job(program, f"{title} of program {program}", payload)
        with self._lock:
            if self._closing.is_set():
                raise _scheduler_lost()
            self._waiting.append(job)
            self._dispatch()
        return job.future

    def close(self) -> None:
        """Cancel every unit, leave the scheduler, and end the SLURM jobs that we started.

        A function that a worker is in the middle of runs to its end there; its result is dropped.
        """
        self._abandon(CancelledError())
        self._watcher.join()
        end(self._client)
        if self._jobs is not None:
            self._jobs.close()

    def _dispatch(self) -> None:
        """Give waiting jobs to idle workers, first to those that have the program.

        The lock is held.
        """
        for farthest in (0, 2):
            for address in sorted(self._ready - self._running.keys()):
                job = self._next(address, farthest)
                if job is not None:
                    self._start(job, address)

    def _next(self, address: str, farthest: int) -> _Job | None:
        """Take the nearest waiting job, the oldest first, unless it is too far."""
        while self._waiting:
            job = min(self._waiting, key=partial(self._distance, address))
            if self._distance(address, job) > farthest:
                return None
            self._waiting.remove(job)
            if job.attempts or job.future.set_running_or_notify_cancel():
                return job
        return None

    def _start(self, job: _Job, address: str) -> None:
        job.attempts += 1
        self._owners.setdefault(job.program, set()).add(address)
        try:
            task = self._client.submit(
                _call,
                job.payload,
                key=f"assay-unit-{uuid4()}",
                pure=False,
                workers=[address],
                resources=self._roster.resources,
            )
        except Exception:
            if self._client.status in ("running", "connecting"):
                raise
            self._waiting.insert(0, job)  # The watcher abandons it with the others.
            return
        self._running[address] = _Run(job, task)
        task.add_done_callback(partial(self._finished, address))

    def _distance(self, address: str, job: _Job) -> int:
        """0 where the worker has the program, 1 where nobody has, 2 where only others have."""
        owners = self._owners.get(job.program, set())
        return 0 if address in owners else 2 if owners else 1

    def _finished(self, address: str, task: Any) -> None:
        """Take a task's outcome, in Dask's callback thread."""
        outcome = _outcome(task)
        with self._lock:
            run = self._running.get(address)
            if run is None or run.task is not task:
                return  # The watcher has taken the unit back.
            del self._running[address]
            spent = outcome.lost and not self._again(run.job)
            self._dispatch()
        if spent:
            run.job.future.set_exception(_gave_up(run.job))
        elif outcome.error is not None:
            run.job.future.set_exception(outcome.error)
        elif not outcome.lost:
            run.job.future.set_result(outcome.value)

    def _again(self, job: _Job) -> bool:
        """Queue a lost job first; False when its attempts are used up. The lock is held."""
        if job.attempts >= MOST_ATTEMPTS:
            return False
        self._waiting.insert(0, job)
        return True

    def _watch(self) -> None:
        """Follow workers that come and go until the pool is closed."""
        try:
            self._follow()
        except Exception as error:
            self._abandon(error)

    def _follow(self) -> None:
        last_ready = time.monotonic()
        warned = False
        while not self._closing.wait(POLL_S):
            if self._client.status == "closed":
                return self._abandon(_scheduler_lost())
            try:
                present = self._roster.look()
                stuck = self._stuck(present)
            except OSError:
                continue  # The client reconnects, or closes itself.
            self._settle(present, stuck)
            now = time.monotonic()
            if present.ready:
                last_ready, warned = now, False
            elif now - last_ready > WORKERS_S and not warned:
                if self._jobs is None and not present.connected:
                    return self._abandon(_no_worker(f"is left after {WORKERS_S:.0f} s"))
                _log.warning("No worker is ready; waiting for one.")
                warned = True
            if self._jobs is not None:
                self._jobs.renew(present.names)
        return None

    def _stuck(self, present: Present) -> set[str]:
        """Workers paused for want of memory before they began the unit that we gave them."""
        with self._lock:
            paused = {
                address: run.task.key
                for address, run in self._running.items()
                if address in present.connected - present.ready
            }
        if not paused:
            return set()
        begun = self._client.processing(list(paused))
        return {address for address, key in paused.items() if key not in begun.get(address, ())}

    def _settle(self, present: Present, stuck: set[str]) -> None:
        """Take units back from workers that are gone or stuck, and use the new ones."""
        spent = []
        with self._lock:
            self._ready = present.ready
            for owners in self._owners.values():
                owners.intersection_update(present.connected)
            for address in [*(self._running.keys() - present.connected), *stuck]:
                run = self._running.pop(address, None)
                if run is not None:
                    run.task.cancel()
                    if not self._again(run.job):
                        spent.append(run.job)
            self._dispatch()
        for job in spent:
            job.future.set_exception(_gave_up(job))

    def _abandon(self, error: BaseException) -> None:
        """Take no more units; those that wait are cancelled or fail, those that run fail."""
        with self._lock:
            self._closing.set()
            runs, self._running = list(self._running.values()), {}
            jobs, self._waiting = self._waiting, []
        for run in runs:
            if self._client.status == "running":
                run.task.cancel()
            run.job.future.set_exception(error)
        for job in jobs:
            if isinstance(error, CancelledError) and job.future.cancel():
                continue
            if job.attempts or job.future.set_running_or_notify_cancel():
                job.future.set_exception(error)


def _call(payload: bytes) -> Any:
    """Run a pickled (function, arguments) on the worker."""
    keep_memory()
    function, arguments = pickle.loads(payload)
    return function(*arguments)


def _outcome(task: Any) -> _Outcome:
    if task.status not in ("finished", "error"):
        return _Outcome(lost=True)
    try:
        error = task.exception() if task.status == "error" else None
        if isinstance(error, import_module("distributed").KilledWorker):
            return _Outcome(lost=True)
        return _Outcome(error=error) if error is not None else _Outcome(value=task.result())
    except (OSError, CancelledError):  # The worker died before the result had been fetched.
        return _Outcome(lost=True)
    except Exception as unreadable:
        return _Outcome(error=unreadable)


def _first_workers(roster: Roster, address: str) -> Present:
    """Wait until a worker may train."""
    begin = time.monotonic()
    told = False
    while not (present := roster.first_look()).ready:
        waited = time.monotonic() - begin
        if address != SLURM and waited > WORKERS_S:
            raise _no_worker(f"has connected to {address} within {WORKERS_S:.0f} s")
        if waited > POLL_S and not told:
            _log.warning("Waiting for the first worker of %s.", address)
            told = True
        time.sleep(POLL_S / 4)
    return present


@contextmanager
def _closing_on_error(closable: Any) -> Iterator[None]:
    try:
        yield
    except BaseException:
        end(closable)
        raise


def _gave_up(job: _Job) -> AssayError:
    return AssayError(
        f"the worker died {job.attempts} times while running {job.title}; probably out of memory",
        remedy="Give each worker more memory (fewer a machine), or shrink the setup with --set",
    )


def _no_worker(what: str) -> AssayError:
    return AssayError(
        f"no Dask worker {what}",
        remedy="Start some with: dask worker ADDRESS --nthreads 1; docs/clusters.md says how",
    )


def _scheduler_lost() -> AssayError:
    return AssayError(
        "the Dask scheduler is gone",
        remedy="Start it again and run the same command: finished units are not repeated",
    )
