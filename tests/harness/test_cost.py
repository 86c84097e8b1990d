from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.cost import (
    Estimate,
    Spent,
    budget_s,
    cells,
    count,
    estimate,
    estimate_line,
    operations,
    seconds,
    size,
    spent,
    total,
)
from harness.plan import Plan, make_plan
from harness.read import read_prediction
from harness.schema import SMOKE_BUDGET_S

FULL = {
    "run_s": 100.0,
    "compile_s": 12.0,
    "forecast_s": 6.0,
    "judge_s": 2.0,
    "units": 4,
    "stored_units": 1,
    "steps": 2_100_000,
    "flops": 1.2e12,
    "peak_bytes": 340_000_000,
}


def record(
    *, cost: Any = FULL, seeds: int = 8, day: int = 1, device: str = "cpu", **changes: Any
) -> dict[str, Any]:
    return {
        "id": "parabola",
        "tier": "smoke",
        "revision": 1,
        "overrides": {},
        "provenance": {"time": f"2026-05-{day:02}T12:00:00+00:00", "device": device},
        "trial": {"seeds": seeds, "wall_s": 62.0, "cost": cost},
        **changes,
    }


@pytest.fixture
def plan(suite: Path) -> Plan:
    return make_plan(read_prediction(suite))


def test_a_cost_is_read_from_a_record() -> None:
    cost = spent(record())
    assert (cost.run_s, cost.wall_s, cost.steps) == (100.0, 62.0, 2_100_000)
    assert cells(cost) == ("100 s", "12 s", "62 s", "2.1 M", "1.2 TFLOP", "340 MB")


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"trial": None},
        {"trial": {"cost": None}},
        {"trial": {"cost": {"run_s": None, "steps": "many", "flops": float("nan")}}},
    ],
)
def test_what_a_record_lacks_is_missing(broken: dict[str, Any]) -> None:
    assert spent(broken) == Spent()
    assert set(cells(spent(broken))) == {"-"}
    assert set(cells(spent(broken), missing="–")) == {"–"}


def test_a_total_adds_seconds_and_takes_the_largest_memory() -> None:
    together = total([Spent(run_s=1.0, peak_bytes=7), Spent(run_s=2.0, peak_bytes=5)])
    assert together == Spent(run_s=3.0, peak_bytes=7)


def test_a_total_of_which_a_part_is_missing_is_missing() -> None:
    assert total([Spent(run_s=1.0, steps=3), Spent(run_s=2.0)]) == Spent(run_s=3.0)
    assert total([]) == Spent()


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (seconds(0.04), "0.0 s"),
        (seconds(61.2), "61 s"),
        (seconds(240), "4 min"),
        (seconds(9000), "2.5 h"),
        (count(0), "0"),
        (count(840), "840"),
        (count(2_100_000), "2.1 M"),
        (count(999_999), "1 M"),
        (operations(1.2e12), "1.2 TFLOP"),
        (operations(3e22), "3e+04 EFLOP"),
        (size(340_000_000), "340 MB"),
        (size(12), "12 B"),
    ],
)
def test_numbers_in_words(written: str, expected: str) -> None:
    assert written == expected


def test_a_smoke_tier_has_a_budget_of_its_own() -> None:
    assert budget_s("smoke", None) == SMOKE_BUDGET_S
    assert budget_s("smoke", 60.0) == 60.0
    assert budget_s("full", None) is None


def test_a_run_takes_its_work_over_the_workers(plan: Plan) -> None:
    foretold = estimate([plan, plan], [record()], 2, device="cpu")
    assert foretold.wall_s == pytest.approx(120.0)
    assert (foretold.workers, foretold.unknown) == (2, ())


def test_a_run_never_takes_less_than_theory_and_judging_of_one_prediction(plan: Plan) -> None:
    assert estimate([plan], [record()], 100, device="cpu").wall_s == pytest.approx(8.0)


def test_old_records_count_with_what_they_hold(plan: Plan) -> None:
    old = record(cost={"run_s": 3.0, "compile_s": 1.0})
    assert estimate([plan], [old], 1, device="cpu").wall_s == pytest.approx(4.0)


def test_the_newest_record_of_the_same_question_is_the_basis(plan: Plan) -> None:
    records = [
        record(cost={"run_s": 7.0}, day=2),
        record(cost={"run_s": 5.0}, day=3),
        record(cost={"run_s": 6.0}, day=1),
        record(day=9, device="gpu H"),
        record(day=9, tier="full"),
        record(day=9, revision=2),
        record(day=9, id="another"),
        record(day=9, overrides={"steps": 400}),
    ]
    assert estimate([plan], records, 1, device="cpu").wall_s == pytest.approx(5.0)
    assert estimate([plan], records[3:], 1, device="cpu") == Estimate(0.0, 1, ("parabola",))


def test_a_record_without_training_time_is_no_basis(plan: Plan) -> None:
    empty = record(cost={"compile_s": 4.0})
    assert estimate([plan], [empty], 1, device="cpu").unknown == ("parabola",)


def test_training_and_judging_grow_with_the_seeds(suite: Path) -> None:
    prediction = read_prediction(suite)
    more = make_plan(prediction, seeds=80)
    assert estimate([more], [record()], 1, device="cpu").wall_s == pytest.approx(1020 + 18)
    declared = make_plan(prediction)
    assert declared.looks() == (8, 16, 32)
    grown = record(seeds=16)
    assert estimate([declared], [grown], 1, device="cpu").wall_s == pytest.approx(120)


def test_overrides_have_no_basis(suite: Path) -> None:
    plan = make_plan(read_prediction(suite), overrides={"steps": 2})
    assert estimate([plan], [record()], 1, device="cpu").unknown == ("parabola",)


@pytest.mark.parametrize(
    ("foretold", "line"),
    [
        (Estimate(59.0, 2, ()), None),
        (Estimate(0.0, 2, ("a",)), None),
        (Estimate(240.0, 1, ()), "about 4 min on 1 worker (from earlier records)"),
        (
            Estimate(240.0, 2, ("a", "b", "c")),
            "about 4 min on 2 workers (from earlier records; 3 predictions never run here)",
        ),
        (
            Estimate(90.0, 2, ("a",)),
            "about 90 s on 2 workers (from earlier records; 1 prediction never run here)",
        ),
    ],
)
def test_only_a_long_run_is_announced(foretold: Estimate, line: str | None) -> None:
    assert estimate_line(foretold) == line
