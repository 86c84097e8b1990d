"""The lock file: a hash of what each prediction promises, so that no promise changes in silence.

`lock.json` holds a list of revisions for each id. It lies at the top of a tree of predictions,
beside theories.yaml; predictions without one above them (a copied topic) are not locked.
"""

from __future__ import annotations

import datetime
import json
import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Final, TypeAlias

from pydantic import Field, TypeAdapter, ValidationError

from harness.errors import AssayError, Problem, raise_all
from harness.fields import Kebab, Model, Text
from harness.promise import promise_hash
from harness.read import Registry
from harness.schema import Prediction
from harness.theories import find_above, find_theories

__all__ = [
    "FILE_NAME",
    "LockedRevision",
    "lock_problems",
    "promise_hash",
    "read_lock",
    "revisions",
    "write_lock",
]

FILE_NAME: Final = "lock.json"


class LockedRevision(Model):
    """One state of a promise."""

    number: int = Field(ge=1)
    reason: Text
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    date: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]


Locked: TypeAlias = Mapping[str, tuple[LockedRevision, ...]]

_FILE: Final = TypeAdapter(
    dict[Kebab, Annotated[tuple[LockedRevision, ...], Field(min_length=1, strict=False)]]
)


def read_lock(file: Path) -> Locked:
    """Read a lock file, revisions by id, oldest first; raises AssayError."""
    try:
        return _FILE.validate_python(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        details = error.errors()[0] if isinstance(error, ValidationError) else None
        raise AssayError(
            f"is not a lock file: {details['msg'] if details else error}",
            file=file,
            line=getattr(error, "lineno", None),
            path=".".join(map(str, details["loc"])) if details else "",
            remedy="Restore it from version control; `assay lock` alone writes it.",
        ) from None


def revisions(prediction: Prediction) -> tuple[LockedRevision, ...]:
    """Return the locked revisions of a prediction, oldest first; () when it is not locked."""
    file = find_above(prediction.folder, FILE_NAME)
    return () if file is None else read_lock(file).get(prediction.id, ())


def lock_problems(registry: Registry) -> list[Problem]:
    """Return every promise that changed in silence, is not registered, or has vanished."""
    problems: list[Problem] = []
    for file, predictions in _by_lock(registry).items():
        try:
            locked = read_lock(file)
        except AssayError as error:
            problems += error.problems
            continue
        for prediction in predictions:
            try:
                problem = _changed(prediction, locked.get(prediction.id, ()))
            except AssayError as error:
                problems += error.problems
            else:
                problems += [] if problem is None else [problem]
        problems += _vanished(file, locked)
    return problems


def write_lock(
    predictions: Iterable[Prediction], today: datetime.date | None = None
) -> tuple[str, ...]:
    """Register new promises and new revisions; return the ids that were written.

    A lock file is made beside theories.yaml where there is none. Raises AssayError(s), and writes
    nothing, when a promise changed without a higher revision number and a new reason.
    """
    date = (today or datetime.datetime.now(tz=datetime.UTC).date()).isoformat()
    contents: dict[Path, dict[str, tuple[LockedRevision, ...]]] = {}
    written: list[str] = []
    problems: list[Problem] = []
    for prediction in predictions:
        file = find_above(prediction.folder, FILE_NAME) or _new_lock(prediction)
        if file not in contents:
            contents[file] = dict(read_lock(file)) if file.is_file() else {}
        past = contents[file].get(prediction.id, ())
        problem = _silent_change(prediction, past)
        if problem is not None:
            problems.append(problem)
        elif not past or prediction.revision.number > past[-1].number:
            contents[file][prediction.id] = (*past, _revision(prediction, date))
            written.append(prediction.id)
    raise_all(problems)
    for file, entries in contents.items():
        _write(file, entries)
    return tuple(written)


def _by_lock(registry: Registry) -> dict[Path, list[Prediction]]:
    grouped: dict[Path, list[Prediction]] = {}
    for prediction in registry:
        file = find_above(prediction.folder, FILE_NAME)
        if file is not None:
            grouped.setdefault(file, []).append(prediction)
    return grouped


def _changed(prediction: Prediction, past: tuple[LockedRevision, ...]) -> Problem | None:
    """Return what stands between a prediction and its locked promise."""
    if not past:
        return _problem(
            prediction,
            "id",
            f"'{prediction.id}' is not registered in {FILE_NAME}",
            f"Run `assay lock {prediction.id}`.",
        )
    silent = _silent_change(prediction, past)
    if silent is None and prediction.revision.number > past[-1].number:
        return _problem(
            prediction,
            "revision",
            f"revision {prediction.revision.number} is not registered in {FILE_NAME}",
            f"Run `assay lock {prediction.id}`.",
        )
    return silent


def _silent_change(prediction: Prediction, past: tuple[LockedRevision, ...]) -> Problem | None:
    """Return the problem of a promise that changed without a new revision and a new reason."""
    if not past:
        return None
    last, revision = past[-1], prediction.revision
    following = f"revision: {{number: {last.number + 1}, reason: ...}}"
    if revision.number < last.number:
        return _problem(
            prediction,
            "revision",
            f"is number {revision.number}, but number {last.number} is registered",
            "Revisions are never taken back; make a new one.",
        )
    if revision.number == last.number:
        if promise_hash(prediction) == last.sha256:
            return None
        return _problem(
            prediction,
            "revision",
            f"what is promised has changed since revision {last.number} of {last.date}",
            f"Undo the change, or write {following} and run `assay lock {prediction.id}`.",
        )
    if revision.reason in {entry.reason for entry in past}:
        return _problem(
            prediction,
            "revision",
            f"revision {revision.number} repeats the reason of an earlier one",
            "Write why the promise is changed this time.",
        )
    return None


def _vanished(file: Path, locked: Locked) -> list[Problem]:
    """Return the registered ids that no file below the lock file declares any more."""
    present = {path.stem for path in file.parent.rglob("*.y*ml")}
    return [
        Problem(
            what=f"'{name}' is registered, but {name}.yaml is gone",
            remedy="Restore it; a prediction that is given up keeps its file with `retired: why`.",
            file=file,
            line=_line_of(file, name),
            path=name,
        )
        for name in sorted(locked.keys() - present)
    ]


def _line_of(file: Path, name: str) -> int | None:
    lines = file.read_text(encoding="utf-8").splitlines()
    return next((number for number, line in enumerate(lines, 1) if f'"{name}":' in line), None)


def _problem(prediction: Prediction, key: str, what: str, remedy: str) -> Problem:
    return Problem(
        what=what, remedy=remedy, file=prediction.source, line=prediction.line(key), path=key
    )


def _revision(prediction: Prediction, date: str) -> LockedRevision:
    return LockedRevision(
        number=prediction.revision.number,
        reason=prediction.revision.reason,
        sha256=promise_hash(prediction),
        date=date,
    )


def _new_lock(prediction: Prediction) -> Path:
    theories = find_theories(prediction.folder)
    if theories is None:
        raise AssayError(
            f"there is no {FILE_NAME} above it",
            file=prediction.source,
            remedy=f"Put a {FILE_NAME} that contains {{}} at the top of your predictions.",
        )
    return theories.with_name(FILE_NAME)


def _write(file: Path, entries: Locked) -> None:
    """Replace a lock file in one step."""
    plain = {
        name: [revision.model_dump() for revision in past] for name, past in sorted(entries.items())
    }
    handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            json.dump(plain, stream, indent=2, ensure_ascii=False)
            stream.write("\n")
        Path(temporary).chmod(0o644)
        Path(temporary).replace(file)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
