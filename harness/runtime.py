"""The process Assay runs in: cache folder, threads and JAX's persistent compile cache."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import platformdirs

CACHE_VARIABLE: Final = "ASSAY_CACHE_DIR"
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


def start_jax() -> None:
    """Import JAX with its persistent compile cache in the user's cache folder, thresholds at zero.

    A cache folder that the user set through JAX_COMPILATION_CACHE_DIR is respected.
    """
    import jax

    config: Any = jax.config
    if not config.jax_compilation_cache_dir:
        folder = cache_dir() / "compiled" / f"jax-{jax.__version__}"
        folder.mkdir(parents=True, exist_ok=True)
        config.update("jax_compilation_cache_dir", str(folder))
    config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    config.update("jax_persistent_cache_min_entry_size_bytes", -1)


@contextmanager
def numerics(precision: str) -> Iterator[None]:
    """Run a block in the precision that a prediction declares, without touching global state.

    Matrix products are computed in full float32 on every device: the faster, truncated
    formats of accelerators would enter the discrepancy unnoticed.
    """
    import jax

    with jax.enable_x64(precision == "float64"), jax.default_matmul_precision("highest"):
        yield
