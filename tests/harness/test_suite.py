"""Several predictions at once: order, errors, and verdicts that do not depend on the workers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness import suite as module
from harness.errors import AssayError
from harness.judge import Verdict
from harness.measure import Trainer, local_trainer
from harness.outcome import Trial
from harness.plan import Plan, make_plan
from harness.pools.threads import ThreadPool
from harness.read import read_prediction
from harness.record import record_of
from harness.suite import AHEAD, try_all
from harness.trial import try_prediction

SECONDS = 60


@pytest.fixture
def trainer() -> Iterator[Trainer]:
    pool = ThreadPool(2)
    yield Trainer(pool=pool)
    pool.close()


def named(suite: Path, name: str, *changes: tuple[str, str]) -> Plan:
    """The little prediction under another name."""
    text = suite.read_text().replace("id: parabola", f"id: {name}")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = suite.with_name(f"{name}.yaml")
    path.write_text(text)
    return make_plan(read_prediction(path))


def test_results_are_found_by_position(suite: Path, trainer: Trainer) -> None:
    plans = [named(suite, name) for name in ("third", "first", "second", "last")]
    with try_all(plans, trainer) as trials:
        found = [trials.result(position).id for position in (3, 0, 2, 1)]
    assert found == ["last", "third", "second", "first"]


def test_an_error_in_one_does_not_stop_the_others(suite: Path, trainer: Trainer) -> None:
    experiment = suite.with_name("experiment.py")
    experiment.write_text(
        experiment.read_text() + "\n\ndef breaks(setup: Setup, key: jax.Array):\n"
        '    """Nothing of use."""\n    return {"weight": undefined}\n'
    )
    broken = named(suite, "broken", ("experiment.train", "experiment.breaks"))
    plans = [named(suite, "one"), broken, named(suite, "other")]
    with try_all(plans, trainer) as trials:
        with pytest.raises(AssayError, match="name 'undefined' is not defined") as error:
            trials.result(1)
        assert error.value.file == broken.prediction.source
        assert [trials.result(position).claim.verdict for position in (0, 2)] == [Verdict.PASS] * 2


@pytest.mark.parametrize(("workers", "ahead"), [(1, 1), (2, AHEAD)])
def test_so_many_are_under_way(
    workers: int, ahead: int, suite: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plans = [named(suite, f"p{number}") for number in range(AHEAD + 2)]
    begun: list[str] = []
    full, go_on = threading.Event(), threading.Event()

    def waits(plan: Plan, trainer: Trainer) -> Any:
        begun.append(plan.prediction.id)
        if len(begun) == ahead:
            full.set()
        assert go_on.wait(SECONDS)
        return plan.prediction.id

    monkeypatch.setattr(module, "try_prediction", waits)
    pool = ThreadPool(workers)
    try:
        with try_all(plans, Trainer(pool=pool)) as trials:
            assert full.wait(SECONDS)
            assert len(begun) == ahead
            last = trials.trials[-1]
    finally:
        go_on.set()
        pool.close()
    assert last.cancelled()


def verdicts(trial: Trial) -> list[tuple[str, str, str, Verdict]]:
    return [(row.case, row.theory, row.observable, row.verdict) for row in trial.rows]


def test_a_verdict_does_not_depend_on_the_number_of_workers(suite: Path) -> None:
    plan = make_plan(read_prediction(suite))
    trials = []
    for workers in (1, 2):
        with local_trainer(workers, fresh=True) as trainer:
            trials.append(try_prediction(plan, trainer))
    alone, together = trials
    assert verdicts(alone) == verdicts(together)
    assert [outcome.verdict for outcome in alone.theories] == [
        outcome.verdict for outcome in together.theories
    ]
    assert alone.seeds == together.seeds
    assert alone.cost.units == together.cost.units
    assert alone.cost.steps == together.cost.steps
    assert [row.discrepancy for row in alone.rows] == pytest.approx(
        [row.discrepancy for row in together.rows], rel=1e-4, abs=1e-6
    )


def test_the_precision_of_matrix_products_is_recorded(suite: Path, trainer: Trainer) -> None:
    plan = named(suite, "lower", ("experiment: ", "matmul_precision: default\nexperiment: "))
    record = record_of(plan, try_prediction(plan, trainer), trainer.pool)
    assert record["matmul_precision"] == "default"
