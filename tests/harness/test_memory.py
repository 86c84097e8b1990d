"""Programs are made smaller until they fit, and what never fits is said before anything runs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from harness import execute as module
from harness import memory
from harness.errors import AssayError
from harness.execute import TooLarge, execute
from harness.measure import gather, local_trainer, measure
from harness.plan import make_plan
from harness.programs import Strategy, program
from harness.read import read_prediction
from tests.harness.ensembles import (
    POINTS,
    ROOT,
    TRACED,
    arguments,
    assert_same,
    ensemble,
    seeds,
)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_CACHE_DIR", str(tmp_path / "cache"))


def needed(lanes: int, points: int) -> int:
    strategy = Strategy(lanes, points)
    return program(ensemble(), strategy, arguments(lanes, points)).peak_bytes


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> list[Strategy]:
    """The strategies that were run."""
    found: list[Strategy] = []
    call = module._Batches._call

    def noted(self: Any, ready: Any, strategy: Strategy, first: int) -> Any:
        found.append(strategy)
        return call(self, ready, strategy, first)

    monkeypatch.setattr(module._Batches, "_call", noted)
    return found


@pytest.mark.parametrize(("lanes", "points"), [(3, 5), (1, 1)])
def test_lanes_shrink_until_the_program_fits(
    lanes: int, points: int, called: list[Strategy], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = execute(ensemble(), TRACED, POINTS, ROOT, seeds(12))
    limit = needed(lanes, points)
    monkeypatch.setattr(module, "limit_bytes", lambda: limit)
    monkeypatch.setattr(module, "recall", lambda program: {})
    called.clear()
    done = execute(ensemble(), TRACED, POINTS, ROOT, seeds(12))
    assert done.peak_bytes is not None
    assert whole.peak_bytes is not None
    assert done.peak_bytes <= limit < whole.peak_bytes
    assert {strategy.points for strategy in called} == {points}
    assert max(strategy.seeds for strategy in called) <= lanes
    assert_same(done.arrays, whole.arrays)


def test_less_memory_than_one_seed_needs_is_said_before_anything_runs(
    called: list[Strategy], monkeypatch: pytest.MonkeyPatch
) -> None:
    one = needed(1, 1)
    monkeypatch.setattr(module, "limit_bytes", lambda: one - 1)
    with pytest.raises(TooLarge) as large:
        execute(ensemble(), TRACED, POINTS, ROOT, seeds(4))
    assert (large.value.needed, large.value.limit) == (one, one - 1)
    assert called == []


def test_too_little_memory_is_an_error_with_file_and_numbers(
    suite: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "limit_bytes", lambda: 7)
    plan = make_plan(read_prediction(suite))
    with local_trainer(1) as trainer, pytest.raises(AssayError) as error:
        gather([measure(plan, plan.claim, 0, 2, trainer)])
    assert error.value.file == suite
    assert error.value.line
    numbers = re.search(r"curvature=\S+ needs (\S+) GB, (\S+) GB can be had", str(error.value))
    assert numbers is not None
    assert float(numbers[1]) > float(numbers[2]) == 7e-9
    assert "--workers" in error.value.remedy


def test_what_did_not_fit_is_not_compiled_again(monkeypatch: pytest.MonkeyPatch) -> None:
    limit = needed(4, 5)
    asked: list[Strategy] = []

    def noted(ensemble: Any, strategy: Strategy, given: Any) -> Any:
        asked.append(strategy)
        return program(ensemble, strategy, given)

    monkeypatch.setattr(module, "limit_bytes", lambda: limit)
    monkeypatch.setattr(module, "program", noted)
    for _ in range(2):
        execute(ensemble(), TRACED, POINTS, ROOT, seeds(16))
    assert asked.count(Strategy(16, 5)) == 1
    assert asked.count(Strategy(8, 5)) == 1


class Device:
    """A device as JAX lists it."""

    def __init__(self, statistics: dict[str, int] | None) -> None:
        self.statistics = statistics

    def memory_stats(self) -> dict[str, int] | None:
        return self.statistics


@pytest.fixture
def processor(monkeypatch: pytest.MonkeyPatch) -> None:
    """A device without memory of its own."""
    monkeypatch.setattr("jax.local_devices", lambda: [Device(None)])


def test_an_accelerator_says_what_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(memory.SHARES_VARIABLE, "4")
    monkeypatch.setattr("jax.local_devices", lambda: [Device({"bytes_limit": 1000})] * 2)
    assert memory.limit_bytes() == 1000 * memory.SHARE


@pytest.mark.usefixtures("processor")
def test_workers_share_the_memory_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(memory.SHARES_VARIABLE, raising=False)
    whole = memory.limit_bytes()
    monkeypatch.setenv(memory.SHARES_VARIABLE, "4")
    assert memory.limit_bytes() == pytest.approx(whole / 4, abs=1)


@pytest.mark.usefixtures("processor")
@pytest.mark.parametrize(
    ("content", "bytes_"), [("1000000\n", 1_000_000), ("max\n", None), (None, None)]
)
def test_the_smaller_of_machine_and_control_group_counts(
    content: str | None, bytes_: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(memory.SHARES_VARIABLE, raising=False)
    group = tmp_path / "memory.max"
    monkeypatch.setattr(memory, "_CGROUP", group)
    physical = memory.limit_bytes()
    if content is not None:
        group.write_text(content)
    expected = physical if bytes_ is None else memory.SHARE * bytes_
    assert memory.limit_bytes() == pytest.approx(expected, abs=1)
