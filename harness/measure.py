"""Train: run a case's experiment over sweep points, grid and seeds, and label what it returns."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.errors import AssayError
from harness.identity import code_hash, device_kind, digest, versions
from harness.keys import seed_keys
from harness.plan import Case, Plan
from harness.programs import Arrays, Ensemble, MissingOutput, execute, sample_draws
from harness.runtime import cache_dir
from harness.store import load_arrays, save_arrays
from harness.suggest import choices
from harness.topic import build_setup, load_function, setup_class, traced_fields

if TYPE_CHECKING:
    import xarray as xr

    from harness.schema import Prediction

Progress = Callable[[str, int], None]


@dataclass(frozen=True)
class Cost:
    """Seconds of training and compiling, summed over units, and how many units were stored ones."""

    run_s: float = 0.0
    compile_s: float = 0.0
    units: int = 0
    stored_units: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.run_s + other.run_s,
            self.compile_s + other.compile_s,
            self.units + other.units,
            self.stored_units + other.stored_units,
        )


@dataclass(frozen=True)
class Measurement:
    """Raw arrays of a case by name; dims (seed, sweep axes, grid axes, the observable's own)."""

    arrays: Mapping[str, xr.DataArray]
    cost: Cost


@dataclass(frozen=True)
class Trainer:
    """Runs units of work on an executor, and keeps finished ones in the local store.

    `fresh` ignores what the store holds; `progress` is called with a case's name and the number
    of seeds whenever a unit is finished. Units that are the same (a control that only brings
    another forecast) are run once.
    """

    executor: Executor
    fresh: bool = False
    folder: Path = field(default_factory=lambda: cache_dir() / "measurements")
    progress: Progress | None = None
    begun: dict[str, Future[tuple[Arrays, Cost]]] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)


@contextmanager
def local_trainer(*, fresh: bool = False, progress: Progress | None = None) -> Iterator[Trainer]:
    """A trainer with one thread a core in this process; XLA releases the interpreter's lock."""
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as executor:
        yield Trainer(executor=executor, fresh=fresh, progress=progress)


@dataclass(frozen=True)
class Pending:
    """A case whose units were handed to the executor; `result()` waits for them."""

    plan: Plan
    case: Case
    first: int
    futures: tuple[Future[tuple[Arrays, Cost]], ...]

    def result(self) -> Measurement:
        """The labelled arrays of all sweep points.

        Raises AssayError when the experiment breaks or lacks what an observable needs.
        """
        results = _gather(self.futures)
        arrays = {
            raw: _labelled(
                raw,
                dims,
                [unit[raw] for unit, _ in results],
                self.plan.prediction,
                self.case,
                self.first,
            )
            for raw, dims in raw_dims(self.plan.prediction).items()
        }
        return Measurement(arrays, sum((cost for _, cost in results), Cost()))


def measure(plan: Plan, case: Case, first: int, count: int, trainer: Trainer) -> Pending:
    """Begin to run seeds first, ..., first + count - 1 of a case, one unit a sweep point."""
    futures = tuple(
        trainer.executor.submit(_unit, plan.prediction, case, point, first, count, trainer)
        for point in case.sweep_points()
    )
    return Pending(plan, case, first, futures)


def draws(plan: Plan, case: Case, point: Mapping[str, Any], first: int, count: int) -> list[Arrays]:
    """What the seeds drew at a sweep point (data, initial weights), for conditional theories."""
    prediction = plan.prediction
    ensemble, traced = ensemble_at(prediction, case, point)
    keys = seed_keys(prediction.id, prediction.revision.number, first, count)
    return sample_draws(ensemble, traced, keys)


def raw_dims(prediction: Prediction) -> dict[str, tuple[str, ...]]:
    """The raw arrays that the observables need, with their own dimensions."""
    return {
        observable.of or name: tuple(observable.dims)
        for name, observable in prediction.observables.items()
    }


def ensemble_at(
    prediction: Prediction, case: Case, point: Mapping[str, Any]
) -> tuple[Ensemble, dict[str, float]]:
    """The program and its traced numbers at one sweep point of a case."""
    experiment = load_function(prediction, prediction.experiment, "experiment")
    draw = load_function(prediction, prediction.draw, "draw") if prediction.draw else None
    world_class = setup_class(experiment)
    world = build_setup(world_class, {**case.first_point(), **point}, prediction)
    traced = tuple(name for name in traced_fields(world_class) if name not in case.grid)
    values = {name: float(getattr(world, name)) for name in traced}
    ensemble = Ensemble(
        experiment=experiment,
        draw=draw,
        world=world,
        traced=traced,
        grid=tuple(case.grid),
        outputs=tuple(raw_dims(prediction)),
        precision=prediction.precision,
    )
    return ensemble, values


def grid_columns(case: Case) -> dict[str, np.ndarray]:
    """The grid flattened: one column of values [G] an axis, the last axis fastest."""
    points = list(case.grid_points())
    return {name: np.array([point[name] for point in points]) for name in case.grid}


def _unit(
    prediction: Prediction,
    case: Case,
    point: Mapping[str, Any],
    first: int,
    count: int,
    trainer: Trainer,
) -> tuple[Arrays, Cost]:
    ensemble, traced = ensemble_at(prediction, case, point)
    grid = grid_columns(case)
    key = digest(
        {
            "prediction": prediction.id,
            "revision": prediction.revision.number,
            "experiment": prediction.experiment,
            "draw": prediction.draw,
            "precision": prediction.precision,
            "setup": {**case.setup, **point},
            "grid": {name: values.tolist() for name, values in grid.items()},
            "outputs": ensemble.outputs,
            "seeds": [first, count],
            "code": code_hash(prediction.folder, {**case.setup, **point}),
            "versions": versions(),
            "device": device_kind(),
        }
    )

    def train() -> tuple[Arrays, Cost]:
        stored = None if trainer.fresh else load_arrays(trainer.folder, key)
        if stored is not None:
            return stored, Cost(units=1, stored_units=1)
        keys = seed_keys(prediction.id, prediction.revision.number, first, count)
        try:
            execution = execute(ensemble, traced, grid, keys)
        except MissingOutput as missing:
            raise _missing_output(prediction, missing) from None
        except Exception as error:
            raise _broken_run(prediction, case, point, error) from error
        save_arrays(trainer.folder, key, execution.arrays)
        return execution.arrays, Cost(execution.run_s, execution.compile_s, units=1)

    result = _once(trainer, key, train)
    if trainer.progress is not None:
        trainer.progress(case.name, count)
    return result


def _once(
    trainer: Trainer, key: str, train: Callable[[], tuple[Arrays, Cost]]
) -> tuple[Arrays, Cost]:
    """Train, or wait for the thread that trains the same unit; a shared unit costs nothing."""
    with trainer.lock:
        begun = trainer.begun.get(key)
        mine = begun is None
        if begun is None:
            begun = trainer.begun[key] = Future()
    if not mine:
        return begun.result()[0], Cost()
    try:
        begun.set_result(train())
    except BaseException as error:
        begun.set_exception(error)
    return begun.result()


def _gather(futures: tuple[Future[Any], ...]) -> list[Any]:
    """Results in order; the first failure cancels what has not begun."""
    try:
        return [future.result() for future in futures]
    except BaseException:
        for future in futures:
            future.cancel()
        raise


def _labelled(
    raw: str,
    dims: tuple[str, ...],
    units: list[np.ndarray],
    prediction: Prediction,
    case: Case,
    first: int,
) -> xr.DataArray:
    """Stack the arrays [seed, grid point, ...] of all sweep points under their names."""
    import xarray as xr

    shapes = {unit.shape[2:] for unit in units}
    own_shape = next(iter(shapes))
    if len(shapes) > 1 or len(own_shape) != len(dims):
        named = " and ".join(str(shape) for shape in sorted(shapes))
        raise AssayError(
            f"'{raw}' has shape {named} for one seed, but dims are {list(dims)}",
            remedy="return one axis for each of `dims`, of one length at every sweep point",
            file=prediction.source,
            line=prediction.line("observables"),
            path="observables",
        )
    seeds = units[0].shape[0]
    stacked = np.stack(units, axis=1).reshape(
        seeds,
        *(len(values) for values in case.sweep.values()),
        *(len(values) for values in case.grid.values()),
        *own_shape,
    )
    coords: dict[str, Any] = {"seed": np.arange(first, first + seeds)}
    coords |= {key: list(values) for key, values in {**case.sweep, **case.grid}.items()}
    coords |= own_coordinates(prediction, case, dims)
    return xr.DataArray(
        stacked, dims=("seed", *case.sweep, *case.grid, *dims), coords=coords, name=raw
    )


def own_coordinates(
    prediction: Prediction, case: Case, dims: tuple[str, ...]
) -> dict[str, np.ndarray]:
    """Coordinates of an observable's own axes, from the setup's `axes()`.

    Raises AssayError when they differ between sweep points.
    """
    if not dims:
        return {}
    per_point = []
    for point in case.sweep_points():
        ensemble, _ = ensemble_at(prediction, case, point)
        axes = ensemble.world.axes() if hasattr(ensemble.world, "axes") else {}
        per_point.append({dim: np.asarray(axes[dim]) for dim in dims if dim in axes})
    first = per_point[0]
    for other in per_point[1:]:
        for dim, values in first.items():
            if values.shape != other[dim].shape or not np.allclose(values, other[dim]):
                raise AssayError(
                    f"the axis '{dim}' differs between sweep points",
                    remedy="give axes() values that do not depend on swept keys",
                    file=prediction.source,
                    line=prediction.line("sweep"),
                    path="sweep",
                )
    return first


def _missing_output(prediction: Prediction, missing: MissingOutput) -> AssayError:
    name = next(
        observable
        for observable, spec in prediction.observables.items()
        if (spec.of or observable) == missing.name
    )
    return AssayError(
        f"{prediction.experiment} returns no array '{missing.name}' "
        f"(it returns: {', '.join(missing.returned) or 'nothing'})",
        remedy="Return it, or name the right one with `of:`. "
        + choices(missing.name, missing.returned),
        file=prediction.source,
        line=prediction.line("observables", name),
        path=f"observables.{name}",
    )


def _broken_run(
    prediction: Prediction, case: Case, point: Mapping[str, Any], error: Exception
) -> AssayError:
    where = ", ".join(f"{key}={value}" for key, value in point.items())
    concretized = "Tracer" in type(error).__name__ or "Concretization" in type(error).__name__
    remedy = (
        "a float of the setup is traced: mark it Annotated[float, STATIC, ...] where the "
        "experiment needs a Python number"
        if concretized
        else "run the experiment's function on one seed to see where"
    )
    text = str(error).strip().splitlines()
    return AssayError(
        f"{prediction.experiment} broke in case '{case.name}'"
        f"{f' at {where}' if where else ''}: {type(error).__name__}: {text[0] if text else ''}",
        remedy=remedy,
        file=prediction.source,
        line=prediction.line("experiment"),
        path="experiment",
    )
