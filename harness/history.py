"""What a release of the results said, and what has changed since: frozen summaries and their diff.

A release is one small file of `results/releases/`: for each prediction and tier the status, the
promise that the result is about, every verdict, and the errors in tolerances. It is written once
and never again.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from harness.errors import AssayError
from harness.leaderboard.board import DECIDED, Board, Entry, Interval

FORMAT: Final = 1
FOLDER: Final = Path("results/releases")

Kind: TypeAlias = Literal[
    "flipped", "verdict", "gone", "retired", "revised", "new", "first result", "status"
]
KINDS: Final[Mapping[Kind, str]] = {
    "flipped": "a verdict that is the opposite of the former one",
    "verdict": "another verdict, where one of the two decides nothing",
    "gone": "a prediction that is not registered any more",
    "retired": "a prediction that was given up, with a reason",
    "revised": "a promise that was changed",
    "new": "a prediction that was registered since",
    "first result": "a tier that had not been run",
    "status": "a result that is not about the present promise any more, or is again",
}
"""Every kind of change, the most telling first."""

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_ABSENT: Final = ("stale", "not run", "retired")


@dataclass(frozen=True)
class Judged:
    """The verdict of a theory or a control; error and interval are in tolerances."""

    verdict: str
    error: float | None
    interval: Interval | None = None


@dataclass(frozen=True)
class Result:
    """One prediction at one tier, as short as a later reader needs it."""

    id: str
    tier: str
    status: str
    revision: int | None
    promise: str | None
    theories: Mapping[str, Judged]
    controls: Mapping[str, Judged]
    seeds: int | None
    time: str | None
    commit: str | None
    device: str | None

    @property
    def current(self) -> bool:
        """Whether it has a result that is about what was promised then."""
        return self.promise is not None and self.status not in _ABSENT


@dataclass(frozen=True)
class Release:
    """The results at one moment, under a name."""

    name: str
    date: str
    version: str
    results: tuple[Result, ...]


@dataclass(frozen=True)
class Change:
    """One thing that differs; `subject` is a theory or `control NAME`, empty for the prediction."""

    kind: Kind
    id: str
    tier: str
    subject: str
    former: str
    now: str

    def __str__(self) -> str:
        about = f", {self.subject}" if self.subject else ""
        tier = f" ({self.tier})" if self.tier else ""
        step = " -> ".join(part for part in (self.former, self.now) if part)
        return f"{self.id}{tier}{about}: {step}"


@dataclass(frozen=True)
class Since:
    """What has changed since a release."""

    release: str
    date: str
    changes: tuple[Change, ...]


def since(board: Board, former: Release | None) -> Since | None:
    """Return what the leaderboard says about its last release; None before the first one."""
    if former is None:
        return None
    return Since(former.name, former.date, tuple(changes(board, former)))


def freeze(board: Board) -> tuple[Result, ...]:
    """Return what a release keeps of a board."""
    return tuple(_result(entry) for entry in board.entries)


def changes(board: Board, former: Release) -> list[Change]:
    """Return what differs from a release: flipped verdicts first, then the other KINDS in order."""
    return differences(former.results, freeze(board))


def differences(former: Sequence[Result], now: Sequence[Result]) -> list[Change]:
    """Return what differs between two summaries, by kind, then in the order of predictions."""
    found = [*_of_predictions(former, now), *_of_results(former, now)]
    order = {result.id: place for place, result in enumerate((*now, *former))}
    return sorted(
        dict.fromkeys(found), key=lambda change: ([*KINDS].index(change.kind), order[change.id])
    )


def require_releasable(board: Board) -> None:
    """Raise AssayError when a result is not about what is promised now, or nothing was run."""
    stale = [f"{entry.id} ({entry.tier})" for entry in board.entries if entry.status == "stale"]
    if stale:
        raise AssayError(
            f"{len(stale)} results are not about what is promised now: {', '.join(stale)}",
            remedy="Run them again with --publish, or release them as stale with --force.",
        )
    if not any(entry.current for entry in board.entries):
        raise AssayError("there is no result to release", remedy="Run `assay run --publish`.")


def write_release(folder: Path, release: Release) -> Path:
    """Write a release, one line a result, and return its path.

    Raises AssayError for a name that makes no file name, and when there is such a release already.
    """
    from harness.store import write_atomically

    if not _NAME.fullmatch(release.name):
        raise AssayError(
            f"'{release.name}' cannot name a release",
            remedy="Use letters, digits, dots and hyphens, such as v0.2.",
            path="NAME",
        )
    path = folder / f"{release.name}.json"
    if path.exists():
        raise AssayError(
            "this release exists, and is never written again",
            remedy="Choose another name.",
            file=path,
        )
    write_atomically(path, _as_text(release).encode())
    return path


def read_releases(folder: Path = FOLDER) -> list[Release]:
    """Return all releases in a folder, oldest first; raises AssayError for a file that is none."""
    releases = [_read(path) for path in sorted(folder.glob("*.json"))]
    return sorted(releases, key=lambda release: release.date)


def last_release(folder: Path = FOLDER) -> Release | None:
    """Return the newest release, or None where there is none."""
    return next(reversed(read_releases(folder)), None)


def _result(entry: Entry) -> Result:
    run, record = entry.run, entry.record
    return Result(
        id=entry.id,
        tier=entry.tier,
        status=entry.status,
        revision=None if record is None else record["revision"],
        promise=None if record is None else record["promise"],
        theories={
            theory.theory: Judged(theory.verdict, theory.error, theory.interval)
            for theory in entry.theories
        },
        controls={
            control.control: Judged(control.verdict, control.error) for control in entry.controls
        },
        seeds=None if run is None else run.seeds,
        time=None if run is None else run.time,
        commit=None if run is None else run.commit,
        device=None if run is None else run.device,
    )


def _of_predictions(former: Sequence[Result], now: Sequence[Result]) -> Iterator[Change]:
    """Yield what happened to predictions as wholes."""
    before, after = (dict.fromkeys(result.id for result in results) for results in (former, now))
    retired = {result.id for result in former if result.status == "retired"}
    for result in now:
        if result.id not in before:
            yield Change("new", result.id, "", "", "", "new")
        elif result.status == "retired" and result.id not in retired:
            yield Change("retired", result.id, "", "", "", "retired")
    for name in before:
        if name not in after:
            yield Change("gone", name, "", "", "registered", "gone")
    known = {(result.id, result.tier): result for result in former}
    for result in now:
        then = known.get((result.id, result.tier))
        if then and then.revision and result.revision and then.revision != result.revision:
            step = (f"revision {then.revision}", f"revision {result.revision}")
            yield Change("revised", result.id, "", "", *step)


def _of_results(former: Sequence[Result], now: Sequence[Result]) -> Iterator[Change]:
    """Yield what happened to verdicts, tier by tier."""
    known = {(result.id, result.tier): result for result in former}
    for result in now:
        then = known.get((result.id, result.tier))
        if then is None or result.status == "retired":
            continue
        if not then.current and result.current:
            kind: Kind = "first result" if then.status == "not run" else "status"
            yield Change(kind, result.id, result.tier, "", then.status, result.status)
        elif then.current and not result.current:
            yield Change("status", result.id, result.tier, "", then.status, result.status)
        elif then.current:
            yield from _of_verdicts(then, result)


def _of_verdicts(then: Result, now: Result) -> Iterator[Change]:
    for name, judged in now.theories.items():
        yield from _step(now, name, then.theories.get(name), judged)
    for name, judged in now.controls.items():
        yield from _step(now, f"control {name}", then.controls.get(name), judged)


def _step(result: Result, subject: str, then: Judged | None, now: Judged) -> Iterator[Change]:
    if then is None or then.verdict == now.verdict:
        return
    both = {_decided(then.verdict), _decided(now.verdict)}
    kind: Kind = "flipped" if both == DECIDED else "verdict"
    yield Change(kind, result.id, result.tier, subject, then.verdict, now.verdict)


def _decided(verdict: str) -> str:
    """Return what a verdict says of the forecast: a vacuous one holds as a pass does."""
    return "pass" if verdict == "vacuous" else verdict


def _as_text(release: Release) -> str:
    results = ",\n".join(f"  {json.dumps(_plain(asdict(r)))}" for r in release.results)
    head = {"format": FORMAT, **{key: getattr(release, key) for key in ("name", "date", "version")}}
    lines = [f" {json.dumps(key)}: {json.dumps(value)}," for key, value in head.items()]
    return "\n".join(["{", *lines, ' "results": [', results, " ]", "}"]) + "\n"


def _plain(value: Any) -> Any:
    """Return JSON values with numbers to four digits; an open end of an interval is null."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return float(f"{value:.4g}") if math.isfinite(value) else None
    return value


def _read(path: Path) -> Release:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data.pop("format") != FORMAT:
            raise ValueError("another format")
        results = tuple(_as_result(result) for result in data.pop("results"))
        return Release(results=results, **data)
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise AssayError(
            "this is no release of results",
            remedy="Restore it from version control; `assay release` alone writes it.",
            file=path,
        ) from error


def _as_result(data: dict[str, Any]) -> Result:
    judged = {
        part: {name: _as_judged(value) for name, value in data[part].items()}
        for part in ("theories", "controls")
    }
    return Result(**{**data, **judged})


def _as_judged(data: dict[str, Any]) -> Judged:
    ends = data["interval"]
    if ends is None:
        return Judged(**data)
    high = math.inf if ends[1] is None else ends[1]
    return Judged(data["verdict"], data["error"], (ends[0], high))
