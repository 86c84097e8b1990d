"""Connect to a Dask scheduler: by its address, by its file, or one of our own for SLURM jobs."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from harness.errors import AssayError
from harness.runtime import SHARES_VARIABLE, worker_environment

SLURM: Final = "slurm"
CONNECT_S: Final = 8.0
ABSENT_S: Final = 60.0
_EXTRA: Final = "pip install 'assay-bench[cluster]'"
_log = logging.getLogger(__name__)


def connect(address: str) -> Any:
    """A client of the scheduler at `address`, or in the scheduler file of that name.

    Raises AssayError when the address means nothing or nobody answers within CONNECT_S.
    """
    distributed = _needed("distributed")
    if address.endswith(".json"):
        if not Path(address).is_file():
            raise AssayError(
                f"there is no scheduler file '{address}'",
                remedy=f"Start one with: dask scheduler --scheduler-file {address}",
            )
        where = {"scheduler_file": address}
    elif "://" in address:
        where = {"address": address}
    else:
        raise AssayError(
            f"'{address}' is no cluster",
            remedy="Give tcp://host:port, tls://host:port, a scheduler file (*.json) or slurm",
            path="--cluster",
        )
    try:
        return distributed.Client(**where, timeout=CONNECT_S, set_as_default=False)
    except (OSError, ValueError, ImportError) as error:
        raise AssayError(
            f"no Dask scheduler answers at {address}: {_first_line(error)}",
            remedy="Start one with: dask scheduler; it prints its address",
            path="--cluster",
        ) from error


class SlurmJobs:
    """SLURM jobs of our own, each with one or more workers, and their scheduler."""

    def __init__(self, cluster: Any) -> None:
        self._cluster = cluster
        self._last_seen: dict[str, float] = {}

    def client(self) -> Any:
        """A client of the scheduler."""
        return _needed("distributed").Client(self._cluster, timeout=CONNECT_S, set_as_default=False)

    def renew(self, workers: Iterable[str]) -> None:
        """Replace jobs that have ended, for instance at their time limit.

        `workers` are the names of the connected ones. A job has ended when it had workers and
        has had none for ABSENT_S (a worker that restarts is away for seconds).
        """
        now = time.monotonic()
        names = tuple(workers)
        for job in self._cluster.worker_spec:
            if any(name == job or name.startswith(f"{job}-") for name in names):
                self._last_seen[job] = now
        ended = [job for job, seen in self._last_seen.items() if now - seen > ABSENT_S]
        for job in ended:
            del self._last_seen[job]
        if ended:
            try:
                _submit(self._cluster, len(ended), ended)
            except AssayError as error:
                _log.warning("%s", error)

    def close(self) -> None:
        """Cancel the jobs and stop the scheduler."""
        end(self._cluster)


def start_slurm(jobs: int | None) -> SlurmJobs:
    """Submit `jobs` SLURM jobs, as the user's Dask configuration describes one.

    Where that names no number of processes, a job runs one single-threaded worker a core.
    Raises AssayError when the configuration or SLURM's commands are missing.
    """
    jobqueue = _needed("dask_jobqueue")
    config = _needed("dask").config
    if jobs is None or jobs < 1:
        raise AssayError("how many SLURM jobs to start is not said", remedy="Give --workers N")
    if shutil.which("sbatch") is None:
        raise AssayError(
            "there is no sbatch on this machine",
            remedy="Run Assay on a login node, or connect to a scheduler with tcp://host:port",
        )
    cores = config.get("jobqueue.slurm.cores", None)
    if cores is None or config.get("jobqueue.slurm.memory", None) is None:
        raise AssayError(
            "the Dask configuration does not say what a SLURM job is",
            remedy="Write at least cores and memory (and queue and account, if your site wants "
            "them) under jobqueue: slurm: in ~/.config/dask/jobqueue.yaml; docs/clusters.md "
            "has an example",
        )
    processes = config.get("jobqueue.slurm.processes", None) or cores
    prologue = [
        *(config.get("jobqueue.slurm.job-script-prologue", None) or ()),
        *_exports(processes, cores // processes),
    ]
    # Any free port for the dashboard: several runs may start from one login node.
    options = {
        "dashboard_address": ":0",
        **(config.get("jobqueue.slurm.scheduler-options", None) or {}),
    }
    try:
        cluster = jobqueue.SLURMCluster(
            processes=processes, job_script_prologue=prologue, scheduler_options=options
        )
    except (ValueError, TypeError, OSError, RuntimeError) as error:
        raise AssayError(
            f"dask-jobqueue cannot use its configuration: {_first_line(error)}",
            remedy="Correct jobqueue: slurm: in ~/.config/dask/jobqueue.yaml",
        ) from error
    try:
        _submit(cluster, jobs)
    except AssayError:
        end(cluster)
        raise
    return SlurmJobs(cluster)


def _submit(cluster: Any, jobs: int, ended: Sequence[str] = ()) -> None:
    """Submit jobs, in place of those that have ended; raises AssayError when SLURM refuses."""
    try:
        cluster.sync(_change, cluster, jobs, ended)
    except (RuntimeError, ValueError, OSError) as error:
        for job in cluster.workers.values():
            if job.job_id is None:
                job.status = _needed("distributed").Status.failed  # Else the cluster never closes.
        raise AssayError(
            f"SLURM does not take the job: {_last_line(error)}",
            remedy="Correct queue, account and walltime under jobqueue: slurm: in "
            "~/.config/dask/jobqueue.yaml",
        ) from error


async def _change(cluster: Any, jobs: int, ended: Sequence[str]) -> None:
    """Do what cluster.scale would do, but wait for SLURM's answer, which scale only logs."""
    for job in ended:
        cluster.worker_spec.pop(job, None)
    await cluster
    for _ in range(jobs):
        cluster.worker_spec.update(cluster.new_worker_spec())
    await cluster


def end(closable: Any) -> None:
    """Close a client or a cluster; whether the other side still answers makes no difference."""
    with suppress(Exception):
        closable.close()


def _exports(processes: int, threads: int) -> Sequence[str]:
    """Shell lines that give each of a job's processes its share of the cores."""
    shared = {**dict.fromkeys(worker_environment(processes), threads), SHARES_VARIABLE: processes}
    return [f"export {name}={value}" for name, value in shared.items()]


def _needed(module: str) -> Any:
    try:
        return import_module(module)
    except ImportError as error:
        raise AssayError(f"a cluster needs the package {module}", remedy=_EXTRA) from error


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def _last_line(error: BaseException) -> str:
    return next(iter(reversed(str(error).strip().splitlines())), type(error).__name__)
