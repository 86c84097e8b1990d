"""Records: the stored outcome of a finished run, with what is needed to trust and repeat it."""

from __future__ import annotations

import enum
import json
import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, Final

from harness.errors import AssayError
from harness.identity import code_hash, digest
from harness.lock import promise_hash
from harness.outcome import Trial
from harness.packing import as_text, packed, unpacked
from harness.plan import Case, Plan
from harness.pools import Pool
from harness.provenance import provenance
from harness.store import write_atomically

FORMAT: Final = 2
DIGITS: Final = 7


def record_of(plan: Plan, trial: Trial, pool: Pool) -> dict[str, Any]:
    """A trial with its resolved spec and provenance, as plain JSON values.

    Numbers keep seven significant digits, all that float32 training holds; a value that is not
    finite becomes null.
    """
    prediction = plan.prediction
    return {
        "format": FORMAT,
        "id": prediction.id,
        "title": prediction.title,
        "claim": prediction.claim,
        "strand": prediction.strand,
        "tier": plan.tier,
        "revision": prediction.revision.number,
        "promise": promise_hash(prediction),
        "code": code_hash(prediction.folder, plan.claim.setup),
        "overrides": plain(plan.overrides),
        "cases": {case.name: _case(case) for case in (plan.claim, *plan.controls)},
        "precision": prediction.precision,
        "matmul_precision": prediction.matmul_precision,
        "free_parameters": prediction.free_parameters,
        "provenance": provenance(prediction.folder, pool),
        "trial": plain(trial),
    }


def write_record(folder: Path, record: Mapping[str, Any], *, published: bool = False) -> Path:
    """Write a record whole or not at all, and return its path.

    Published records are named by prediction and tier and replace the former one, but remember
    which revision the first result was about; local ones are named by content too and all kept.
    """
    name = f"{record['id']}.{record['tier']}"
    if not published:
        name = f"{name}.{digest(record)[:12]}"
    path = folder / f"{name}.json"
    if published:
        record = {**record, "first_result": _first_result(path, record)}
    write_atomically(path, as_text(packed(record)).encode())
    return path


def _first_result(path: Path, record: Mapping[str, Any]) -> dict[str, Any]:
    """Revision and time of the first published result, carried from record to record."""
    if path.is_file():
        former = json.loads(path.read_text(encoding="utf-8"))
        return dict(former["first_result"])
    return {"revision": record["revision"], "time": record["provenance"]["time"]}


def read_records(folder: Path) -> list[dict[str, Any]]:
    """All records in a folder, ordered by prediction and tier; none where there is no folder.

    Raises AssayError for a file that is no record of this format.
    """
    return [read_record(path) for path in sorted(folder.glob("*.json"))]


def local_records(folder: Path) -> list[dict[str, Any]]:
    """The records of one's own runs in a folder, ordered by file, as far as they can be read.

    Those that another version of Assay wrote are left out: nobody builds on them, and they must
    not keep a prediction from being run again.
    """
    found = []
    for path in sorted(folder.glob("*.json")):
        with suppress(AssayError):
            found.append(read_record(path))
    return found


def read_record(path: Path) -> dict[str, Any]:
    """One record.

    Raises AssayError for a file that cannot be read or is no record of this format.
    """
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        found = record["format"]
        if found == FORMAT:
            return unpacked(record)
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise AssayError(
            "this is no record of a run", remedy="remove it, or run again", file=path
        ) from error
    raise AssayError(
        f"the record has format {found}, this version reads {FORMAT}",
        remedy="run the prediction again",
        file=path,
    )


def rows_as_json(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows of `assay run --json`: one a case, theory and observable."""
    trial = record["trial"]
    return [
        {
            "id": record["id"],
            "tier": record["tier"],
            "case": row["case"],
            "theory": row["theory"],
            "observable": row["observable"],
            "verdict": row["verdict"],
            "reason": row["reason"],
            "discrepancy": row["discrepancy"],
            "interval": row["interval"],
            "tolerance": row["tolerance"],
            "error_in_tolerances": row["error_in_tolerances"],
            "resolving_power": row["resolving_power"],
            "forecast": row["forecast"] and row["forecast"]["values"],
            "measured": row["measured"]
            and {part: row["measured"][part]["values"] for part in ("mean", "stderr", "per_seed")},
            "seeds": row["seeds"],
            "wall_s": trial["wall_s"],
        }
        for row in trial["rows"]
    ]


def plain(value: Any) -> Any:
    """Dataclasses, enums, tuples and arrays as plain JSON values with rounded, finite numbers."""
    if isinstance(value, enum.Enum):
        return value.value
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None
    return value


def _case(case: Case) -> dict[str, Any]:
    return {
        "setup": plain(case.setup),
        "sweep": plain(case.sweep),
        "grid": plain(case.grid),
    }
