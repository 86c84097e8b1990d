"""The order in which frequencies are learnt."""

from __future__ import annotations

import numpy as np
import xarray as xr


def place(passage: xr.DataArray) -> xr.DataArray:
    """Place of each frequency in the order of learning, from 0."""
    axis = passage.get_axis_num("frequency")
    order = np.argsort(passage.values, axis=axis, kind="stable")
    return passage.copy(data=np.argsort(order, axis=axis).astype(float))
