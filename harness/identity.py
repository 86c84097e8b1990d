"""What a measurement is keyed by: the resolved numbers, the code it reaches, the machine's kind."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

PACKAGES: Final = ("jax", "jaxlib", "flax", "optax", "numpy", "scipy", "xarray", "pydantic")

# The part of the harness that decides what an experiment computes; judging is not in it.
_MEASURING: Final = (
    *("api.py", "counts.py", "ensemble.py", "execute.py", "flops.py"),
    *("keys.py", "programs.py", "streams.py", "threefry.py", "work.py"),
)


def digest(value: Any) -> str:
    """SHA-256 of a JSON value in canonical form."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=_jsonable)
    return hashlib.sha256(text.encode()).hexdigest()


@cache
def versions() -> Mapping[str, str]:
    """Versions of the packages that a measurement depends on, and of Assay."""
    found = {}
    for name in ("assay-bench", *PACKAGES):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def code_hash(folder: Path, setup: Mapping[str, Any]) -> str:
    """SHA-256 of the code a topic's experiment can reach.

    That is every Python file of the topic folder, the models package, the measuring part of
    the harness, and the modules that the setup names as `package.module:Class`.
    """
    here = Path(__file__).parent
    files = [
        *sorted(folder.glob("*.py")),
        *sorted(_package_folder("models").rglob("*.py")),
        *(here / name for name in _MEASURING),
        *_named_modules(setup.values()),
    ]
    hashed = hashlib.sha256()
    for file in files:
        hashed.update(file.name.encode())
        hashed.update(file.read_bytes())
    return hashed.hexdigest()


def device_kind() -> str:
    """Platform and kind of the device that trains, such as `cpu` or `gpu NVIDIA H100`."""
    import jax

    device = jax.devices()[0]
    return (
        device.platform if device.platform == "cpu" else f"{device.platform} {device.device_kind}"
    )


@cache
def machine() -> str:
    """Hash of what a compiled program depends on besides its code: device, processor, threads."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        processor = sorted({line for line in lines if line.startswith(("flags", "Features"))})
    except OSError:
        processor = [platform.processor()]
    threads = os.environ.get("NPROC") or os.cpu_count()
    flags = os.environ.get("XLA_FLAGS", "")
    return digest([device_kind(), platform.machine(), processor, threads, flags])


@cache
def _package_folder(name: str) -> Path:
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        return Path(__file__).parent
    return Path(next(iter(spec.submodule_search_locations)))


def _named_modules(values: Iterable[Any]) -> list[Path]:
    found = []
    for value in values:
        if isinstance(value, str) and ":" in value:
            try:
                spec = find_spec(value.partition(":")[0])
            except (ImportError, ValueError):
                spec = None
            if spec is not None and spec.origin:
                found.append(Path(spec.origin))
    return found


def _jsonable(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, tuple | set | frozenset):
        return list(value)
    return str(value)
