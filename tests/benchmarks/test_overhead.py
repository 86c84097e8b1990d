"""What the harness itself takes: everything that is not training, compiling or solving theory."""

from __future__ import annotations

from pathlib import Path

from pytest_benchmark.fixture import BenchmarkFixture

from harness.measure import Trainer
from harness.plan import make_plan
from harness.pools.local import local_pool
from harness.read import read_tree
from harness.text import table
from harness.trial import try_prediction

PREDICTIONS = Path(__file__).parents[2] / "predictions"


def test_overhead_of_the_shipped_predictions(benchmark: BenchmarkFixture, measuring: bool) -> None:
    """One worker for all, nothing from the store, programs from the cache.

    The share is negative where a theory was solved while controls trained.
    """
    shipped = list(read_tree([PREDICTIONS]))
    plans = [make_plan(prediction) for prediction in shipped]
    first = [make_plan(one, seeds=2) for one in shipped if one.id == "transient-bbp-phases"]
    rows, shares, per_case = [], [], []
    pool = local_pool(1)
    try_prediction(first[0], Trainer(pool=pool, fresh=True))

    def every_prediction() -> None:
        for plan in plans if measuring else first:
            trial = try_prediction(plan, Trainer(pool=pool, fresh=True))
            cost = trial.cost
            overhead = trial.wall_s - cost.run_s - cost.compile_s - cost.forecast_s
            cases = 1 + len(plan.controls)
            shares.append(overhead / trial.wall_s)
            per_case.append(1e3 * overhead / cases)
            numbers = (cost.run_s, cost.compile_s, cost.forecast_s, cost.judge_s, overhead)
            cells = [f"{number:.2f}" for number in numbers]
            rows.append([trial.id, *cells, f"{shares[-1]:.1%}", f"{per_case[-1]:.0f}"])

    benchmark.pedantic(every_prediction, rounds=1, iterations=1)
    pool.close()
    header = ("prediction", "run", "compile", "theory", "judge", "overhead", "share", "ms/case")
    benchmark.extra_info.update(
        largest_share=f"{max(shares):.1%}",
        largest_ms_per_case=round(max(per_case)),
        lines=table(header, rows),
    )
