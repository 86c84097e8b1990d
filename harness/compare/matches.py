"""Two theories over all predictions: who wins more often, and is that more than chance."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

from scipy.special import bdtr

from harness.compare.bouts import Bout


@dataclass(frozen=True)
class Match:
    """Two theories over all predictions.

    A prediction is won by the theory that wins one of its observables at least and loses none; else
    it is a tie. The sign test asks how often equally good theories would differ in wins as much:
    it counts predictions, because observables of one prediction share their training runs.
    `adjusted` is its p-value after Holm's correction for all pairs that were compared.
    """

    a: str
    b: str
    wins_a: int
    wins_b: int
    ties: int
    sign_test: float
    adjusted: float = 1.0

    @property
    def played(self) -> int:
        """Predictions on which both could be compared."""
        return self.wins_a + self.wins_b + self.ties


def matches_of(theories: Sequence[str], bouts: Sequence[Bout]) -> tuple[Match, ...]:
    """The match of every pair; pairs without a common prediction are no test and not counted."""
    found = [_match(a, b, bouts) for a, b in itertools.combinations(theories, 2)]
    played = [match for match in found if match.played]
    adjusted = holm([match.sign_test for match in played])
    corrected = dict(zip(((m.a, m.b) for m in played), adjusted, strict=True))
    return tuple(replace(match, adjusted=corrected.get((match.a, match.b), 1.0)) for match in found)


def sign_test(wins_a: int, wins_b: int) -> float:
    """How often equals would win as unequally as this, on either side; ties drop out."""
    total = wins_a + wins_b
    if total == 0:
        return 1.0
    return float(min(1.0, 2 * bdtr(min(wins_a, wins_b), total, 0.5)))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's (1979) adjusted p-values, in the order given.

    The smallest of m is multiplied by m, the next by m - 1, ..., and none falls below the one
    before: rejecting those below a level errs in one of them at all with at most that probability,
    whatever their dependence.
    """
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted, highest = [1.0] * len(p_values), 0.0
    for rank, i in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[i]))
        adjusted[i] = highest
    return adjusted


def _match(a: str, b: str, bouts: Sequence[Bout]) -> Match:
    winners: dict[str, set[str]] = {}
    for bout in bouts:
        if (bout.a, bout.b) == (a, b) and bout.difference is not None:
            winners.setdefault(bout.prediction, set()).update(
                [bout.winner] if bout.winner is not None else []
            )
    wins_a = sum(won == {a} for won in winners.values())
    wins_b = sum(won == {b} for won in winners.values())
    ties = len(winners) - wins_a - wins_b
    return Match(a, b, wins_a, wins_b, ties, sign_test(wins_a, wins_b))
