"""`curve`: the seed-mean curve against the forecast curve in the l2, l1 or sup norm."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from .case import POINT, Case, Estimate, Levels, deviation, magnitude, nonzero
from .mean import Array, as_array, mean_bounds, moments, quantile


def curve(case: Case, levels: Levels) -> Estimate:
    """Norm of the seed-mean deviation along the axis.

    absolute: root mean square, mean or largest absolute deviation (l2, l1, sup); log: the same of
    ln(measured/forecast); relative: the absolute one divided by the same norm of the forecast.
    """
    norm, size = NORMS[case.criterion.norm]
    if case.criterion.tolerance_kind == "relative":
        dev_NPT = (case.measured - case.forecast) / nonzero(size(case.forecast))
    else:
        dev_NPT = deviation(case.measured, case.forecast, case.criterion.tolerance_kind)
    return norm(dev_NPT, levels)


def l2(dev_NPT: Array, levels: Levels) -> Estimate:
    """Root mean square along the axis.

    Upper end: the largest distance of zero from the ellipsoid that the bound of a mean spans in
    every direction at once. The true distance is <u, M> for one unit vector u that does not depend
    on the noise, so a false pass needs that bound to fail in that one direction.
    Lower end: triangle inequality, |noise| <= q sqrt(trace); the norm of Gaussian noise of a given
    trace has its heaviest tail when all of it is in one mode (Szekely & Bakirov 2003).
    """
    n, _, length = dev_NPT.shape
    mean_PT = dev_NPT.mean(axis=0) / np.sqrt(length)
    distance_P = np.sqrt((mean_PT**2).sum(axis=-1))
    if levels is POINT:
        return Estimate(distance_P, distance_P, distance_P)
    root_PNT = np.moveaxis(dev_NPT / np.sqrt(length) - mean_PT, 0, 1) / np.sqrt(n * (n - 1))
    _, _, skew_P = moments((dev_NPT * mean_PT).sum(axis=-1))
    noise_P = np.sqrt((root_PNT**2).sum(axis=(1, 2)))
    return Estimate(
        discrepancy=distance_P,
        lower=distance_P - quantile(n, levels.lower / 2, np.abs(skew_P)) * noise_P,
        upper=_farthest(mean_PT, root_PNT, quantile(n, levels.upper, np.abs(skew_P))),
    )


def l1(dev_NPT: Array, levels: Levels) -> Estimate:
    """Mean absolute deviation along the axis."""
    return weighted_l1(dev_NPT, np.full(dev_NPT.shape[-1], 1 / dev_NPT.shape[-1]), levels)


def weighted_l1(dev_NPT: Array, weight_T: Array, levels: Levels) -> Estimate:
    """Weighted sum of absolute deviations of the seed mean.

    Noise moves it by at most the weighted sum of the pointwise standard errors times the quantile:
    exactly so when all points move together, by less otherwise.
    """
    n = len(dev_NPT)
    mean_PT = dev_NPT.mean(axis=0)
    distance_P = np.abs(mean_PT) @ weight_T
    _, _, skew_P = moments((dev_NPT * np.sign(mean_PT)) @ weight_T)
    noise_P = dev_NPT.std(axis=0, ddof=1) @ weight_T / np.sqrt(n)
    return Estimate(
        discrepancy=distance_P,
        lower=distance_P - quantile(n, levels.lower / 2, np.abs(skew_P)) * noise_P,
        upper=distance_P + quantile(n, levels.upper, np.abs(skew_P)) * noise_P,
    )


def sup(dev_NPT: Array, levels: Levels) -> Estimate:
    """Largest absolute deviation along the axis.

    It is within the tolerance only if every point is, so the upper ends need no correction
    (intersection-union); the lower ends take Bonferroni's over the axis.
    """
    split = Levels(lower=levels.lower / dev_NPT.shape[-1], upper=levels.upper)
    return largest(magnitude(mean_bounds(dev_NPT), split))


def largest(pointwise: Estimate) -> Estimate:
    """The largest along the last axis: of the discrepancy and of either end."""
    ends = (pointwise.discrepancy, pointwise.lower, pointwise.upper)
    return Estimate(*(end.max(axis=-1) for end in ends))


def _farthest(mean_PT: Array, root_PNT: Array, quantile_P: Array) -> Array:
    """Largest |mean + v| over v = q C^(1/2) z, |z| <= 1, with C = root^T root.

    A trust-region problem. Its dual is a convex function of one multiplier m above all c_k^2, with
    c_k = q sqrt(eigenvalue_k): |mean|^2 + m + sum_k (mean_k c_k)^2 / (m - c_k^2), minimised by
    bisection; every m gives an upper limit.
    """
    wide = root_PNT.shape[1] < root_PNT.shape[2]
    turned_PTN = root_PNT.swapaxes(1, 2)
    variance_PK, basis_PXK = np.linalg.eigh(
        root_PNT @ turned_PTN if wide else turned_PTN @ root_PNT
    )
    # Columns of `pull` are <mean, eigenvector_k of C> sqrt(eigenvalue_k), from either Gram matrix.
    seen_PX = (root_PNT @ mean_PT[..., np.newaxis])[..., 0] if wide else mean_PT
    along_PK = (seen_PX[:, np.newaxis] @ basis_PXK)[:, 0]
    variance_PK = np.maximum(variance_PK, 0.0)
    c_PK = np.sqrt(variance_PK) * quantile_P[:, np.newaxis]
    pull_PK = along_PK * (quantile_P[:, np.newaxis] if wide else c_PK)
    low_P = (c_PK**2).max(axis=-1)
    high_P = low_P + np.sqrt((pull_PK**2).sum(axis=-1))
    for _ in range(60):
        middle_P = (low_P + high_P) / 2
        too_low = (_ratio(pull_PK, middle_P[:, np.newaxis] - c_PK**2) ** 2).sum(axis=-1) > 1
        low_P = np.where(too_low, middle_P, low_P)
        high_P = np.where(too_low, high_P, middle_P)
    gain_PK = pull_PK * _ratio(pull_PK, high_P[:, np.newaxis] - c_PK**2)
    return as_array(np.sqrt((mean_PT**2).sum(axis=-1) + high_P + gain_PK.sum(axis=-1)))


def _ratio(pull_PK: Array, gap_PK: Array) -> Array:
    with np.errstate(over="ignore"):
        return np.divide(pull_PK, gap_PK, out=np.zeros_like(pull_PK), where=gap_PK > 0)


Norm = Callable[[Array, Levels], Estimate]
Size = Callable[[Array], Array]

NORMS: Final[dict[str, tuple[Norm, Size]]] = {
    "l2": (l2, lambda x: np.sqrt((x**2).mean(axis=-1, keepdims=True))),
    "l1": (l1, lambda x: np.abs(x).mean(axis=-1, keepdims=True)),
    "sup": (sup, lambda x: np.abs(x).max(axis=-1, keepdims=True)),
}
