from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from harness.leaderboard.board import Board, Standing
from harness.leaderboard.collect import collect
from harness.leaderboard.standings import CHARGE, standings
from harness.read import Registry


def standing(board: Board, theory: str) -> Standing:
    return next(s for s in board.standings if s.theory == theory)


def test_verdicts_are_counted_by_prediction(board: Board) -> None:
    good = standing(board, "good")
    # pass: locations (two tiers count once), numbers, orders; undecided: curves, phases, exponents
    assert (good.passed, good.undecided, good.failed_as_expected, good.surprising) == (3, 3, 0, 0)
    assert good.not_run == 2  # unrun and, being stale, laws; the retired one does not count
    assert standing(board, "bad").surprising == 1


def test_the_score_is_the_mean_error_with_fitted_constants_charged(board: Board) -> None:
    bests = [board.best(name) for name in ("curves", "locations", "phases", "numbers", "orders")]
    errors = [entry.error for entry in bests if entry is not None and entry.error is not None]
    assert len(errors) == 5  # a vacuous pass proves nothing and does not count
    good = standing(board, "good")
    assert good.score == pytest.approx((sum(errors) + CHARGE) / 5)
    assert good.free_parameters == 1


def test_a_theory_without_a_verdict_is_listed_without_a_rank(board: Board) -> None:
    last = board.standings[-1]
    assert (last.theory, last.rank, last.score) == ("untried", None, None)


def test_a_better_theory_ranks_first(board: Board) -> None:
    assert [(s.theory, s.rank) for s in board.standings[:2]] == [("good", 1), ("bad", 2)]


def test_ties_share_a_rank(registry: Registry, records: list[dict[str, Any]]) -> None:
    for record in records:
        for row in record["trial"]["rows"]:
            row["interval"] = [0.0, 100 * row["tolerance"]]
    board = collect(registry, records)
    assert [s.rank for s in board.standings] == [1, 1, None]


def test_the_order_of_tied_theories_follows_the_score(registry: Registry, board: Board) -> None:
    wide = [
        replace(
            entry,
            theories=tuple(replace(t, interval=(0.0, float("inf"))) for t in entry.theories),
        )
        for entry in board.entries
    ]
    ranked = [s for s in standings(registry, wide) if s.score is not None]
    assert [s.rank for s in ranked] == [1, 1]
    assert [s.score for s in ranked] == sorted(s.score for s in ranked if s.score is not None)
