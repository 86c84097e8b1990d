"""Programs: an ensemble over some seeds and grid points at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any

from harness.ensemble import Ensemble, single_run
from harness.executables import Effort, Executable, executable
from harness.identity import digest
from harness.keys import seed_key
from harness.runtime import numerics
from harness.threefry import straight_line

if TYPE_CHECKING:
    from harness.counts import Counts

Arguments = tuple[Any, Any, Any, Any]
"""Traced numbers by name, grid values [points] by name, root key data [2], seeds [seeds]."""


@dataclass(frozen=True)
class Strategy:
    """How a program is vectorised: seeds and grid points in one call, and how hard XLA tries."""

    seeds: int
    points: int
    effort: Effort = "quick"

    def __str__(self) -> str:
        return f"{self.seeds}x{self.points} {self.effort}"


_traceables: dict[str, Any] = {}
_traceables_lock = Lock()


def program(ensemble: Ensemble, strategy: Strategy, arguments: Arguments) -> Executable:
    """The program for arguments of these shapes: Arguments -> arrays [seeds, points, ...].

    Its note holds the counts of one seed at one grid point. With several devices every one takes
    a share of the seeds. Raises what the experiment raises when it is traced.
    """
    import jax

    identity = {
        "ensemble": ensemble.static(),
        "strategy": asdict(strategy),
        "devices": jax.local_device_count(),
    }

    def lower() -> tuple[Any, dict[str, Any]]:
        run = _traceable(ensemble)
        note = asdict(_counts(ensemble, run, arguments))
        thorough = strategy.effort == "thorough"
        with numerics(ensemble.precision, ensemble.matmul), straight_line(thorough):
            return jax.jit(_over_devices(_vectorised(run))).lower(*arguments), note

    return executable(identity, strategy.effort, lower)


def lane_counts(ensemble: Ensemble, arguments: Arguments) -> Counts:
    """The counts of one seed at one grid point, from tracing it.

    Raises what the experiment raises when it is traced.
    """
    return _counts(ensemble, _traceable(ensemble), arguments)


def _traceable(ensemble: Ensemble) -> Any:
    """The experiment as one jitted function a process: it is traced once for all batches."""
    import jax

    key = digest(ensemble.static())
    with _traceables_lock:
        if key not in _traceables:
            _traceables[key] = jax.jit(single_run(ensemble))
        return _traceables[key]


def _counts(ensemble: Ensemble, run: Any, arguments: Arguments) -> Counts:
    import jax

    from harness.counts import count

    traced, grid, root, seeds = arguments

    def one(traced: Any, grid: Any, root: Any, seed: Any) -> Any:
        return run(traced, grid, seed_key(root, seed))

    first = {name: values[0] for name, values in grid.items()}
    with numerics(ensemble.precision, ensemble.matmul):
        return count(jax.make_jaxpr(one)(traced, first, root, seeds[0]))


def _vectorised(run: Callable[..., Any]) -> Callable[[Any, Any, Any, Any], Any]:
    """Over grid points inside, so that what they share is computed once, over seeds outside.

    A single grid point gets no axis inside: matrix products would carry it along at a cost.
    """
    import jax

    def all_lanes(traced: Any, grid: Any, root: Any, seeds: Any) -> Any:
        points = next((len(values) for values in grid.values()), 1)

        def over_grid(seed: Any) -> Any:
            key = seed_key(root, seed)
            if points > 1:
                return jax.vmap(lambda point: run(traced, point, key))(grid)
            alone = run(traced, {name: values[0] for name, values in grid.items()}, key)
            return jax.tree.map(lambda array: array[None], alone)

        return jax.vmap(over_grid)(seeds)

    return all_lanes


def _over_devices(all_lanes: Callable[..., Any]) -> Callable[..., Any]:
    """Split the seeds over the visible devices."""
    import jax

    if jax.local_device_count() == 1:
        return all_lanes
    auto = (jax.sharding.AxisType.Auto,)
    mesh = jax.make_mesh((jax.local_device_count(),), ("seed",), axis_types=auto)
    partition: Any = jax.sharding.PartitionSpec
    shared, by_seed = partition(), partition("seed")
    return jax.shard_map(
        all_lanes,
        mesh=mesh,
        in_specs=(shared, shared, shared, by_seed),
        out_specs=by_seed,
        check_vma=False,
    )
