"""Theories head to head, as pages show them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from harness.compare import Best, Bout, Comparison, Match
from harness.compare.matches import matches_of


@dataclass(frozen=True)
class Duel:
    """A theory against another: the match, and its bouts, all seen from the first one's side."""

    match: Match
    bouts: tuple[Bout, ...]


@dataclass(frozen=True)
class Duels:
    """All bouts, the matches that took place, and who may be the best on each prediction."""

    matches: tuple[Match, ...]
    on: Mapping[str, Comparison]

    @classmethod
    def of(cls, comparisons: Mapping[str, Comparison]) -> Duels:
        """Return the matches of all theories over the comparisons on single predictions."""
        bouts = [bout for one in comparisons.values() for bout in one.bouts]
        names = list(dict.fromkeys(name for bout in bouts for name in (bout.a, bout.b)))
        played = [match for match in matches_of(names, bouts) if match.played]
        played.sort(key=lambda match: (-match.played, match.adjusted, match.a, match.b))
        return cls(tuple(played), comparisons)

    def for_theory(self, theory: str) -> list[Duel]:
        """Return a theory's duels, those that it won first."""
        duels = [
            Duel(_seen(match, theory), self._bouts(match, theory))
            for match in self.matches
            if theory in (match.a, match.b)
        ]
        return sorted(duels, key=lambda d: (d.match.wins_b - d.match.wins_a, d.match.b))

    def best(self) -> Iterator[tuple[str, Best]]:
        """Return the model confidence set of each prediction that has one."""
        for name, one in self.on.items():
            if one.best.members:
                yield name, one.best

    def _bouts(self, match: Match, theory: str) -> tuple[Bout, ...]:
        found = (
            bout
            for one in self.on.values()
            for bout in one.bouts
            if {bout.a, bout.b} == {match.a, match.b}
        )
        return tuple(_turned(bout) if bout.a != theory else bout for bout in found)


def _seen(match: Match, theory: str) -> Match:
    if match.a == theory:
        return match
    return replace(match, a=match.b, b=match.a, wins_a=match.wins_b, wins_b=match.wins_a)


def _turned(bout: Bout) -> Bout:
    """Return a bout seen from the other side."""
    ends = bout.interval
    return replace(
        bout,
        a=bout.b,
        b=bout.a,
        error_a=bout.error_b,
        error_b=bout.error_a,
        difference=None if bout.difference is None else -bout.difference,
        interval=None if ends is None else (-ends[1], -ends[0]),
        scores=tuple(
            replace(s, a=s.b, b=s.a, interval=(-s.interval[1], -s.interval[0])) for s in bout.scores
        ),
    )
