"""A pool of local worker processes, one thread each; a killed worker's unit runs again."""

from __future__ import annotations

import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import CancelledError, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Condition, Thread
from typing import Any, Final, TypeVar

from harness.errors import AssayError
from harness.pools.worker import prepare
from harness.runtime import worker_environment

T = TypeVar("T")

MOST_ATTEMPTS: Final = 10
# Imported once, in the process that workers are forked from; importing starts no thread.
_PRELOAD: Final = ("harness.pools.worker", "harness.work", "jax", "flax.nnx", "optax")


@dataclass
class _Job:
    program: str
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    future: Future[Any] = field(default_factory=Future)
    attempts: int = 0


class ProcessPool:
    """Single-threaded worker processes on this machine.

    A unit goes to a worker that has its program already, else to one that compiles it while the
    others compile different ones. When a worker dies only its unit is run again, MOST_ATTEMPTS
    times at most; then the unit's future raises AssayError.
    """

    name = "processes"
    device = "cpu"

    def __init__(self, workers: int) -> None:
        self.workers = workers
        own = {name: value for name, value in os.environ.items() if name.startswith("ASSAY_")}
        self._environment = {**own, **worker_environment(workers)}
        self._context = _context(self._environment)
        self._jobs: deque[_Job] = deque()
        self._change = Condition()
        self._open = True
        self._owned: dict[str, set[int]] = {}
        self._idle: set[int] = set()
        self._executors: dict[int, ProcessPoolExecutor] = {}
        self._settling = ThreadPoolExecutor(1, thread_name_prefix="assay-settling")
        self._threads = [
            Thread(target=self._serve, args=(slot,), name=f"assay-worker-{slot}", daemon=True)
            for slot in range(workers)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, program: str, function: Callable[..., T], /, *arguments: Any) -> Future[T]:
        """Queue function(*arguments), all of which must pickle."""
        job = _Job(program, function, arguments)
        with self._change:
            if self._open:
                self._jobs.append(job)
                self._change.notify_all()
            else:
                job.future.cancel()
        return job.future

    def close(self) -> None:
        """Cancel what has not begun, end the workers."""
        with self._change:
            self._open = False
            while self._jobs:
                self._jobs.popleft().future.cancel()
            self._change.notify_all()
            executors = list(self._executors.values())
        for executor in executors:
            _end(executor)
        for thread in self._threads:
            thread.join()
        self._settling.shutdown()

    def _serve(self, slot: int) -> None:
        """Run jobs on one worker process until the pool is closed.

        What callers do with a result (they store it) keeps no worker waiting.
        """
        while (job := self._next(slot)) is not None:
            if job.attempts == 0 and not job.future.set_running_or_notify_cancel():
                continue
            try:
                result = self._executor(slot).submit(job.function, *job.arguments).result()
            except BrokenProcessPool:
                self._lost(slot, job)
            except BaseException as error:
                job.future.set_exception(error)
            else:
                self._settling.submit(job.future.set_result, result)

    def _next(self, slot: int) -> _Job | None:
        with self._change:
            self._idle.add(slot)
            while self._open and (job := self._best(slot)) is None:
                self._change.wait()
            self._idle.discard(slot)
            if not self._open or job is None:
                return None
            self._jobs.remove(job)
            self._change.notify_all()
            self._owned.setdefault(job.program, set()).add(slot)
            return job

    def _best(self, slot: int) -> _Job | None:
        """The job for an idle worker; what an idle owner can run is left to it."""
        left = (
            job
            for job in self._jobs
            if slot in self._owned.get(job.program, ())
            or not self._idle & self._owned.get(job.program, set())
        )
        return min(left, key=lambda job: self._distance(slot, job.program), default=None)

    def _distance(self, slot: int, program: str) -> int:
        """0 where the worker has the program, 1 where nobody has, 2 where only others have."""
        owners = self._owned.get(program, set())
        return 0 if slot in owners else 2 if owners else 1

    def _executor(self, slot: int) -> ProcessPoolExecutor:
        with self._change:
            if not self._open:
                raise BrokenProcessPool("the pool is closed")
            if slot not in self._executors:
                self._executors[slot] = ProcessPoolExecutor(
                    1,
                    mp_context=self._context,
                    initializer=prepare,
                    initargs=(self._environment,),
                )
            return self._executors[slot]

    def _lost(self, slot: int, job: _Job) -> None:
        """Forget a dead worker, and queue its job again."""
        with self._change:
            executor = self._executors.pop(slot, None)
            for owners in self._owned.values():
                owners.discard(slot)
            job.attempts += 1
            again = self._open and job.attempts < MOST_ATTEMPTS
            if again:
                self._jobs.appendleft(job)
                self._change.notify_all()
        if executor is not None:
            executor.shutdown(wait=False)
        if not again:
            closed = CancelledError("the pool was closed")
            job.future.set_exception(_gave_up(job.attempts) if self._open else closed)


def _gave_up(attempts: int) -> AssayError:
    return AssayError(
        f"the worker process died {attempts} times while it ran one unit",
        remedy="Most likely memory ran out: take fewer --workers, or shrink the setup with --set.",
    )


def _context(environment: Mapping[str, str]) -> Any:
    """How workers are started: forked from a clean process that has imported JAX already.

    That process is started here, so that its imports overlap with those of this one.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    from multiprocessing import forkserver

    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(_PRELOAD))
    with _environment(environment):
        forkserver.ensure_running()
    return context


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _end(executor: ProcessPoolExecutor) -> None:
    """Stop a worker at once; its unit was not finished and is not kept."""
    started = getattr(executor, "_processes", None) or {}
    executor.shutdown(wait=False, cancel_futures=True)
    processes = list(started.values())
    for process in processes:
        process.terminate()
    for process in processes:
        process.join()
