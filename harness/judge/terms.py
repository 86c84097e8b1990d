"""The vocabulary of a judgement: level, verdict, criterion, judgement."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    import xarray as xr

LEVEL: Final = 0.01
"""Probability of a false pass, and of a false fail, that one judgement may have (per side)."""

ToleranceKind = Literal["absolute", "relative", "log"]


class Verdict(enum.Enum):
    """What came out; only the first three are statements about the theory."""

    PASS = "pass"
    """The whole confidence interval of the discrepancy lies within the tolerance."""
    FAIL = "fail"
    """The whole confidence interval of the discrepancy lies beyond the tolerance."""
    INCONCLUSIVE = "inconclusive"
    """The interval straddles the tolerance: these seeds do not decide."""
    OUT_OF_SCOPE = "out-of-scope"
    """The setup lies outside the regime that the theory declares."""
    ERROR = "error"
    """Nothing could be judged; the reason says why."""
    VACUOUS = "vacuous"
    """The observable passes, and so does a control that must fail."""


@dataclass(frozen=True)
class Criterion:
    """What is compared, how, and how far off it may be: one observable of a prediction."""

    observable: str
    compare: str
    over: tuple[str, ...]
    tolerance_kind: ToleranceKind
    tolerance: float
    norm: str = "l2"
    scale: str = "linear"
    refine: str = "none"
    side: str = "upper"
    distance: str = "ks"
    labels: tuple[str, ...] = ()
    reduce: Callable[[xr.DataArray], xr.DataArray] | None = None


@dataclass(frozen=True)
class Judgement:
    """A verdict with its numbers; the discrepancy is in the unit of the tolerance.

    `interval` is the confidence interval of the discrepancy, `LEVEL` on either side (its upper end
    is `inf` where the data set no limit, as for a minimum at the edge of its grid).
    `error_in_tolerances` is discrepancy / tolerance. `minimum_detectable` is the excess over the
    tolerance that the present spread and number of seeds would call a fail in half of all
    repetitions. `seeds_to_decide` is set when the verdict is inconclusive and more seeds would
    help, should the discrepancy and the spread stay as they are. With verdict `error` the numbers
    are NaN.
    """

    verdict: Verdict
    reason: str
    discrepancy: float
    interval: tuple[float, float]
    tolerance: float
    seeds: int
    error_in_tolerances: float
    minimum_detectable: float
    seeds_to_decide: int | None


class UnjudgeableError(ValueError):
    """The arrays cannot be judged; the message becomes the reason of the verdict `error`."""
