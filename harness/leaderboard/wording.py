"""Numbers and short phrases that every rendering of the board uses."""

from __future__ import annotations

import math
from collections import Counter

from harness.cost import HEADINGS, Spent, cells, total
from harness.judge import LEVEL
from harness.leaderboard.board import STATUSES, Board, Entry, Interval, Run, Standing
from harness.leaderboard.standings import CHARGE

TITLE = "Assay leaderboard"
LINES = (
    "error in tolerances: discrepancy over tolerance of the claim's worst observable, with the "
    f"interval that decides the verdict (two one-sided tests at {LEVEL:.0%} each, split over "
    "looks). Up to 1 lies within the tolerance.",
    "resolving power: error in tolerances of the nearest failing rival or control. Below 1 the "
    "prediction cannot discriminate.",
    "surprises: theories with another verdict than was expected, and controls that pass.",
    "score of a theory: mean error in tolerances over the predictions that it forecasts, "
    f"{CHARGE:g} more for each constant that was fitted to data. Theories whose intervals overlap "
    "share a rank.",
    "core time: core-seconds of training; a measurement that was stored before counts as what it "
    "took then. FLOPs: floating-point operations of training, counted from the traced programs. "
    "Peak memory: arguments, temporaries and outputs of the largest compiled program.",
)
"""The legend below the statuses."""


def number(value: float | None, missing: str = "–") -> str:
    """Return a number with two significant digits, more where it is large."""
    if value is None:
        return missing
    if math.isinf(value):
        return "∞"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.2g}"


def span(interval: Interval | None) -> str:
    """Return an interval as text."""
    return "" if interval is None else f"[{number(interval[0])}, {number(interval[1])}]"


def error_of(entry: Entry) -> str:
    """Return error and interval of an entry."""
    return f"{number(entry.error)} {span(entry.interval)}".strip()


def core_time(run: Run) -> str:
    """Return the core-seconds of training."""
    return costs(run.cost)["core time"]


def costs(cost: Spent) -> dict[str, str]:
    """Return a cost in words, by heading."""
    return dict(zip(HEADINGS, cells(cost, missing="–"), strict=True))


def bill(board: Board) -> list[tuple[str, ...]]:
    """Return the rows below BILL, the most core-seconds first, then a total; [] without results."""
    ran = [(entry, entry.run) for entry in board.entries if entry.run is not None]
    ran.sort(key=lambda pair: pair[1].cost.run_s or 0.0, reverse=True)
    rows = [(entry.id, entry.tier, *costs(run.cost).values(), run.device) for entry, run in ran]
    together = total(run.cost for _, run in ran)
    return [*rows, ("total", "", *costs(together).values(), "")] if rows else []


def status_of(entry: Entry) -> str:
    """Return the status, with the verdict that a stale or retired result had."""
    if entry.verdict is None or entry.verdict == entry.status:
        return entry.status
    return f"{entry.status} (was {entry.verdict})"


def surprises_of(entry: Entry) -> str:
    """Return the names of what surprises, `none`, or nothing where there is no result."""
    if entry.surprises:
        return ", ".join(entry.surprises)
    return "none" if entry.theories else ""


def day(time: str) -> str:
    """Return the date of an ISO time."""
    return time[:10]


def summary(board: Board) -> str:
    """Return how many predictions there are, and what they came to at their largest tier run."""
    counts = counted(board)
    parts = [f"{count} {status}" for status, count in counts.items()]
    total = sum(counts.values())
    noun = "prediction" if total == 1 else "predictions"
    return f"{total} {noun}: {', '.join(parts)}" if total else "no predictions"


def counted(board: Board) -> dict[str, int]:
    """Return how many predictions have which status, at their largest tier run."""
    counts: Counter[str] = Counter()
    for name in dict.fromkeys(entry.id for entry in board.entries):
        best = board.best(name)
        mine = [entry for entry in board.entries if entry.id == name]
        fallback = next((entry for entry in mine if entry.run is not None), mine[0])
        counts[(best or fallback).status] += 1
    return {status: counts[status] for status in STATUSES if counts[status]}


def tally(standing: Standing) -> tuple[int, ...]:
    """Return the counts of a standing in the order of TALLY."""
    return (
        standing.passed,
        standing.failed_as_expected,
        standing.surprising,
        standing.undecided,
        standing.out_of_scope,
        standing.not_run,
    )


def tried(board: Board) -> tuple[list[Standing], str]:
    """Return the standings of theories that a prediction names, and a sentence on the others."""
    named = [s for s in board.standings if any(tally(s))]
    others = ", ".join(s.theory for s in board.standings if not any(tally(s)))
    return named, f"Theories that no prediction forecasts with: {others}." if others else ""


def sentence(text: str) -> str:
    """Return text that begins with a capital and ends with a full stop."""
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


TALLY = ("passed", "failed as expected", "surprising", "undecided", "out of scope", "not run")
BILL = ("prediction", "tier", *HEADINGS, "device")
