"""`distribution`: the pooled law of the measured values against a predicted law."""

from __future__ import annotations

import numpy as np

from .case import Case, Estimate, Levels, logarithm, magnitude, nonzero
from .curve import largest, weighted_l1
from .mean import Array, binomial_bounds, mean_bounds
from .terms import UnjudgeableError

_NODES = 512  # pooled quantiles on which a Wasserstein distance is integrated


def distribution(case: Case, levels: Levels) -> Estimate:
    """Kolmogorov-Smirnov or Wasserstein-1 distance between pooled values and a predicted law.

    The forecast's F values are the law's quantiles at (k - 1/2) / F. Both distances are norms of
    the difference of two distribution functions, and the measured one is the mean over seeds of the
    seeds' own: so `sup` and `l1` of `curve` apply, with the seed as the resampling unit.
    """
    if case.forecast.shape[0] > 1:
        raise UnjudgeableError("a forecast law must be the same for all seeds")
    measured_NPT, law_PF = case.measured, np.sort(case.forecast[0], axis=-1)
    kind = case.criterion.tolerance_kind
    if case.criterion.distance == "ks" and kind == "relative":
        raise UnjudgeableError("a Kolmogorov-Smirnov distance is a probability: no relative one")
    if kind == "log":
        measured_NPT = logarithm(measured_NPT, "measured")
        law_PF = logarithm(law_PF, "forecast")
    pick = ks if case.criterion.distance == "ks" else wasserstein
    unit_P = nonzero(np.abs(law_PF).mean(axis=-1)) if kind == "relative" else 1.0
    laws_PF = np.broadcast_to(law_PF, (measured_NPT.shape[1], law_PF.shape[-1]))
    points = [pick(measured_NPT[:, p], law_F, levels) for p, law_F in enumerate(laws_PF)]
    return Estimate(
        np.concatenate([e.discrepancy for e in points]) / unit_P,
        np.concatenate([e.lower for e in points]) / unit_P,
        np.concatenate([e.upper for e in points]) / unit_P,
    )


def ks(sample_NT: Array, law_F: Array, levels: Levels) -> Estimate:
    """Largest difference of the distribution functions over the forecast's quantiles.

    At a jump the middle of the jump is compared. Few values leave a tail quantile without any
    spread; so Clopper-Pearson's interval for independent values widens Student's.
    """
    at_U = np.unique(law_F)
    law_U = _distribution_function(law_F[np.newaxis], at_U)[0]
    share_NU = _distribution_function(sample_NT, at_U)
    by_seed, by_value = mean_bounds(share_NU), binomial_bounds(share_NU.mean(0), sample_NT.size)

    def bounds(level: float) -> tuple[Array, Array, Array]:
        (mean_U, low_U, high_U), (_, least_U, most_U) = by_seed(level), by_value(level)
        ends = (mean_U, np.minimum(low_U, least_U), np.maximum(high_U, most_U))
        mean, lower, upper = ((end - law_U)[np.newaxis] for end in ends)
        return mean, lower, upper

    split = Levels(lower=levels.lower / at_U.size, upper=levels.upper)
    return largest(magnitude(bounds, split))


def wasserstein(sample_NT: Array, law_F: Array, levels: Levels) -> Estimate:
    """Area between the distribution functions, in the unit of the values.

    Between its quantiles the law is interpolated linearly.
    """
    inner = np.quantile(sample_NT, np.linspace(0, 1, min(_NODES, sample_NT.size)))
    edge_U = np.unique(np.concatenate([inner, law_F]))
    middle_U, weight_U = (edge_U[1:] + edge_U[:-1]) / 2, np.diff(edge_U)
    rank_F = (np.arange(law_F.size) + 0.5) / law_F.size
    law_U = np.interp(middle_U, law_F, rank_F, left=0.0, right=1.0)
    ordered_NT = np.sort(sample_NT, axis=-1)
    share_NU = np.array([row.searchsorted(middle_U) for row in ordered_NT]) / sample_NT.shape[1]
    return weighted_l1((share_NU - law_U)[:, np.newaxis], weight_U, levels)


def _distribution_function(sample_NT: Array, at_U: Array) -> Array:
    """Share of each seed's values below `at`, values equal to it counted half; shape [N, U]."""
    ordered_NT = np.sort(sample_NT, axis=-1)
    return np.array(
        [
            (row.searchsorted(at_U, "left") + row.searchsorted(at_U, "right")) / (2 * row.size)
            for row in ordered_NT
        ]
    )
