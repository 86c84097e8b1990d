"""From measurement and forecast to a verdict; pure, arrays in, verdict and reason out."""

from .comparisons import COMPARISONS, Comparison
from .terms import LEVEL, Criterion, Judgement, UnjudgeableError, Verdict
from .verdict import judge, point_discrepancy

__all__ = [
    "COMPARISONS",
    "LEVEL",
    "Comparison",
    "Criterion",
    "Judgement",
    "UnjudgeableError",
    "Verdict",
    "judge",
    "point_discrepancy",
]
