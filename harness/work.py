"""The unit of work: one case of a prediction at one sweep point, for a block of seeds."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from harness.ensemble import Ensemble, MissingOutput
from harness.errors import AssayError
from harness.execute import Arrays, TooLarge, execute, trace
from harness.identity import digest, versions
from harness.keys import root_key
from harness.plan import Case
from harness.suggest import choices
from harness.topic import build_setup, load_function, setup_class, traced_fields

if TYPE_CHECKING:
    from harness.counts import Counts
    from harness.schema import Prediction

N = TypeVar("N", int, float)


@dataclass(frozen=True)
class Cost:
    """What units of work took, summed; `peak_bytes` is the largest program's memory.

    Seconds of training and of compiling (tracing and loading included), training steps and
    floating-point operations over seeds and grid points. A unit found in the local store counts
    with what it took when it was trained, and in `stored_units`. A trial adds the seconds of
    solving theory and of judging. None is what nobody knows.
    """

    run_s: float = 0.0
    compile_s: float = 0.0
    units: int = 0
    stored_units: int = 0
    steps: int | None = 0
    flops: float | None = 0.0
    peak_bytes: int | None = 0
    forecast_s: float = 0.0
    judge_s: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.run_s + other.run_s,
            self.compile_s + other.compile_s,
            self.units + other.units,
            self.stored_units + other.stored_units,
            _known(operator.add, self.steps, other.steps),
            _known(operator.add, self.flops, other.flops),
            _known(max, self.peak_bytes, other.peak_bytes),
            self.forecast_s + other.forecast_s,
            self.judge_s + other.judge_s,
        )


@dataclass(frozen=True)
class Unit:
    """What a worker needs to train: seeds first, ..., first + count - 1 at a sweep point.

    `code` is the hash of the code that the experiment can reach.
    """

    prediction: Prediction
    case: Case
    point: Mapping[str, Any]
    first: int
    count: int
    code: str

    def program(self) -> str:
        """Hash of what decides which compiled program the unit needs."""
        return digest(
            [*self._experiment(), self._varied(traced=False), list(self.case.grid), self.count]
        )

    def key(self, device: str) -> str:
        """Hash of everything that the measured arrays depend on, for the local store."""
        seeds = [self.first, self.count]
        return digest([*self._experiment(), self._varied(traced=True), seeds, device, versions()])

    def _experiment(self) -> list[Any]:
        prediction = self.prediction
        return [
            prediction.id,
            prediction.revision.number,
            prediction.experiment,
            prediction.draw,
            prediction.precision,
            prediction.matmul_precision,
            sorted(raw_dims(prediction)),
            self.code,
        ]

    def _varied(self, *, traced: bool) -> dict[str, Any]:
        values = {**self.case.setup, **self.point}
        if traced:
            grid = {key: list(axis) for key, axis in self.case.grid.items()}
            return {"setup": values, "grid": grid}
        experiment = load_function(self.prediction, self.prediction.experiment, "experiment")
        free = traced_fields(setup_class(experiment))
        return {key: value for key, value in values.items() if key not in free}


@dataclass(frozen=True)
class Finished:
    """A unit's arrays, leading axes [seed, grid point], and its cost."""

    arrays: Arrays
    cost: Cost

    def as_stored(self) -> Finished:
        """The same, as it counts when it is found in the store."""
        return Finished(self.arrays, replace(self.cost, stored_units=self.cost.units))


def run_unit(unit: Unit) -> Finished:
    """Train one unit in this process.

    Raises AssayError when the experiment breaks, lacks what an observable needs, or does not
    fit into memory.
    """
    prediction = unit.prediction
    ensemble, traced = ensemble_at(prediction, unit.case, unit.point, unit.code)
    root = root_key(prediction.id, prediction.revision.number)
    seeds = np.arange(unit.first, unit.first + unit.count, dtype=np.int32)
    with _explained(unit):
        done = execute(ensemble, traced, grid_columns(unit.case), root, seeds)
    cost = Cost(
        run_s=done.run_s,
        compile_s=done.compile_s,
        units=1,
        steps=done.steps,
        flops=done.flops,
        peak_bytes=done.peak_bytes,
    )
    return Finished(done.arrays, cost)


def trace_unit(unit: Unit) -> Counts | None:
    """What one seed at one grid point of a unit does; nothing is compiled or run.

    None for code that is not traced. Raises AssayError when the experiment breaks while it is
    traced, or lacks what an observable needs.
    """
    ensemble, traced = ensemble_at(unit.prediction, unit.case, unit.point, unit.code)
    with _explained(unit):
        return trace(ensemble, traced, grid_columns(unit.case))


@contextmanager
def _explained(unit: Unit) -> Iterator[None]:
    """Turn what an experiment raises into an AssayError that says where, and what to do."""
    try:
        yield
    except MissingOutput as missing:
        raise _missing_output(unit.prediction, missing) from None
    except TooLarge as large:
        raise too_large(unit, large) from None
    except Exception as error:
        raise _broken_run(unit, error) from error


def raw_dims(prediction: Prediction) -> dict[str, tuple[str, ...]]:
    """The raw arrays that the observables need, with their own dimensions."""
    return {
        observable.of or name: tuple(observable.dims)
        for name, observable in prediction.observables.items()
    }


def ensemble_at(
    prediction: Prediction, case: Case, point: Mapping[str, Any], code: str = ""
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
        matmul=prediction.matmul_precision,
        code=code,
    )
    return ensemble, values


def grid_columns(case: Case) -> dict[str, np.ndarray]:
    """The grid flattened: one column of values [G] an axis, the last axis fastest."""
    points = list(case.grid_points())
    return {name: np.array([point[name] for point in points]) for name in case.grid}


def _known(together: Callable[[N, N], N], one: N | None, other: N | None) -> N | None:
    return None if one is None or other is None else together(one, other)


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


def too_large(unit: Unit, large: TooLarge) -> AssayError:
    """The error for a unit of which one seed does not fit into memory."""
    return AssayError(
        f"one seed of {_where(unit)} needs {large.needed / 1e9:.3g} GB, "
        f"{large.limit / 1e9:.3g} GB can be had",
        remedy="shrink the setup with --set, take a smaller tier, fewer --workers, or a larger "
        "machine",
        file=unit.prediction.source,
        line=unit.prediction.line("experiment"),
        path="experiment",
    )


def _broken_run(unit: Unit, error: Exception) -> AssayError:
    concretized = "Tracer" in type(error).__name__ or "Concretization" in type(error).__name__
    remedy = "run the experiment's function on one seed to see where"
    if concretized:
        remedy = (
            "a float of the setup is traced: mark it Annotated[float, STATIC, ...] where the "
            "experiment needs a Python number"
        )
    remedy = getattr(error, "remedy", remedy)  # models.named.UnusableModelError brings its own
    text = str(error).strip().splitlines()
    return AssayError(
        f"{unit.prediction.experiment} broke in {_where(unit)}: "
        f"{type(error).__name__}: {text[0] if text else ''}",
        remedy=remedy,
        file=unit.prediction.source,
        line=unit.prediction.line("experiment"),
        path="experiment",
    )


def _where(unit: Unit) -> str:
    where = ", ".join(f"{key}={value}" for key, value in unit.point.items())
    return f"case '{unit.case.name}'{f' at {where}' if where else ''}"
