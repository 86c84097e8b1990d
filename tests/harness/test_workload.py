from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import AssayError
from harness.measure import Trainer
from harness.plan import make_plan
from harness.pools.threads import ThreadPool
from harness.read import read_prediction
from harness.trial import try_prediction
from harness.workload import workload


def test_what_is_traced_is_what_a_run_counts(suite: Path, tmp_path: Path) -> None:
    plan = make_plan(read_prediction(suite), seeds=32)
    load = workload(plan)
    pool = ThreadPool()
    cost = try_prediction(plan, Trainer(pool=pool, fresh=True, folder=tmp_path)).cost
    pool.close()
    assert (load.steps, load.flops) == (cost.steps, cost.flops)


def test_networks_grow_with_seeds_and_programs_do_not(suite: Path) -> None:
    prediction = read_prediction(suite)
    few, many = (workload(make_plan(prediction, seeds=seeds)) for seeds in (4, 8))
    assert (many.programs, many.networks) == (few.programs, 2 * few.networks)


def test_code_that_is_not_traced_has_no_counts(suite: Path) -> None:
    code = suite.parent / "experiment.py"
    decorated = code.read_text().replace("def train(", "@untraced\ndef train(")
    code.write_text(
        decorated.replace("import jax", "from harness.api import untraced\nimport jax", 1)
    )
    load = workload(make_plan(read_prediction(suite)))
    assert (load.steps, load.flops) == (None, None)
    assert load.networks > 0


def test_a_broken_experiment_is_named(suite: Path) -> None:
    code = suite.parent / "experiment.py"
    code.write_text(code.read_text().replace("return {", "return missing or {"))
    with pytest.raises(AssayError, match=r"experiment\.train broke in case"):
        workload(make_plan(read_prediction(suite)))
