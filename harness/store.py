"""The local store of measured arrays: one file a unit of work, written whole or not at all."""

from __future__ import annotations

import io
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from zipfile import BadZipFile

import numpy as np

Arrays = Mapping[str, np.ndarray]

_NOTE: Final = "note.json"


def write_atomically(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Write a file so that a reader, or a run after a kill, sees all of it or none of it.

    Without `durable` that does not hold after a power failure, and no time is lost on the disk.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            if durable:
                os.fsync(stream.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def load_arrays(folder: Path, key: str) -> tuple[dict[str, np.ndarray], dict[str, Any]] | None:
    """Arrays and note stored under a key, or None where there are none that can be read."""
    try:
        content = io.BytesIO((folder / f"{key}.npz").read_bytes())
        with np.load(content, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        return arrays, json.loads(str(arrays.pop(_NOTE)))
    except (OSError, ValueError, EOFError, KeyError, BadZipFile):
        return None


def save_arrays(folder: Path, key: str, arrays: Arrays, note: Mapping[str, Any]) -> None:
    """Store arrays and a note (JSON values) under a key.

    The disk is not waited for: what a power failure tears is not read, but measured again.
    """
    buffer = io.BytesIO()
    np.savez(buffer, **arrays, **{_NOTE: json.dumps(note)})  # type: ignore[arg-type]
    write_atomically(folder / f"{key}.npz", buffer.getvalue(), durable=False)


def prune(folder: Path, limit: int) -> None:
    """Remove the files of a folder that were used longest ago until it holds at most `limit` bytes.

    Other processes may write or remove files meanwhile.
    """
    found = []
    for path in folder.iterdir():
        try:
            status = path.stat()
        except OSError:
            continue
        found.append((status.st_mtime, status.st_size, path))
    excess = sum(size for _, size, _ in found) - limit
    for _, size, path in sorted(found):
        if excess <= 0:
            return
        path.unlink(missing_ok=True)
        excess -= size
