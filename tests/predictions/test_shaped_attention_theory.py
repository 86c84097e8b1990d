"""The drift against sampled softmax, the equation against closed forms, layers against both."""

import math
from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr
from scipy.special import softmax

from harness.api import OutOfScope
from predictions.tractable_limits.shaped_attention import experiment, readout, sde, theory
from predictions.tractable_limits.shaped_attention.transformer import ATTENTION, AttentionLayer
from predictions.tractable_limits.shaped_attention.world import DepthSetup, LayerSetup

TOKENS = {
    "width": 32,
    "tokens": 4,
    "correlation": 0.5,
    "length_spread": 0.5,
    "temperature": 1.5,
    "attention": "shaped",
    "hidden_temperature": 1.0,
}
LAYER = LayerSetup(**TOKENS, networks=64)
DEPTH = DepthSetup(**TOKENS, branch_variance=0.5, depth_per_width=0.25, records=2, networks=16)
START = tuple(map(tuple, DEPTH.covariance().tolist()))


def test_drift_is_that_of_sampled_softmax_attention():
    v_MM, tau, width = LAYER.covariance(), 1.3, 300
    h_MM = np.linalg.cholesky(v_MM)
    z_SMM = np.random.default_rng(0).standard_normal((60_000, 4, 4))
    logits_SMM = h_MM @ z_SMM @ h_MM.T / (tau * math.sqrt(width))
    change_MM = 0
    for sign in (1, -1):
        a_SMM = np.eye(4) + softmax(sign * logits_SMM, axis=-1) - 1 / 4
        change_MM = change_MM + (a_SMM @ v_MM @ a_SMM.mT - v_MM).mean(axis=0) / 2
    # Sampling 0.5 %, next order in 1/n about as much.
    drift_MM = sde.drift(v_MM)
    error_MM = width * tau**2 * change_MM - drift_MM
    assert np.linalg.norm(error_MM) < 0.02 * np.linalg.norm(drift_MM)
    assert np.linalg.norm(sde.drift_parts(v_MM)[0] * v_MM - drift_MM) > 0.2 * np.linalg.norm(
        drift_MM
    )


def test_drift_of_like_tokens_keeps_their_correlations():
    # q = 0 and V o C sums to (1 - r)^2 (m - 1).
    v_MM = 0.7 * np.eye(5) + 0.3
    np.testing.assert_allclose(sde.drift(v_MM), 0.49 * 4 / 25 * v_MM, atol=1e-12)


def test_equal_tokens_do_not_drift():
    np.testing.assert_allclose(sde.drift(np.full((3, 3), 1.7)), 0, atol=1e-12)


def test_paths_start_with_the_drift():
    time = 1 / 64
    v_SPMM = sde.paths(START, 0.5, 1.0, (time,))[0]
    mean_MM = (v_SPMM[:2].mean(axis=0) - v_SPMM[2]).mean(axis=0)
    expected_MM = 0.5 * time * sde.drift(np.array(START))
    assert np.linalg.norm(mean_MM - expected_MM) < 0.1 * np.linalg.norm(expected_MM)


def test_attention_adds_its_noise():
    # Var of dA V + V dA^T at short times, by sampling its definition.
    time, tau, branch, v_MM = 1 / 256, 1.0, 0.5, np.array(START)
    rng, h_MM = np.random.default_rng(1), np.linalg.cholesky(v_MM)
    y_SMM = h_MM @ rng.standard_normal((20_000, 4, 4)) @ h_MM.T
    a_SMM = (y_SMM - y_SMM.mean(axis=-1, keepdims=True)) / 4
    expected_MM = branch**2 * time * (a_SMM @ v_MM + v_MM @ a_SMM.mT).var(axis=0)
    v_SPMM = sde.paths(START, branch, tau, (time,))[0]
    found_MM = ((v_SPMM[0] - v_SPMM[1]) / 2).var(axis=0)
    np.testing.assert_allclose(found_MM, expected_MM, rtol=0.15)


def test_without_attention_the_determinant_is_log_normal():
    # ln det V has the drift -c^2 m (m + 1) / 2 and the noise c tr dS.
    noise = 0.5 * 1.5
    v_TSPMM = sde.paths(START, 0.5, math.inf, (0.0625, 0.125))
    np.testing.assert_allclose(v_TSPMM[:, 0], v_TSPMM[:, 2], rtol=1e-9)
    log_det_P = np.linalg.slogdet(v_TSPMM[-1, 0])[1] - np.linalg.slogdet(np.array(START))[1]
    assert log_det_P.mean() == pytest.approx(-noise * 10 * 0.125, rel=0.05)
    assert log_det_P.var() == pytest.approx(noise * 8 * 0.125, rel=0.1)
    np.testing.assert_allclose(v_TSPMM[-1, 0].mean(axis=0), START, atol=0.05)


def test_infinite_paths_are_refused():
    with pytest.raises(OutOfScope, match="infinity"):
        theory.covariance_sde(replace(DEPTH, temperature=0.1))


def test_attention_lengthens_tokens_more_and_more():
    gain_T = theory.covariance_sde(DEPTH)["attention_gain"]
    assert 0 < gain_T[0] < gain_T[1]
    # d ln |x|^2 = g tr b / (tau0^2 tr V) dt before noise has much to say.
    v_MM = DEPTH.covariance()
    slope = np.trace(sde.drift(v_MM)) / np.trace(v_MM) / DEPTH.mixing()
    assert gain_T[0] == pytest.approx(slope / 2, rel=0.2)
    assert not theory.attention_free_sde(DEPTH)["attention_gain"].any()


def test_rivals_have_a_law_of_one_value():
    assert np.ptp(theory.infinite_width(DEPTH)["correlation"]) == 0
    assert (theory.rank_collapse(DEPTH)["correlation"] == 1).all()


def test_tokens_have_the_setups_covariance():
    found_MM = experiment.covariance(experiment.tokens(LAYER))
    np.testing.assert_allclose(found_MM, LAYER.covariance(), atol=1e-5)


def test_shaped_attention_is_near_the_identity_and_its_rows_sum_to_one():
    logits_MM = np.random.default_rng(0).standard_normal((4, 4))
    expected_MM = np.eye(4) + softmax(logits_MM / 10, axis=-1)
    np.testing.assert_allclose(ATTENTION["uncentred"](logits_MM, 1.0, 100), expected_MM, rtol=1e-5)
    a_MM = ATTENTION["shaped"](logits_MM, 1.0, 100)
    np.testing.assert_allclose(a_MM, expected_MM - 0.25, atol=1e-6)
    np.testing.assert_allclose(a_MM.sum(axis=1), 1, atol=1e-6)
    unshaped_MM = ATTENTION["softmax"](logits_MM, 2.0, 100)
    np.testing.assert_allclose(unshaped_MM, softmax(logits_MM / 2, axis=-1), rtol=1e-5)


def test_layers_have_the_logits_and_values_of_the_theory():
    setup = replace(LAYER, width=8, tokens=3)
    v_MM = setup.covariance()
    a_MM = softmax(np.random.default_rng(2).standard_normal((3, 3)), axis=-1)
    branch = 0.4

    @jax.jit
    @jax.vmap
    def sample(key):
        layer, x_MN = AttentionLayer(key, width=8), experiment.tokens(setup)
        return layer.logits(x_MN), experiment.covariance(layer(x_MN, a_MM, branch))

    y_SMM, after_SMM = sample(jax.random.split(jax.random.key(1), 8000))
    y_SMM = np.asarray(y_SMM, float)
    found = np.einsum("sad,sbw->adbw", y_SMM, y_SMM) / len(y_SMM)
    np.testing.assert_allclose(found, np.einsum("ab,dw->adbw", v_MM, v_MM), atol=0.15)
    expected_MM = (1 - branch) * v_MM + branch * a_MM @ v_MM @ a_MM.T
    np.testing.assert_allclose(after_SMM.mean(axis=0), expected_MM, atol=0.04)


def test_one_layer_moves_as_forecast():
    setup = replace(LAYER, width=16, networks=1000)
    found = jax.jit(partial(experiment.drift, setup))(jax.random.key(4))
    expected = theory.drift(setup)
    error = np.asarray(found["drift"]) - expected["drift"]
    assert np.linalg.norm(error) < 0.2 * np.linalg.norm(expected["drift"])
    assert float(found["growth"]) == pytest.approx(expected["growth"], rel=0.2)


def test_networks_without_logits_are_those_without_attention():
    setup = replace(DEPTH, hidden_temperature=1e6)
    found = jax.jit(partial(experiment.propagate, setup))(jax.random.key(5))
    np.testing.assert_allclose(found["attention_gain"], 0, atol=1e-5)
    assert found["correlations"].shape == (16, 6)
    assert abs(found["correlations"]).max() <= 1


def test_correlations_are_free_of_lengths():
    v_MM = DEPTH.covariance()
    pairs = [0.5, 0.25, 0.125, 0.5, 0.25, 0.5]
    np.testing.assert_allclose(experiment.correlations(jnp.asarray(v_MM)), pairs, rtol=1e-5)
    assert sde.mean_correlation(v_MM) == pytest.approx(np.mean(pairs))
    raw = xr.DataArray([[pairs]], dims=("seed", "network", "pair"))
    assert readout.mean_over_pairs(raw).values.tolist() == [[pytest.approx(np.mean(pairs))]]


def test_tokens_need_a_larger_width():
    with pytest.raises(ValueError, match="need a width"):
        replace(LAYER, tokens=16, width=16)
