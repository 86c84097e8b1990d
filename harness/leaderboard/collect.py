"""From predictions and records to the board: every registered prediction, with a result or not."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from harness.cost import spent
from harness.leaderboard.board import (
    Board,
    Change,
    ControlResult,
    Entry,
    Interval,
    Reference,
    Run,
    Spec,
    TheoryResult,
)
from harness.leaderboard.standings import standings
from harness.lock import promise_hash, revisions
from harness.outcome import Finding
from harness.plan import CLAIM
from harness.read import Registry
from harness.schema import Prediction, Source
from harness.text import claim_outcome

Json: TypeAlias = Mapping[str, Any]


def collect(registry: Registry, records: Sequence[Json], root: Path | None = None) -> Board:
    """Make the board of all registered predictions, one entry a tier.

    Of several records of a prediction at a tier the newest counts that is about the present
    promise; records with overridden setups never count. Files are named relative to `root`
    (default: the working folder).
    """
    root = (Path() if root is None else root).absolute()
    counted = [record for record in records if not record["overrides"]]
    entries = []
    for prediction in registry:
        promise = promise_hash(prediction)
        mine = [record for record in counted if record["id"] == prediction.id]
        shared = _shared(prediction, root, _first_result(mine))
        for tier in dict.fromkeys([*prediction.tiers, *(record["tier"] for record in mine)]):
            record = _newest((r for r in mine if r["tier"] == tier), promise)
            entries.append(_entry(prediction, tier, record, promise, shared))
    unregistered = {r["id"] for r in counted} - registry.predictions.keys()
    return Board(
        entries=tuple(entries),
        standings=standings(registry, entries),
        unregistered=tuple(sorted(unregistered)),
    )


def _newest(records: Iterable[Json], promise: str) -> Json | None:
    return max(
        records,
        key=lambda record: (record["promise"] == promise, record["provenance"]["time"]),
        default=None,
    )


def _first_result(records: Iterable[Json]) -> float:
    """Return the revision that the first published result was about; infinity without one."""
    return min(
        (record.get("first_result", record)["revision"] for record in records), default=math.inf
    )


def _shared(prediction: Prediction, root: Path, first_result: float) -> dict[str, Any]:
    """Return what all entries of a prediction have in common."""
    return {
        "id": prediction.id,
        "title": prediction.title,
        "claim": prediction.claim,
        "strand": prediction.strand,
        "file": _relative(prediction.source, root),
        "references": tuple(reference(source) for source in prediction.sources),
        "free_parameters": prediction.free_parameters,
        "finding": prediction.finding,
        "changes": tuple(
            Change(revision.number, revision.date, revision.reason, revision.number > first_result)
            for revision in revisions(prediction)[1:]
        ),
        "observables": {
            name: Spec(
                unit=spec.unit,
                compare=spec.compare,
                over=tuple(spec.axes),
                raw=spec.of or name,
                reduced=spec.reduce is not None,
                because=dict(spec.because),
                options=spec.options,
            )
            for name, spec in prediction.observables.items()
        },
    }


def _entry(
    prediction: Prediction, tier: str, record: Json | None, promise: str, shared: Json
) -> Entry:
    if record is None:
        status = "retired" if prediction.retired else "not run"
        return Entry(tier=tier, status=status, note=prediction.retired, **shared)
    trial = record["trial"]
    claim = claim_outcome(trial)
    status, note = _status(prediction, tier, record, promise, claim)
    theories = tuple(_theory(prediction, trial, outcome, claim) for outcome in trial["theories"])
    mine = next(result for result in theories if result.is_claim)
    return Entry(
        tier=tier,
        status=status,
        note=note,
        verdict=claim["verdict"],
        error=mine.error,
        interval=mine.interval,
        resolving_power=trial["resolving_power"],
        theories=theories,
        controls=tuple(_control(prediction, outcome) for outcome in trial["controls"]),
        health=tuple(Finding(**finding) for finding in trial["health"]),
        run=_run(record),
        trial=trial,
        record=record,
        **shared,
    )


def _status(
    prediction: Prediction, tier: str, record: Json, promise: str, claim: Json
) -> tuple[str, str | None]:
    """Return the status and what is to be said about it."""
    if prediction.retired:
        return "retired", prediction.retired
    if tier not in prediction.tiers:
        return "stale", f"the tier '{tier}' is not declared any more"
    if record["revision"] < prediction.revision.number:
        was = f"the result is about revision {record['revision']}"
        return (
            "stale",
            f"{was}; revision {prediction.revision.number}: {prediction.revision.reason}",
        )
    if record["promise"] != promise:
        return "stale", "what is promised has changed since this result, without a new revision"
    return str(claim["verdict"]), None


def _theory(prediction: Prediction, trial: Json, outcome: Json, claim: Json) -> TheoryResult:
    declared = prediction.theories.get(outcome["theory"])
    error, interval = worst(
        row for row in trial["rows"] if row["case"] == CLAIM and row["theory"] == outcome["theory"]
    )
    return TheoryResult(
        theory=outcome["theory"],
        is_claim=outcome is claim,
        expect=outcome["expect"],
        verdict=outcome["verdict"],
        reason=outcome["reason"],
        error=error,
        interval=interval,
        finding=None if declared is None else declared.finding,
    )


def worst(rows: Iterable[Json]) -> tuple[float | None, Interval | None]:
    """Return error and interval in tolerances of the row that is farthest off."""
    judged = [row for row in rows if row["error_in_tolerances"] is not None]
    if not judged:
        return None, None
    row = max(judged, key=lambda row: row["error_in_tolerances"])
    return row["error_in_tolerances"], interval_in_tolerances(row)


def interval_in_tolerances(row: Json) -> Interval | None:
    """Return the interval of a row's discrepancy over its tolerance; an open end is infinite."""
    if row["interval"] is None or row["interval"][0] is None:
        return None
    low, high = row["interval"]
    return low / row["tolerance"], math.inf if high is None else high / row["tolerance"]


def _control(prediction: Prediction, outcome: Json) -> ControlResult:
    declared = prediction.controls.get(outcome["control"])
    return ControlResult(
        control=outcome["control"],
        because="" if declared is None else declared.because,
        verdict=outcome["verdict"],
        reason=outcome["reason"],
        error=outcome["error_in_tolerances"],
    )


def _run(record: Json) -> Run:
    provenance = record["provenance"]
    git = provenance["git"]
    return Run(
        seeds=record["trial"]["seeds"],
        cost=spent(record),
        device=provenance["device"],
        time=provenance["time"],
        commit=None if git is None else git["commit"][:12] + (" (changed)" if git["dirty"] else ""),
    )


def reference(source: Source) -> Reference:
    """Return a publication in one line, with its link."""
    link = source.url
    if source.doi:
        link = f"https://doi.org/{source.doi}"
    if source.arxiv:
        link = f"https://arxiv.org/abs/{source.arxiv}"
    where = f", {source.where}" if source.where else ""
    return Reference(f"{source.authors} ({source.year}), {source.title}{where}", link)


def _relative(file: Path, root: Path) -> str:
    return file.relative_to(root).as_posix() if root in file.parents else file.name
