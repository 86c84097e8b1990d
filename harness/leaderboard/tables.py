"""The board as data: JSON with everything but the plots, CSV with one line an entry."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from typing import Any, Final

from harness.cost import Spent
from harness.history import Since
from harness.leaderboard.board import Board, Entry
from harness.record import plain

_COSTS: Final[Mapping[str, str]] = {
    "core_seconds": "run_s",
    "compile_s": "compile_s",
    "forecast_s": "forecast_s",
    "judge_s": "judge_s",
    "wall_s": "wall_s",
    "steps": "steps",
    "flops": "flops",
    "peak_bytes": "peak_bytes",
}
"""Column of the CSV table: field of the cost that stands in it."""

COLUMNS: Final = (
    "id",
    "title",
    "claim",
    "strand",
    "tier",
    "status",
    "as_expected",
    "error",
    "error_low",
    "error_high",
    "resolving_power",
    "seeds",
    "theories",
    "controls",
    "surprises",
    *_COSTS,
    "device",
    "time",
    "changes",
    "health",
    "finding",
    "file",
)
"""Columns of the CSV table."""

_LARGE: Final = ("record", "trial", "observables")


def as_data(board: Board, since: Since | None = None) -> dict[str, Any]:
    """Return the board as plain JSON values; an infinite end of an interval is null."""
    entries = []
    for entry in board.entries:
        row = {name: value for name, value in vars(entry).items() if name not in _LARGE}
        derived = {"surprises": entry.surprises, "as_expected": entry.as_expected}
        entries.append(plain({**row, **derived}))
    return {
        "entries": entries,
        "standings": plain(board.standings),
        "unregistered": list(board.unregistered),
        "since": plain(since),
    }


def as_json(board: Board, since: Since | None = None) -> str:
    """Return the board as JSON, with what has changed since the last release."""
    data = as_data(board, since)
    return json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def as_csv(board: Board) -> str:
    """Return one line for each entry, with a header; missing numbers are empty."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(_row(entry) for entry in board.entries)
    return stream.getvalue()


def _row(entry: Entry) -> Mapping[str, Any]:
    low, high = entry.interval or (None, None)
    run = entry.run
    ran = {} if run is None else {**vars(run), **_costs(run.cost)}
    return {
        **{name: getattr(entry, name) for name in COLUMNS if hasattr(entry, name)},
        "error_low": low,
        "error_high": high,
        "theories": "; ".join(f"{t.theory}: {t.verdict}" for t in entry.theories),
        "controls": "; ".join(f"{c.control}: {c.verdict}" for c in entry.controls),
        "surprises": "; ".join(entry.surprises),
        "changes": sum(change.after_result for change in entry.changes),
        "health": "; ".join(finding.check for finding in entry.health),
        **{name: ran.get(name) for name in ("seeds", *_COSTS, "device", "time")},
    }


def _costs(cost: Spent) -> Mapping[str, float | None]:
    return {column: getattr(cost, name) for column, name in _COSTS.items()}
