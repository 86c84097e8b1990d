"""What a trial of a prediction found: frozen rows that travel to records, reports and tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.judge import Verdict
from harness.work import Cost


@dataclass(frozen=True)
class Series:
    """An array for reports: dims, coordinates and values as nested lists."""

    dims: tuple[str, ...]
    coords: Mapping[str, list[Any]]
    values: Any


@dataclass(frozen=True)
class Measured:
    """What was measured for one observable, in the form in which it was compared.

    `per_seed` are the seeds' own values, or the jackknife's pseudo-values where the observable
    is a statistic of the whole ensemble; raw arrays are kept without them.
    """

    mean: Series
    stderr: Series
    per_seed: Series | None = None


@dataclass(frozen=True)
class Row:
    """One theory judged on one observable in one case."""

    case: str
    theory: str
    observable: str
    unit: str
    compare: str
    verdict: Verdict
    reason: str
    tolerance: float
    tolerance_kind: str
    seeds: int
    discrepancy: float | None = None
    interval: tuple[float, float] | None = None
    error_in_tolerances: float | None = None
    minimum_detectable: float | None = None
    seeds_to_decide: int | None = None
    resolving_power: float | None = None
    forecast: Series | None = None
    spread: Series | None = None
    measured: Measured | None = None


@dataclass(frozen=True)
class TheoryOutcome:
    """A theory's verdict on the whole prediction: it passes when all observables pass."""

    theory: str
    expect: str
    verdict: Verdict
    reason: str

    @property
    def as_expected(self) -> bool:
        """Whether the verdict is the declared one; an open expectation accepts any."""
        return self.expect == "open" or self.verdict.value == self.expect


@dataclass(frozen=True)
class ControlOutcome:
    """A control's verdict: it fails, as it must, when one observable that it names fails."""

    control: str
    verdict: Verdict
    reason: str
    error_in_tolerances: float | None


@dataclass(frozen=True)
class Finding:
    """A named weakness of a prediction, with its remedy; `suppressed` holds the written reason."""

    check: str
    summary: str
    remedy: str
    suppressed: str | None = None


@dataclass(frozen=True)
class Trial:
    """Everything one run of a prediction at one tier found."""

    id: str
    tier: str
    overrides: Mapping[str, Any]
    seeds: int
    rows: tuple[Row, ...]
    theories: tuple[TheoryOutcome, ...]
    controls: tuple[ControlOutcome, ...]
    resolving_power: float | None
    health: tuple[Finding, ...]
    raw: Mapping[str, Measured]
    cost: Cost
    wall_s: float

    @property
    def claim(self) -> TheoryOutcome:
        """The outcome of the claim's own theory: the first that is expected to pass."""
        passing = [outcome for outcome in self.theories if outcome.expect == "pass"]
        return (passing or list(self.theories))[0]
