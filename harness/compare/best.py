"""Which of the theories may be the best on the observables that all of them forecast."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from harness.compare.bouts import Json, criterion_of, rows_of
from harness.compare.confidence import SET_LEVEL, Member, confidence_set
from harness.judge import UnjudgeableError
from harness.judge.arrange import arrange
from harness.judge.case import Case
from harness.judge.mean import Array
from harness.leaderboard.board import Entry, Spec
from harness.leaderboard.series import data_array
from harness.scores import RESAMPLES, Indices, discrepancies

_SEED: Final = 20110900  # any number: the same comparison always gives the same answer


@dataclass(frozen=True)
class Best:
    """The model confidence set of some theories.

    The loss of a theory is its error in tolerances, averaged over the `observables` (pairs of
    prediction and observable) of a prediction and then over predictions. `members` are all
    theories, those that stay in the set first; they are empty where `reason` says that there is
    nothing to compare on. `level` is the probability that the set misses a best theory, `seeds`
    the fewest of a prediction.
    """

    level: float
    resamples: int
    seeds: int
    observables: tuple[tuple[str, str], ...]
    members: tuple[Member, ...]
    reason: str | None = None


def best_of(theories: Sequence[str], entries: Sequence[Entry]) -> Best:
    """The model confidence set of theories on the given results.

    Seeds are resampled within a prediction, the same for all theories and observables there (they
    share its training runs), and independently from prediction to prediction.
    """
    generator = np.random.default_rng(_SEED)
    observables: list[tuple[str, str]] = []
    observed, drawn, seeds = [], [], []
    for entry in entries:
        shared = dict(_shared(theories, entry))
        if not shared:
            continue
        n = next(iter(shared.values()))[0].seeds
        index_RN = generator.integers(n, size=(RESAMPLES, n))
        losses = dict(_losses(shared, index_RN))
        if not losses:
            continue
        whole_M, drawn_RM = (np.mean(part, axis=0) for part in zip(*losses.values(), strict=True))
        observed.append(whole_M)
        drawn.append(drawn_RM)
        seeds.append(n)
        observables += [(entry.id, name) for name in losses]
    if not observables:
        why = "no observable is forecast by all of them with values by seed"
        return Best(SET_LEVEL, RESAMPLES, 0, (), (), why)
    members = confidence_set(
        theories, np.mean(observed, axis=0), np.mean(drawn, axis=0), min(seeds)
    )
    return Best(SET_LEVEL, RESAMPLES, min(seeds), tuple(observables), members)


def _shared(theories: Sequence[str], entry: Entry) -> Iterator[tuple[str, list[Case]]]:
    """The observables that every theory forecasts, each with the theories' cases in order."""
    rows = rows_of(entry)
    for name, spec in entry.observables.items():
        cases = [_case(spec, rows.get((theory, name))) for theory in theories]
        complete = [case for case in cases if case is not None]
        if len(complete) == len(theories):
            yield name, complete


def _case(spec: Spec, row: Json | None) -> Case | None:
    """What a theory was judged on; None where it was not, or cannot be again."""
    if row is None or row["forecast"] is None or not (row["measured"] or {}).get("per_seed"):
        return None
    measured = data_array(row["measured"]["per_seed"])
    try:
        return arrange(measured, data_array(row["forecast"]), criterion_of(spec, row))
    except UnjudgeableError:
        return None


def _losses(
    shared: dict[str, list[Case]], index_RN: Indices
) -> Iterator[tuple[str, tuple[Array, Array]]]:
    """Error in tolerances of each theory [M] and of each resample and theory [R, M], by observable.

    An observable that cannot be judged again, on all seeds or on a resample, is left out.
    """
    everyone_1N = np.arange(index_RN.shape[1])[np.newaxis]
    for name, cases in shared.items():
        try:
            whole, drawn = (
                np.array([discrepancies(case, index) / case.criterion.tolerance for case in cases])
                for index in (everyone_1N, index_RN)
            )
        except UnjudgeableError:
            continue
        yield name, (whole[:, 0], drawn.T)
