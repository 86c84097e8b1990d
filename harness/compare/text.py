"""A comparison as JSON and as plain text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from harness.compare.best import Best
from harness.compare.bouts import Bout
from harness.compare.confidence import Member
from harness.compare.matches import Match
from harness.record import plain
from harness.text import number, table


@dataclass(frozen=True)
class Comparison:
    """Every bout of some theories, every pair's match, and which may be the best."""

    theories: tuple[str, ...]
    bouts: tuple[Bout, ...]
    matches: tuple[Match, ...]
    best: Best


def comparison_as_json(comparison: Comparison) -> str:
    """A comparison as JSON; winner null is a tie, or a bout that did not take place."""
    return json.dumps(plain(comparison), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def comparison_lines(comparison: Comparison) -> list[str]:
    """A comparison as plain text: a table of bouts, a line a pair, then which may be the best."""
    rows = [row for bout in comparison.bouts for row in _rows(bout)]
    lines = table(("prediction", "observable", "a - b", "interval", "closer"), rows) if rows else []
    tests = sum(match.played > 0 for match in comparison.matches)
    lines += [_match(match, tests) for match in comparison.matches]
    if len(comparison.theories) > 2 or comparison.best.members:
        lines += _best(comparison.best)
    return lines


def _rows(bout: Bout) -> Iterator[tuple[str, ...]]:
    what = (f"{bout.prediction} [{bout.tier}]", f"{bout.observable}: {bout.a} - {bout.b}")
    if bout.difference is None or bout.interval is None:
        yield (*what, "-", "", f"not compared: {bout.reason}")
        return
    span = f"[{number(bout.interval[0])}, {number(bout.interval[1])}] tolerances"
    yield (*what, number(bout.difference), span, bout.winner or "tie")
    for score in bout.scores:
        span = f"[{number(score.interval[0])}, {number(score.interval[1])}] {score.unit}"
        yield ("", f"  {score.name}", number(score.a - score.b), span, score.winner or "tie")


def _match(match: Match, tests: int) -> str:
    if not match.played:
        return f"{match.a} and {match.b}: no result on an observable that both forecast"
    corrected = f", {match.adjusted:.2g} after Holm for {tests} pairs" if tests > 1 else ""
    return (
        f"{match.a} (a) against {match.b} (b): {match.wins_a} won, {match.wins_b} lost, "
        f"{match.ties} tied of {match.played} predictions; "
        f"sign test p = {match.sign_test:.2g}{corrected}"
    )


def _best(best: Best) -> Iterator[str]:
    if best.reason is not None:
        yield f"best of all: {best.reason}"
        return
    kept = [member for member in best.members if member.kept]
    rest = [member for member in best.members if not member.kept]
    predictions = len({prediction for prediction, _ in best.observables})
    where = f"{_counted(len(best.observables), 'observable')} of " + _counted(
        predictions, "prediction"
    )
    tie = " (a tie)" if len(kept) > 1 else ""
    yield (
        f"cannot be rejected as best on {where} that all forecast, at {1 - best.level:.0%}"
        f"{tie}: {', '.join(map(_member, kept))}"
    )
    if rest:
        yield f"rejected: {', '.join(map(_member, rest))}"


def _member(member: Member) -> str:
    return f"{member.theory} (error {number(member.loss)} tolerances, p = {member.p_value:.2g})"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
