"""Run one ensemble over seeds and grid points, in batches that suit the device and its memory."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.ensemble import Ensemble, single_run, typed
from harness.executables import Executable
from harness.identity import machine
from harness.keys import root_key, seed_key
from harness.memory import limit_bytes
from harness.programs import Arguments, Strategy, lane_counts, program
from harness.runtime import numerics, single_threaded
from harness.tuning import Arms, choose, guess, learnt, recall, remember, smaller

if TYPE_CHECKING:
    from harness.counts import Counts

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Execution:
    """Arrays with leading axes [seed, grid point], and what they cost.

    Seconds of compiling (tracing and loading included), seconds of running (processor time where
    one core trains, wall time elsewhere); training steps and floating-point operations over all
    seeds and points, None where a loop's length is known only once it ran; bytes of the largest
    program. None for code that is not traced.
    """

    arrays: Arrays
    compile_s: float
    run_s: float
    steps: int | None = None
    flops: float | None = None
    peak_bytes: int | None = None


class TooLarge(Exception):  # noqa: N818 - turned into an AssayError where the YAML line is known
    """One seed at one grid point does not fit into memory: bytes needed and bytes to be had."""

    def __init__(self, needed: int, limit: int) -> None:
        super().__init__(needed, limit)
        self.needed = needed
        self.limit = limit


def execute(
    ensemble: Ensemble,
    traced: Mapping[str, float],
    grid: Mapping[str, np.ndarray],
    root: np.ndarray,
    seeds: np.ndarray,
) -> Execution:
    """Run an ensemble over all seeds [S] of a root key and grid points [G] (flattened; 1 without).

    Returns NumPy arrays of shape [S, G, ...] in float64; yes-or-no outcomes stay boolean, because
    they are judged by counting. Raises TooLarge before anything runs when not even one seed fits.
    """
    if _untraced(ensemble):
        return _execute_untraced(ensemble, traced, grid, root, seeds)
    with numerics(ensemble.precision, ensemble.matmul):
        return _Batches(ensemble, *_typed(ensemble, traced, grid), root, seeds).run()


def trace(
    ensemble: Ensemble, traced: Mapping[str, float], grid: Mapping[str, np.ndarray]
) -> Counts | None:
    """What one seed at one grid point does; nothing is compiled. None for code that is not traced.

    Raises what the experiment raises when it is traced.
    """
    if _untraced(ensemble):
        return None
    numbers, columns = _typed(ensemble, traced, grid)
    return lane_counts(ensemble, (numbers, columns, root_key("", 0), np.arange(1, dtype=np.int32)))


def _untraced(ensemble: Ensemble) -> bool:
    return getattr(ensemble.experiment, "__assay_untraced__", False)


def _typed(
    ensemble: Ensemble, traced: Mapping[str, float], grid: Mapping[str, np.ndarray]
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Traced numbers and grid values in the precision that the prediction declares."""
    columns = {
        name: _grid_array(values, getattr(ensemble.world, name), ensemble.dtype)
        for name, values in grid.items()
    }
    return typed(ensemble, traced), columns


class _Batches:
    """One execution under way: seeds done, time spent, and what is known of strategies."""

    def __init__(
        self, ensemble: Ensemble, traced: Any, grid: Any, root: np.ndarray, seeds: np.ndarray
    ) -> None:
        import jax

        self.ensemble, self.traced, self.grid = ensemble, traced, grid
        self.root, self.numbers = root, seeds
        self.devices = jax.local_device_count()
        self.seeds = len(seeds)
        self.padded = -(-self.seeds // self.devices) * self.devices
        self.points = next((len(values) for values in grid.values()), 1)
        self.limit = limit_bytes()
        self.identity = {
            "ensemble": ensemble.static(),
            "machine": machine(),
            "lanes": [self.padded, self.points],
            "devices": self.devices,
            "memory": self.limit,
        }
        self.compile_s = self.run_s = 0.0
        self.peak_bytes = 0

    def run(self) -> Execution:
        arms = recall(self.identity)
        strategy = self._first(arms)
        parts: list[Arrays] = []
        done = 0
        while done < self.padded:
            began = time.perf_counter()
            arms, strategy, ready = self._fitting(arms, strategy)
            compile_s = time.perf_counter() - began
            part, run_s = self._call(ready, strategy, done)
            parts.append(part)
            done += strategy.seeds
            arms = learnt(arms, strategy, strategy.seeds, run_s, compile_s)
            self.compile_s += compile_s
            self.run_s += run_s
            self.peak_bytes = max(self.peak_bytes, ready.peak_bytes)
            counts = ready.note
            strategy = choose(arms, self.padded, self.devices, self.padded - done)
        remember(self.identity, arms)
        arrays = {
            name: np.concatenate([part[name] for part in parts])[: self.seeds] for name in parts[0]
        }
        lanes = self.seeds * self.points
        steps, flops = (counts["steps"], counts["flops"]) if counts["exact"] else (None, None)
        return Execution(
            arrays,
            self.compile_s,
            self.run_s,
            None if steps is None else lanes * steps,
            None if flops is None else lanes * flops,
            self.peak_bytes,
        )

    def _first(self, arms: Arms) -> Strategy:
        import jax

        if arms:
            return choose(arms, self.padded, self.devices)
        began = time.perf_counter()
        lane = lane_counts(self.ensemble, self._arguments(Strategy(1, 1), 0)).state_bytes
        self.compile_s += time.perf_counter() - began
        accelerator = jax.default_backend() != "cpu"
        guessed = guess(lane, self.padded // self.devices, self.points, accelerator=accelerator)
        return Strategy(guessed.seeds * self.devices, guessed.points)

    def _fitting(self, arms: Arms, strategy: Strategy) -> tuple[Arms, Strategy, Executable]:
        """The program, with fewer lanes until it fits into memory; the arms say what did not.

        Raises TooLarge when one seed at one grid point does not fit.
        """
        while True:
            ready = program(self.ensemble, strategy, self._arguments(strategy, 0))
            if ready.peak_bytes <= self.limit:
                return arms, strategy, ready
            less = smaller(strategy, self.devices)
            if less is None:
                raise TooLarge(ready.peak_bytes, self.limit)
            arms = learnt(arms, strategy, 1, float("inf"), 0.0)
            strategy = less

    def _arguments(self, strategy: Strategy, first: int, point: int = 0) -> Arguments:
        """Traced numbers, grid values and keys of a batch; lanes beyond the end repeat others."""
        seeds = np.arange(first, first + strategy.seeds) % self.seeds
        points = np.arange(point, point + strategy.points) % self.points
        grid = {name: values[points] for name, values in self.grid.items()}
        return self.traced, grid, self.root, self.numbers[seeds]

    def _call(self, ready: Executable, strategy: Strategy, first: int) -> tuple[Arrays, float]:
        import jax

        chunks = []
        clock = _clock()
        with ready.turn:
            began = clock()
            for point in range(0, self.points, strategy.points):
                arguments = self._arguments(strategy, first, point)
                chunks.append(jax.device_get(ready.call(*arguments)))
            run_s = clock() - began
        arrays = {
            name: _plain(np.concatenate([chunk[name] for chunk in chunks], axis=1))[
                :, : self.points
            ]
            for name in chunks[0]
        }
        return arrays, run_s


def _clock() -> Callable[[], float]:
    """Processor time where training has one core, so that what others run there does not count."""
    import jax

    alone = jax.default_backend() == "cpu" and single_threaded()
    return time.process_time if alone else time.perf_counter


def _plain(array: Any) -> np.ndarray:
    array = np.asarray(array)
    plain: np.ndarray = array if array.dtype == np.bool_ else array.astype(np.float64)
    return plain


def _grid_array(values: np.ndarray, example: Any, dtype: Any) -> np.ndarray:
    return values.astype(dtype if isinstance(example, float) else np.int32)


def _execute_untraced(
    ensemble: Ensemble,
    traced: Mapping[str, float],
    grid: Mapping[str, np.ndarray],
    root: np.ndarray,
    seeds: np.ndarray,
) -> Execution:
    run = single_run(ensemble)
    length = next((len(values) for values in grid.values()), 1)
    points = [
        {name: values[index].item() for name, values in grid.items()} for index in range(length)
    ]
    clock = _clock()
    began = clock()
    with numerics(ensemble.precision, ensemble.matmul):
        rows = [[run(traced, point, seed_key(root, seed)) for point in points] for seed in seeds]
    arrays = {
        name: _plain(np.array([[np.asarray(cell[name]) for cell in row] for row in rows]))
        for name in ensemble.outputs
    }
    return Execution(arrays, 0.0, clock() - began)
