"""Theories head to head: on every observable that both forecast, from the same training runs."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Sequence

from harness.compare.best import Best, best_of
from harness.compare.bouts import Bout, Score, bouts_of
from harness.compare.confidence import Member, confidence_set
from harness.compare.matches import Match, holm, matches_of, sign_test
from harness.compare.text import Comparison, comparison_as_json, comparison_lines
from harness.errors import AssayError
from harness.leaderboard.board import Board
from harness.suggest import choices

__all__ = [
    "Best",
    "Bout",
    "Comparison",
    "Match",
    "Member",
    "Score",
    "compare",
    "comparison_as_json",
    "comparison_lines",
    "confidence_set",
    "holm",
    "sign_test",
]


def compare(theories: Sequence[str], board: Board, on: Collection[str] | None = None) -> Comparison:
    """Compare theories pairwise on the current results of a board, each prediction's largest tier.

    `on` names the predictions that count; None: all of them. Raises AssayError for fewer than two
    theories and for one that no prediction knows.
    """
    names = list(dict.fromkeys(theories))
    known = {standing.theory for standing in board.standings}
    for name in names:
        if name not in known:
            raise AssayError(f"there is no theory '{name}'", remedy=choices(name, known))
    if len(names) < 2:
        raise AssayError("a comparison needs two theories", remedy="Name another one.")
    ids = dict.fromkeys(entry.id for entry in board.entries if on is None or entry.id in on)
    entries = [entry for entry in map(board.best, ids) if entry is not None]
    pairs = list(itertools.combinations(names, 2))
    bouts = tuple(bout for entry in entries for a, b in pairs for bout in bouts_of(entry, a, b))
    return Comparison(tuple(names), bouts, matches_of(names, bouts), best_of(names, entries))
