"""Files that are whole or absent, and folders that stay small."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from harness.store import load_arrays, prune, save_arrays, write_atomically

ARRAYS = {"weight": np.arange(6.0).reshape(2, 3), "positive": np.array([True, False])}
NOTE = {"run_s": 1.5, "steps": None, "flops": 1e12}


def test_arrays_and_note_come_back(tmp_path: Path) -> None:
    save_arrays(tmp_path / "new", "key", ARRAYS, NOTE)
    stored = load_arrays(tmp_path / "new", "key")
    assert stored is not None
    arrays, note = stored
    assert note == NOTE
    assert set(arrays) == set(ARRAYS)
    assert arrays["positive"].dtype == np.bool_
    np.testing.assert_array_equal(arrays["weight"], ARRAYS["weight"])


def test_what_was_never_stored_is_nothing(tmp_path: Path) -> None:
    assert load_arrays(tmp_path, "key") is None
    assert load_arrays(tmp_path / "no folder", "key") is None


def test_no_damaged_file_is_read(tmp_path: Path) -> None:
    save_arrays(tmp_path, "key", ARRAYS, NOTE)
    file = tmp_path / "key.npz"
    whole = file.read_bytes()
    for size in range(0, len(whole), 41):
        file.write_bytes(whole[:size])
        assert load_arrays(tmp_path, "key") is None
    flipped = bytearray(whole)
    flipped[whole.index(ARRAYS["weight"].tobytes()) + 9] ^= 0xFF
    file.write_bytes(flipped)
    assert load_arrays(tmp_path, "key") is None


def test_a_file_without_a_note_is_not_read(tmp_path: Path) -> None:
    np.savez(tmp_path / "key.npz", **ARRAYS)
    assert load_arrays(tmp_path, "key") is None


def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"old")

    def no_space(handle: int) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("harness.store.os.fsync", no_space)
    with pytest.raises(OSError, match="no space left"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def used(folder: Path, name: str, when: int, size: int = 10) -> Path:
    path = folder / name
    path.write_bytes(bytes(size))
    os.utime(path, (when, when))
    return path


def test_pruning_keeps_the_newest(tmp_path: Path) -> None:
    files = [used(tmp_path, name, when) for name, when in [("c", 3), ("a", 1), ("b", 2)]]
    prune(tmp_path, 30)
    assert sorted(tmp_path.iterdir()) == sorted(files)
    prune(tmp_path, 25)
    assert {path.name for path in tmp_path.iterdir()} == {"b", "c"}
    prune(tmp_path, 10)
    assert {path.name for path in tmp_path.iterdir()} == {"c"}
    prune(tmp_path, 0)
    assert list(tmp_path.iterdir()) == []


def test_pruning_does_not_mind_what_others_remove(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, removed = used(tmp_path, "kept", 2), used(tmp_path, "removed", 1)
    listed = list(tmp_path.iterdir())
    removed.unlink()
    monkeypatch.setattr(Path, "iterdir", lambda folder: iter(listed))
    prune(tmp_path, 10)
    assert kept.exists()
