"""The process Assay runs in: cache folder, threads and numerical precision."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Final

import platformdirs

CACHE_VARIABLE: Final = "ASSAY_CACHE_DIR"
COMPILE_CACHE_VARIABLE: Final = "ASSAY_COMPILE_CACHE"
SHARES_VARIABLE: Final = "ASSAY_SHARES"
# Numbers of glibc's mallopt: when to return memory, from what size on to map it, and both values.
_KEEP_MEMORY: Final = ((-1, 1 << 27), (-3, 1 << 25))
THREADS_VARIABLE: Final = "NPROC"
_BLAS_VARIABLES: Final = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


def cache_dir() -> Path:
    """The user's cache folder for Assay, overridable by the variable ASSAY_CACHE_DIR."""
    chosen = os.environ.get(CACHE_VARIABLE)
    return Path(chosen) if chosen else Path(platformdirs.user_cache_dir("assay"))


def limit_threads() -> None:
    """Give BLAS and XLA's pool on the host one thread each, unless the user chose otherwise.

    Call it before NumPy and JAX are imported; where JAX is there already, XLA is left alone. Theory
    code works on small matrices, and training runs in processes of its own. With several threads
    a program that holds independent LAPACK calls can wait for itself for ever: the calls run on
    the pool's threads and ask the same pool to share their work (seen with jaxlib 0.10.2).
    """
    for variable in _BLAS_VARIABLES:
        os.environ.setdefault(variable, "1")
    if "jax" not in sys.modules:
        os.environ.setdefault(THREADS_VARIABLE, "1")


def single_threaded() -> bool:
    """Whether XLA's pool on the host has one thread in this process."""
    return os.environ.get(THREADS_VARIABLE, str(cores())) == "1"


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def keep_memory() -> None:
    """Let glibc keep freed memory in this process; elsewhere nothing is done.

    Dask starts its workers with MALLOC_TRIM_THRESHOLD_=65536. Every matrix product allocates and
    frees its workspace, which then went back to the system and came again page by page: training
    took 1.4 to 1.7 times as long.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if os.name == "posix" else None
    if mallopt is not None:
        for parameter, size in _KEEP_MEMORY:
            mallopt(parameter, size)


def worker_environment(workers: int) -> dict[str, str]:
    """What a process that shares the machine with others needs before it imports NumPy and JAX.

    BLAS and XLA get one thread each; XLA takes the size of its thread pool from NPROC.
    """
    threads = dict.fromkeys((*_BLAS_VARIABLES, THREADS_VARIABLE), "1")
    return {**threads, SHARES_VARIABLE: str(workers)}


def compile_cache_enabled() -> bool:
    """Whether compiled programs are kept on disk, which ASSAY_COMPILE_CACHE=off switches off."""
    return os.environ.get(COMPILE_CACHE_VARIABLE, "on") != "off"


@contextmanager
def numerics(precision: str, matmul: str = "highest") -> Iterator[None]:
    """Run a block in the precisions that a prediction declares, without touching global state.

    Matrix products are computed in full float32 on every device unless the prediction says
    otherwise: the faster, truncated formats of accelerators would enter the discrepancy unnoticed.
    """
    import jax

    with jax.enable_x64(precision == "float64"), jax.default_matmul_precision(matmul):
        yield
