"""One case's measurements as they grow: seeds are added in shares, and judged values are kept."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from harness.judge import Criterion
from harness.judge.arrange import per_seed
from harness.measure import Cost, Measurement, Pending, Trainer, draws, measure
from harness.plan import Case, Plan
from harness.programs import Arrays

if TYPE_CHECKING:
    import xarray as xr

# More shares would leave each with too few seeds to pay for its start.
MOST_SHARES: Final = 4


class CaseRun:
    """A case's measurements so far; `grow` adds seeds, and results arrive when they are asked."""

    def __init__(self, plan: Plan, case: Case, trainer: Trainer) -> None:
        self.plan = plan
        self.case = case
        self.cost = Cost()
        self._trainer = trainer
        self._batch = units_of(plan.seeds)
        self._seeds = 0
        self._pending: list[Pending] = []
        self._parts: list[Measurement] = []
        self._arrays: Mapping[str, xr.DataArray] = {}
        self._draws: dict[tuple[Any, ...], list[Arrays]] = {}
        self._compared: dict[tuple[str, int], xr.DataArray] = {}

    @property
    def seeds(self) -> int:
        """Seeds asked for so far."""
        return self._seeds

    def grow(self, seeds: int) -> None:
        """Ask for seeds up to a total, in batches of one size (one compiled program)."""
        while self._seeds < seeds:
            count = min(self._batch, seeds - self._seeds)
            self._pending.append(measure(self.plan, self.case, self._seeds, count, self._trainer))
            self._seeds += count

    def arrays(self) -> Mapping[str, xr.DataArray]:
        """Raw arrays of all seeds, in the seeds' order."""
        import xarray as xr

        if self._pending:
            arrived = [pending.result() for pending in self._pending]
            self._pending.clear()
            self._parts += arrived
            self.cost = sum((part.cost for part in arrived), self.cost)
            self._arrays = {
                name: xr.concat([part.arrays[name] for part in self._parts], dim="seed")
                for name in self._parts[0].arrays
            }
        return self._arrays

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


def units_of(seeds: int) -> int:
    """Seeds in one unit of work: a share for each core, all of them on an accelerator."""
    import jax

    cores = os.cpu_count() or 1
    return seeds if jax.default_backend() != "cpu" else -(-seeds // min(cores, MOST_SHARES))
