"""Whether a run repeats an earlier one: seed by seed, in the means, and in the verdicts.

A mean is compared by z, the difference over the combined standard error of the two runs, which
counts them as independent. With Welch's degrees of freedom each z has a two-sided p-value; the
smallest, times the number of coordinates compared (Bonferroni), must not fall below LEVEL. Where
both runs used the same seeds their means share most of their error, so that z is small whenever
the code computes the same; what it really repeats is then seen in the seeds' own values.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

import numpy as np
from scipy.special import stdtr

from harness.judge import LEVEL
from harness.plan import Case, Plan, make_plan
from harness.record import plain
from harness.schema import Prediction, Revision

Json: TypeAlias = Mapping[str, Any]

FLOAT_NOISE: Final = 1e-4
"""Relative difference between the same seeds that rounding explains in training that is stable."""

STORED: Final = 1e-6
"""Relative precision of the numbers in a record."""

OTHER_SEEDS: Final = 1_000_000
"""What is added to the revision, from which the random keys are made, for another set of seeds."""

_DECIDED: Final = frozenset({"pass", "fail", "vacuous"})


@dataclass(frozen=True)
class Compared:
    """One observable of one case, measured twice.

    `z` and its two-sided `p` belong to the coordinate `at` that is farthest off. `difference` is
    the largest one between the values of a seed, over the larger of its size and the spread of the
    seeds; None where the seeds differ.
    """

    case: str
    observable: str
    coordinates: int
    z: float
    p: float
    at: str
    difference: float | None


@dataclass(frozen=True)
class Verdicts:
    """The verdict of a theory or a control, then and now; None where one of the runs has none."""

    name: str
    former: str | None
    now: str | None

    @property
    def contradicts(self) -> bool:
        """Whether both decide, and not the same, or only one of them could be judged."""
        both = {self.former, self.now}
        return len(both) == 2 and (both <= _DECIDED or ("error" in both and None not in both))

    @property
    def differs(self) -> bool:
        """Whether both runs have one, and not the same."""
        return self.former != self.now and None not in (self.former, self.now)


@dataclass(frozen=True)
class Reproduction:
    """A stored run and its repetition. `lost` says what is not measured any more."""

    same_seeds: bool
    seeds: tuple[int, int]
    observables: tuple[Compared, ...]
    verdicts: tuple[Verdicts, ...]
    lost: tuple[str, ...] = ()

    @property
    def coordinates(self) -> int:
        """How many means were compared."""
        return sum(compared.coordinates for compared in self.observables)

    @property
    def worst(self) -> Compared | None:
        """The observable whose mean is farthest off."""
        return min(self.observables, key=lambda compared: compared.p, default=None)

    @property
    def p(self) -> float:
        """The smallest p-value, corrected for the number of coordinates."""
        return 1.0 if self.worst is None else min(1.0, self.worst.p * self.coordinates)

    @property
    def difference(self) -> Compared | None:
        """The observable with the largest relative difference between the same seeds."""
        paired = [found for found in self.observables if found.difference is not None]
        return max(paired, key=lambda found: found.difference or 0.0, default=None)

    @property
    def flips(self) -> tuple[Verdicts, ...]:
        """Verdicts that count against it: with the same seeds any that differs."""
        return tuple(
            pair for pair in self.verdicts if pair.contradicts or (self.same_seeds and pair.differs)
        )

    @property
    def reproduced(self) -> bool:
        """Whether means and verdicts are those of the stored run."""
        comparable = bool(self.observables) and not self.lost
        return comparable and self.p >= LEVEL and not self.flips


def plan_again(prediction: Prediction, record: Json, *, other_seeds: int = 0) -> Plan:
    """Return the plan that repeats a record with the present code.

    Setup, axes, tier and revision are the record's, also where the file has changed since; so
    seeds are the same, unless another set of them is wanted. Raises AssayError when the tier or an
    overridden key is gone.
    """
    number = record["revision"] + OTHER_SEEDS * other_seeds
    revision = Revision(number=number, reason="a stored run, once more")
    again = prediction.model_copy(update={"revision": revision})
    plan = make_plan(again, record["tier"], record["overrides"])
    seeds = record["trial"]["seeds"]
    if seeds not in plan.looks():
        plan = replace(plan, seeds=seeds, max_seeds=seeds)
    controls = tuple(
        _as_stored(case, record["cases"][case.name])
        for case in plan.controls
        if case.name in record["cases"]
    )
    return replace(
        plan, claim=_as_stored(plan.claim, record["cases"][plan.claim.name]), controls=controls
    )


def compare_runs(stored: Json, again: Json, *, same_seeds: bool) -> Reproduction:
    """Compare two records of the same prediction."""
    former, now = _measured(stored), _measured(again)
    compared, lost = [], []
    for key in (key for key in former if key[0] in again["cases"]):
        if key not in now:
            lost.append(f"{key[1]} of {key[0]} was not measured")
        elif _array(former[key]["mean"]).shape != _array(now[key]["mean"]).shape:
            lost.append(f"{key[1]} of {key[0]} has another shape")
        else:
            compared.append(_compared(*key, former[key], now[key], same_seeds=same_seeds))
    return Reproduction(
        same_seeds=same_seeds,
        seeds=(stored["trial"]["seeds"], again["trial"]["seeds"]),
        observables=tuple(compared),
        verdicts=tuple(_verdicts(stored["trial"], again["trial"])),
        lost=tuple(lost),
    )


def changes_between(stored: Json, again: Json) -> list[str]:
    """Return what is not the same in two runs, in words, the most telling first."""
    lines = []
    if stored["promise"] != again["promise"]:
        lines += ["what is promised has changed", *_changed_tolerances(stored, again)]
    if stored["code"] != again["code"]:
        lines.append("the code of the experiment has changed")
    for key in ("precision", "matmul_precision"):
        lines += _changed(key, stored[key], again[key])
    then, now = stored["provenance"], again["provenance"]
    for key in ("device", "python", "platform", "blas_threads", "random_generator"):
        lines += _changed(key, then.get(key), now.get(key))
    for package in sorted({*then["versions"], *now["versions"]}):
        lines += _changed(package, then["versions"].get(package), now["versions"].get(package))
    return lines


def _as_stored(case: Case, stored: Json) -> Case:
    """Return the case with the record's numbers; its own where they are the same when rounded."""
    present = {"setup": case.setup, "sweep": case.sweep, "grid": case.grid}
    merged = {
        part: {key: _kept(values.get(key), value) for key, value in stored[part].items()}
        for part, values in present.items()
    }
    return Case(case.name, merged["setup"], merged["sweep"], merged["grid"])


def _kept(present: Any, stored: Any) -> Any:
    if plain(present) == stored:
        return present
    return tuple(stored) if isinstance(stored, list) else stored


def _measured(record: Json) -> dict[tuple[str, str], Json]:
    """Return what was measured by case and observable: the same for every theory."""
    return {
        (row["case"], row["observable"]): row["measured"]
        for row in record["trial"]["rows"]
        if row["measured"] is not None
    }


def _compared(case: str, name: str, former: Json, now: Json, *, same_seeds: bool) -> Compared:
    runs = (former, now)
    means = [_array(measured["mean"]) for measured in runs]
    # What has no finite error is compatible with anything.
    errors = [np.nan_to_num(_array(measured["stderr"]), nan=np.inf) for measured in runs]
    z = _z(means, np.hypot(*errors))
    p = 2 * stdtr(_degrees(errors, [len(run["per_seed"]["values"]) for run in runs]), -np.abs(z))
    worst = int(np.argmin(p)) if p.size else 0
    values = [_array(measured["per_seed"]) for measured in runs]
    return Compared(
        case=case,
        observable=name,
        coordinates=p.size,
        z=float(z.flat[worst]) if p.size else 0.0,
        p=float(p.flat[worst]) if p.size else 1.0,
        at=_place(former["mean"], worst),
        difference=_difference(*values) if same_seeds else None,
    )


def _z(means: Sequence[np.ndarray], error: np.ndarray) -> np.ndarray:
    """Return differences over their error; rounding of what has none counts as no difference."""
    former, now = means
    certain = error <= STORED * np.abs(former)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = (now - former) / error
    z[certain & (np.abs(now - former) <= FLOAT_NOISE * np.abs(former))] = 0.0
    z[np.isnan(former) & np.isnan(now)] = 0.0
    return np.asarray(np.nan_to_num(z, nan=np.inf))


def _degrees(errors: Sequence[np.ndarray], seeds: Sequence[int]) -> np.ndarray:
    """Return Welch's degrees of freedom for two means with their standard errors."""
    least = max(min(seeds) - 1, 1)
    with np.errstate(invalid="ignore"):
        total = np.asarray(sum(error**2 for error in errors) ** 2)
        shares = sum(e**4 / max(n - 1, 1) for e, n in zip(errors, seeds, strict=True))
        degrees = np.divide(total, shares, out=np.full(total.shape, np.nan), where=total > 0)
    return np.asarray(np.maximum(np.nan_to_num(degrees, nan=least, posinf=least), least))


def _difference(former: np.ndarray, now: np.ndarray) -> float:
    """Return the largest relative difference between the values of the same seeds [seed, ...]."""
    count = min(len(former), len(now))
    former, now = former[:count], now[:count]
    size = np.maximum(np.abs(former), former.std(axis=0, keepdims=True))
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = np.abs(now - former) / size
    relative[(now == former) | (np.isnan(now) & np.isnan(former))] = 0.0
    return float(np.nan_to_num(relative, nan=np.inf).max(initial=0.0))


def _array(series: Json) -> np.ndarray:
    """Return the values of a series; null is what was not finite."""
    return np.asarray(series["values"], dtype=object).astype(np.float64)


def _place(series: Json, position: int) -> str:
    """Return the coordinates of a position in the flattened array, in words."""
    shape = np.shape(series["values"])
    indices = np.unravel_index(position, shape) if shape and math.prod(shape) else ()
    named = zip(series["dims"], indices, strict=False)
    return ", ".join(f"{dim}={series['coords'][dim][int(index)]}" for dim, index in named)


def _verdicts(former: Json, now: Json) -> Iterator[Verdicts]:
    for kind, key in (("theories", "theory"), ("controls", "control")):
        then = {outcome[key]: outcome["verdict"] for outcome in former[kind]}
        present = {outcome[key]: outcome["verdict"] for outcome in now[kind]}
        for name in dict.fromkeys([*then, *present]):
            yield Verdicts(f"{key} {name}", then.get(name), present.get(name))


def _changed_tolerances(stored: Json, again: Json) -> Iterable[str]:
    then, now = (
        {row["observable"]: (row["tolerance_kind"], row["tolerance"]) for row in trial["rows"]}
        for trial in (stored["trial"], again["trial"])
    )
    for name in then.keys() & now.keys():
        yield from _changed(f"tolerance of {name}", *(f"{t[name]}" for t in (then, now)))


def _changed(what: str, former: Any, now: Any) -> list[str]:
    return [] if former == now else [f"{what}: {former} -> {now}"]
