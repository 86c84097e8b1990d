"""One value per seed of a statistic that only the ensemble has: jackknife pseudo-values."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .mean import Array, as_array

if TYPE_CHECKING:
    import xarray as xr

Reduce: TypeAlias = "Callable[[xr.DataArray], xr.DataArray]"
Samples: TypeAlias = NDArray[np.intp]

HALVES: Final = 100
"""Random halves of the seeds on which a statistic of the ensemble is computed again."""

ALLOWANCE: Final = 1.15
"""Widening of the spread over halves: what a median of skewed noise needs to hold the level."""

STACKED_BYTES: Final = 1 << 26
"""Samples of the seeds that are reduced together take at most this memory."""

_RESAMPLE: Final = "__resample__"


def per_seed(measured: xr.DataArray, reduce: Reduce | None) -> xr.DataArray:
    """One value per seed: what was measured, its reduction, or jackknife pseudo-values of it.

    A reduction that drops `seed` is a statistic T of the ensemble. Its pseudo-values
    T + (n - 1) (mean of T_without_i - T_without_i) play the part of per-seed values (Tukey 1958,
    without the correction of the bias, which is noise where T is not smooth). For such T (a median,
    a grid point) the jackknife also sees too little spread; so the pseudo-values are stretched
    until their standard error is at least the spread of T over random halves of the seeds.
    The level holds for smooth functions of means and for medians. It does not for the spread of
    strongly skewed noise, whose tail few seeds have not seen (docs/statistics.md).
    """
    if reduce is None:
        return measured
    whole = reduce(measured)
    if "seed" in whole.dims:
        return whole
    n = measured.sizes["seed"]
    dims = tuple(map(str, whole.dims))
    total = as_array(whole.values)
    without_N = _statistics(measured, reduce, dims, _all_but_one(n))
    pseudo_N = total + (n - 1) * (without_N.mean(axis=0) - without_N)
    rng, h = np.random.default_rng(0), n // 2
    halves = np.array([rng.permutation(n)[:h] for _ in range(HALVES)])
    half_H = _statistics(measured, reduce, dims, halves)
    spread = ALLOWANCE * np.sqrt(((half_H - total) ** 2).mean(axis=0) * n * h / (n - h))
    return whole.expand_dims(seed=n).copy(data=_stretched(pseudo_N, spread))


def _stretched(pseudo_N: Array, spread: Array) -> Array:
    """Pseudo-values with the same mean and at least this standard deviation."""
    n = pseudo_N.shape[0]
    mean = pseudo_N.mean(axis=0)
    present = pseudo_N.std(axis=0, ddof=1)
    pattern = np.linspace(-1, 1, n)
    pattern = (pattern / pattern.std(ddof=1)).reshape((n,) + (1,) * mean.ndim)
    shape_N = np.divide(
        pseudo_N - mean,
        present,
        out=np.broadcast_to(pattern, pseudo_N.shape).copy(),
        where=present > 0,
    )
    return as_array(mean + shape_N * np.maximum(present, spread))


def _all_but_one(n: int) -> Samples:
    return np.array([np.delete(np.arange(n), i) for i in range(n)])


def _statistics(
    measured: xr.DataArray, reduce: Reduce, dims: tuple[str, ...], samples: Samples
) -> Array:
    """The statistic of each sample of seeds [R, k]: shape [R, ...]."""

    def one(sample: NDArray[np.intp]) -> Array:
        return as_array(reduce(measured.isel(seed=sample)).transpose(*dims).values)

    together = _together(measured, reduce, dims, samples)
    probes = (0, len(samples) // 2, len(samples) - 1)
    if together is not None and all(
        np.allclose(together[i], one(samples[i]), rtol=1e-9, atol=1e-12, equal_nan=True)
        for i in probes
    ):
        return together
    return np.array([one(sample) for sample in samples])


def _together(
    measured: xr.DataArray, reduce: Reduce, dims: tuple[str, ...], samples: Samples
) -> Array | None:
    """All samples in one call of a reduction that lets an unknown dimension through, else None.

    That saves most of the time of small arrays; who calls checks that it gives the same.
    """
    import xarray as xr

    if measured.nbytes * samples.size / measured.sizes["seed"] > STACKED_BYTES:
        return None
    chosen = xr.DataArray(samples, dims=(_RESAMPLE, "seed"))
    stacked = measured.drop_vars("seed", errors="ignore").isel(seed=chosen)
    try:
        found = reduce(stacked)
        return as_array(found.transpose(_RESAMPLE, *dims).values)
    except Exception:  # a reduction that was not made for it; one by one it says what is wrong
        return None
