"""A pool in this process: one thread, or a few so that an accelerator does not wait for XLA."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from harness.identity import device_kind

T = TypeVar("T")


class ThreadPool:
    """Threads of this process; programs compiled by one are used by all."""

    name = "threads"

    def __init__(self, workers: int = 1) -> None:
        self.workers = workers
        self._executor = ThreadPoolExecutor(workers, thread_name_prefix="assay")

    @property
    def device(self) -> str:
        """Kind of this process' device."""
        return device_kind()

    def submit(self, program: str, function: Callable[..., T], /, *arguments: Any) -> Future[T]:
        """Begin function(*arguments) in a thread."""
        return self._executor.submit(function, *arguments)

    def close(self) -> None:
        """Cancel what has not begun and wait for the rest."""
        self._executor.shutdown(wait=True, cancel_futures=True)
