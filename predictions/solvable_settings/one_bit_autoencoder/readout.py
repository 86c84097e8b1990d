"""What is read off the measured loss and participation along the sparsity axis."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray

SPARSITY = "nonzero"
LOCAL = 0.5
"""Participation from which on an encoder counts as local: half of the identity's."""


def switch(participation: xr.DataArray) -> xr.DataArray:
    """Probability p at which an encoder first turns local; the last one where none does.

    Linear between grid points; the first grid point where all are local.
    """
    result: xr.DataArray = xr.apply_ufunc(
        _crossing,
        participation[SPARSITY],
        participation,
        input_core_dims=[[SPARSITY], [SPARSITY]],
        vectorize=True,
    )
    return result


def above_half(loss: xr.DataArray) -> xr.DataArray:
    """The loss where an input is more often not zero than zero."""
    return loss.where(loss[SPARSITY] > 0.5, drop=True)


def _crossing(p_P: NDArray[np.float64], participation_P: NDArray[np.float64]) -> float:
    local = np.flatnonzero(participation_P >= LOCAL)
    if not len(local):
        return float(p_P[-1])
    first = int(local[0])
    if first == 0:
        return float(p_P[0])
    pair = slice(first - 1, first + 1)
    return float(np.interp(LOCAL, participation_P[pair], p_P[pair]))
