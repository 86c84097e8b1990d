"""`label`: the predicted phase of each case; the discrepancy is the error rate."""

from __future__ import annotations

from functools import partial

import numpy as np
from scipy.special import betaincinv

from .case import Case, Estimate, Levels
from .mean import Array
from .terms import UnjudgeableError


def label(case: Case, levels: Levels) -> Estimate:
    """Rate of wrong labels over all cases and seeds.

    The seed is the unit: its errors over the cases count as a fraction of one trial, and the
    interval is Clopper & Pearson's (1934) for that many trials. No error in 8 seeds therefore
    leaves rates up to 0.44 open at a level of 1 %.
    """
    if not np.array_equal(case.measured, np.round(case.measured)):
        raise UnjudgeableError("a measured label is not a whole number")
    known = len(case.criterion.labels)
    if known and (case.measured.min() < 0 or case.measured.max() >= known):
        raise UnjudgeableError(f"a measured label is not one of the {known} declared ones")
    wrong_NPT = np.round(case.forecast) != case.measured
    rate_P = wrong_NPT.mean(axis=(0, 2))
    lower_P, upper_P = binomial_bounds(rate_P, case.seeds, levels.lower, levels.upper)
    project = partial(_project, rate_P, levels)
    return Estimate(rate_P, lower_P, upper_P, project=project)


def binomial_bounds(
    rate: Array, trials: int, level_lower: float, level_upper: float
) -> tuple[Array, Array]:
    """Clopper-Pearson bounds of a rate; the number of successes need not be whole."""
    hits = rate * trials
    some, all_but_all = np.maximum(hits, 1e-12), np.maximum(trials - hits, 1e-12)
    lower = np.where(hits > 0, betaincinv(some, trials - hits + 1, level_lower), 0.0)
    upper = np.where(hits < trials, betaincinv(hits + 1, all_but_all, 1 - level_upper), 1.0)
    return lower, upper


def _project(rate_P: Array, levels: Levels, seeds: int) -> tuple[Array, Array]:
    return binomial_bounds(rate_P, seeds, levels.lower, levels.upper)
