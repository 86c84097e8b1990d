"""The page of a prediction: claim, verdicts, figures, tolerances, setup, history."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from harness.cite import bibtex_of
from harness.leaderboard import wording
from harness.leaderboard.board import Entry, Interval, Run
from harness.leaderboard.collect import interval_in_tolerances
from harness.leaderboard.plots.figure import Figure
from harness.leaderboard.plots.pictures import figures
from harness.lock import LockedRevision, revisions
from harness.plan import CLAIM, Case, make_plan
from harness.schema import Control, Prediction
from harness.text import Json


@dataclass(frozen=True)
class Result:
    """What one tier came to; figures of single observables only where they are asked for."""

    entry: Entry
    facts: Mapping[str, str]
    errors: tuple[ErrorLine, ...]
    figures: tuple[Figure, ...]
    tolerances: tuple[Tolerance, ...]


@dataclass(frozen=True)
class ErrorLine:
    """A theory or control by observable: verdict, error and interval in tolerances, or None."""

    name: str
    role: str
    cells: tuple[tuple[str, float, Interval | None] | None, ...]


@dataclass(frozen=True)
class Tolerance:
    """How far an observable may be off at a tier, why, and what was found with the claim's theory.

    `farthest` is the theory's row in the record.
    """

    observable: str
    unit: str
    compared: str
    size: str
    because: Mapping[str, float]
    row: Json | None


@dataclass(frozen=True)
class SetupKey:
    """One number of the world: its meaning and its values by tier; an axis has several."""

    key: str
    meaning: str
    axis: str
    values: tuple[Any, ...]


def prediction_page(prediction: Prediction, entries: Sequence[Entry]) -> dict[str, Any]:
    """Return what the template of a prediction's page shows; `entries` are its tiers."""
    main = main_entry(entries)
    results = [_result(prediction, main, in_full=True)]
    results += [_result(prediction, e, in_full=False) for e in entries if e is not main and e.run]
    tiers = tuple(prediction.tiers)
    return {
        "declared": prediction,
        "entry": main,
        "results": results,
        "not_run": [e for e in entries if e is not main and e.run is None],
        "promised": tolerances(prediction, main),
        "tiers": tiers,
        "setup": list(setup_keys(prediction, tiers)),
        "controls": [(name, changes_of(one), one) for name, one in prediction.controls.items()],
        "history": _history(prediction),
        "first_result": None if main.record is None else main.record.get("first_result"),
        "record": None if main.record is None else record_facts(main.record),
        "bibtex": bibtex_of(prediction.sources),
    }


def main_entry(entries: Sequence[Entry]) -> Entry:
    """Return the entry that gets all the figures: the largest tier with a result about now."""
    ran = [entry for entry in entries if entry.run is not None]
    return max(ran, key=lambda entry: (entry.current, entry.tier == "full"), default=entries[0])


def _result(prediction: Prediction, entry: Entry, *, in_full: bool) -> Result:
    return Result(
        entry=entry,
        facts={} if entry.run is None else _facts(entry, entry.run),
        errors=errors_of(entry),
        figures=tuple(figures(entry)) if in_full else (),
        tolerances=tolerances(prediction, entry),
    )


def _facts(entry: Entry, run: Run) -> dict[str, str]:
    rows = [] if entry.trial is None else entry.trial["rows"]
    mine = next((t.theory for t in entry.theories if t.is_claim), "")
    seen = [
        row["minimum_detectable"] / row["tolerance"]
        for row in rows
        if row["case"] == CLAIM and row["theory"] == mine and row["minimum_detectable"] is not None
    ]
    more = [
        row["seeds_to_decide"]
        for row in rows
        if row["case"] == CLAIM and row["theory"] == mine and row["seeds_to_decide"]
    ]
    facts = {
        "error": f"{wording.error_of(entry)} tolerances",
        "resolving power": wording.number(entry.resolving_power),
        "seeds": str(run.seeds),
    }
    if seen:
        facts["least detectable deviation"] = f"{wording.number(max(seen))} tolerances"
    if more:
        facts["seeds that would decide"] = str(max(more))
    return facts


def errors_of(entry: Entry) -> tuple[ErrorLine, ...]:
    """Return every theory's and control's error on every observable that was judged."""
    rows = [] if entry.trial is None else entry.trial["rows"]
    judged = {
        (row["case"], row["theory"], row["observable"]): row
        for row in rows
        if row["error_in_tolerances"] is not None
    }
    lines = []
    for case, theory in dict.fromkeys((case, theory) for case, theory, _ in judged):
        found = (judged.get((case, theory, name)) for name in entry.observables)
        is_claim = any(t.is_claim and t.theory == theory for t in entry.theories)
        role = ("the claim" if is_claim else "rival") if case == CLAIM else "control"
        lines.append(ErrorLine(theory if case == CLAIM else case, role, tuple(map(_cell, found))))
    return tuple(lines)


def _cell(row: Json | None) -> tuple[str, float, Interval | None] | None:
    if row is None:
        return None
    return row["verdict"], row["error_in_tolerances"], interval_in_tolerances(row)


def tolerances(prediction: Prediction, entry: Entry) -> tuple[Tolerance, ...]:
    """Return how far each observable may be off at the entry's tier."""
    tier = next((tier for name, tier in prediction.tiers.items() if name == entry.tier), None)
    rows = [] if entry.trial is None else entry.trial["rows"]
    theory = next((t.theory for t in entry.theories if t.is_claim), None)
    found = []
    for name, spec in prediction.observables.items():
        tighter = None if tier is None else tier.tighten.get(name)
        chosen = spec if tighter is None else tighter
        row = next(
            (r for r in rows if (r["case"], r["theory"], r["observable"]) == (CLAIM, theory, name)),
            None,
        )
        found.append(
            Tolerance(
                observable=name,
                unit=spec.unit,
                compared=compared(spec.compare, spec.axes, spec.options),
                size=f"{chosen.tolerance.size:g} {chosen.tolerance.kind}",
                because=chosen.because,
                row=row,
            )
        )
    return tuple(found)


def compared(compare: str, over: Sequence[str], options: Mapping[str, Any]) -> str:
    """Return how an observable is compared, such as `curve over time, l2 norm`."""
    parts = [f"{compare} over {', '.join(over)}" if over else compare]
    if compare == "curve":
        parts.append(f"{options['norm']} norm")
    if compare in ("argmin", "argmax") and options.get("scale", "linear") != "linear":
        parts.append(f"distance in {options['scale']}")
    if compare == "bound":
        parts[0] = f"{options['side']} bound"
    if compare == "distribution":
        parts.append({"ks": "Kolmogorov-Smirnov"}.get(options["distance"], options["distance"]))
    return ", ".join(parts)


def setup_keys(prediction: Prediction, tiers: Sequence[str]) -> Iterator[SetupKey]:
    """Return the numbers of the world: what is fixed first, then the axes."""
    meanings = descriptions(prediction.folder)
    cases = [make_plan(prediction, tier).claim for tier in tiers]
    for key in dict.fromkeys(key for case in cases for key in (*case.setup, *_axes(case))):
        axis = next((kind for case in cases for kind in _kind(case, key)), "")
        values = tuple({**case.setup, **_axes(case)}.get(key, "") for case in cases)
        yield SetupKey(key, meanings.get(key, ""), axis, values)


def _axes(case: Case) -> dict[str, Any]:
    return {**case.sweep, **case.grid}


def _kind(case: Case, key: str) -> Iterator[str]:
    if key in case.sweep:
        yield "sweep"
    if key in case.grid:
        yield "grid"


@cache
def descriptions(folder: Path) -> Mapping[str, str]:
    """Return what the setup of a topic says of its keys: read, not run."""
    for file in sorted(folder.glob("*.py"), key=lambda file: file.name != "world.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and node.name == "Setup":
                return dict(_described(node))
    return {}


def _described(setup: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for line in setup.body:
        if not isinstance(line, ast.AnnAssign) or not isinstance(line.target, ast.Name):
            continue
        for word in ast.walk(line.annotation):
            if not isinstance(word, ast.keyword) or word.arg != "description":
                continue
            if isinstance(word.value, ast.Constant) and isinstance(word.value.value, str):
                yield line.target.id, word.value.value


def changes_of(control: Control) -> dict[str, Any]:
    """Return what a control breaks."""
    changes: dict[str, Any] = {**control.setup, **control.sweep, **control.grid}
    if control.forecast is not None:
        changes["forecast"] = control.forecast
    return changes


def _history(prediction: Prediction) -> tuple[LockedRevision, ...]:
    return revisions(prediction)


def record_facts(record: Json) -> dict[str, str]:
    """Return versions, device, time and identities of a run."""
    origin = record["provenance"]
    git = origin.get("git")
    cost = record["trial"].get("cost") or {}
    facts = {
        "run": str(origin["time"]).replace("T", " ").replace("+00:00", " UTC"),
        "device": f"{origin.get('devices', 1)} x {origin['device']}",
        "platform": str(origin.get("platform", "")),
        "processor cores": str(origin.get("cpus", "")),
        "workers": f"{origin['workers']} ({origin['pool']})" if "workers" in origin else "",
        "precision": f"{record.get('precision', '')}, matrix products "
        f"{record.get('matmul_precision', 'highest')}",
        "random numbers": str(origin.get("random_generator", "")),
        "units of work": f"{cost.get('units', '?')}, {cost.get('stored_units', 0)} of them stored",
        "commit": "none"
        if git is None
        else git["commit"][:12] + (", with changes" if git["dirty"] else ""),
        "promise (SHA-256)": str(record["promise"])[:16],
        "code (SHA-256)": str(record["code"])[:16],
        "Python": str(origin.get("python", "")),
        **{name: str(version) for name, version in (origin.get("versions") or {}).items()},
    }
    return {name: value for name, value in facts.items() if value}
