"""What the leaderboard holds: frozen rows, ready to be rendered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from harness.cost import Spent
from harness.outcome import Finding

STATUSES: Final[Mapping[str, str]] = {
    "pass": "the forecast holds within the tolerance, and every control fails as it must",
    "fail": "the forecast is off by more than the tolerance",
    "inconclusive": "the seeds do not decide",
    "vacuous": "the forecast holds, but so does a control that must fail: it proves nothing",
    "out-of-scope": "the setup lies outside the regime that the theory declares",
    "error": "nothing could be judged",
    "stale": "what is promised has changed since this result was obtained",
    "not run": "registered, without a result at this tier",
    "retired": "given up, with a reason; it stays listed",
}
"""Every status of an entry, and what it means."""

DECIDED: Final = frozenset({"pass", "fail"})
Interval = tuple[float, float]


@dataclass(frozen=True)
class TheoryResult:
    """A theory's verdict on a prediction; error and interval are in tolerances."""

    theory: str
    is_claim: bool
    expect: str
    verdict: str
    reason: str
    error: float | None
    interval: Interval | None
    finding: str | None = None

    @property
    def surprising(self) -> bool:
        """Whether it is decided, and not the way that was expected."""
        return self.verdict in DECIDED and self.expect not in ("open", self.verdict)


@dataclass(frozen=True)
class ControlResult:
    """A control's verdict; it must be `fail`. The error is in tolerances, worst observable."""

    control: str
    because: str
    verdict: str
    reason: str
    error: float | None

    @property
    def surprising(self) -> bool:
        """Whether it passes, which it must not."""
        return self.verdict == "pass"


@dataclass(frozen=True)
class Run:
    """Where and when a result was obtained and what it cost."""

    seeds: int
    cost: Spent
    device: str
    time: str
    commit: str | None


@dataclass(frozen=True)
class Change:
    """A revision of the promise after its registration."""

    number: int
    date: str
    reason: str
    after_result: bool = False


@dataclass(frozen=True)
class Reference:
    """A publication with a link where it has one."""

    text: str
    link: str | None


@dataclass(frozen=True)
class Spec:
    """What a page says and draws of an observable's declaration."""

    unit: str
    compare: str
    over: tuple[str, ...]
    raw: str
    reduced: bool
    because: Mapping[str, float]
    options: Mapping[str, Any]


@dataclass(frozen=True)
class Entry:
    """One prediction at one tier.

    `status` is a key of STATUSES; `note` says why it is stale or retired. Such an entry still shows
    the result that it had: `verdict` is the one obtained then. `error` and `interval` are in
    tolerances, of the worst observable of the claim's theory. `record` is the run's, `trial` the
    record's trial.
    """

    id: str
    title: str
    claim: str
    strand: str
    tier: str
    status: str
    file: str
    references: tuple[Reference, ...]
    free_parameters: int
    note: str | None = None
    finding: str | None = None
    verdict: str | None = None
    error: float | None = None
    interval: Interval | None = None
    resolving_power: float | None = None
    theories: tuple[TheoryResult, ...] = ()
    controls: tuple[ControlResult, ...] = ()
    health: tuple[Finding, ...] = ()
    changes: tuple[Change, ...] = ()
    run: Run | None = None
    observables: Mapping[str, Spec] = field(default_factory=dict)
    trial: Mapping[str, Any] | None = None
    record: Mapping[str, Any] | None = None

    @property
    def current(self) -> bool:
        """Whether it has a result that is about what is promised now."""
        return self.run is not None and self.status not in ("stale", "retired")

    @property
    def surprises(self) -> tuple[str, ...]:
        """Theories with another decided verdict than expected, and controls that pass."""
        theories = [result.theory for result in self.theories if result.surprising]
        return (*theories, *(result.control for result in self.controls if result.surprising))

    @property
    def as_expected(self) -> bool | None:
        """Whether nothing surprises; None while the claim is not decided."""
        if not self.current or self.surprises:
            return False if self.current else None
        return True if self.status in DECIDED else None


@dataclass(frozen=True)
class Standing:
    """A theory over all predictions that it forecasts, each counted once, at its largest tier run.

    `score` is the mean error in tolerances plus what the free parameters are charged; `interval`
    the mean of the ends of the intervals. `rank` is one more than the number of theories whose
    interval lies wholly below; so ties share a rank. None: nothing was judged.
    """

    theory: str
    title: str
    passed: int
    failed_as_expected: int
    surprising: int
    undecided: int
    out_of_scope: int
    not_run: int
    score: float | None
    interval: Interval | None
    free_parameters: int
    rank: int | None


@dataclass(frozen=True)
class Board:
    """The leaderboard. `unregistered` names records of unknown predictions."""

    entries: tuple[Entry, ...]
    standings: tuple[Standing, ...]
    unregistered: tuple[str, ...] = ()

    def best(self, prediction: str) -> Entry | None:
        """The current entry of a prediction at the largest tier that has been run."""
        found = [entry for entry in self.entries if entry.id == prediction and entry.current]
        return max(found, key=lambda entry: entry.tier == "full", default=None)
