"""Ensembles: a single-seed experiment as one compiled program over seeds and grid points."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, fields
from threading import Lock
from typing import Any, Final

import numpy as np

from harness.runtime import numerics

Arrays = dict[str, np.ndarray]

# Seeds in one vectorised batch on a CPU: measured on networks of 1,000 to 70,000 weights, more
# seeds gain nothing and compile slower, and the wide ones no longer fit a core's cache.
CPU_SEED_BATCH: Final = 2

# Measured on the shipped experiments: compiling takes 0.4 of the time, running 1.1 of it.
CPU_COMPILE_OPTIONS: Final = {
    "xla_backend_optimization_level": 1,
    "xla_cpu_use_fusion_emitters": False,
}


@dataclass(frozen=True)
class Ensemble:
    """What defines a compiled program: everything in it is static.

    `world` is a Setup instance whose traced float fields are placeholders.
    """

    experiment: Callable[..., Any]
    draw: Callable[..., Any] | None
    world: Any
    traced: tuple[str, ...]
    grid: tuple[str, ...]
    outputs: tuple[str, ...]
    precision: str

    def cache_key(self) -> tuple[Any, ...]:
        """Identity of the program among those compiled by this process."""
        static = tuple(
            (field.name, getattr(self.world, field.name))
            for field in fields(self.world)
            if field.name not in (*self.traced, *self.grid)
        )
        return (self.experiment, self.draw, static, self.traced, self.grid, self.outputs)


@dataclass(frozen=True)
class Execution:
    """Arrays with leading axes [seed, grid point] and the seconds they took."""

    arrays: Arrays
    compile_s: float
    run_s: float


class MissingOutput(Exception):  # noqa: N818 - turned into an AssayError where the YAML line is known
    """The experiment does not return an array that an observable asks for."""

    def __init__(self, name: str, returned: tuple[str, ...]) -> None:
        super().__init__(name)
        self.name = name
        self.returned = returned


@dataclass(frozen=True)
class Program:
    """A compiled program, and the lock that it holds while it runs."""

    call: Callable[..., Any]
    turn: AbstractContextManager[Any]


_compiled: dict[tuple[Any, ...], Future[Program]] = {}
_compiled_lock = Lock()

# Two programs that call LAPACK (eigh, qr, svd, ...) at once can wait for each other for ever on
# XLA's CPU thread pool (seen with jaxlib 0.10.2 and batches of eigh from size 80 on).
_lapack_turn = Lock()


def with_values(world: Any, values: Mapping[str, Any]) -> Any:
    """A copy of a Setup with fields replaced, tracers allowed (no validation runs)."""
    changed = copy.copy(world)
    for name, value in values.items():
        object.__setattr__(changed, name, value)
    return changed


def single_run(ensemble: Ensemble) -> Callable[..., dict[str, Any]]:
    """The experiment of one seed at one grid point: (traced, grid values, key) -> arrays."""
    import jax

    def run(traced: Mapping[str, Any], point: Mapping[str, Any], key: Any) -> dict[str, Any]:
        world = with_values(ensemble.world, traced)
        arguments: tuple[Any, ...] = ()
        if ensemble.draw is not None:
            draw_key, key = jax.random.split(key)
            arguments = (ensemble.draw(world, draw_key),)
        result = ensemble.experiment(with_values(world, point), key, *arguments)
        for name in ensemble.outputs:
            if name not in result:
                raise MissingOutput(name, tuple(result))
        return {name: result[name] for name in ensemble.outputs}

    return run


def execute(
    ensemble: Ensemble,
    traced: Mapping[str, float],
    grid: Mapping[str, np.ndarray],
    keys: Any,
) -> Execution:
    """Run an ensemble over all keys [S] and grid points [G] (flattened; G = 1 without a grid).

    Returns NumPy arrays of shape [S, G, ...] in float64; yes-or-no outcomes stay boolean, because
    they are judged by counting.
    """
    if getattr(ensemble.experiment, "__assay_untraced__", False):
        return _execute_untraced(ensemble, traced, grid, keys)
    import jax
    import jax.numpy as jnp

    with numerics(ensemble.precision):
        dtype = jnp.float64 if ensemble.precision == "float64" else jnp.float32
        traced_arrays = {name: jnp.asarray(value, dtype) for name, value in traced.items()}
        grid_arrays = {name: _grid_array(values, dtype) for name, values in grid.items()}
        began = time.perf_counter()
        program = _compile_once(ensemble, traced_arrays, grid_arrays, keys)
        compiled = time.perf_counter()
        with program.turn:
            result = jax.device_get(program.call(traced_arrays, grid_arrays, keys))
        ended = time.perf_counter()
    arrays = {name: _plain(value) for name, value in result.items()}
    return Execution(arrays, compiled - began, ended - compiled)


def _plain(array: Any) -> np.ndarray:
    array = np.asarray(array)
    plain: np.ndarray = array if array.dtype == np.bool_ else array.astype(np.float64)
    return plain


def _compile_once(ensemble: Ensemble, traced: Any, grid: Any, keys: Any) -> Program:
    """Compile a program, or wait for the thread that is compiling the same one."""
    import jax

    grid_length = next((len(values) for values in grid.values()), 1)
    key = (*ensemble.cache_key(), ensemble.precision, grid_length, keys.shape)
    with _compiled_lock:
        future = _compiled.get(key)
        mine = future is None
        if future is None:
            future = _compiled[key] = Future()
    if mine:
        try:
            function = jax.jit(_vectorised(ensemble, batch=_seed_batch(len(keys))))
            lowered = function.lower(traced, grid, keys)
            future.set_result(_compiled_program(lowered))
        except BaseException as error:
            with _compiled_lock:
                del _compiled[key]
            future.set_exception(error)
    return future.result()


def _compiled_program(lowered: Any) -> Program:
    turn = _lapack_turn if "lapack" in lowered.as_text() else nullcontext()
    return Program(_optimised(lowered), turn)


def _optimised(lowered: Any) -> Any:
    """Compile; on a CPU with the options above, as far as this version of XLA knows them."""
    import jax

    if jax.default_backend() != "cpu":
        return lowered.compile()
    try:
        return lowered.compile(compiler_options=CPU_COMPILE_OPTIONS)
    except jax.errors.JaxRuntimeError as error:
        if "No such compile option" not in str(error):
            raise
        return lowered.compile()


def _vectorised(ensemble: Ensemble, batch: int) -> Callable[[Any, Any, Any], Any]:
    import jax

    run = single_run(ensemble)

    def over_seeds(traced: Any, grid: Any, keys: Any) -> Any:
        def over_grid(key: Any) -> Any:
            if not grid:
                return jax.tree.map(lambda array: array[None], run(traced, {}, key))
            return jax.vmap(lambda point: run(traced, point, key))(grid)

        return jax.lax.map(over_grid, keys, batch_size=batch)

    return over_seeds


def _seed_batch(seeds: int) -> int:
    import jax

    return seeds if jax.default_backend() != "cpu" else min(seeds, CPU_SEED_BATCH)


def _grid_array(values: np.ndarray, dtype: Any) -> Any:
    import jax.numpy as jnp

    kind = jnp.int32 if np.issubdtype(values.dtype, np.integer) else dtype
    return jnp.asarray(values, kind)


def _execute_untraced(
    ensemble: Ensemble, traced: Mapping[str, float], grid: Mapping[str, np.ndarray], keys: Any
) -> Execution:
    run = single_run(ensemble)
    length = next((len(values) for values in grid.values()), 1)
    points = [
        {name: values[index].item() for name, values in grid.items()} for index in range(length)
    ]
    began = time.perf_counter()
    with numerics(ensemble.precision):
        rows = [[run(traced, point, key) for point in points] for key in keys]
    arrays = {
        name: _plain(np.array([[np.asarray(cell[name]) for cell in row] for row in rows]))
        for name in ensemble.outputs
    }
    return Execution(arrays, 0.0, time.perf_counter() - began)


def sample_draws(ensemble: Ensemble, traced: Mapping[str, float], keys: Any) -> list[Arrays]:
    """The draws that the seeds of these keys make, as float64 NumPy, one dictionary a seed.

    A draw sees the setup at the first grid point, in the experiment as well as here.
    """
    import jax
    import jax.numpy as jnp

    if ensemble.draw is None:
        return []
    draw = ensemble.draw
    with numerics(ensemble.precision):
        dtype = jnp.float64 if ensemble.precision == "float64" else jnp.float32
        values = {name: jnp.asarray(value, dtype) for name, value in traced.items()}

        def one(values: Any, key: Any) -> Any:
            return draw(with_values(ensemble.world, values), jax.random.split(key)[0])

        program = _compiled_program(jax.jit(jax.vmap(one, in_axes=(None, 0))).lower(values, keys))
        with program.turn:
            drawn = jax.device_get(program.call(values, keys))
    return [
        {name: np.asarray(value[index], np.float64) for name, value in drawn.items()}
        for index in range(len(keys))
    ]
