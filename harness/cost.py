"""What predictions cost: read from records, in words, added up, and foretold for the next run."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from harness.schema import SMOKE_BUDGET_S

if TYPE_CHECKING:
    from harness.plan import Plan

Json: TypeAlias = Mapping[str, Any]

LONG_S: Final = 60.0
"""Seconds from which on a run is announced before it starts."""

_PREFIXES: Final = ("", "k", "M", "G", "T", "P", "E")


@dataclass(frozen=True)
class Spent:
    """What a trial cost, None where its record does not say.

    Seconds are summed over units (`run_s` of training, also of units that came from the local
    store, `compile_s` of tracing and compiling), those of theory and judging are plain; `wall_s` is
    the clock's. `steps` and `flops` count all training, `peak_bytes` is the memory of the largest
    compiled program.
    """

    run_s: float | None = None
    compile_s: float | None = None
    forecast_s: float | None = None
    judge_s: float | None = None
    wall_s: float | None = None
    steps: float | None = None
    flops: float | None = None
    peak_bytes: float | None = None


@dataclass(frozen=True)
class Estimate:
    """Seconds that a run will take, and the ids for which no record says anything."""

    wall_s: float
    workers: int
    unknown: tuple[str, ...]


def spent(record: Json) -> Spent:
    """Return what a record says of its cost."""
    trial = record.get("trial") or {}
    said = {**(trial.get("cost") or {}), "wall_s": trial.get("wall_s")}
    return Spent(**{field.name: _number(said.get(field.name)) for field in fields(Spent)})


def total(costs: Iterable[Spent]) -> Spent:
    """Return the sum, of memory the largest; None where one of them is missing."""
    every = tuple(costs)
    return Spent(
        **{
            field.name: _together(field.name, [getattr(one, field.name) for one in every])
            for field in fields(Spent)
        }
    )


def budget_s(tier: str, declared: float | None) -> float | None:
    """Return the core-seconds of training that a tier may take; None without a limit."""
    return SMOKE_BUDGET_S if declared is None and tier == "smoke" else declared


def seconds(value: float) -> str:
    """Return a duration, such as 61 s."""
    if value < 120:
        return f"{value:.0f} s" if value >= 10 else f"{value:.1f} s"
    return f"{value / 60:.0f} min" if value < 7200 else f"{value / 3600:.1f} h"


def count(value: float) -> str:
    """Return a number with its power of thousand, such as 2.1 M."""
    return _scaled(value, "").rstrip()


def operations(value: float) -> str:
    """Return floating-point operations, such as 1.2 TFLOP."""
    return _scaled(value, "FLOP")


def size(value: float) -> str:
    """Return bytes, such as 340 MB (powers of thousand)."""
    return _scaled(value, "B")


MEASURES: Final[Mapping[str, tuple[str, Callable[[float], str]]]] = {
    "run_s": ("core time", seconds),
    "compile_s": ("compiling", seconds),
    "wall_s": ("wall clock", seconds),
    "steps": ("steps", count),
    "flops": ("FLOPs", operations),
    "peak_bytes": ("peak memory", size),
}
"""What tables show of a cost: its field, their heading and how it is written."""

HEADINGS: Final = tuple(heading for heading, _ in MEASURES.values())


def cells(cost: Spent, missing: str = "-") -> tuple[str, ...]:
    """Return a cost in words, in the order of HEADINGS."""
    values = ((getattr(cost, name), write) for name, (_, write) in MEASURES.items())
    return tuple(missing if value is None else write(value) for value, write in values)


def estimate(
    plans: Sequence[Plan], records: Sequence[Json], workers: int, *, device: str
) -> Estimate:
    """Foretell the wall time of running plans one after the other on `workers` cores.

    The basis of a plan is the newest record of its prediction, tier and revision on the same kind
    of device without overrides; a plan with overrides has none. Training and judging grow with the
    seeds, compiling and theory do not. Units that the local store holds are not taken off.
    """
    work, floor, unknown = 0.0, 0.0, []
    for plan in plans:
        basis = None if plan.overrides else _basis(plan, records, device)
        cost = Spent() if basis is None else spent(basis)
        if basis is None or cost.run_s is None:
            unknown.append(plan.prediction.id)
            continue
        more = _seeds(plan, basis) / basis["trial"]["seeds"]
        alone = (cost.forecast_s or 0.0) + more * (cost.judge_s or 0.0)
        work += more * cost.run_s + (cost.compile_s or 0.0) + alone
        floor = max(floor, alone)
    return Estimate(max(work / workers, floor), workers, tuple(unknown))


def estimate_line(foretold: Estimate) -> str | None:
    """Return a line about a run that will take long; None where it is short or nothing is known."""
    if foretold.wall_s <= LONG_S:
        return None
    basis = "from earlier records"
    if foretold.unknown:
        basis += f"; {_counted(len(foretold.unknown), 'prediction')} never run here"
    on = _counted(foretold.workers, "worker")
    return f"about {seconds(foretold.wall_s)} on {on} ({basis})"


def _number(value: Any) -> float | None:
    known = isinstance(value, int | float) and math.isfinite(value)
    return value if known else None


def _together(name: str, values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    if not known or len(known) < len(values):
        return None
    return max(known) if name == "peak_bytes" else sum(known)


def _scaled(value: float, unit: str) -> str:
    """Return a number with three significant digits at most, and a prefix before its unit."""
    rounded, power = float(f"{value:.3g}"), 0
    while rounded >= 1000 and power < len(_PREFIXES) - 1:
        rounded, power = rounded / 1000, power + 1
    return f"{rounded:.3g} {_PREFIXES[power]}{unit}"


def _basis(plan: Plan, records: Iterable[Json], device: str) -> Json | None:
    """Return the newest record that tells what a plan will cost."""
    wanted = (plan.prediction.id, plan.tier, plan.prediction.revision.number)
    usable = (
        record
        for record in records
        if (record["id"], record["tier"], record["revision"]) == wanted
        and record["provenance"]["device"] == device
        and not record["overrides"]
    )
    return max(usable, key=lambda record: str(record["provenance"]["time"]), default=None)


def _seeds(plan: Plan, basis: Json) -> int:
    """Return the seeds at which a plan will stop, judging by those that the basis took."""
    looks = plan.looks()
    return next((look for look in looks if look >= basis["trial"]["seeds"]), looks[-1])


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
