"""Choose the pool on this machine: worker processes on a CPU, this process for an accelerator."""

from __future__ import annotations

import os
from typing import Final

from harness.errors import AssayError
from harness.identity import device_kind
from harness.pools import Pool
from harness.pools.processes import ProcessPool
from harness.pools.threads import ThreadPool
from harness.runtime import cores, single_threaded

# Two threads: one program compiles while another one runs.
ACCELERATOR_THREADS: Final = 2
MOST_WORKERS: Final = 8
XDIST_VARIABLE: Final = "PYTEST_XDIST_WORKER"


def local_pool(workers: int | None = None) -> Pool:
    """The pool for `workers` units at once on this machine.

    By default one single-threaded process a core (at most MOST_WORKERS) where there are several
    cores and no accelerator, which measured faster than threads in one process. A single worker is
    this process if XLA has one thread in it; on an accelerator it is this process always.

    Raises AssayError for a number below 1.
    """
    if workers is not None and workers < 1:
        raise AssayError(
            f"{workers} workers cannot train", remedy="Give 1 or more.", path="--workers"
        )
    if device_kind() != "cpu":
        return ThreadPool(ACCELERATOR_THREADS)
    count = default_workers() if workers is None else workers
    return ThreadPool(1) if count == 1 and single_threaded() else ProcessPool(count)


def default_workers() -> int:
    """Workers where the user names no number."""
    alone = XDIST_VARIABLE not in os.environ
    return min(cores(), MOST_WORKERS) if alone else 1
