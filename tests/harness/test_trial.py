from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import AssayError
from harness.judge import Verdict
from harness.measure import local_trainer
from harness.outcome import Trial
from harness.plan import make_plan
from harness.read import read_prediction
from harness.trial import try_prediction


def run(suite: Path, **request: object) -> Trial:
    with local_trainer() as trainer:
        return try_prediction(make_plan(read_prediction(suite), **request), trainer)  # type: ignore[arg-type]


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_a_true_claim_passes_and_its_controls_and_rivals_fail(suite: Path) -> None:
    trial = run(suite)
    assert trial.claim.theory == "descent"
    assert trial.claim.verdict is Verdict.PASS
    assert {control.control: control.verdict for control in trial.controls} == {
        "backwards": Verdict.FAIL,
        "no-curvature": Verdict.FAIL,
    }
    assert all(outcome.as_expected for outcome in trial.theories)
    assert trial.resolving_power is not None
    assert trial.resolving_power > 2


def test_a_control_that_passes_makes_the_pass_vacuous(suite: Path) -> None:
    edit(suite, "forecast: theory.frozen, because:", "forecast: theory.decay, because:")
    trial = run(suite)
    assert trial.claim.verdict is Verdict.VACUOUS
    assert "backwards" in trial.claim.reason
    assert not trial.claim.as_expected
    assert "vacuous-control" in {finding.check for finding in trial.health}


def test_seeds_are_added_while_undecided_and_not_after(suite: Path) -> None:
    edit(suite, "noise: 0.05", "noise: 1.0e-4")
    assert run(suite).seeds == 8
    edit(suite, "noise: 1.0e-4", "noise: 0.3")
    undecided = run(suite)
    assert undecided.seeds == 32
    assert undecided.claim.verdict is Verdict.INCONCLUSIVE
    assert "seeds would decide" in undecided.claim.reason


def test_a_value_that_is_not_finite_is_an_error_never_a_verdict(suite: Path) -> None:
    edit(suite.with_name("experiment.py"), '"weight": weights', '"weight": weights / 0.0 * 0.0')
    trial = run(suite)
    assert trial.claim.verdict is Verdict.ERROR
    assert "not finite" in trial.claim.reason
    assert "non-finite" in {finding.check for finding in trial.health}


def test_a_setup_outside_the_declared_regime_is_out_of_scope(suite: Path) -> None:
    trial = run(suite, overrides={"learning_rate": 1.5})
    assert trial.claim.verdict is Verdict.OUT_OF_SCOPE
    assert "learning_rate = 1.5" in trial.claim.reason


def test_a_theory_may_declare_itself_silent(suite: Path) -> None:
    edit(
        suite.with_name("theory.py"),
        '    return {"weight": np.ones(setup.steps)}',
        "    from harness.api import OutOfScope\n\n    raise OutOfScope('only for one step')",
    )
    rival = next(outcome for outcome in run(suite).theories if outcome.theory == "frozen")
    assert rival.verdict is Verdict.OUT_OF_SCOPE
    assert "only for one step" in rival.reason


def test_forecasts_and_controls_follow_an_override(suite: Path) -> None:
    trial = run(suite, overrides={"curvature": 0.75, "steps": 2})
    assert trial.claim.verdict is Verdict.PASS
    row = next(row for row in trial.rows if row.case == "claim" and row.theory == "descent")
    assert row.forecast is not None
    assert row.forecast.values == [[pytest.approx(0.625), pytest.approx(0.390625)]]


def test_a_conditional_theory_sees_the_draw_and_is_paired_by_seed(suite: Path) -> None:
    edit(suite.with_name("experiment.py"), "key: jax.Array)", "key: jax.Array, draw)")
    edit(
        suite.with_name("experiment.py"),
        "1 + setup.noise * jax.random.normal(key)",
        'draw["start"]',
    )
    edit(
        suite.with_name("world.py"),
        "from dataclasses",
        "import jax\nfrom dataclasses",
    )
    with suite.with_name("world.py").open("a") as file:
        file.write(
            "\n\ndef draw(setup: Setup, key):\n"
            '    """Start of the descent."""\n'
            "    return {'start': 1 + setup.noise * jax.random.normal(key)}\n"
        )
    edit(
        suite.with_name("theory.py"),
        "def decay(setup: Setup)",
        "def decay(setup: Setup, draw)",
    )
    edit(
        suite.with_name("theory.py"),
        '{"weight": (1 - setup.learning_rate',
        '{"weight": draw["start"] * (1 - setup.learning_rate',
    )
    edit(suite, "experiment: experiment.train", "experiment: experiment.train\ndraw: world.draw")
    edit(suite, "noise: 0.05", "noise: 0.5")
    trial = run(suite)
    assert trial.claim.verdict is Verdict.PASS
    assert trial.rows[0].discrepancy is not None
    assert trial.rows[0].discrepancy < 1e-5


def test_a_forecast_that_is_not_finite_is_refused(suite: Path) -> None:
    edit(suite.with_name("theory.py"), "np.ones(setup.steps)", "np.full(setup.steps, np.inf)")
    with pytest.raises(AssayError, match="not finite"):
        run(suite)


def test_one_point_and_no_finite_size_term_are_findings_and_can_be_suppressed(suite: Path) -> None:
    edit(suite, "{finite number of steps: 0.1}", "{Monte-Carlo error: 0.1}")
    assert "asymptotic-only" in {finding.check for finding in run(suite).health}
    with suite.open("a") as file:
        file.write("suppress: {asymptotic-only: the decay is exact at any size}\n")
    finding = next(found for found in run(suite).health if found.check == "asymptotic-only")
    assert finding.suppressed == "the decay is exact at any size"


def test_a_control_that_cannot_be_judged_has_no_share_in_the_resolving_power(suite: Path) -> None:
    edit(
        suite.with_name("experiment.py"),
        '"weight": weights',
        '"weight": jnp.where(setup.learning_rate > 0.1, weights, jnp.nan)',
    )
    trial = run(suite)
    control = next(found for found in trial.controls if found.control == "no-curvature")
    assert control.verdict is Verdict.ERROR
    assert control.error_in_tolerances is None
    assert trial.resolving_power is not None
    assert trial.resolving_power > 2
