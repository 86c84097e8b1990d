"""The local store of measured arrays: one file a unit of work, written whole or not at all."""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

Arrays = Mapping[str, np.ndarray]


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that a reader, or a run after a kill, sees all of it or none of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def load_arrays(folder: Path, key: str) -> dict[str, np.ndarray] | None:
    """The arrays stored under a key, or None where there are none that can be read."""
    try:
        content = io.BytesIO((folder / f"{key}.npz").read_bytes())
        with np.load(content, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except (OSError, ValueError, EOFError, KeyError, BadZipFile):
        return None


def save_arrays(folder: Path, key: str, arrays: Arrays) -> None:
    """Store arrays under a key."""
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    write_atomically(folder / f"{key}.npz", buffer.getvalue())
