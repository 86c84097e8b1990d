"""Risk and GCV along early-stopped descent against limits, exact averages and the trained nets."""

from dataclasses import replace
from functools import partial

import jax
import numpy as np
import pytest

from harness.api import OutOfScope
from predictions.solvable_settings.early_stopping_risk import experiment, theory
from predictions.solvable_settings.early_stopping_risk.world import Setup

SETUP = Setup(
    samples=200,
    features_per_sample=1.5,
    signal=5.0,
    noise=1.0,
    learning_rate=0.2,
    records=(1, 2, 4, 8, 16),
    fit="descent",
    sampling="independent",
)
SMALL = replace(SETUP, samples=12, records=(1, 3, 8))


def _averages(setup, rng, keep):
    """Risk and GCV, averaged over labels and teachers exactly and over a few inputs."""
    n, p = setup.samples, setup.features
    risks, gcvs = [], []
    for _ in range(4):
        x_NP = rng.standard_normal((n, p))
        s_P, basis_PP = np.linalg.eigh(x_NP.T @ x_NP / n)
        q_TP = keep(setup, np.clip(s_P, 0, None))
        per_s = np.divide((1 - q_TP) ** 2, s_P, where=s_P > 1e-9, out=np.zeros_like(q_TP))
        risks.append(
            setup.noise
            + setup.signal * (q_TP**2).mean(axis=1)
            + setup.noise * per_s.sum(axis=1) / n
        )
        fits = [x_NP @ basis_PP * np.divide(1 - q, s_P, where=s_P > 1e-9, out=0 * q) for q in q_TP]
        residuals = [np.eye(n) - fit @ (x_NP @ basis_PP).T / n for fit in fits]
        train = [
            setup.noise * (r**2).sum() / n + setup.signal / p * ((r @ x_NP) ** 2).sum() / n
            for r in residuals
        ]
        left = np.array([np.trace(r) / n for r in residuals])
        gcvs.append(np.array(train) / left**2)
    return np.mean(risks, axis=0), np.mean(gcvs, axis=0)


@pytest.mark.parametrize("features_per_sample", [0.5, 1.5])
@pytest.mark.parametrize(
    ("forecast", "keep"),
    [
        (theory.descent, lambda u, s: (1 - u.learning_rate * s) ** np.array(u.records)[:, None]),
        (theory.flow, lambda u, s: np.exp(-u.learning_rate * s * np.array(u.records)[:, None])),
        (
            theory.ridge_equivalent,
            lambda u, s: 1 / (1 + u.learning_rate * s * np.array(u.records)[:, None]),
        ),
    ],
)
def test_curves_are_averages_over_sampled_inputs(features_per_sample, forecast, keep):
    setup = replace(SETUP, features_per_sample=features_per_sample)
    risk, gcv = _averages(setup, np.random.default_rng(0), keep)
    curves = forecast(setup)
    np.testing.assert_allclose(curves["risk"], risk, rtol=0.02)
    np.testing.assert_allclose(curves["gcv_over_loo"], gcv / risk, rtol=0.03)
    np.testing.assert_allclose(curves["loo_over_risk"], 1)


def test_gcv_is_consistent_for_ridge_regression():
    for features_per_sample in (0.3, 0.9, 3.0):
        setup = replace(SETUP, features_per_sample=features_per_sample, learning_rate=0.05)
        ratio = theory.ridge_equivalent(setup)["gcv_over_loo"]
        np.testing.assert_allclose(ratio, 1, rtol=1e-9)


def test_few_features_make_gcv_consistent_for_descent_too():
    few = replace(SETUP, samples=100_000, features_per_sample=1e-3)
    np.testing.assert_allclose(theory.descent(few)["gcv_over_loo"], 1, atol=5e-3)


def test_no_training_has_the_risk_of_the_null_and_long_training_that_of_least_squares():
    idle = theory.descent(replace(SETUP, learning_rate=1e-9))
    np.testing.assert_allclose(idle["risk"], SETUP.signal + SETUP.noise, rtol=1e-6)
    np.testing.assert_allclose(idle["gcv_over_loo"], 1, rtol=1e-6)
    long = theory.descent(replace(SETUP, features_per_sample=0.5, records=(1000, 4000)))
    assert long["risk"][-1] == pytest.approx(SETUP.noise * (1 + 0.5 / 0.5), rel=1e-9)


def test_small_steps_are_flow():
    slow = replace(SETUP, learning_rate=1e-4, records=(2000, 8000))
    for name, curve in theory.flow(slow).items():
        np.testing.assert_allclose(theory.descent(slow)[name], curve, rtol=1e-3)


def test_setups_outside_of_the_regime_are_refused():
    for change, match in (
        ({"learning_rate": 0.5}, "diverges"),
        ({"features_per_sample": 1.1}, "about as many"),
        ({"records": (1, 200)}, "degrees of freedom"),
    ):
        with pytest.raises(OutOfScope, match=match):
            theory.descent(replace(SETUP, **change))
    with pytest.raises(ValueError, match="even"):
        replace(SETUP, samples=13)
    with pytest.raises(ValueError, match="rise"):
        replace(SETUP, records=(4, 2))


def _exact(setup, x_NP, y_N, used_N):
    """Weights [step, p] of descent or ridge regression on some of the samples."""
    n, found = setup.samples, []
    x_NP, y_N = x_NP * used_N[:, None], y_N * used_N
    for record in setup.records:
        w_P = np.zeros(x_NP.shape[1])
        if setup.fit == "ridge":
            gram_PP = x_NP.T @ x_NP / n + np.eye(len(w_P)) / (setup.learning_rate * record)
            w_P = np.linalg.solve(gram_PP, x_NP.T @ y_N / n)
        else:
            for _ in range(record):
                w_P = w_P - setup.learning_rate * x_NP.T @ (x_NP @ w_P - y_N) / n
        found.append(w_P)
    return np.array(found)


@pytest.mark.parametrize(
    ("fit", "sampling"),
    [("descent", "independent"), ("ridge", "independent"), ("descent", "twice")],
)
def test_measured_estimates_are_their_definitions(fit, sampling):
    setup = replace(SMALL, fit=fit, sampling=sampling)
    key = jax.random.key(3)
    measured = jax.jit(partial(experiment.train, setup))(key)
    x_NP, y_N, teacher_P = (np.asarray(a, float) for a in experiment.draw_data(setup, key))
    n, everyone = setup.samples, np.ones(setup.samples)
    assert teacher_P @ teacher_P == pytest.approx(setup.signal, rel=1e-5)
    assert (len(np.unique(y_N)) == n) == (sampling == "independent")
    errors_NT = [_exact(setup, x_NP, y_N, 1 - np.eye(n)[i]) @ x_NP[i] - y_N[i] for i in range(n)]
    loo_T = (np.array(errors_NT) ** 2).mean(axis=0)
    w_TP = _exact(setup, x_NP, y_N, everyone)
    # Fits are linear in the labels: the trace of the map is read off unit labels.
    df_T = sum((_exact(setup, x_NP, unit, everyone) @ x_NP[i]) for i, unit in enumerate(np.eye(n)))
    training_T = ((w_TP @ x_NP.T - y_N) ** 2).mean(axis=1)
    risk_T = ((w_TP - teacher_P) ** 2).sum(axis=1) + setup.noise
    gcv_T = training_T / (1 - df_T / n) ** 2
    np.testing.assert_allclose(measured["risk"], risk_T, rtol=1e-4)
    np.testing.assert_allclose(measured["loo_over_risk"], loo_T / risk_T, rtol=1e-3)
    np.testing.assert_allclose(measured["gcv_over_loo"], gcv_T / loo_T, rtol=1e-3)
