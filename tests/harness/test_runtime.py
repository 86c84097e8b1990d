"""The process that trains: its threads and its memory."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from harness.runtime import cores, single_threaded

HERE = Path(__file__).parents[2]

_ALLOCATE = """
import resource, sys
from harness.runtime import keep_memory

if sys.argv[1] == "keep":
    keep_memory()
for _ in range(100):
    bytearray(1 << 20)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)
"""


def process(code: str, *arguments: str, **environment: str) -> str:
    """What a fresh process prints, without the settings of this one."""
    plain = {name: value for name, value in os.environ.items() if name != "NPROC"}
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=HERE,
        env={**plain, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="mallopt is a function of glibc")
def test_freed_memory_is_kept_in_the_environment_of_a_dask_worker() -> None:
    faults = {
        way: int(process(_ALLOCATE, way, MALLOC_TRIM_THRESHOLD_="65536"))
        for way in ("trim", "keep")
    }
    pages = 100 * (1 << 20) // os.sysconf("SC_PAGE_SIZE")
    assert faults["trim"] - faults["keep"] > pages / 2


@pytest.mark.parametrize(
    ("before", "threads"), [("", "1"), ("import jax", "None"), ("import os, numpy", "1")]
)
def test_xla_gets_one_thread_unless_jax_is_there_already(before: str, threads: str) -> None:
    code = f"{before}\nimport os\nfrom harness.runtime import limit_threads\nlimit_threads()"
    assert process(f"{code}\nprint(os.environ.get('NPROC'))") == threads


def test_what_the_user_chose_is_left_alone() -> None:
    code = "import os\nfrom harness.runtime import limit_threads\nlimit_threads()"
    assert process(f"{code}\nprint(os.environ['NPROC'])", NPROC="3") == "3"


def test_a_process_has_as_many_threads_as_cores_unless_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NPROC", "2")
    assert not single_threaded()
    monkeypatch.setenv("NPROC", "1")
    assert single_threaded()
    monkeypatch.delenv("NPROC")
    assert single_threaded() is (cores() == 1)
