"""Compiled programs: kept on disk, loaded by the next process, compiled once by threads."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from harness import executables
from harness.executables import executable
from tests.harness.ensembles import ROOT, lowering

HERE = Path(__file__).parents[2]

_SCRIPT = """
import json, sys
from harness.execute import execute
from tests.harness.ensembles import POINTS, ROOT, TRACED, ensemble, seeds, train

traces = []

def noted(setup, key):
    traces.append(1)
    return train(setup, key)

noted.__qualname__ = "noted"
done = execute(ensemble(noted), TRACED, POINTS, ROOT, seeds(4))
json.dump([len(traces), done.arrays["weight"].tolist(), done.steps, done.peak_bytes], sys.stdout)
"""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ASSAY_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(executables, "_ready", {})
    return tmp_path / "programs"


def process(script: str = _SCRIPT, /, **environment: str) -> Any:
    """What a script prints as JSON in a process of its own.

    Without one it runs the descent: times traced, results, steps, memory.
    """
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=HERE,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def programs_in(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.pickle")) if folder.is_dir() else []


def compiled(steps: int = 6, effort: Any = "quick") -> executables.Executable:
    return executable({"steps": steps}, effort, lambda: lowering(steps))


def never() -> Any:
    raise AssertionError("it was lowered again")


def test_the_next_process_loads_without_tracing(cache: Path) -> None:
    first = process()
    assert len(programs_in(cache)) == 1
    again = process()
    assert (first[0], again[0]) == (1, 0)
    assert again[2:] == first[2:]
    np.testing.assert_allclose(again[1], first[1], rtol=1e-6)


def test_a_program_with_linear_algebra_runs_in_a_process_that_only_loads_it() -> None:
    """XLA finds LAPACK only when JAX lowers a call of it; without it the process crashes."""
    script = """
import jax, jax.numpy as jnp
from harness.executables import executable

def lower():
    return jax.jit(jnp.linalg.eigvalsh).lower(jnp.eye(3)), None

print(executable({"program": "factor"}, "quick", lower).call(jnp.diag(jnp.arange(3.0)))[2])
"""
    for _ in range(2):
        assert process(script) == 2.0


def test_what_was_loaded_is_what_was_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    built = compiled()
    monkeypatch.setattr(executables, "_ready", {})
    loaded = executable({"steps": 6}, "quick", never)
    assert loaded.note == built.note == {"steps": 6}
    assert loaded.peak_bytes == built.peak_bytes > 0
    np.testing.assert_allclose(loaded.call(ROOT), built.call(ROOT), rtol=1e-6)


@pytest.mark.parametrize("content", [b"", b"no pickle", "halved"])
def test_a_damaged_file_is_compiled_anew(
    content: bytes | str, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = compiled().call(ROOT)
    (file,) = programs_in(cache)
    whole = file.read_bytes()
    file.write_bytes(content if isinstance(content, bytes) else whole[: len(whole) // 2])
    monkeypatch.setattr(executables, "_ready", {})
    np.testing.assert_allclose(compiled().call(ROOT), expected, rtol=1e-6)
    assert len(file.read_bytes()) > len(whole) // 2


def test_nothing_is_kept_when_the_user_says_so(tmp_path: Path) -> None:
    process(ASSAY_COMPILE_CACHE="off")
    assert list(tmp_path.rglob("*")) == []


def test_beside_the_cache_of_jax_no_program_is_kept(cache: Path, tmp_path: Path) -> None:
    expected = process(ASSAY_COMPILE_CACHE="off")
    ours = {
        "JAX_COMPILATION_CACHE_DIR": str(tmp_path / "jax"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    }
    for _ in range(2):
        found = process(**ours)
        assert found[0] == 1
        np.testing.assert_allclose(found[1], expected[1], rtol=1e-6)
    assert programs_in(cache) == []
    assert list((tmp_path / "jax").iterdir())


def test_the_newest_programs_are_kept(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled(6)
    (oldest,) = programs_in(cache)
    os.utime(oldest, (1, 1))
    compiled(7)
    newer = [file for file in programs_in(cache) if file != oldest]
    os.utime(newer[0], (2, 2))
    monkeypatch.setattr(executables, "CACHE_BYTES", int(2.5 * oldest.stat().st_size))
    monkeypatch.setattr(executables, "_ready", {})
    executable({"steps": 6}, "quick", never)  # used again, so it is no longer the oldest
    compiled(8)
    assert oldest in programs_in(cache)
    assert newer[0] not in programs_in(cache)


def test_threads_that_ask_for_the_same_compile_once() -> None:
    lowered = []
    together = threading.Barrier(4)

    def slow() -> Any:
        lowered.append(1)
        time.sleep(0.1)
        return lowering()

    def ask(_: int) -> executables.Executable:
        together.wait()
        return executable({"of": "all"}, "quick", slow)

    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(ask, range(4)))
    assert len(lowered) == 1
    assert all(one is found[0] for one in found)


def test_threads_that_wait_for_what_breaks_get_its_error_and_may_try_again() -> None:
    begun = threading.Event()

    def breaks() -> Any:
        begun.set()
        time.sleep(0.3)
        raise ZeroDivisionError

    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(executable, {"of": "both"}, "quick", breaks)
        begun.wait()
        second = threads.submit(executable, {"of": "both"}, "quick", never)
        for future in (first, second):
            with pytest.raises(ZeroDivisionError):
                future.result(timeout=20)
    assert executable({"of": "both"}, "quick", lowering).peak_bytes > 0


def test_efforts_are_compiled_apart_and_agree(cache: Path) -> None:
    quick, thorough = compiled(effort="quick"), compiled(effort="thorough")
    assert len(programs_in(cache)) == 2
    np.testing.assert_allclose(quick.call(ROOT), thorough.call(ROOT), rtol=1e-5)


def test_an_option_that_xla_does_not_know_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    options = {(jax.default_backend(), "quick"): {"xla_option_of_another_time": 1}}
    monkeypatch.setattr(executables, "_OPTIONS", options)
    assert compiled(9).call(ROOT).shape == (3,)


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="an accelerator always takes turns")
def test_programs_with_linear_algebra_take_turns() -> None:
    def solved() -> Any:
        return jax.jit(lambda matrix: jax.numpy.linalg.eigh(matrix)[0]).lower(
            np.eye(3, dtype=np.float32)
        ), {}

    assert executable({"of": "eigh"}, "quick", solved).turn is executables._lapack_turn
    assert compiled().turn is not executables._lapack_turn
