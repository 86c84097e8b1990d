"""The page of a theory: its claims and verdicts, where it holds and breaks, its calibration."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from harness.leaderboard.board import Board, Entry, Reference, Standing, TheoryResult
from harness.leaderboard.collect import reference
from harness.leaderboard.pages.calibration import calibration
from harness.leaderboard.pages.versus import Duels
from harness.plan import CLAIM
from harness.read import Registry
from harness.schema import Prediction
from harness.sweeps import Sweep


@dataclass(frozen=True)
class Case:
    """A theory on one prediction: its result, what it declared, and what it came to by observable.

    `regime` is where the theory declares that it holds; `off` says which observables fail and by
    how much.
    """

    prediction: Prediction
    entry: Entry
    result: TheoryResult | None
    expect: str
    regime: str
    off: tuple[str, ...]

    @property
    def verdict(self) -> str:
        """The verdict, or why there is none."""
        if self.result is None:
            return self.entry.status if self.entry.status in ("retired", "not run") else "not run"
        return self.result.verdict


def theory_page(
    name: str, registry: Registry, board: Board, sweeps: Sequence[Sweep], duels: Duels
) -> dict[str, Any]:
    """Return what the template of a theory's page shows."""
    cases = list(_cases(name, registry, board))
    known = registry.theories.get(name)
    return {
        "name": name,
        "standing": standing_of(board, name),
        "theory": known,
        "references": references(known),
        "cases": cases,
        "holds": [case for case in cases if case.verdict == "pass"],
        "breaks": [case for case in cases if case.verdict in ("fail", "vacuous")],
        "open": [case for case in cases if case.verdict not in ("pass", "fail", "vacuous")],
        "sweeps": [sweep for sweep in sweeps if name in sweep.theories],
        "duels": duels.for_theory(name),
        "calibration": calibration(name, [case.entry for case in cases if case.entry.current]),
    }


def standing_of(board: Board, name: str) -> Standing:
    """Return the standing of a theory."""
    return next(standing for standing in board.standings if standing.theory == name)


def references(known: Any) -> tuple[Reference, ...]:
    """Return the publications of a theory with their links."""
    return () if known is None else tuple(reference(source) for source in known.references)


def _cases(name: str, registry: Registry, board: Board) -> Iterator[Case]:
    for prediction in registry:
        declared = prediction.theories.get(name)
        if declared is None:
            continue
        mine = [entry for entry in board.entries if entry.id == prediction.id]
        entry = board.best(prediction.id) or next((e for e in mine if e.run), mine[0])
        limits = declared.regime.items()
        yield Case(
            prediction=prediction,
            entry=entry,
            result=next((r for r in entry.theories if r.theory == name), None),
            expect=declared.expect,
            regime="; ".join(f"{key} from {low:g} to {high:g}" for key, (low, high) in limits),
            off=tuple(_off(name, entry)),
        )


def _off(name: str, entry: Entry) -> Iterator[str]:
    for row in () if entry.trial is None else entry.trial["rows"]:
        if (row["case"], row["theory"], row["verdict"]) == (CLAIM, name, "fail"):
            yield f"{row['observable']}: {row['reason']}"
