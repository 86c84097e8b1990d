"""Scores that rank: proper scores of a distribution, and rivals on the same seeds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf, ndtri

from harness.api import Normal
from harness.judge.arrange import arrange
from harness.judge.case import POINT, Case
from harness.judge.comparisons import COMPARISONS
from harness.judge.mean import Array, as_array, moments, quantile
from harness.judge.terms import LEVEL, Criterion

if TYPE_CHECKING:
    import xarray as xr

RESAMPLES: Final = 1000
"""Bootstrap samples of the seeds behind a paired comparison."""

ROUNDING: Final = 1e-6
"""Differences below this many tolerances are those of equal forecasts, rounded."""

Indices = NDArray[np.intp]

_CHUNK: Final = 4_000_000  # numbers held at once while resampling


@dataclass(frozen=True)
class Paired:
    """Two theories on the same seeds.

    `difference` is the discrepancy of a minus that of b, in the tolerance's unit, so negative where
    a is closer. `winner` is a tie unless the interval of the difference excludes zero by more than
    `ROUNDING` tolerances.
    """

    difference: float
    interval: tuple[float, float]
    winner: Literal["a", "b", "tie"]


def crps(forecast: Normal, values: Any) -> Array:
    """Continuous ranked probability score of a normal forecast for each value; lower is better.

    In the unit of the values: sd (z (2 Phi(z) - 1) + 2 phi(z) - 1/sqrt(pi)), z = (value - mean)/sd
    (Gneiting & Raftery 2007, "Strictly Proper Scoring Rules", sec. 4.2). Raises ValueError unless
    sd > 0.
    """
    z = _standardised(forecast, values)
    density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    score = z * erf(z / np.sqrt(2)) + 2 * density - 1 / np.sqrt(np.pi)
    return as_array(forecast.std * score)


def log_score(forecast: Normal, values: Any) -> Array:
    """Minus the logarithm of the forecast density at each value, in nats; lower is better.

    Raises ValueError unless sd > 0.
    """
    z = _standardised(forecast, values)
    return as_array(z**2 / 2 + np.log(forecast.std) + np.log(2 * np.pi) / 2)


def _standardised(forecast: Normal, values: Any) -> Array:
    if not forecast.std > 0:
        raise ValueError(f"a normal forecast needs a positive standard deviation: {forecast.std}")
    return as_array((as_array(values) - forecast.mean) / forecast.std)


def compare_paired(
    measured: xr.DataArray,
    forecast_a: xr.DataArray,
    forecast_b: xr.DataArray,
    criterion: Criterion,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
) -> Paired:
    """Which of two forecasts is closer to the same training runs, beyond the noise of the seeds.

    Paired bootstrap: each resample of the seeds is given to both forecasts. The percentile interval
    of the difference (`level` on either side) is widened about the observed difference by the ratio
    of the judge's quantile to the normal one, which few or skewed seeds need. Deterministic. Raises
    UnjudgeableError where `judge` would answer `error`.
    """
    cases = (arrange(measured, forecast_a, criterion), arrange(measured, forecast_b, criterion))
    n = cases[0].seeds
    everyone = np.arange(n)
    drawn_RN = np.random.default_rng(0).integers(n, size=(resamples, n))
    without_RN = np.array([np.delete(everyone, i) for i in everyone])
    observed, drawn_R, without_R = (
        discrepancies(cases[0], index_RN) - discrepancies(cases[1], index_RN)
        for index_RN in (everyone[np.newaxis], drawn_RN, without_RN)
    )
    difference = float(observed[0])
    low, high = np.quantile(drawn_R, [level, 1 - level]) - difference
    _, _, skew = moments(-without_R)
    wider = quantile(n, level, np.abs(skew)) / -ndtri(level) * np.sqrt(n / (n - 1))
    interval = (
        difference + float(wider * min(low, 0.0)),
        difference + float(wider * max(high, 0.0)),
    )
    winner: Literal["a", "b", "tie"] = "tie"
    negligible = ROUNDING * criterion.tolerance
    if interval[1] < -negligible:
        winner = "a"
    elif interval[0] > negligible:
        winner = "b"
    return Paired(difference, interval, winner)


def discrepancies(case: Case, index_RN: Indices) -> Array:
    """Discrepancy of each resample of the seeds; shape [R]."""
    points = case.measured.shape[1]
    compare = COMPARISONS[case.criterion.compare].estimate
    parts = []
    for chunk_RN in _chunks(index_RN, case.measured[0].size * index_RN.shape[1]):
        batch = replace(
            case,
            measured=_resampled(case.measured, chunk_RN),
            forecast=_resampled(case.forecast, chunk_RN),
        )
        worst = compare(batch, POINT).discrepancy.reshape(-1, points).max(axis=-1)
        parts.append(np.maximum(worst, 0.0))
    return np.concatenate(parts)


def _chunks(index_RN: Indices, size: int) -> Iterator[Indices]:
    step = max(1, _CHUNK // size)
    for start in range(0, len(index_RN), step):
        yield index_RN[start : start + step]


def _resampled(array_NPT: Array, index_RN: Indices) -> Array:
    """Resamples side by side along the points: [N', R * P, T]; the same for every seed stays so."""
    if len(array_NPT) == 1:
        return np.tile(array_NPT, (1, len(index_RN), 1))
    picked_NRPT: Array = array_NPT[index_RN.T]
    return picked_NRPT.reshape(index_RN.shape[1], -1, array_NPT.shape[-1])
