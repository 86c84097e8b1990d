"""Observables: what is compared, how, and how far off it may be; one class for each comparison."""

from __future__ import annotations

import math
from typing import Annotated, Any, ClassVar, Final, Literal, TypeAlias, get_args

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator

from harness.fields import Identifier, Model, Names, Positive, Reference, Text, broken

ToleranceKind: TypeAlias = Literal["absolute", "relative", "log"]


class Tolerance(Model):
    """How far measurement and forecast may lie apart: exactly one kind, positive and finite."""

    absolute: Positive | None = Field(default=None, description="|measured - forecast|, its unit")
    relative: Positive | None = Field(default=None, description="|measured / forecast - 1|")
    log: Positive | None = Field(default=None, description="|ln(measured / forecast)|")

    @model_validator(mode="after")
    def _exactly_one(self) -> Tolerance:
        given = [kind for kind in get_args(ToleranceKind) if getattr(self, kind) is not None]
        if len(given) != 1:
            raise broken(
                f"needs exactly one kind of tolerance, got {' and '.join(given) or 'none'}",
                "Write one of absolute, relative, log.",
            )
        return self

    @property
    def kind(self) -> ToleranceKind:
        """Which of the three kinds it is."""
        if self.absolute is not None:
            return "absolute"
        return "log" if self.relative is None else "relative"

    @property
    def size(self) -> float:
        """The number."""
        return float(getattr(self, self.kind))


def _adds_up(because: dict[str, float], info: ValidationInfo) -> dict[str, float]:
    tolerance = info.data.get("tolerance")
    total = math.fsum(because.values())
    if tolerance is not None and not math.isclose(total, tolerance.size, rel_tol=1e-6):
        raise broken(
            f"the reasons add up to {total:.6g}, but the tolerance is {tolerance.size:.6g}",
            "Make the two equal: every part of a tolerance has its reason.",
        )
    return because


Because: TypeAlias = Annotated[
    dict[Text, Positive],
    Field(min_length=1, description="reason: its share of the tolerance; they must add up"),
    AfterValidator(_adds_up),
]


class Observable(Model):
    """A measured quantity with one comparison, one tolerance and the reason for its size."""

    compare: str
    unit: Text = Field(description="unit of what is compared; '1' if it has none")
    of: Identifier | None = Field(default=None, description="raw observable; own name if left out")
    dims: Names = Field(default=(), description="own axes of the raw array, named in Setup.axes()")
    reduce: Reference | None = Field(
        default=None, description="module.function from the raw array to what is compared"
    )
    tolerance: Tolerance = Field(description="how far off the forecast may be")
    because: Because

    tolerance_kinds: ClassVar[frozenset[ToleranceKind]] = frozenset(get_args(ToleranceKind))
    """Kinds of tolerance that the comparison understands."""

    @field_validator("tolerance")
    @classmethod
    def _understood(cls, tolerance: Tolerance) -> Tolerance:
        if tolerance.kind not in cls.tolerance_kinds:
            raise broken(
                f"this comparison has no {tolerance.kind} tolerance",
                f"Write {' or '.join(sorted(cls.tolerance_kinds))}.",
            )
        return tolerance

    @property
    def axes(self) -> tuple[str, ...]:
        """The axes that the comparison consumes."""
        return tuple(self.options.get("over", ()))

    @property
    def options(self) -> dict[str, Any]:
        """What only this comparison has: over, norm, scale, refine, side, distance, labels."""
        own = type(self).model_fields.keys() - Observable.model_fields.keys()
        return {name: getattr(self, name) for name in sorted(own)}


Over: TypeAlias = Annotated[Names, Field(min_length=1, description="axes that are compared along")]
OverOne: TypeAlias = Annotated[
    Names, Field(min_length=1, max_length=1, description="the axis that is compared along")
]


class ValueObservable(Observable):
    """The measured number against the forecast one."""

    compare: Literal["value"] = Field(description="the number itself")


class CurveObservable(Observable):
    """A curve against a curve."""

    compare: Literal["curve"] = Field(description="a curve in a norm")
    over: Over
    norm: Literal["l2", "sup", "l1"] = Field(default="l2", description="norm of the difference")


class ExponentObservable(Observable):
    """The slope in log-log coordinates."""

    compare: Literal["exponent"] = Field(description="slope of log y against log x")
    over: OverOne


class _Extremum(Observable):
    over: OverOne
    scale: Literal["linear", "log2", "log"] = Field(
        default="linear", description="scale in which the distance of two locations is measured"
    )
    refine: Literal["none", "parabola"] = Field(
        default="none", description="refine the location between grid points"
    )


class ArgminObservable(_Extremum):
    """Where on an axis the minimum lies."""

    compare: Literal["argmin"] = Field(description="location of the minimum")


class ArgmaxObservable(_Extremum):
    """Where on an axis the maximum lies."""

    compare: Literal["argmax"] = Field(description="location of the maximum")


class OrderObservable(Observable):
    """The ordering along an axis."""

    compare: Literal["order"] = Field(description="predicted ordering along an axis")
    over: OverOne

    tolerance_kinds: ClassVar[frozenset[ToleranceKind]] = frozenset({"absolute", "log"})


class BoundObservable(Observable):
    """One-sided."""

    compare: Literal["bound"] = Field(description="one-sided bound")
    side: Literal["upper", "lower"] = Field(
        description="upper: measured may not exceed the forecast; lower: not fall below it"
    )


class WindowObservable(Observable):
    """Between a lower and an upper end."""

    compare: Literal["window"] = Field(description="inside the interval of the forecast")


class DistributionObservable(Observable):
    """A law against a law."""

    compare: Literal["distribution"] = Field(description="distance to a predicted law")
    distance: Literal["ks", "wasserstein"] = Field(description="distance of two laws")
    over: Names = Field(default=(), description="axis of the samples; the seeds if left out")


class LabelObservable(Observable):
    """A predicted class, phase or outcome."""

    compare: Literal["label"] = Field(description="predicted label; the error rate is judged")
    labels: Annotated[
        tuple[Text, ...],
        Field(min_length=2, strict=False, description="names of the values 0, 1, 2, ..."),
    ]

    tolerance_kinds: ClassVar[frozenset[ToleranceKind]] = frozenset({"absolute"})


AnyObservable: TypeAlias = Annotated[
    ValueObservable
    | CurveObservable
    | ExponentObservable
    | ArgminObservable
    | ArgmaxObservable
    | OrderObservable
    | BoundObservable
    | WindowObservable
    | DistributionObservable
    | LabelObservable,
    Field(discriminator="compare"),
]
OBSERVABLES: Final[dict[str, type[Observable]]] = {
    get_args(cls.model_fields["compare"].annotation)[0]: cls
    for cls in get_args(get_args(AnyObservable)[0])
}
