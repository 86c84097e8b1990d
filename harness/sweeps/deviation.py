"""How far a theory is off at one point, without the part that the noise of the seeds adds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from harness.judge import LEVEL, Criterion, UnjudgeableError
from harness.judge.arrange import arrange
from harness.judge.case import Case, coordinate, deviation, logarithm, nonzero
from harness.judge.curve import NORMS
from harness.judge.mean import Array, mean_bounds

if TYPE_CHECKING:
    import xarray as xr

FEWEST_SEEDS: Final = 3
"""Seeds that the jackknife of a mean square needs."""


@dataclass(frozen=True)
class Deviation:
    """One value a seed whose mean estimates the error, in tolerances, without bias.

    `signed`: measured minus forecast; `rms`: jackknife pseudo-values of the mean square of measured
    minus forecast over the observable's points.
    """

    kind: Literal["signed", "rms"]
    by_seed: Array

    @property
    def power(self) -> int:
        """The power of the error that the mean estimates."""
        return 1 if self.kind == "signed" else 2

    def estimate(self) -> tuple[float, tuple[float, float]]:
        """The error in tolerances with its interval, `LEVEL` on either side.

        The root of a mean square that noise made negative is zero.
        """
        found = tuple(float(end) for end in mean_bounds(self.by_seed)(LEVEL))
        if self.kind == "rms":
            found = tuple(float(np.sqrt(max(end, 0.0))) for end in found)
        mean, low, high = found
        return mean, (low, high)


def deviation_of(
    measured: xr.DataArray, forecast: xr.DataArray, criterion: Criterion
) -> Deviation | None:
    """The deviation of a forecast from reduced values by seed.

    None where the comparison has no deviation that is a mean over seeds (`argmin`, `label`, ...),
    and where `judge` would answer `error`.
    """
    by_seed = DEVIATIONS.get(criterion.compare)
    if by_seed is None:
        return None
    try:
        case = arrange(measured, forecast, replace(criterion, reduce=None))
        dev_NJ = by_seed(case) / criterion.tolerance
    except UnjudgeableError:
        return None
    if dev_NJ.shape[1] == 1:
        return Deviation("signed", dev_NJ[:, 0])
    return Deviation("rms", mean_square(dev_NJ)) if len(dev_NJ) >= FEWEST_SEEDS else None


def mean_square(dev_NJ: Array) -> Array:
    """Jackknife pseudo-values of the mean over J of the squared seed means; shape [N].

    Their mean is the average of d_ij d_kj over all pairs of different seeds i, k and over j: its
    expectation is the mean square of the true deviations, to which noise adds nothing.
    """
    seeds, length = dev_NJ.shape
    total_J = dev_NJ.sum(axis=0)
    own_N = (dev_NJ**2).sum(axis=1)

    def pairs(sum_: Array, own: Array, n: int) -> Array:
        return np.asarray(((sum_**2).sum(axis=-1) - own) / (n * (n - 1) * length))

    everyone = pairs(total_J, own_N.sum(), seeds)
    without_N = pairs(total_J - dev_NJ, own_N.sum() - own_N, seeds - 1)
    return np.asarray(seeds * everyone - (seeds - 1) * without_N)


def _value(case: Case) -> Array:
    """Shape [N, P]."""
    return deviation(case.measured[..., 0], case.forecast[..., 0], case.criterion.tolerance_kind)


def _curve(case: Case) -> Array:
    """Shape [N, P * T]."""
    if case.criterion.tolerance_kind == "relative":
        _, size = NORMS[case.criterion.norm]
        dev_NPT = (case.measured - case.forecast) / nonzero(size(case.forecast))
    else:
        dev_NPT = deviation(case.measured, case.forecast, case.criterion.tolerance_kind)
    return dev_NPT.reshape(case.seeds, -1)


def _exponent(case: Case) -> Array:
    """Shape [N, P]."""
    log_axis_T = logarithm(coordinate(case), "coordinate")
    centred_T = log_axis_T - log_axis_T.mean()
    if not centred_T @ centred_T > 0:
        raise UnjudgeableError("an exponent needs at least two different coordinates")

    def slope(curve_NPT: Array, what: str) -> Array:
        return np.asarray(logarithm(curve_NPT, what) @ (centred_T / (centred_T @ centred_T)))

    given = case.forecast.shape[-1] == 1
    forecast_NP = case.forecast[..., 0] if given else slope(case.forecast, "forecast")
    measured_NP = slope(case.measured, "measured")
    return deviation(measured_NP, forecast_NP, case.criterion.tolerance_kind)


DEVIATIONS: Final[Mapping[str, Callable[[Case], Array]]] = {
    "value": _value,
    "curve": _curve,
    "exponent": _exponent,
}
"""Comparisons that have a deviation by seed, shape [N, J]: adding one means a line here."""
