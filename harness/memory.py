"""How much memory a compiled program may take."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from harness.runtime import SHARES_VARIABLE

# The rest is for arguments of other programs, the interpreter and what the allocator loses.
SHARE: Final = 0.8
_CGROUP: Final = Path("/sys/fs/cgroup/memory.max")


def limit_bytes() -> int:
    """Bytes that one program of this process may take on its device.

    On an accelerator the allocator's own limit, else this process' share of the machine's memory
    (of the control group's, where that is smaller).
    """
    import jax

    statistics = jax.local_devices()[0].memory_stats()
    if statistics and "bytes_limit" in statistics:
        return int(SHARE * statistics["bytes_limit"])
    return int(SHARE * _machine_bytes() / int(os.environ.get(SHARES_VARIABLE, "1")))


def _machine_bytes() -> int:
    physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    try:
        return min(physical, int(_CGROUP.read_text()))
    except (OSError, ValueError):
        return physical
