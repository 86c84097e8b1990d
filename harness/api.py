"""What a topic folder imports from Assay: markers for setups, forecasts and experiments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

__all__ = ["STATIC", "Normal", "OutOfScope", "untraced"]


class _Static:
    """Marks a float field of a Setup that the experiment needs as a Python number."""

    def __repr__(self) -> str:
        return "STATIC"


STATIC: Final = _Static()


@dataclass(frozen=True)
class Normal:
    """A forecast of a distribution over seeds: mean and standard deviation."""

    mean: float
    std: float


class OutOfScope(Exception):  # noqa: N818 - a statement about a regime, not an error
    """Raised by a forecast whose theory does not speak about the given setup."""


F = TypeVar("F", bound=Callable[..., Any])


def untraced(experiment: F) -> F:
    """Declare that an experiment cannot be traced by JAX; it is then run seed by seed in Python."""
    experiment.__assay_untraced__ = True  # type: ignore[attr-defined]
    return experiment
