"""Which workers of a Dask scheduler may train: those that run what this process runs."""

from __future__ import annotations

import logging
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from harness.errors import AssayError
from harness.identity import device_kind, versions
from harness.runtime import limit_threads

GPU: Final = "GPU"
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Present:
    """Workers at one moment, by address.

    `ready` may be given a unit; `connected` are all that the scheduler knows, and `names` what
    they are called.
    """

    ready: frozenset[str]
    connected: frozenset[str]
    names: frozenset[str]


class Roster:
    """The workers of a scheduler, each checked once before it trains.

    All run the same versions and code as this process and train on the same kind of device.
    Where a worker advertises the resource GPU, only such workers train.
    """

    def __init__(self, client: Any, most: int | None) -> None:
        self._client = client
        self._most = most
        self._admitted: set[str] = set()
        self._refused: set[str] = set()
        self._gpu = False
        self.device = ""

    @property
    def resources(self) -> dict[str, int]:
        """What a unit asks of its worker."""
        return {GPU: 1} if self._gpu else {}

    def first_look(self) -> Present:
        """Admit the workers there are; raises AssayError naming a worker that differs."""
        workers = self._workers()
        self._gpu = any(_has_gpu(worker) for worker in workers.values())
        return self._look(workers, strict=True)

    def look(self) -> Present:
        """Admit new workers; one that differs is left out with a warning."""
        return self._look(self._workers(), strict=False)

    def _look(self, workers: Mapping[str, Any], *, strict: bool) -> Present:
        connected = frozenset(workers)
        self._admitted &= connected
        self._refused &= connected
        running = [
            address
            for address, worker in workers.items()
            if worker["status"] == "running" and (_has_gpu(worker) or not self._gpu)
        ]
        new = [address for address in running if address not in self._admitted | self._refused]
        if self._most is not None:
            new = new[: self._most - len(self._admitted)]
        if new:
            self._check(new, strict=strict)
        names = frozenset(str(worker.get("name")) for worker in workers.values())
        return Present(frozenset(self._admitted.intersection(running)), connected, names)

    def _check(self, addresses: list[str], *, strict: bool) -> None:
        here = software()
        answers = self._client.run(describe, workers=addresses, on_error="return")
        for address in addresses:
            there = answers.get(address)
            if there is None or isinstance(there, OSError):
                continue  # It has left in the meantime.
            problem = _difference(address, here, there) or self._other_device(address, there)
            if problem is None:
                self._admitted.add(address)
            elif strict:
                raise problem
            else:
                self._refused.add(address)
                _log.warning("A worker is left out. %s", problem)

    def _other_device(self, address: str, there: Mapping[str, str]) -> AssayError | None:
        self.device = self.device or there["device"]
        if there["device"] == self.device:
            return None
        return AssayError(
            f"worker {address} trains on '{there['device']}', others on '{self.device}'",
            remedy='Start the workers that have a GPU with --resources "GPU=1": then only they '
            "train",
        )

    def _workers(self) -> Mapping[str, Any]:
        workers: Mapping[str, Any] | None
        workers = self._client.scheduler_info(n_workers=-1).get("workers")
        if workers is None or self._client.status != "running":
            raise ConnectionError("the scheduler does not answer")
        return workers


def describe() -> dict[str, str]:
    """Software and device of the worker that this is called in, which gets its threads here."""
    limit_threads()
    return {**software(), "device": device_kind()}


@cache
def software() -> Mapping[str, str]:
    """Versions and code of this process, by name.

    The answer is that of the first call: a worker that has imported older code keeps saying so.
    """
    return {
        **versions(),
        "Python": ".".join(platform.python_version_tuple()[:2]),
        "code of harness and models": _code(),
    }


def _code() -> str:
    hashed = sha256()
    for name in ("harness", "models"):
        spec = find_spec(name)
        for folder in map(Path, (spec and spec.submodule_search_locations) or ()):
            for file in sorted(folder.rglob("*.py")):
                hashed.update(str(file.relative_to(folder)).encode())
                hashed.update(file.read_bytes())
    return hashed.hexdigest()[:12]


def _difference(
    address: str, here: Mapping[str, str], there: Mapping[str, str] | Exception
) -> AssayError | None:
    remedy = "Install the same versions there, from the same checkout, and restart the worker"
    if isinstance(there, Exception):
        return AssayError(
            f"worker {address} cannot run Assay {here['assay-bench']}: "
            f"{type(there).__name__}: {there}",
            remedy=remedy,
        )
    differing = [
        f"{name} {there.get(name, 'not installed')} (here {value})"
        for name, value in here.items()
        if there.get(name) != value
    ]
    if not differing:
        return None
    return AssayError(f"worker {address} has {', '.join(differing)}", remedy=remedy)


def _has_gpu(worker: Mapping[str, Any]) -> bool:
    return bool(worker["resources"].get(GPU, 0) >= 1)
