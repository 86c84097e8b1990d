"""The front page: what was tested, the matrix of theories, the table of predictions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from harness.leaderboard import wording
from harness.leaderboard.board import STATUSES, Board, Entry, Standing
from harness.schema import STRANDS


@dataclass(frozen=True)
class Row:
    """A line of the table: a prediction at a tier; without any result, once.

    `others` says what became of its other tiers.
    """

    entry: Entry
    others: str
    cost: str
    cost_s: float | None


@dataclass(frozen=True)
class Line:
    """A theory's line of the matrix: how often it got which verdict in each strand."""

    standing: Standing
    cells: tuple[Mapping[str, int], ...]
    total: Mapping[str, int]


def front(board: Board) -> dict[str, Any]:
    """Return what the template of the front page shows."""
    rows = list(table_rows(board))
    lines = matrix(board)
    put_forward = {t.theory for e in board.entries for t in e.theories if t.expect == "pass"}
    put_forward |= {t.theory for e in board.entries for t in e.theories if t.is_claim}
    named, _ = wording.tried(board)
    return {
        "predictions": len({entry.id for entry in board.entries}),
        "tallies": wording.counted(board).items(),
        "facts": facts(board),
        "rows": rows,
        "strands": [s for s in STRANDS if any(r.entry.strand == s for r in rows)],
        "tiers": list(dict.fromkeys(row.entry.tier for row in rows)),
        "statuses": [s for s in STATUSES if any(row.entry.status == s for row in rows)],
        "theories": sorted(standing.theory for standing in named),
        "matrix": [line for line in lines if line.standing.theory in put_forward],
        "rivals": [
            line for line in lines if line.standing.theory not in put_forward and line.total
        ],
        "untried": [line.standing for line in lines if not line.total],
        "bill": wording.bill(board),
        "bill_header": wording.BILL,
        "legend": wording.LINES,
        "unregistered": board.unregistered,
    }


def table_rows(board: Board) -> Iterator[Row]:
    """Return a row for each result, and one for each prediction that has none."""
    for _, group in groupby(board.entries, key=lambda entry: entry.id):
        entries = list(group)
        ran = [entry for entry in entries if entry.run is not None]
        for entry in ran or entries[:1]:
            yield _row(entry, [other for other in entries if other is not entry])


def _row(entry: Entry, others: Sequence[Entry]) -> Row:
    spent = None if entry.run is None else entry.run.cost
    return Row(
        entry=entry,
        others=", ".join(f"{other.tier}: {other.status}" for other in others),
        cost="" if entry.run is None else wording.core_time(entry.run),
        cost_s=None if spent is None else spent.run_s,
    )


def facts(board: Board) -> dict[str, str]:
    """Return what was tested, when, and on what hardware."""
    ran = [entry for entry in board.entries if entry.run is not None]
    runs = [entry.run for entry in ran if entry.run is not None]
    if not runs:
        return {}
    days = sorted({wording.day(run.time) for run in runs})
    controls = sum(len(entry.controls) for entry in ran)
    failing = sum(c.verdict == "fail" for entry in ran for c in entry.controls)
    bill = dict(zip(wording.BILL, wording.bill(board)[-1], strict=True))
    return {
        "predictions with a result": str(len({entry.id for entry in ran})),
        "theories on trial": str(len({t.theory for entry in ran for t in entry.theories})),
        "controls that fail, as they must": f"{failing} of {controls}",
        "training, all seeds": _spent(bill),
        "when": days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}",
        "hardware": "; ".join(_hardware(ran)),
    }


def _spent(bill: Mapping[str, str]) -> str:
    parts = (f"{bill['core time']} of core time", bill["FLOPs"])
    return ", ".join(part for part in parts if not part.startswith("–"))


def _hardware(ran: Sequence[Entry]) -> Iterator[str]:
    counts: Counter[str] = Counter()
    for entry in ran:
        origin = {} if entry.record is None else entry.record["provenance"]
        device = str(origin.get("device", "unknown"))
        several = origin.get("devices", 1)
        name = device if several == 1 else f"{several} x {device}"
        if device == "cpu" and origin.get("cpus"):
            name = f"CPU, {origin['cpus']} cores, {origin.get('platform', '')}".rstrip(", ")
        counts[name] += 1
    for name, count in counts.most_common():
        yield (
            f"{name} ({count} {'result' if count == 1 else 'results'})" if len(counts) > 1 else name
        )


def matrix(board: Board) -> list[Line]:
    """Return a line for each theory, in the order of the ranking."""
    found: dict[str, dict[str, Counter[str]]] = {}
    for name in dict.fromkeys(entry.id for entry in board.entries):
        entry = board.best(name)
        for result in () if entry is None else entry.theories:
            assert entry is not None
            found.setdefault(result.theory, {}).setdefault(entry.strand, Counter())[
                result.verdict
            ] += 1
    return [_line(standing, found.get(standing.theory, {})) for standing in board.standings]


def _line(standing: Standing, counts: Mapping[str, Counter[str]]) -> Line:
    return Line(
        standing=standing,
        cells=tuple(_ordered(counts.get(strand, Counter())) for strand in STRANDS),
        total=_ordered(sum(counts.values(), Counter())),
    )


def _ordered(counts: Mapping[str, int]) -> dict[str, int]:
    return {status: counts[status] for status in STATUSES if counts.get(status)}
