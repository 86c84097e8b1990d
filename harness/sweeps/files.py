"""Sweeps on disk: one compact JSON file a sweep, a line a point."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from harness.errors import AssayError
from harness.identity import digest
from harness.judge import Verdict
from harness.record import plain
from harness.store import write_atomically
from harness.sweeps.model import At, Interval, Outcome, Point, Slope, Sweep

FORMAT: Final = 1
_ROWS: Final = ("points", "slopes")


def write_sweep(folder: Path, sweep: Sweep) -> Path:
    """Write a sweep whole or not at all, in place of the former one with its name and overrides."""
    overrides = plain(sweep.overrides)
    tail = f".{digest(overrides)[:8]}" if overrides else ""
    path = folder / f"{sweep.name}{tail}.json"
    write_atomically(path, sweep_as_json(sweep).encode())
    return path


def sweep_as_json(sweep: Sweep) -> str:
    """A sweep as JSON: numbers to seven digits, an infinite end as null, fields at rest left out.

    Each point and each slope is on a line of its own, so that two versions can be compared.
    """
    content = {"format": FORMAT, **plain(sweep)}
    rows = {name: [_dense(name, row) for row in content.pop(name)] for name in _ROWS}
    parts = [f" {_line(key)}: {_line(value)}" for key, value in content.items()]
    for name, found in rows.items():
        inner = ",\n".join(f"  {_line(row)}" for row in found)
        parts.append(f' "{name}": [\n{inner}\n ]' if found else f' "{name}": []')
    return "{\n" + ",\n".join(parts) + "\n}\n"


def read_sweeps(folder: Path) -> list[Sweep]:
    """All sweeps in a folder in the order of their names; none where there is no folder.

    Raises AssayError for a file that is no sweep of this format.
    """
    return [_read(path) for path in sorted(folder.glob("*.json"))]


def _read(path: Path) -> Sweep:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        found = content.pop("format")
        if found == FORMAT:
            return _sweep(content)
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise AssayError(
            "this is no stored sweep", remedy="remove it, or sweep again", file=path
        ) from error
    raise AssayError(
        f"the sweep has format {found}, this version reads {FORMAT}",
        remedy="sweep again",
        file=path,
    )


def _sweep(content: dict[str, Any]) -> Sweep:
    return Sweep(
        **{
            **content,
            "theories": tuple(content["theories"]),
            "observables": tuple(content["observables"]),
            "over": {key: tuple(map(_frozen, values)) for key, values in content["over"].items()},
            "overrides": _keys(content["overrides"]),
            "points": tuple(_point(row) for row in content["points"]),
            "slopes": tuple(_slope(row) for row in content["slopes"]),
        }
    )


def _point(row: dict[str, Any]) -> Point:
    return Point(
        **{
            **row,
            "keys": _keys(row["keys"]),
            "outcomes": tuple(Outcome(**_judged(one)) for one in row.get("outcomes", ())),
            "results": tuple(At(**_judged(one)) for one in row.get("results", ())),
            "controls": {name: Verdict(found) for name, found in row.get("controls", {}).items()},
        }
    )


def _slope(row: dict[str, Any]) -> Slope:
    return Slope(**{**_intervals(row), "at": _keys(row.get("at", {}))})


def _judged(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**_intervals(row), "verdict": Verdict(row["verdict"])}


def _intervals(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _interval(item) if "interval" in key else item for key, item in row.items()}


def _interval(ends: list[float | None] | None) -> Interval | None:
    if ends is None:
        return None
    low, high = ends
    return -math.inf if low is None else low, math.inf if high is None else high


def _keys(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _frozen(value) for key, value in row.items()}


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _dense(name: str, row: dict[str, Any]) -> dict[str, Any]:
    """A row without what is empty, and the rows inside a point likewise."""
    if name == "points":
        row = {
            **row,
            **{part: [_full(one) for one in row[part]] for part in ("outcomes", "results")},
        }
    return _full(row)


def _full(row: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that say something; those left out have their default when read."""
    return {key: value for key, value in row.items() if value not in (None, {}, [])}


def _line(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(", ", ": "))
