"""The first guess, when a trial is worth its compilation, and what is remembered."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from harness.programs import Strategy
from harness.tuning import (
    CPU_SEEDS,
    CPU_STATE_BYTES,
    PATIENCE,
    Arm,
    Arms,
    choose,
    guess,
    learnt,
    recall,
    remember,
    smaller,
)

HERE = Path(__file__).parents[2]
LEAST, MOST = CPU_SEEDS
PROGRAM = {"of": "tests"}
FOUR = Strategy(4, 5)
THOROUGH = Strategy(4, 5, "thorough")
SINGLE = Strategy(4, 1)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ASSAY_CACHE_DIR", str(tmp_path))
    return tmp_path / "programs"


@pytest.mark.parametrize(
    ("state", "seeds", "points", "expected"),
    [
        (100, 16, 5, Strategy(MOST, 5)),
        (100, 64, 5, Strategy(MOST, 5)),
        (100, 10, 5, Strategy(10, 5)),
        (100, 34, 5, Strategy(2, 5)),
        (CPU_STATE_BYTES // 20, 16, 5, Strategy(4, 5)),
        (CPU_STATE_BYTES, 16, 1, Strategy(LEAST, 1)),
        (100 * CPU_STATE_BYTES, 16, 5, Strategy(LEAST, 5)),
        (100 * CPU_STATE_BYTES, 1, 5, Strategy(1, 5)),
        (0, 16, 1, Strategy(MOST, 1)),
    ],
)
def test_a_processor_takes_as_many_seeds_as_stay_near_its_cache(
    state: int, seeds: int, points: int, expected: Strategy
) -> None:
    assert guess(state, seeds, points, accelerator=False) == expected


@pytest.mark.parametrize("state", [100, 100 * CPU_STATE_BYTES])
def test_an_accelerator_takes_all_lanes_at_once(state: int) -> None:
    assert guess(state, 64, 5, accelerator=True) == Strategy(64, 5)


def ran(seconds: float, compile_s: float = 1.0, strategy: Strategy = FOUR) -> Arms:
    """A strategy that has run for so many seconds."""
    return learnt({}, strategy, 4, seconds, compile_s)


def test_a_trial_waits_until_it_has_become_cheap() -> None:
    assert choose(ran(PATIENCE), 16) == FOUR
    assert choose(ran(10 * PATIENCE), 16) == THOROUGH
    assert choose(ran(10 * PATIENCE, compile_s=100.0), 16) == FOUR
    assert choose(ran(0.1, compile_s=0.0), 16) == FOUR


def test_time_spent_adds_up_over_calls() -> None:
    arms: Arms = {}
    for calls in range(1, 9):
        arms = learnt(arms, FOUR, 4, 4.0, 1.0)
        assert arms[FOUR] == Arm(1.0, 4 * calls, 1.0)
        assert choose(arms, 16) == (FOUR if 4 * calls <= 2 * PATIENCE else THOROUGH)


def test_trials_go_to_neighbours_and_then_to_the_fastest() -> None:
    speeds = {THOROUGH: 30.0, SINGLE: 40.0, Strategy(8, 5): 20.0, Strategy(2, 5): 25.0}
    arms, tried = ran(4 * 25.0), []
    for _ in range(12):
        strategy = choose(arms, 8)
        tried.append(strategy)
        per_seed = speeds.get(strategy, 22.0)
        arms = learnt(arms, strategy, strategy.seeds, per_seed * strategy.seeds, 1.0)
    assert list(dict.fromkeys(tried))[:3] == [THOROUGH, SINGLE, Strategy(8, 5)]
    assert tried[-1] == Strategy(8, 5)
    assert all(8 % strategy.seeds == 0 for strategy in tried)


@pytest.mark.parametrize(("seconds", "again"), [(120.0, True), (130.0, False)])
def test_a_first_call_near_the_best_gets_a_second(seconds: float, again: bool) -> None:
    arms = learnt(ran(100.0), THOROUGH, 4, seconds, 1.0)
    assert (choose(arms, 16) == THOROUGH) is again
    assert choose(learnt(arms, THOROUGH, 4, seconds, 0.0), 16) == SINGLE


def test_the_best_of_several_measurements_counts() -> None:
    arms = learnt(learnt(ran(4.0, 2.0), FOUR, 4, 2.0, 0.0), FOUR, 4, 8.0, 0.0)
    assert arms[FOUR] == Arm(0.5, 12, 2.0)


def test_what_did_not_fit_is_not_tried_again() -> None:
    arms = learnt(ran(1000.0), THOROUGH, 1, float("inf"), 0.0)
    arms = learnt(arms, SINGLE, 1, float("inf"), 0.0)
    arms = learnt(arms, Strategy(8, 5), 1, float("inf"), 0.0)
    assert choose(arms, 8) == Strategy(2, 5)


def test_what_did_not_fit_earns_no_trial() -> None:
    arms = learnt(ran(0.1), Strategy(8, 5), 1, float("inf"), 0.0)
    assert choose(arms, 8) == FOUR


def test_what_fitted_into_more_memory_and_no_longer_does_is_not_tried_again() -> None:
    arms = {**ran(0.1, strategy=Strategy(8, 5)), **ran(1.0)}
    assert choose(arms, 8) == Strategy(8, 5)
    assert choose(learnt(arms, Strategy(8, 5), 1, float("inf"), 0.0), 8) == FOUR


def test_lanes_are_taken_away_seeds_first() -> None:
    strategy: Strategy | None = Strategy(12, 5, "thorough")
    found = []
    while strategy is not None:
        found.append((strategy.seeds, strategy.points))
        assert strategy.effort == "thorough"
        strategy = smaller(strategy)
    assert found == [(12, 5), (6, 5), (3, 5), (1, 5), (1, 2), (1, 1)]


def test_every_device_keeps_its_share() -> None:
    strategy: Strategy | None = Strategy(24, 2)
    found = []
    while strategy is not None:
        found.append((strategy.seeds, strategy.points))
        strategy = smaller(strategy, 4)
    assert found[-1] == (4, 1)
    assert all(seeds % 4 == 0 for seeds, _ in found)


def test_another_process_knows_what_was_measured() -> None:
    arms = learnt(ran(2.0), THOROUGH, 1, float("inf"), 0.0)
    remember(PROGRAM, arms)
    assert recall(PROGRAM) == arms
    script = f"from harness.tuning import recall; print(len(recall({PROGRAM!r})))"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=HERE, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "2"
    assert recall({"of": "others"}) == {}


def test_the_better_measurement_of_two_processes_stays() -> None:
    remember(PROGRAM, {FOUR: Arm(0.5, 8, 1.0), THOROUGH: Arm(0.5, 8, 1.0)})
    remember(PROGRAM, {FOUR: Arm(0.75, 4, 2.0), THOROUGH: Arm(float("inf"), 1, 0.0)})
    assert recall(PROGRAM) == {FOUR: Arm(0.5, 8, 2.0), THOROUGH: Arm(float("inf"), 8, 1.0)}


def test_a_trial_takes_no_more_seeds_than_are_left() -> None:
    long_enough = {
        Strategy(4, 1): Arm(10.0, 100, 1.0),
        Strategy(4, 1, "thorough"): Arm(11.0, 8, 1.0),
    }
    assert choose(long_enough, 16) == Strategy(8, 1)
    assert choose(long_enough, 16, rest=4) == Strategy(2, 1)


def test_what_others_wrote_meanwhile_stays() -> None:
    remember(PROGRAM, ran(2.0))
    remember(PROGRAM, ran(3.0, strategy=THOROUGH))
    assert recall(PROGRAM) == {**ran(2.0), **ran(3.0, strategy=THOROUGH)}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"null",
        b'{"a": 1}',
        b'[{"strategy": {}}]',
        b'[{"strategy": {"rows": 1}, "arm": {}}]',
        b"\xff\xfe",
    ],
)
def test_what_cannot_be_read_is_nothing(content: bytes, cache: Path) -> None:
    remember(PROGRAM, ran(2.0))
    (file,) = cache.iterdir()
    file.write_bytes(content)
    assert recall(PROGRAM) == {}
    remember(PROGRAM, ran(2.0))
    assert recall(PROGRAM) == ran(2.0)


def test_nothing_is_kept_when_the_user_says_so(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSAY_COMPILE_CACHE", "off")
    remember(PROGRAM, ran(2.0))
    assert not cache.exists()
