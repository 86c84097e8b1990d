"""The ranking of theories: by a continuous score with shared ranks; verdicts are only counted."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from harness.leaderboard.board import Entry, Standing, TheoryResult

if TYPE_CHECKING:
    from harness.read import Registry

CHARGE: Final = 1.0
"""What one constant that was fitted to data adds to the error of a prediction, in tolerances."""

_SCORED: Final = frozenset({"pass", "fail", "inconclusive"})


def standings(registry: Registry, entries: Sequence[Entry]) -> tuple[Standing, ...]:
    """Return one standing for each known theory, the best first, unjudged ones last.

    A prediction counts once for each theory that forecasts it, by the current entry of its largest
    tier; a retired one does not count.
    """
    best: dict[str, Entry] = {}
    for entry in entries:
        known = best.get(entry.id)
        if entry.current and (known is None or entry.tier == "full"):
            best[entry.id] = entry
    names = [*registry.theories, *(name for p in registry for name in p.theories)]
    found = [_standing(registry, name, best) for name in dict.fromkeys(names)]
    ranked = [replace(standing, rank=_rank(standing, found)) for standing in found]
    return tuple(sorted(ranked, key=_order))


def _standing(registry: Registry, name: str, best: dict[str, Entry]) -> Standing:
    counts: Counter[str] = Counter()
    scored: list[tuple[float, float, float]] = []
    fitted = 0
    for prediction in registry:
        if name not in prediction.theories or prediction.retired:
            continue
        entry = best.get(prediction.id)
        result = None if entry is None else _of(entry, name)
        counts[_label(result)] += 1
        if entry is None or result is None:
            continue
        if result.error is not None and result.interval and result.verdict in _SCORED:
            charge = CHARGE * entry.free_parameters
            low, high = result.interval
            scored.append((result.error + charge, low + charge, high + charge))
            fitted += entry.free_parameters
    score, lower, upper = (_mean([row[i] for row in scored]) for i in range(3))
    known = registry.theories.get(name)
    return Standing(
        theory=name,
        title=name if known is None else known.title,
        passed=counts["passed"],
        failed_as_expected=counts["failed as expected"],
        surprising=counts["surprising"],
        undecided=counts["undecided"],
        out_of_scope=counts["out of scope"],
        not_run=counts["not run"],
        score=score,
        interval=None if lower is None or upper is None else (lower, upper),
        free_parameters=fitted,
        rank=None,
    )


def _of(entry: Entry, theory: str) -> TheoryResult | None:
    return next((result for result in entry.theories if result.theory == theory), None)


def _label(result: TheoryResult | None) -> str:
    if result is None:
        return "not run"
    if result.surprising:
        return "surprising"
    return {
        "pass": "passed",
        "fail": "failed as expected",
        "out-of-scope": "out of scope",
    }.get(result.verdict, "undecided")


def _rank(standing: Standing, everyone: Sequence[Standing]) -> int | None:
    """Return one more than the number of theories that are better beyond their intervals."""
    mine = standing.interval
    if mine is None:
        return None
    return 1 + sum(other.interval is not None and other.interval[1] < mine[0] for other in everyone)


def _order(standing: Standing) -> tuple[float, float, str]:
    rank = math.inf if standing.rank is None else standing.rank
    return rank, math.inf if standing.score is None else standing.score, standing.theory


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
