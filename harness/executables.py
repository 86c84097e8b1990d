"""Compiled executables: from memory, from the user's cache folder, or compiled now."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any, Final, Literal

from harness.identity import digest, machine, versions
from harness.runtime import cache_dir, compile_cache_enabled
from harness.store import prune, write_atomically

Effort = Literal["quick", "thorough"]

# Measured on the shipped experiments: "quick" takes 0.4 of the time to compile and 1.0 to 1.3 of
# the time to run. An accelerator knows one effort.
_OPTIONS: Final[Mapping[tuple[str, Effort], dict[str, Any]]] = {
    ("cpu", "quick"): {
        "xla_backend_optimization_level": 1,
        "xla_cpu_use_fusion_emitters": False,
    }
}
CACHE_BYTES: Final = 1 << 30


@dataclass(frozen=True)
class Executable:
    """A compiled function.

    `peak_bytes` is the memory of one call on one device: arguments, temporaries and outputs.
    `turn` is held while it runs; `note` is what was noted when it was lowered (JSON values).
    """

    call: Callable[..., Any]
    peak_bytes: int
    turn: AbstractContextManager[Any]
    note: Mapping[str, Any]


Lower = Callable[[], tuple[Any, Mapping[str, Any]]]

_ready: dict[str, Future[Executable]] = {}
_ready_lock = Lock()

# An accelerator runs one program at a time: each may take nearly all of its memory.
_device_turn = Lock()

# Two programs that call LAPACK (eigh, qr, svd, ...) at once can wait for each other for ever on
# XLA's CPU thread pool (seen with jaxlib 0.10.2 and batches of eigh from size 80 on).
_lapack_turn = Lock()


def executable(identity: Mapping[str, Any], effort: Effort, lower: Lower) -> Executable:
    """The executable of an identity, which names all that decides what it computes.

    `lower` gives the lowered function and a note about it; it is called only when no process on
    this machine has compiled the same. Threads that ask for what another one is compiling wait for
    it. Raises what `lower` raises.
    """
    key = digest({"of": identity, "effort": effort, "versions": versions(), "machine": machine()})
    with _ready_lock:
        future = _ready.get(key)
        mine = future is None
        if future is None:
            future = _ready[key] = Future()
    if mine:
        path = cache_dir() / "programs" / f"{key}.pickle" if _cached() else None
        try:
            future.set_result(_load(path) or _compile(path, effort, lower))
        except BaseException as error:
            with _ready_lock:
                del _ready[key]
            future.set_exception(error)
    return future.result()


def _cached() -> bool:
    """Whether executables are kept here.

    Not beside JAX's own cache, if the user has set that up: an executable that was loaded from
    there loses its kernels when it is serialised again (seen with jaxlib 0.10.2 on CPU).
    """
    import jax

    config: Any = jax.config
    return compile_cache_enabled() and not config.jax_compilation_cache_dir


def _load(path: Path | None) -> Executable | None:
    from jax.experimental.serialize_executable import deserialize_and_load

    if path is None or not path.is_file():
        return None
    try:
        kept = pickle.loads(path.read_bytes())
        path.touch()
        if kept["lapack"]:
            _find_lapack()
        call = deserialize_and_load(*kept["executable"])
        return Executable(call, kept["peak_bytes"], _turn(kept["lapack"]), kept["note"])
    except Exception:  # whatever is wrong with a cached file, compiling anew is the remedy
        path.unlink(missing_ok=True)
        return None


@cache
def _find_lapack() -> None:
    """Give XLA the addresses of LAPACK, which JAX does only when it lowers a call of it.

    Without them a program that was loaded crashes the process (seen with jaxlib 0.10.2 on CPU).
    """
    import jax
    import jax.numpy as jnp

    jax.jit(jnp.linalg.cholesky).lower(jnp.eye(1))


def _compile(path: Path | None, effort: Effort, lower: Lower) -> Executable:
    lowered, note = lower()
    lapack = "lapack" in lowered.as_text()
    compiled = _optimised(lowered, effort)
    built = Executable(compiled, _bytes(compiled), _turn(lapack), note)
    if path is not None:
        _keep(path, compiled, {"peak_bytes": built.peak_bytes, "lapack": lapack, "note": note})
    return built


def _keep(path: Path, compiled: Any, facts: Mapping[str, Any]) -> None:
    """Keep an executable, where the backend can serialise it and the folder can be written."""
    import jax
    from jax.experimental.serialize_executable import serialize

    try:
        content = pickle.dumps({**facts, "executable": serialize(compiled)})
        write_atomically(path, content)
        prune(path.parent, CACHE_BYTES)
    except (ValueError, NotImplementedError, OSError, jax.errors.JaxRuntimeError):
        return


def _optimised(lowered: Any, effort: Effort) -> Any:
    """Compile with the options of an effort, as far as this version of XLA knows them."""
    import jax

    options = _OPTIONS.get((jax.default_backend(), effort))
    if options is None:
        return lowered.compile()
    try:
        return lowered.compile(compiler_options=options)
    except jax.errors.JaxRuntimeError as error:
        if "No such compile option" not in str(error):
            raise
        return lowered.compile()


def _turn(lapack: bool) -> AbstractContextManager[Any]:
    import jax

    if jax.default_backend() != "cpu":
        return _device_turn
    return _lapack_turn if lapack else nullcontext()


def _bytes(compiled: Any) -> int:
    """Memory of one call on one device; 0 where the backend does not say."""
    memory = compiled.memory_analysis()
    if memory is None:
        return 0
    return int(
        memory.argument_size_in_bytes
        + memory.output_size_in_bytes
        + memory.temp_size_in_bytes
        - memory.alias_size_in_bytes
    )
