"""Train: run a case's experiment over sweep points, grid and seeds, and label what it returns."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from harness.draws import sample_draws
from harness.execute import Arrays, TooLarge
from harness.identity import code_hash
from harness.keys import root_key
from harness.labels import labelled
from harness.plan import Case, Plan
from harness.pools import Pool
from harness.pools.local import local_pool
from harness.runtime import cache_dir
from harness.store import load_arrays, save_arrays
from harness.work import Cost, Finished, Unit, ensemble_at, run_unit, too_large

if TYPE_CHECKING:
    import xarray as xr

Progress = Callable[[str, str, int], None]

# Small enough for the work of a killed worker to be little, large enough to be vectorised well.
# A claim that needs very many seeds has short ones: its units hold more.
SEEDS_IN_UNIT: Final = 16
UNITS_OF_A_LOOK: Final = 16


@dataclass(frozen=True)
class Measurement:
    """Raw arrays of a case by name; dims (seed, sweep axes, grid axes, the observable's own)."""

    arrays: Mapping[str, xr.DataArray]
    cost: Cost


@dataclass(frozen=True)
class Trainer:
    """Runs units of work on a pool, and keeps finished ones in the local store.

    `fresh` ignores what the store holds; `progress` is called with the prediction's id, a case's
    name and the number of seeds whenever a unit is finished. Units that are the same (a control
    that only brings another forecast) are run once.
    """

    pool: Pool
    fresh: bool = False
    folder: Path = field(default_factory=lambda: cache_dir() / "measurements")
    progress: Progress | None = None
    begun: dict[str, Future[Finished]] = field(default_factory=dict)
    hashes: dict[Any, str] = field(default_factory=dict)


@contextmanager
def local_trainer(
    workers: int | None = None, *, fresh: bool = False, progress: Progress | None = None
) -> Iterator[Trainer]:
    """A trainer on this machine; `workers` as in `harness.pools.local.local_pool`."""
    pool = local_pool(workers)
    try:
        yield Trainer(pool=pool, fresh=fresh, progress=progress)
    finally:
        pool.close()


@dataclass(frozen=True)
class Pending:
    """Seeds of a case whose units were handed to the executor; `gather` waits for them."""

    plan: Plan
    case: Case
    first: int
    futures: tuple[Future[Finished], ...]

    def cancel(self) -> None:
        """Give up what has not begun."""
        for future in self.futures:
            future.cancel()


def gather(pending: Sequence[Pending]) -> Measurement:
    """The labelled arrays of all sweep points and of the seeds of all blocks of one case.

    Raises AssayError when the experiment breaks or lacks what an observable needs.
    """
    blocks = [_settled(block.futures) for block in pending]
    plan, case, first = pending[0].plan, pending[0].case, pending[0].first
    arrays = labelled(plan.prediction, case, first, [[u.arrays for u in units] for units in blocks])
    return Measurement(arrays, sum((unit.cost for units in blocks for unit in units), Cost()))


def measure(plan: Plan, case: Case, first: int, count: int, trainer: Trainer) -> Pending:
    """Begin to run seeds first, ..., first + count - 1 of a case, one unit a sweep point.

    The last point begins first: sweeps grow, and a large unit at the end leaves workers idle.
    """
    units = [
        Unit(plan.prediction, case, point, first, count, _code(plan, case, point, trainer))
        for point in case.sweep_points()
    ]
    begun = [_begin(unit, trainer) for unit in reversed(units)]
    return Pending(plan, case, first, tuple(reversed(begun)))


def seeds_in_unit(seeds: int, device: str) -> int:
    """Seeds of one unit of work: all on an accelerator, on a CPU at most SEEDS_IN_UNIT.

    On a CPU a look of very many seeds has some UNITS_OF_A_LOOK larger units. It depends on nothing
    but the seeds of the first look, so that what is stored fits again however many workers there
    are.
    """
    if device != "cpu" or seeds <= SEEDS_IN_UNIT:
        return seeds
    most = max(SEEDS_IN_UNIT, math.ceil(seeds / UNITS_OF_A_LOOK))
    sizes = [size for size in range(most // 2, most + 1) if seeds % size == 0]
    return max(sizes, default=most)


def draws(plan: Plan, case: Case, point: Mapping[str, Any], first: int, count: int) -> list[Arrays]:
    """What the seeds drew at a sweep point (data, initial weights), for conditional theories.

    Raises AssayError when one seed's draw does not fit into memory, and what the draw raises.
    """
    prediction = plan.prediction
    code = code_hash(prediction.folder, {**case.setup, **point})
    unit = Unit(prediction, case, point, first, count, code)
    ensemble, traced = ensemble_at(prediction, case, point, code)
    root = root_key(prediction.id, prediction.revision.number)
    seeds = np.arange(first, first + count, dtype=np.int32)
    try:
        return sample_draws(ensemble, traced, root, seeds)
    except TooLarge as large:
        raise too_large(unit, large) from None


def _begin(unit: Unit, trainer: Trainer) -> Future[Finished]:
    """The unit's result: one that is being trained already, one from the store, or a new one."""
    key = unit.key(trainer.pool.device)
    begun = trainer.begun.get(key)
    if begun is not None and not begun.cancelled():
        shared: Future[Finished] = Future()
        begun.add_done_callback(lambda done: _pass_on(done, shared, _free))
        return shared
    future = trainer.begun[key] = Future()
    stored = None if trainer.fresh else _stored(trainer.folder, key)
    if stored is not None:
        future.set_result(stored)
        _report(unit, trainer)
        return future

    def keep(finished: Finished) -> Finished:
        save_arrays(trainer.folder, key, finished.arrays, vars(finished.cost))
        _report(unit, trainer)
        return finished

    running = trainer.pool.submit(unit.program(), run_unit, unit)
    future.add_done_callback(lambda done: running.cancel() if done.cancelled() else None)
    running.add_done_callback(lambda done: _pass_on(done, future, keep))
    return future


def _stored(folder: Path, key: str) -> Finished | None:
    stored = load_arrays(folder, key)
    try:
        return None if stored is None else Finished(stored[0], Cost(**stored[1])).as_stored()
    except TypeError:  # the cost of another version
        return None


def _free(finished: Finished) -> Finished:
    """A unit that another case pays for."""
    return Finished(finished.arrays, Cost())


def _pass_on(
    done: Future[Finished], future: Future[Finished], change: Callable[[Finished], Finished]
) -> None:
    """Settle one future as another was."""
    if done.cancelled():
        future.cancel()
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(change(done.result()))
    except BaseException as error:
        future.set_exception(error)


def _report(unit: Unit, trainer: Trainer) -> None:
    if trainer.progress is not None:
        trainer.progress(unit.prediction.id, unit.case.name, unit.count)


def _code(plan: Plan, case: Case, point: Mapping[str, Any], trainer: Trainer) -> str:
    """The hash of the code that an experiment can reach, taken once a trainer."""
    setup = {**case.setup, **point}
    named = tuple(value for value in setup.values() if isinstance(value, str))
    key = (plan.prediction.folder, named)
    if key not in trainer.hashes:
        trainer.hashes[key] = code_hash(plan.prediction.folder, setup)
    return trainer.hashes[key]


def _settled(futures: tuple[Future[Any], ...]) -> list[Any]:
    """Results in order; the first failure cancels what has not begun."""
    try:
        done, running = wait(futures, return_when=FIRST_EXCEPTION)
        for future in done if running else ():
            future.result()
        return [future.result() for future in futures]
    except BaseException:
        for future in futures:
            future.cancel()
        raise
