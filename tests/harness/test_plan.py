from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import AssayError
from harness.plan import make_plan
from harness.read import read_prediction


def test_a_tier_an_override_and_a_control_change_the_setup_in_that_order(suite: Path) -> None:
    prediction = read_prediction(suite)
    plan = make_plan(prediction, "smoke", {"learning_rate": 0.25, "noise": 0.0})
    assert plan.claim.setup == {"learning_rate": 0.25, "noise": 0.0, "steps": 4}
    by_name = {case.name: case for case in plan.controls}
    assert by_name["backwards"].setup["learning_rate"] == 0.25
    assert by_name["no-curvature"].setup["learning_rate"] == 1e-6
    assert by_name["no-curvature"].setup["noise"] == 0.0


def test_an_override_of_an_axis_replaces_its_values_everywhere(suite: Path) -> None:
    plan = make_plan(read_prediction(suite), overrides={"curvature": 0.75})
    assert plan.claim.sweep == {"curvature": (0.75,)}
    assert all(case.sweep == {"curvature": (0.75,)} for case in plan.controls)


def test_looks_double_from_the_first_seeds_to_the_last(suite: Path) -> None:
    prediction = read_prediction(suite)
    assert make_plan(prediction).looks() == (8, 16, 32)
    assert make_plan(prediction, seeds=4).looks() == (4,)
    assert make_plan(prediction, seeds=4, max_seeds=10).looks() == (4, 8, 10)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"tier": "smok"}, "Did you mean 'smoke'?"),
        ({"overrides": {"curvatur": 1.0}}, "Did you mean 'curvature'?"),
        ({"seeds": 1}, "cannot give an interval"),
        ({"seeds": 8, "max_seeds": 4}, "cannot give an interval"),
    ],
)
def test_a_wrong_request_says_what_to_do(suite: Path, arguments: dict, said: str) -> None:
    with pytest.raises(AssayError, match=said.replace("?", r"\?")):
        make_plan(read_prediction(suite), **arguments)


def test_controls_run_with_the_first_theory_that_should_pass(suite: Path) -> None:
    assert read_prediction(suite).claims_theory == "descent"
