"""A run that is killed at any moment leaves nothing that a later run mistakes for finished."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

KILLS = 5


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "harness.cli", *arguments]


def test_sigkill_leaves_no_half_record_and_the_next_run_finishes(
    suite: Path, tmp_path: Path
) -> None:
    suite.write_text(suite.read_text().replace("steps: 4", "steps: 40"))
    environment = {**os.environ, "ASSAY_CACHE_DIR": str(tmp_path / "cache")}
    records = tmp_path / ".assay" / "records"
    rng = random.Random(0)
    for _ in range(KILLS):
        process = subprocess.Popen(
            command("run", "parabola", "--json"),
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(rng.uniform(0.5, 3.5))
        process.send_signal(signal.SIGKILL)
        process.wait()
        for file in records.glob("*.json"):
            assert json.loads(file.read_text())["id"] == "parabola"
    done = subprocess.run(
        command("run", "parabola", "--json"),
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    rows = json.loads(done.stdout)
    assert {row["verdict"] for row in rows if row["case"] == "claim"} == {"pass", "fail"}
    fresh = subprocess.run(
        command("run", "parabola", "--json", "--fresh"),
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    for stored, again in zip(rows, json.loads(fresh.stdout), strict=True):
        assert abs(stored["discrepancy"] - again["discrepancy"]) < 1e-5
