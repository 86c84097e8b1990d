"""Where a result comes from: code, versions, device, threads, time."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness.identity import device_kind, versions
from harness.keys import GENERATOR
from harness.pools import Pool


def provenance(folder: Path, pool: Pool | None = None) -> dict[str, Any]:
    """Everything needed to judge and repeat a run from `folder`: plain JSON values.

    With the pool that trained, if there is one.
    """
    import jax

    trained = {} if pool is None else {"pool": pool.name, "workers": pool.workers}
    return {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "git": git_state(folder),
        "python": platform.python_version(),
        "versions": versions(),
        "platform": f"{platform.system()} {platform.machine()}",
        "device": device_kind() if pool is None else pool.device,
        **trained,
        "devices": jax.device_count(),
        "cpus": os.cpu_count(),
        "blas_threads": os.environ.get("OPENBLAS_NUM_THREADS", "default"),
        "random_generator": GENERATOR,
    }


def git_state(folder: Path) -> dict[str, Any] | None:
    """Commit, and whether tracked files but results differ from it; None outside a repository."""

    def git(*arguments: str) -> str | None:
        try:
            done = subprocess.run(
                ["git", "-C", str(folder), *arguments],
                capture_output=True,
                text=True,
                check=False,
                timeout=10,
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    commit = git("rev-parse", "HEAD")
    if commit is None:
        return None
    changed = git(
        "status", "--porcelain", "--untracked-files=no", "--", ":/", ":(top,exclude)results"
    )
    return {"commit": commit, "dirty": bool(changed)}
