"""The model confidence set: which of several theories cannot be rejected as the best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import ndtri, stdtrit

from harness.judge.mean import Array
from harness.scores import ROUNDING

SET_LEVEL: Final = 0.05
"""Probability that the set misses a best theory."""


@dataclass(frozen=True)
class Member:
    """A theory's mean loss, its p-value, and whether it stays in the set.

    Of equally good theories all stay with probability 1 - `SET_LEVEL` at least. The p-value is the
    smallest level at which the theory is rejected.
    """

    theory: str
    loss: float
    p_value: float
    kept: bool


def confidence_set(
    theories: Sequence[str], loss_M: Array, drawn_RM: Array, seeds: int, level: float = SET_LEVEL
) -> tuple[Member, ...]:
    """The model confidence set of M theories (Hansen, Lunde & Nason 2011), the best first.

    `loss_M` is the observed mean loss, lower is better, `drawn_RM` the same of R bootstrap
    resamples, of at least `seeds` seeds. With T_max: a theory's statistic is how far its loss lies
    above the mean of those that remain, in standard errors from the bootstrap; the worst one is
    rejected while its statistic exceeds what the resamples about the observed losses show for the
    largest of them. p-values never fall along the way. Resampled statistics are stretched by the
    ratio of Student's quantile to the normal one, which few seeds need.
    """
    p_value = _stretched_p_values(loss_M, drawn_RM, _stretch(seeds, level))
    members = [
        Member(theory, float(loss), float(p), bool(p > level))
        for theory, loss, p in zip(theories, loss_M, p_value, strict=True)
    ]
    return tuple(sorted(members, key=lambda member: (-member.p_value, member.loss)))


def p_values(loss_M: Array, drawn_RM: Array) -> Array:
    """The p-values of the procedure without a correction for few seeds; shape [M]."""
    return _stretched_p_values(loss_M, drawn_RM, 1.0)


def _stretched_p_values(loss_M: Array, drawn_RM: Array, stretch: float) -> Array:
    remaining = list(range(len(loss_M)))
    floor = ROUNDING * np.abs(loss_M).max(initial=0.0)  # equal forecasts, rounded
    found, highest = np.ones(len(loss_M)), 0.0
    while len(remaining) > 1:
        above_M = loss_M[remaining] - loss_M[remaining].mean()
        drawn = drawn_RM[:, remaining]
        noise_RM = drawn - drawn.mean(axis=1, keepdims=True) - above_M
        error_M = np.sqrt((noise_RM**2).mean(axis=0))
        largest_R = _ratio(noise_RM, error_M, floor).max(axis=1)
        statistic_M = _ratio(above_M, error_M, floor)
        worst = int(np.argmax(statistic_M))
        as_large = int((stretch * largest_R >= statistic_M[worst]).sum())
        highest = max(highest, (1 + as_large) / (1 + len(largest_R)))
        found[remaining.pop(worst)] = highest
    return found


def _ratio(distance: Array, error_M: Array, floor: float) -> Array:
    """Distance in standard errors; infinite without any error, and zero up to the floor."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(np.abs(distance) <= floor, 0.0, distance / error_M)


def _stretch(seeds: int, level: float) -> float:
    student, normal = -stdtrit(seeds - 1, level / 2), -ndtri(level / 2)
    return float(student / normal * np.sqrt(seeds / (seeds - 1)))
