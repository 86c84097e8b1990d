"""How lanes are batched, sharded and loaded changes the speed and nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from harness import executables
from harness import execute as module
from harness.execute import Arrays, execute
from harness.programs import Strategy
from tests.harness.ensembles import (
    POINTS,
    ROOT,
    TRACED,
    Setup,
    assert_same,
    ensemble,
    seeds,
    train,
)

ROOT_FOLDER = Path(__file__).parents[2]
DEVICES = 4


@pytest.fixture(scope="module")
def expected() -> Arrays:
    """Every lane run by itself: 16 seeds at 5 grid points, and no batch at all."""
    run = jax.jit(lambda world, key: train(replace(Setup(), **world), key))
    key = jax.random.wrap_key_data(ROOT, impl="threefry2x32")
    cells = [
        [
            run(TRACED | {"curvature": float(point)}, jax.random.fold_in(key, seed))
            for point in POINTS["curvature"]
        ]
        for seed in range(16)
    ]
    return {
        name: np.array([[np.asarray(cell[name], float) for cell in row] for row in cells])
        for name in ("weight", "positive")
    }


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ASSAY_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def force(monkeypatch: pytest.MonkeyPatch, strategy: Strategy) -> None:
    monkeypatch.setattr(module, "guess", lambda *sizes, **options: strategy)
    monkeypatch.setattr(module, "choose", lambda *known: strategy)


def some(arrays: Arrays, chosen: slice) -> Arrays:
    return {name: values[chosen] for name, values in arrays.items()}


def test_arrays_have_seeds_first_then_grid_points_then_their_own_axes(expected: Arrays) -> None:
    done = execute(ensemble(), TRACED, POINTS, ROOT, seeds(16))
    assert done.arrays["weight"].shape == (16, 5, 3)
    assert done.arrays["weight"].dtype == np.float64
    assert done.arrays["positive"].dtype == np.bool_
    assert done.steps == 16 * 5 * 6
    assert done.flops is not None
    assert done.flops > done.steps
    assert_same(done.arrays, expected)


@pytest.mark.parametrize(
    "strategy",
    [
        Strategy(1, 5),
        Strategy(4, 5),
        Strategy(16, 2),
        Strategy(7, 3),
        Strategy(16, 5, "thorough"),
    ],
    ids=str,
)
def test_results_do_not_depend_on_the_batch(
    strategy: Strategy, expected: Arrays, monkeypatch: pytest.MonkeyPatch
) -> None:
    force(monkeypatch, strategy)
    assert_same(execute(ensemble(), TRACED, POINTS, ROOT, seeds(16)).arrays, expected)


def test_results_do_not_depend_on_the_call(expected: Arrays) -> None:
    parts = [
        execute(ensemble(), TRACED, POINTS, ROOT, seeds(count, first)).arrays
        for first, count in [(0, 6), (6, 10)]
    ]
    joined = {name: np.concatenate([part[name] for part in parts]) for name in expected}
    assert_same(joined, expected)


def test_padded_lanes_are_in_no_result(expected: Arrays, monkeypatch: pytest.MonkeyPatch) -> None:
    force(monkeypatch, Strategy(4, 2))
    done = execute(ensemble(), TRACED, POINTS, ROOT, seeds(6, 5))
    assert done.arrays["positive"].shape == (6, 5)
    assert_same(done.arrays, some(expected, slice(5, 11)))
    assert done.steps == 6 * 5 * 6


def test_without_a_grid_there_is_one_point() -> None:
    alone = ensemble(grid=(), traced=("rate", "noise", "curvature"))
    done = execute(alone, {**TRACED, "curvature": 0.5}, {}, ROOT, seeds(3))
    among = execute(ensemble(), TRACED, POINTS, ROOT, seeds(3))
    assert_same(done.arrays, {name: values[:, 1:2] for name, values in among.arrays.items()})


def test_whole_numbers_on_a_grid_of_floats_are_numbers_like_any_other() -> None:
    """Another case of the same program may have written `[1.0, 1.5]`."""
    written = [np.array([1.0, 2.5]), np.array([1, 2])]
    done = [execute(ensemble(), TRACED, {"curvature": axis}, ROOT, seeds(2)) for axis in written]
    assert_same(
        {name: values[:, 0] for name, values in done[1].arrays.items()},
        {name: values[:, 0] for name, values in done[0].arrays.items()},
    )


def drawn(setup: Setup, key: jax.Array) -> dict[str, Any]:
    return {"start": setup.curvature * jax.random.normal(key)}


def from_draw(setup: Setup, key: jax.Array, draw: dict[str, Any]) -> dict[str, Any]:
    return {"weight": draw["start"] * setup.rate}


def test_a_draw_sees_the_first_point_of_the_grid_at_hand() -> None:
    """Two cases whose grids differ in nothing but their numbers."""
    done = []
    for axis in (np.array([1.0, 2.0]), np.array([3.0, 4.0])):
        conditional = ensemble(
            from_draw,
            draw=drawn,
            outputs=("weight",),
            world=Setup(curvature=float(axis[0])),
        )
        done.append(execute(conditional, TRACED, {"curvature": axis}, ROOT, seeds(4)).arrays)
    assert_same({"weight": done[1]["weight"]}, {"weight": 3.0 * done[0]["weight"]})


def test_waiting_for_another_program_is_not_counted_as_running(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    turn = threading.Lock()
    monkeypatch.setattr(executables, "_turn", lambda lapack: turn)
    monkeypatch.setattr(executables, "_ready", {})
    execute(ensemble(), TRACED, POINTS, ROOT, seeds(2))
    turn.acquire()
    threading.Timer(0.6, turn.release).start()
    began = time.perf_counter()
    done = execute(ensemble(), TRACED, POINTS, ROOT, seeds(2))
    assert time.perf_counter() - began > 0.5
    assert done.run_s < 0.4


def test_what_was_measured_decides_the_next_time(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = []
    original = module.program

    def noted(ensemble: Any, strategy: Strategy, arguments: Any) -> Any:
        chosen.append(strategy)
        return original(ensemble, strategy, arguments)

    monkeypatch.setattr(module, "program", noted)
    monkeypatch.setattr(module, "guess", lambda *sizes, **options: Strategy(2, 5))
    execute(ensemble(), TRACED, POINTS, ROOT, seeds(4))
    monkeypatch.setattr(module, "guess", lambda *sizes, **options: Strategy(4, 5))
    execute(ensemble(), TRACED, POINTS, ROOT, seeds(4))
    assert chosen == [Strategy(2, 5)] * 4


# What the process with several devices does: every scenario leaves arrays or its error.
_SHARDED = f"""
import json, sys, traceback
import jax, numpy as np
from harness import executables, execute as module, memory, tuning
from harness.execute import execute
from harness.programs import Strategy, program
from tests.harness.ensembles import POINTS, ROOT, TRACED, arguments, ensemble, seeds

assert jax.local_device_count() == {DEVICES}
found = {{}}

def scenario(name, count, grid=POINTS):
    try:
        done = execute(ensemble(), TRACED, grid, ROOT, seeds(count))
        found[name] = {{key: values.tolist() for key, values in done.arrays.items()}}
        found[name + " peak"] = done.peak_bytes
    except Exception:
        found[name] = traceback.format_exc()

args = arguments(8, 5)
for kept in ("compiled", "loaded"):
    result = program(ensemble(), Strategy(8, 5), args).call(*args)["weight"]
    found[kept] = [len(result.sharding.device_set), result.addressable_shards[0].data.shape[0]]
    executables._ready.clear()
scenario("16", 16)
scenario("6", 6)
scenario("3", 3)

whole = program(ensemble(), Strategy(12, 5), arguments(12, 5)).peak_bytes
module.limit_bytes = lambda: whole - 1
module.recall = lambda identity: {{}}
module.remember = lambda identity, arms: None
scenario("12 in less memory", 12)
module.limit_bytes = memory.limit_bytes

tried = [Strategy(4, 5), Strategy(4, 5, "thorough"), Strategy(8, 5), Strategy(8, 5, "thorough")]
module.recall = lambda identity: {{one: tuning.Arm(one.seeds, 99, 0.1) for one in tried}}
scenario("16 exploring", 16)
json.dump(found, sys.stdout)
"""


@pytest.fixture(scope="module")
def sharded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    environment = {
        **os.environ,
        "JAX_PLATFORMS": "cpu",
        "XLA_FLAGS": f"--xla_force_host_platform_device_count={DEVICES}",
        "ASSAY_CACHE_DIR": str(tmp_path_factory.mktemp("sharded")),
    }
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(_SHARDED)],
        cwd=ROOT_FOLDER,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_seeds_are_shared_out_over_the_devices(sharded: dict[str, Any]) -> None:
    assert sharded["compiled"] == [DEVICES, 8 // DEVICES]
    assert sharded["loaded"] == [DEVICES, 8 // DEVICES]


@pytest.mark.parametrize("count", [16, 6, 3])
def test_several_devices_give_the_numbers_of_one(
    count: int, sharded: dict[str, Any], expected: Arrays
) -> None:
    assert_same(sharded[str(count)], some(expected, slice(count)))


@pytest.mark.parametrize(
    ("name", "count"), [("12 in less memory", 12), ("16 exploring", 16)], ids=lambda given: given
)
def test_every_batch_is_a_multiple_of_the_devices(
    name: str, count: int, sharded: dict[str, Any], expected: Arrays
) -> None:
    assert isinstance(sharded[name], dict), sharded[name]
    assert_same(sharded[name], some(expected, slice(count)))
