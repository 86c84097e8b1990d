"""Pools: where units of work run - in this process, in local worker processes, on a cluster."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class Pool(Protocol):
    """Runs functions, gives each result exactly once, and survives the death of a worker."""

    @property
    def name(self) -> str:
        """Kind of the pool, for records."""
        ...

    @property
    def workers(self) -> int:
        """How many units run at once."""
        ...

    @property
    def device(self) -> str:
        """Kind of the device that trains, as `harness.identity.device_kind` says it."""
        ...

    def submit(self, program: str, function: Callable[..., T], /, *arguments: Any) -> Future[T]:
        """Begin function(*arguments); `program` names the compiled program that it needs."""
        ...

    def close(self) -> None:
        """Stop; what has not begun is cancelled."""
        ...
