"""How a record lies in its file: a measurement once, however many theories were judged on it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

Json: TypeAlias = Mapping[str, Any]

MEASUREMENTS: Final = "measurements"
"""Key of the trial that holds the distinct measurements; `measured` of a row is a place in it."""


def packed(record: Json) -> dict[str, Any]:
    """Return a record with each measurement of its rows held once; one without rows as it is."""
    if "trial" not in record:
        return dict(record)
    distinct: list[Any] = []
    rows = []
    for row in record["trial"]["rows"]:
        if row["measured"] is None:
            rows.append(row)
            continue
        if row["measured"] not in distinct:
            distinct.append(row["measured"])
        rows.append({**row, "measured": distinct.index(row["measured"])})
    return {**record, "trial": {**record["trial"], "rows": rows, MEASUREMENTS: distinct}}


def unpacked(record: Json) -> dict[str, Any]:
    """Return what was packed, with rows that share the measurement that they were judged on."""
    trial = dict(record["trial"])
    measurements = trial.pop(MEASUREMENTS)
    rows = [
        row if row["measured"] is None else {**row, "measured": measurements[row["measured"]]}
        for row in trial["rows"]
    ]
    return {**record, "trial": {**trial, "rows": rows}}


def as_text(value: Any) -> str:
    """Return JSON with one line an innermost list, so that arrays are short and differences local.

    Raises ValueError for a number that is not finite.
    """
    return "".join(_lines(value, 0)) + "\n"


def _lines(value: Any, depth: int) -> Iterator[str]:
    """Return the parts of the text of a value that stands `depth` levels deep."""
    if isinstance(value, Mapping) and value:
        keys = (f"{json.dumps(str(key))}: " for key in value)
        yield from _block("{}", keys, list(value.values()), depth)
    elif isinstance(value, list | tuple) and any(isinstance(item, _NESTED) for item in value):
        yield from _block("[]", ("" for _ in value), value, depth)
    else:
        yield json.dumps(value, allow_nan=False)


def _block(brackets: str, heads: Iterator[str], items: Sequence[Any], depth: int) -> Iterator[str]:
    separator = brackets[0]
    for head, item in zip(heads, items, strict=True):
        yield f"{separator}\n{' ' * (depth + 1)}{head}"
        yield from _lines(item, depth + 1)
        separator = ","
    yield f"\n{' ' * depth}{brackets[1]}"


_NESTED: Final = (Mapping, list, tuple)
