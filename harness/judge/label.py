"""`label`: the predicted phase of each case; the discrepancy is the error rate."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .case import Case, Estimate, Levels, excess
from .mean import binomial_bounds
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

    def project(seeds: int) -> Estimate:
        return excess(binomial_bounds(rate_P, seeds), levels)

    return replace(project(case.seeds), project=project)
