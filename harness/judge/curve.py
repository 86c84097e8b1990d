"""`curve`: the seed-mean curve against the forecast curve in the l2, l1 or sup norm."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from .case import Case, Estimate, Levels, deviation, magnitude, nonzero
from .mean import Array, mean_bounds, quantile, skewness


def curve(case: Case, levels: Levels) -> Estimate:
    """Norm of the seed-mean deviation along the axis.

    absolute: root mean square, mean or largest absolute deviation (l2, l1, sup); log: the same of
    ln(measured/forecast); relative: the absolute one divided by the same norm of the forecast.
    """
    norm = case.criterion.norm
    kind = case.criterion.tolerance_kind
    forecast_NPT = np.broadcast_to(
        case.forecast_NPF, case.forecast_NPF.shape[:-1] + case.measured_NPT.shape[-1:]
    )
    if kind == "relative":
        size_NP1 = nonzero(_SIZE[norm](forecast_NPT))[..., np.newaxis]
        dev_NPT = (case.measured_NPT - forecast_NPT) / size_NP1
    else:
        dev_NPT = deviation(case.measured_NPT, forecast_NPT, kind)
    return NORMS[norm](dev_NPT, levels)


def l2(dev_NPT: Array, levels: Levels) -> Estimate:
    """Root mean square along the axis.

    Upper end: the largest distance of zero from the confidence ellipsoid that Student's bound
    spans in every direction at once. The true distance is |<u, M>| for one unit vector u that does
    not depend on the noise, so a false pass needs Student's bound to fail in that one direction.
    Lower end: triangle inequality, |noise| <= q sqrt(trace); the norm of Gaussian noise of a given
    trace has its heaviest tail when all of it is in one mode (Szekely & Bakirov 2003).
    """
    n, _, length = dev_NPT.shape
    dev_NPT = dev_NPT / np.sqrt(length)
    mean_PT = dev_NPT.mean(axis=0)
    distance_P = np.sqrt((mean_PT**2).sum(axis=-1))
    direction_PT = _unit(mean_PT, distance_P)
    skew_P = skewness((dev_NPT * direction_PT).sum(axis=-1))
    centred_PNT = np.moveaxis(dev_NPT - mean_PT, 0, 1) / np.sqrt(n * (n - 1))
    noise_P = np.sqrt((centred_PNT**2).sum(axis=(1, 2)))
    upper_P = _farthest(mean_PT, centred_PNT, quantile(n, levels.upper, skew_P))
    radius_P = quantile(n, levels.lower / 2, np.abs(skew_P)) * noise_P
    return Estimate(distance_P, np.maximum(0.0, distance_P - radius_P), upper_P, radius_P)


def l1(dev_NPT: Array, levels: Levels) -> Estimate:
    """Mean absolute deviation along the axis."""
    return weighted_l1(dev_NPT, np.full(dev_NPT.shape[-1], 1 / dev_NPT.shape[-1]), levels)


def weighted_l1(dev_NPT: Array, weight_T: Array, levels: Levels) -> Estimate:
    """Weighted sum of absolute deviations of the seed mean.

    Noise moves it by at most the weighted sum of the pointwise standard errors times the quantile:
    exactly so when all points move together, by less otherwise.
    """
    n = dev_NPT.shape[0]
    mean_PT = dev_NPT.mean(axis=0)
    distance_P = (np.abs(mean_PT) * weight_T).sum(axis=-1)
    skew_P = skewness((dev_NPT * np.sign(mean_PT) * weight_T).sum(axis=-1))
    noise_P = (dev_NPT.std(axis=0, ddof=1) * weight_T).sum(axis=-1) / np.sqrt(n)
    radius_P = quantile(n, levels.lower / 2, np.abs(skew_P)) * noise_P
    upper_P = distance_P + quantile(n, levels.upper, skew_P) * noise_P
    return Estimate(distance_P, np.maximum(0.0, distance_P - radius_P), upper_P, radius_P)


def sup(dev_NPT: Array, levels: Levels) -> Estimate:
    """Largest absolute deviation along the axis.

    It is within the tolerance only if every point is, so the upper ends need no correction
    (intersection-union); the lower ends take Bonferroni's over the axis.
    """
    pointwise = magnitude(*mean_bounds(dev_NPT, levels.lower / dev_NPT.shape[-1], levels.upper))
    return largest_along_axis(pointwise)


def largest_along_axis(pointwise: Estimate) -> Estimate:
    """Reduce an estimate with shape [P, T] to the largest along T."""
    worst_P1 = pointwise.discrepancy_P.argmax(axis=-1)[..., np.newaxis]
    return Estimate(
        discrepancy_P=pointwise.discrepancy_P.max(axis=-1),
        lower_P=pointwise.lower_P.max(axis=-1),
        upper_P=pointwise.upper_P.max(axis=-1),
        radius_P=np.take_along_axis(pointwise.radius_P, worst_P1, axis=-1)[..., 0],
    )


def _unit(vector_PT: Array, length_P: Array) -> Array:
    length_P1 = length_P[..., np.newaxis]
    return np.divide(vector_PT, length_P1, out=np.zeros_like(vector_PT), where=length_P1 > 0)


def _farthest(mean_PT: Array, centred_PNT: Array, quantile_P: Array) -> Array:
    """Largest |mean + v| over v = q C^(1/2) z, |z| <= 1, with C = centred^T centred.

    A trust-region problem; its dual is one convex function of a multiplier m above the largest
    q^2 eigenvalue, and every m gives an upper limit:
    |mean|^2 + m + sum_k (mean_k c_k)^2 / (m - c_k^2), c_k = q sqrt(eigenvalue_k).
    """
    _, singular_PK, basis_PKT = np.linalg.svd(centred_PNT, full_matrices=False)
    pull_PK = (basis_PKT @ mean_PT[..., np.newaxis])[..., 0] * singular_PK * quantile_P[:, None]
    square_PK = (singular_PK * quantile_P[:, None]) ** 2
    strength_P = np.sqrt((pull_PK**2).sum(axis=-1))
    low_P = square_PK.max(axis=-1)
    high_P = low_P + np.sqrt((pull_PK**2).sum(axis=-1))
    for _ in range(60):
        middle_P = (low_P + high_P) / 2
        too_low = (_ratio(pull_PK, middle_P[:, None] - square_PK) ** 2).sum(axis=-1) > 1
        low_P = np.where(too_low, middle_P, low_P)
        high_P = np.where(too_low, high_P, middle_P)
    reach_PK = pull_PK * _ratio(pull_PK, high_P[:, None] - square_PK)
    total_P = (mean_PT**2).sum(axis=-1) + high_P + reach_PK.sum(axis=-1)
    return np.sqrt(total_P)


def _ratio(pull_PK: Array, gap_PK: Array) -> Array:
    with np.errstate(over="ignore"):
        return np.divide(pull_PK, gap_PK, out=np.zeros_like(pull_PK), where=gap_PK > 0)


NORMS: Final[dict[str, Callable[[Array, Levels], Estimate]]] = {"l2": l2, "l1": l1, "sup": sup}

_SIZE: Final[dict[str, Callable[[Array], Array]]] = {
    "l2": lambda x: np.sqrt((x**2).mean(axis=-1)),
    "l1": lambda x: np.abs(x).mean(axis=-1),
    "sup": lambda x: np.abs(x).max(axis=-1),
}
