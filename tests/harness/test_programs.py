"""Which changes need another program, and which are arguments of the same one."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from harness import executables, programs
from harness.ensemble import MissingOutput
from harness.execute import execute
from harness.programs import Strategy, lane_counts, program
from tests.harness.ensembles import POINTS, ROOT, TRACED, Setup, arguments, ensemble, seeds, train


@pytest.fixture(autouse=True)
def nothing_compiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(executables, "_ready", {})
    monkeypatch.setattr(programs, "_traceables", {})


@pytest.fixture
def compilations(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The effort of every compilation."""
    found: list[str] = []
    compile_one = executables._optimised

    def counted(lowered: Any, effort: Any) -> Any:
        found.append(effort)
        return compile_one(lowered, effort)

    monkeypatch.setattr(executables, "_optimised", counted)
    return found


def test_a_changed_number_runs_the_same_program(compilations: list[str]) -> None:
    ends = [
        execute(ensemble(), {**TRACED, "rate": rate}, grid, root, seeds(4, first)).arrays["weight"]
        for rate, grid, root, first in [
            (0.1, POINTS, ROOT, 0),
            (0.2, POINTS, ROOT, 0),
            (0.2, {"curvature": POINTS["curvature"] / 2}, ROOT, 0),
            (0.2, POINTS, ROOT + np.uint32(1), 0),
            (0.2, POINTS, ROOT, 4),
        ]
    ]
    assert len(compilations) == 1
    assert all(np.abs(one - other).max() > 1e-3 for one, other in pairwise(ends))


@pytest.mark.parametrize(
    "changes",
    [
        {"code": "rewritten"},
        {"world": Setup(steps=7)},
        {"precision": "float64"},
        {"matmul": "default"},
        {"outputs": ("weight",)},
        {"traced": ("rate",)},
        {"draw": lambda setup, key: {}, "experiment": lambda setup, key, draw: train(setup, key)},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_changed_definition_is_another_program(
    changes: dict[str, Any], compilations: list[str]
) -> None:
    execute(ensemble(), TRACED, POINTS, ROOT, seeds(2))
    changed = ensemble(**changes)
    execute(changed, {name: TRACED[name] for name in changed.traced}, POINTS, ROOT, seeds(2))
    assert len(compilations) == 2


def test_placeholders_of_traced_numbers_are_no_part_of_a_program() -> None:
    plain = ensemble()
    filled = replace(plain, world=Setup(rate=0.7, noise=0.2, curvature=3.0))
    assert filled.static() == plain.static()
    assert replace(plain, world=Setup(steps=7)).static() != plain.static()


def test_every_strategy_is_a_program_and_the_experiment_is_traced_once() -> None:
    traces = []

    def noted(setup: Setup, key: jax.Array) -> dict[str, jax.Array]:
        traces.append(1)
        return train(setup, key)

    shapes = {}
    for strategy in (Strategy(2, 1), Strategy(2, 5), Strategy(4, 5)):
        given = arguments(strategy.seeds, strategy.points)
        shapes[strategy] = program(ensemble(noted), strategy, given).call(*given)["weight"].shape
    assert shapes == {strategy: (strategy.seeds, strategy.points, 3) for strategy in shapes}
    assert len(traces) == 1


def test_a_program_knows_its_memory_and_the_work_of_one_lane() -> None:
    few, many = (program(ensemble(), Strategy(lanes, 5), arguments(lanes, 5)) for lanes in (2, 64))
    assert 0 < few.peak_bytes < many.peak_bytes
    assert few.note == many.note
    assert few.note["steps"] == 6
    assert lane_counts(ensemble(), arguments(1, 5)).state_bytes >= 3 * 4


def test_matrix_products_run_in_the_precision_that_is_declared() -> None:
    def multiplies(setup: Setup, key: jax.Array) -> dict[str, jax.Array]:
        matrix = jax.random.normal(key, (3, 3)) * setup.curvature
        return {"weight": matrix @ matrix}

    found = {}
    for matmul in ("highest", "default"):
        one = ensemble(multiplies, outputs=("weight",), matmul=matmul)
        lowered: list[str] = []

        def keep(lowering: Any, effort: Any, kept: list[str] = lowered) -> Any:
            kept.append(lowering.as_text())
            return lowering.compile()

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(executables, "_optimised", keep)
            program(one, Strategy(1, 1), arguments(1, 1))
        found[matmul] = "HIGHEST" in lowered[0]
    assert found == {"highest": True, "default": False}
    assert jax.config.jax_default_matmul_precision is None
    assert jnp.ones(1).dtype == jnp.float32


def test_a_missing_output_is_named_with_what_is_returned() -> None:
    with pytest.raises(MissingOutput) as missing:
        execute(ensemble(outputs=("wait",)), TRACED, POINTS, ROOT, seeds(2))
    assert missing.value.name == "wait"
    assert missing.value.returned == ("weight", "sums", "positive")


def test_what_breaks_is_not_kept() -> None:
    def breaks(setup: Setup, key: jax.Array) -> dict[str, jax.Array]:
        if broken:
            raise ZeroDivisionError
        return train(setup, key)

    broken = [True]
    with pytest.raises(ZeroDivisionError):
        program(ensemble(breaks), Strategy(1, 1), arguments(1, 1))
    broken.clear()
    assert program(ensemble(breaks), Strategy(1, 1), arguments(1, 1)).peak_bytes > 0
