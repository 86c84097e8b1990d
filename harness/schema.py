"""The prediction file as frozen classes: what a YAML file may say, key by key.

Rules inside one object live here; rules between objects (names that must exist, tiers that may only
override) live in `rules`. The JSON Schema for editors is generated from these classes.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeAlias, get_args

from pydantic import (
    Field,
    PrivateAttr,
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
from harness.observables import AnyObservable, Because, Tolerance
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
SMOKE_BUDGET_S: Final = 20.0
"""Core-seconds of training that a smoke tier may take unless its file says otherwise."""


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
    budget_s: Positive | None = Field(
        default=None,
        description="core-seconds of training that it may take; "
        f"{SMOKE_BUDGET_S:g} at the smoke tier if left out",
    )
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
    matmul_precision: Literal["highest", "high", "default"] = Field(
        default="highest",
        description="precision of float32 matrix products on accelerators: full float32 (highest), "
        "or faster where the tolerance allows it",
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
