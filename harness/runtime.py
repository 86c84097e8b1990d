"""The process Assay runs in: cache folder, threads and numerical precision."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import platformdirs

CACHE_VARIABLE: Final = "ASSAY_CACHE_DIR"
COMPILE_CACHE_VARIABLE: Final = "ASSAY_COMPILE_CACHE"
SHARES_VARIABLE: Final = "ASSAY_SHARES"
_BLAS_VARIABLES: Final = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


def cache_dir() -> Path:
    """The user's cache folder for Assay, overridable by the variable ASSAY_CACHE_DIR."""
    chosen = os.environ.get(CACHE_VARIABLE)
    return Path(chosen) if chosen else Path(platformdirs.user_cache_dir("assay"))


def limit_blas_threads() -> None:
    """Give BLAS one thread, unless the user chose otherwise; call before NumPy is imported.

    XLA runs its own thread pool, and theory code works on small matrices: two pools on the
    same cores cost more than either gains.
    """
    for variable in _BLAS_VARIABLES:
        os.environ.setdefault(variable, "1")


def worker_environment(workers: int) -> dict[str, str]:
    """What a process that shares the machine with others needs before it imports NumPy and JAX.

    BLAS and XLA get one thread each; XLA takes the size of its thread pool from NPROC.
    """
    threads = dict.fromkeys((*_BLAS_VARIABLES, "NPROC"), "1")
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
