"""One case's measurements as they grow: seeds are added in shares, and judged values are kept."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from harness.execute import Arrays
from harness.judge import Criterion
from harness.judge.pseudo import per_seed
from harness.measure import (
    Measurement,
    Pending,
    Trainer,
    draws,
    gather,
    measure,
    seeds_in_unit,
)
from harness.plan import Case, Plan
from harness.work import Cost

if TYPE_CHECKING:
    import xarray as xr


class CaseRun:
    """A case's measurements so far; `grow` adds seeds, and results arrive when they are asked."""

    def __init__(self, plan: Plan, case: Case, trainer: Trainer) -> None:
        self.plan = plan
        self.case = case
        self._trainer = trainer
        self._batch = seeds_in_unit(plan.seeds, trainer.pool.device)
        self._seeds = 0
        self._pending: list[Pending] = []
        self._gathered = 0
        self._measured = Measurement({}, Cost())
        self._judging = Cost()
        self._draws: dict[tuple[Any, ...], list[Arrays]] = {}
        self._compared: dict[tuple[str, int], xr.DataArray] = {}

    @property
    def seeds(self) -> int:
        """Seeds asked for so far."""
        return self._seeds

    @property
    def cost(self) -> Cost:
        """What training so far, and the timed blocks, took."""
        return self._measured.cost + self._judging

    def grow(self, seeds: int) -> None:
        """Ask for seeds up to a total, in batches of one size (one compiled program)."""
        while self._seeds < seeds:
            count = min(self._batch, seeds - self._seeds)
            self._pending.append(measure(self.plan, self.case, self._seeds, count, self._trainer))
            self._seeds += count

    def cancel(self) -> None:
        """Give up the seeds that have not begun to train."""
        for pending in self._pending:
            pending.cancel()

    @contextmanager
    def timed(self, part: str) -> Iterator[None]:
        """Count the seconds of a block under `forecast_s` or `judge_s` of the cost."""
        began = time.perf_counter()
        try:
            yield
        finally:
            took = getattr(self._judging, part) + time.perf_counter() - began
            self._judging = replace(self._judging, **{part: took})

    def arrays(self) -> Mapping[str, xr.DataArray]:
        """Raw arrays of all seeds, in the seeds' order."""
        if self._gathered < len(self._pending):
            self._measured = gather(self._pending)
            self._gathered = len(self._pending)
        return self._measured.arrays

    def compared(self, observable: str, raw: str, criterion: Criterion) -> xr.DataArray:
        """An observable's values by seed in the form in which they are compared.

        Where the observable is a statistic of the ensemble these are jackknife pseudo-values.
        """
        key = (observable, self._seeds)
        if key not in self._compared:
            self._compared[key] = per_seed(self.arrays()[raw], criterion.reduce)
        return self._compared[key]

    def draws_at(self, point: Mapping[str, Any]) -> Sequence[Arrays]:
        """Every seed's draw at a sweep point."""
        found: list[Arrays] = []
        for first in range(0, self._seeds, self.plan.seeds):
            count = min(self.plan.seeds, self._seeds - first)
            key = (*point.items(), first, count)
            if key not in self._draws:
                self._draws[key] = draws(self.plan, self.case, point, first, count)
            found.extend(self._draws[key])
        return found
