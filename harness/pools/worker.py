"""The worker process; imports nothing heavy, because its environment is set first."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from multiprocessing import connection, parent_process
from threading import Thread


def prepare(environment: Mapping[str, str]) -> None:
    """Set up a worker: its environment, and an end with its parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name in [name for name in os.environ if name.startswith("ASSAY_")]:
        del os.environ[name]
    os.environ.update(environment)
    parent = parent_process()
    if parent is not None:
        Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    """Leave when the parent is gone, however it died."""
    connection.wait([sentinel])
    os._exit(1)
