"""One test for all predictions: what every claim that is put on trial must have."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from harness.check import check
from harness.errors import AssayError
from harness.forecast import forecast
from harness.lock import lock_problems
from harness.measure import draws
from harness.plan import make_plan
from harness.read import read_tree
from harness.schema import Prediction
from harness.topic import load_function
from harness.trial import criteria
from harness.validate import validate
from harness.workload import workload

ROOT = Path(__file__).parents[2] / "predictions"
REGISTRY = read_tree([ROOT])
TIERS = [(prediction, tier) for prediction in REGISTRY for tier in prediction.tiers]

every_prediction = pytest.mark.parametrize(
    "prediction", list(REGISTRY), ids=lambda prediction: prediction.id
)
every_tier = pytest.mark.parametrize(
    ("prediction", "tier"), TIERS, ids=[f"{p.id}-{tier}" for p, tier in TIERS]
)


def test_the_suite_is_not_empty() -> None:
    assert len(REGISTRY) >= 4


@every_prediction
def test_files_code_and_forecasts_are_sound(prediction: Prediction) -> None:
    assert [str(problem) for problem in check([prediction])] == []


def test_every_promise_is_registered() -> None:
    assert [str(problem) for problem in lock_problems(REGISTRY)] == []


@every_prediction
def test_both_tiers_are_declared(prediction: Prediction) -> None:
    assert set(prediction.tiers) == {"smoke", "full"}


@every_prediction
def test_a_tolerance_has_reasons_in_words(prediction: Prediction) -> None:
    for observable in prediction.observables.values():
        assert all(len(reason.split()) >= 2 for reason in observable.because)


@every_prediction
def test_there_is_something_to_tell_the_theory_from(prediction: Prediction) -> None:
    assert len(prediction.theories) + len(prediction.controls) >= 3


@every_prediction
def test_every_theory_has_references(prediction: Prediction) -> None:
    for theory in prediction.theories:
        assert REGISTRY.theories[theory].references


@every_tier
def test_setups_of_all_cases_are_valid(prediction: Prediction, tier: str) -> None:
    validate(make_plan(prediction, tier))


@every_tier
def test_criteria_are_complete_and_never_looser(prediction: Prediction, tier: str) -> None:
    for name, criterion in criteria(prediction, tier).items():
        assert 0 < criterion.tolerance <= prediction.observables[name].tolerance.size


@every_tier
def test_every_case_can_be_traced(prediction: Prediction, tier: str) -> None:
    """Shapes fit, and every observable is returned: a tier that no machine here can run, too."""
    load = workload(make_plan(prediction, tier))
    assert load.networks >= load.programs >= 1
    assert load.flops is None or load.flops > 0


@every_prediction
def test_forecasts_are_finite_and_repeatable(prediction: Prediction) -> None:
    plan = make_plan(prediction)
    for name, theory in prediction.theories.items():
        first, second = (
            forecast(
                plan,
                plan.claim,
                name,
                theory.forecast,
                lambda point: draws(plan, plan.claim, point, 0, 2),
            )
            for _ in range(2)
        )
        assert first.values, f"{name} forecasts nothing at its own setup: {first.out_of_scope}"
        for observable, array in first.values.items():
            assert np.isfinite(array.values).all()
            np.testing.assert_allclose(array.values, second.values[observable].values, rtol=1e-9)


@every_prediction
def test_a_forecast_does_not_train(prediction: Prediction, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssayError("a forecast trained")

    monkeypatch.setattr("harness.work.execute", refuse)
    plan = make_plan(prediction)
    name = prediction.claims_theory
    said = forecast(
        plan,
        plan.claim,
        name,
        prediction.theories[name].forecast,
        lambda point: draws(plan, plan.claim, point, 0, 2),
    )
    assert said.values


@every_prediction
def test_theory_code_knows_neither_experiment_nor_jax(prediction: Prediction) -> None:
    for theory in prediction.theories.values():
        if isinstance(theory.forecast, str):
            function = load_function(prediction, theory.forecast, "forecast")
            tree = ast.parse(Path(function.__code__.co_filename).read_text(encoding="utf-8"))
            imported = {
                alias.name
                for node in ast.walk(tree)
                if isinstance(node, ast.Import)
                for alias in node.names
            } | {
                str(node.module or [alias.name for alias in node.names])
                for node in ast.walk(tree)
                if isinstance(node, ast.ImportFrom)
            }
            assert not {name for name in imported if "experiment" in name or "jax" in name}


def test_reading_everything_imports_neither_jax_nor_xarray() -> None:
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from harness.read import read_tree\n"
        f"assert len(read_tree([Path({str(ROOT)!r})])) >= 4\n"
        "assert not {'jax', 'xarray', 'scipy'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
