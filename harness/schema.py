"""The prediction file as frozen classes: what a YAML file may say, key by key.

Rules inside one object live here; rules between objects (names that must exist, tiers that may only
override) live in `rules`. The JSON Schema for editors is generated from these classes.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeAlias, get_args

from pydantic import (
    AfterValidator,
    Field,
    PrivateAttr,
    ValidationInfo,
    model_validator,
)

from harness.fields import (
    Forecast,
    GridAxis,
    Identifier,
    Interval,
    Kebab,
    Model,
    Names,
    Positive,
    Reference,
    SetupValue,
    SweepAxis,
    Text,
    broken,
)
from harness.strict_yaml import Document

Strand: TypeAlias = Literal[
    "solvable_settings",
    "tractable_limits",
    "empirical_laws",
    "hyperparameters",
    "universality",
]
STRANDS: Final[tuple[str, ...]] = get_args(Strand)
TierName: TypeAlias = Literal["smoke", "full"]
ToleranceKind: TypeAlias = Literal["absolute", "relative", "log"]
Expect: TypeAlias = Literal["pass", "fail", "open"]
HealthCheck: TypeAlias = Literal[
    "vacuous-control",
    "tolerance-exceeds-gap",
    "underpowered",
    "over-budget",
    "grid-edge",
    "non-finite",
    "single-point",
    "asymptotic-only",
]
MAX_SEEDS: Final = 1_000_000


class Source(Model):
    """A publication that makes the claim or supplies the theory."""

    title: Text = Field(description="title of the publication")
    authors: Text = Field(description="authors, e.g. 'Yang, Hu et al.'")
    year: int = Field(ge=1600, le=2200, description="year of publication")
    arxiv: str | None = Field(
        default=None,
        pattern=r"^([0-9]{4}\.[0-9]{4,5}|[a-z-]+(\.[A-Z]{2})?/[0-9]{7})(v[0-9]+)?$",
        description="arXiv identifier in quotes, e.g. '2203.03466'",
    )
    doi: str | None = Field(default=None, pattern=r"^10\..+/.+$", description="DOI, from '10.' on")
    url: str | None = Field(default=None, pattern=r"^https?://", description="web address")
    where: Text | None = Field(default=None, description="place in it, e.g. 'eq. 12, fig. 3'")


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


class Tighten(Model):
    """A smaller tolerance that a larger tier can hold."""

    tolerance: Tolerance = Field(description="the smaller tolerance, of the same kind")
    because: Because


class Tier(Model):
    """Sizes and seeds of one tier; never a different question."""

    seeds: int = Field(ge=2, le=MAX_SEEDS, description="seeds run at first")
    max_seeds: int = Field(
        default_factory=lambda data: data.get("seeds", 2),
        le=MAX_SEEDS,
        description="most seeds drawn while undecided; as many as seeds if left out",
    )
    budget_s: Positive | None = Field(default=None, description="wall-clock budget in seconds")
    setup: dict[Identifier, SetupValue] = Field(
        default_factory=dict, description="setup keys that this tier overrides"
    )
    sweep: dict[Identifier, SweepAxis] = Field(
        default_factory=dict, description="sweep axes that this tier overrides"
    )
    grid: dict[Identifier, GridAxis] = Field(
        default_factory=dict, description="grid axes that this tier overrides"
    )
    tighten: dict[Identifier, Tighten] = Field(
        default_factory=dict, description="observable: its smaller tolerance at this tier"
    )

    @model_validator(mode="after")
    def _room_for_more(self) -> Tier:
        if self.max_seeds < self.seeds:
            raise broken(f"max_seeds {self.max_seeds} is below seeds {self.seeds}", "Raise it.")
        return self


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
    over: Over


class _Extremum(Observable):
    over: Over
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
    over: Over


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


class TheoryEntry(Model):
    """One theory's forecast for this prediction, and what is known about it."""

    forecast: Forecast = Field(description="module.function, or a table {observable: number}")
    expect: Expect = Field(description="what is known: pass, fail or open; never alters a verdict")
    regime: dict[Identifier, Interval] = Field(
        default_factory=dict, description="setup key: [min, max] where the theory claims to hold"
    )
    finding: Text | None = Field(default=None, description="what was measured against it")


class Control(Model):
    """The same criterion on a broken set-up or with a wrong forecast: it must fail."""

    setup: dict[Identifier, SetupValue] = Field(
        default_factory=dict, description="setup keys that are broken"
    )
    sweep: dict[Identifier, SweepAxis] = Field(
        default_factory=dict, description="sweep axes that are narrowed or moved"
    )
    grid: dict[Identifier, GridAxis] = Field(
        default_factory=dict, description="grid axes that are narrowed or moved"
    )
    forecast: Forecast | None = Field(default=None, description="a wrong forecast")
    observables: Names = Field(default=(), description="those that must fail; any one if left out")
    because: Text = Field(description="why it must fail")

    @model_validator(mode="after")
    def _breaks_something(self) -> Control:
        if not (self.setup or self.sweep or self.grid or self.forecast is not None):
            raise broken("a control that changes nothing", "Break setup, sweep, grid or forecast.")
        return self


class Revision(Model):
    """How often what is promised has been changed, and why the last time."""

    number: int = Field(default=1, ge=1, description="1, then one more for each change")
    reason: Text = Field(default="first registration", description="why it was changed")


class Prediction(Model):
    """One claim from the literature, declared so that measurement can refute it."""

    id: Kebab = Field(description="kebab-case; equals the file's name")
    title: Text = Field(description="one line")
    claim: Text = Field(description="one falsifiable sentence")
    strand: Strand = Field(description="strand of evidence; equals the folder below predictions/")
    sources: Annotated[tuple[Source, ...], Field(min_length=1, strict=False)] = Field(
        description="publications that make the claim"
    )
    experiment: Reference = Field(description="module.function that trains one seed")
    draw: Reference | None = Field(default=None, description="module.function of a seed's own draw")
    precision: Literal["float32", "float64"] = Field(
        default="float32", description="floating-point precision of the experiment"
    )
    setup: dict[Identifier, SetupValue] = Field(
        description="numbers of the world, for theory and run"
    )
    sweep: dict[Identifier, SweepAxis] = Field(
        default_factory=dict, description="axes run point by point: [values]"
    )
    grid: dict[Identifier, GridAxis] = Field(
        default_factory=dict, description="vectorised axes: [values] or {from:, to:, step:}"
    )
    tiers: dict[TierName, Tier] = Field(min_length=1, description="sizes and seeds")
    observables: dict[Identifier, AnyObservable] = Field(
        min_length=1, description="what is measured and compared"
    )
    theories: dict[Kebab, TheoryEntry] = Field(
        min_length=1, description="theory: its forecast; the first expected to pass is the claim's"
    )
    controls: dict[Kebab, Control] = Field(min_length=1, description="what must fail")
    free_parameters: int = Field(default=0, ge=0, description="constants fitted to data")
    finding: Text | None = Field(default=None, description="what was measured")
    revision: Revision = Field(default_factory=Revision, description="change of the promise")
    suppress: dict[HealthCheck, Text] = Field(
        default_factory=dict, description="health check: the reason to suppress it"
    )
    retired: Text | None = Field(default=None, description="why it was retired; it stays listed")

    _document: Document | None = PrivateAttr(default=None)

    @classmethod
    def of(cls, document: Document) -> Prediction:
        """Return the prediction that a document declares; raises pydantic.ValidationError."""
        prediction = cls.model_validate(document.data)
        prediction._document = document
        return prediction

    @property
    def document(self) -> Document:
        """The YAML that it was read from."""
        if self._document is None:
            raise ValueError(f"prediction {self.id} was not read from a file")
        return self._document

    @property
    def source(self) -> Path:
        """The YAML file."""
        return self.document.file

    @property
    def folder(self) -> Path:
        """The topic folder."""
        return self.source.parent

    def line(self, *path: str | int) -> int:
        """Return the line (from 1) of a key path, or of the nearest parent in the file."""
        return self.document.line_of(path)

    @property
    def claims_theory(self) -> str:
        """The name of the claim's theory: the first expected to pass, else the first."""
        passing = (name for name, entry in self.theories.items() if entry.expect == "pass")
        return next(passing, next(iter(self.theories)))

    def tolerance(self, observable: str, tier: str) -> Tolerance:
        """Return the tolerance of an observable at a tier."""
        tightened = self.tiers[tier].tighten.get(observable)  # type: ignore[index]
        return self.observables[observable].tolerance if tightened is None else tightened.tolerance


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of a prediction file, for editors and outside validators."""
    described = _for_files(Prediction.model_json_schema(by_alias=True))
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **described}


def json_schema_text() -> str:
    """Return the JSON Schema as it is committed beside this module."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


def _for_files(schema: Any) -> Any:
    """Drop generated titles and the null of optional keys; close mappings with named patterns."""
    if isinstance(schema, list):
        return [_for_files(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {
        key: _for_files(value)
        for key, value in schema.items()
        if (key, value) != ("default", None) and not (key == "title" and isinstance(value, str))
    }
    options = [option for option in kept.pop("anyOf", ()) if option != {"type": "null"}]
    kept |= options[0] if len(options) == 1 else {"anyOf": options} if options else {}
    if "patternProperties" in kept:
        kept["additionalProperties"] = False
    return kept
