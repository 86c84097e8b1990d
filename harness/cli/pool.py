"""Where the verbs that train do it: options, and the pool that they ask for."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.pools import Pool


def add_pool_options(parser: argparse.ArgumentParser) -> None:
    """Add `--workers` and `--cluster`."""
    parser.add_argument(
        "--workers",
        type=int,
        metavar="N",
        help="units trained at once, each in a process of its own (default: one a core); "
        "with --cluster slurm, jobs",
    )
    parser.add_argument(
        "--cluster",
        metavar="ADDRESS",
        help="train on a Dask cluster: tcp://HOST:PORT, a scheduler file, or slurm",
    )


@contextmanager
def open_pool(chosen: argparse.Namespace) -> Iterator[Pool]:
    """The pool that the command asks for."""
    if chosen.cluster is None:
        from harness.pools.local import local_pool

        pool = local_pool(chosen.workers)
    else:
        from harness.pools.dask import open_cluster

        pool = open_cluster(chosen.cluster, workers=chosen.workers)
    try:
        yield pool
    finally:
        pool.close()
