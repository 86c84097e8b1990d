"""Losses, stability and the ordered code against enumeration and untrained encoders."""

import itertools
from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr
from flax import nnx
from scipy.stats import foldnorm

from harness.api import OutOfScope
from predictions.solvable_settings.one_bit_autoencoder import experiment, readout, theory
from predictions.solvable_settings.one_bit_autoencoder.world import Setup

SETUP = Setup(
    source="signs",
    nonzero=0.3,
    dim=64,
    rate=1.0,
    encoder="trained",
    gradient="straight-through",
    temperature=0.5,
    last_temperature=0.5,
    learning_rate=0.03,
    batch=32,
    steps=8,
    test_samples=256,
)
TERNARY = np.array(list(itertools.product([-1.0, 0.0, 1.0], repeat=8)))


def _signs(p, shape, rng):
    return (rng.random(shape) < p) * rng.choice([-1.0, 1.0], shape) / np.sqrt(p)


def _gaussians(p, shape, rng):
    return (rng.random(shape) < p) * rng.standard_normal(shape) / np.sqrt(p)


def _loss(b_ND, x_BD):
    """Loss per input with the best linear decoder, less what fitting it to the samples hides."""
    s_BN = np.where(x_BD @ b_ND.T >= 0, 1.0, -1.0)
    rest = x_BD - s_BN @ np.linalg.lstsq(s_BN, x_BD, rcond=None)[0]
    return (rest**2).mean() / (1 - len(b_ND) / len(x_BD))


def _best_row(p, rng, tries=6):
    """Largest E|w.x| over unit vectors w on eight inputs, by w <- E[x sign(w.x)], and its w."""
    weight_X = np.where(TERNARY == 0, 1 - p, p / 2).prod(axis=1)
    found = []
    for _ in range(tries):
        w = rng.standard_normal(8) * rng.uniform(0.3, 1) ** np.arange(8)
        for _ in range(300):
            w = (weight_X * np.sign(TERNARY @ w)) @ TERNARY / np.sqrt(p)
            gain = np.linalg.norm(w)
            w = w / gain
        found.append((gain, np.sort(abs(w))[::-1]))
    return max(found, key=lambda pair: pair[0])


@pytest.mark.parametrize(("source", "draw"), [("signs", _signs), ("gaussian", _gaussians)])
@pytest.mark.parametrize("rate", [1.0, 0.5])
def test_losses_of_untrained_rotation_and_identity(source, draw, rate):
    rng = np.random.default_rng(0)
    setup = replace(SETUP, source=source, nonzero=0.7, rate=rate)
    x_BD = draw(0.7, (20000, 64), rng)
    rotation_DD = np.linalg.qr(rng.standard_normal((64, 64)))[0]
    b_ND = rotation_DD[: setup.code_units]
    assert _loss(b_ND, x_BD) == pytest.approx(theory.gaussian_source(setup)["loss"], abs=0.01)
    coin = rng.choice([-1.0, 1.0], x_BD.shape)
    s_BN = np.where(x_BD == 0, coin, np.sign(x_BD))[:, : setup.code_units]
    decoded = np.zeros_like(x_BD)
    decoded[:, : setup.code_units] = np.sqrt(theory.coordinate_gain(setup)) * s_BN
    loss = ((x_BD - decoded) ** 2).mean()
    assert loss == pytest.approx(theory.identity(setup)["loss"], abs=0.01)


def test_kurtosis_lowers_the_gain_of_a_flat_row():
    rng = np.random.default_rng(1)
    for dim, p in ((64, 0.3), (32, 0.5)):
        h_B = _gaussians(p, (100000, dim), rng) @ np.ones(dim) / np.sqrt(dim)
        correction = 1 - abs(h_B).mean() ** 2 / (h_B**2).mean() / theory.GAUSSIAN_GAIN
        assert correction == pytest.approx((3 / p - 3) / (12 * dim), abs=0.003)


@pytest.mark.parametrize("p", [0.5, 0.6, 0.8, 0.9])
def test_best_row_is_ordered(p):
    gain, w = _best_row(p, np.random.default_rng(2))
    loss = theory.ordered_code(replace(SETUP, nonzero=p))["loss"]
    assert 1 - gain**2 == pytest.approx(loss, abs=2e-4)
    assert w[1] / w[0] == pytest.approx(1 - p, abs=2e-3)


def test_a_diffuse_row_gains_by_one_local_weight_where_the_kurtosis_is_below_three():
    local, rest = 0.3, np.sqrt(1 - 0.3**2)
    for p, gains in ((0.2, False), (0.31, False), (0.36, True), (0.6, True)):
        folded = foldnorm(local / np.sqrt(p) / rest, scale=rest).mean()
        mean = (1 - p) * rest * np.sqrt(theory.GAUSSIAN_GAIN) + p * folded
        assert (mean**2 > theory.GAUSSIAN_GAIN) == gains
    assert pytest.approx(1 / 3) == theory.ROTATION_STABLE_BELOW


def test_an_ordered_code_exists_and_beats_rotation_and_identity():
    rng, p = np.random.default_rng(4), 0.7
    setup = replace(SETUP, nonzero=p)
    # Cyclic rows of few weights cannot be orthogonal; antisymmetric second weights on pairs are.
    swap_DD = np.kron(np.eye(32), [[0, 1], [-1, 0]])
    rest_DD = np.linalg.qr(rng.standard_normal((64, 64)))[0]
    rest_DD = rest_DD @ swap_DD @ rest_DD.T
    b_DD = np.eye(64) + (1 - p) * swap_DD + (1 - p) ** 2 * rest_DD
    b_DD /= np.linalg.norm(b_DD, axis=1, keepdims=True)
    loss = _loss(b_DD, _signs(p, (20000, 64), rng))
    assert loss < theory.sharp_switch(setup)["loss"] - 0.06
    assert loss == pytest.approx(theory.ordered_code(setup)["loss"], abs=0.01)


def _growth(p, rng, tiny=1e-4, samples=200_000):
    """Straight-through growth of antisymmetric pair weights next to the identity, per weight."""
    x_BD = _signs(p, (samples, 4), rng)
    swap_DD = np.kron(np.eye(2), [[0, 1], [-1, 0]])
    h_BD = x_BD @ (np.eye(4) + tiny * swap_DD).T + 1e-8 * rng.standard_normal(x_BD.shape)
    s_BD = np.sign(h_BD)
    decoder_DD = np.linalg.lstsq(s_BD, x_BD, rcond=None)[0].T
    slope_BD = 1 / np.cosh(h_BD / 0.2) ** 2
    descent_DD = ((x_BD - s_BD @ decoder_DD.T) @ decoder_DD * slope_BD).T @ x_BD / samples
    return (descent_DD * swap_DD).sum()


def test_identity_is_stable_above_its_threshold():
    assert pytest.approx(0.4302, abs=1e-4) == theory.IDENTITY_STABLE_ABOVE
    rng = np.random.default_rng(5)
    assert _growth(theory.IDENTITY_STABLE_ABOVE - 0.02, rng) > 0
    assert _growth(theory.IDENTITY_STABLE_ABOVE + 0.02, rng) < 0


def test_forecasts_at_the_limits_and_outside_their_regimes():
    dense = replace(SETUP, nonzero=1.0)
    for forecast in (theory.stable_encoder, theory.sharp_switch, theory.ordered_code):
        assert forecast(dense)["loss"] == pytest.approx(0)
    half = replace(SETUP, rate=0.5, source="gaussian")
    assert theory.stable_encoder(half)["loss"] == pytest.approx(1 - 1 / np.pi)
    low, high = theory.straight_through(replace(SETUP, dim=16, steps=800))["switch"]
    assert low < high < theory.GAUSSIAN_GAIN
    for p, text in ((0.5, "unstable"), (0.1, "non-zero inputs")):
        with pytest.raises(OutOfScope, match=text):
            theory.stable_encoder(replace(SETUP, nonzero=p))
    with pytest.raises(OutOfScope, match="outvote"):
        theory.ordered_code(replace(SETUP, nonzero=0.4))
    with pytest.raises(OutOfScope, match="too few to leave"):
        theory.straight_through(SETUP)
    with pytest.raises(OutOfScope, match="every sparsity"):
        theory.straight_through(half)


@pytest.mark.parametrize("source", ["signs", "gaussian"])
def test_inputs_have_variance_one_and_the_declared_sparsity(source):
    setup = replace(SETUP, source=source, nonzero=0.4)
    draw = jax.jit(partial(experiment.draw_inputs, setup, samples=3000))
    x_BD = np.asarray(draw(jax.random.key(0)), float)
    kurtosis = (3 if source == "gaussian" else 1) / 0.4
    assert (x_BD != 0).mean() == pytest.approx(0.4, abs=0.005)
    assert (x_BD**2).mean() == pytest.approx(1, abs=0.02)
    assert (x_BD**4).mean() == pytest.approx(kurtosis, rel=0.03)


def _model():
    b_ND, a_DN = np.random.default_rng(6).standard_normal((2, 5, 5))
    return experiment.OneBitAutoencoder(jnp.asarray(b_ND), jnp.asarray(a_DN))


def test_noise_averaged_loss_is_the_mean_over_noisy_codes():
    rng = np.random.default_rng(7)
    model, x_BD = _model(), rng.standard_normal((3, 5))
    setup = replace(SETUP, gradient="noise-averaged")
    exact = experiment.training_loss(setup, model, jnp.asarray(x_BD), jnp.asarray(0.8))
    h_BN = np.asarray(model.preactivations(jnp.asarray(x_BD)), float)
    s_RBN = np.sign(h_BN + rng.logistic(scale=0.4, size=(30000, 3, 5)))
    a_DN = np.asarray(model.decoder_DN[...], float)
    assert float(exact) == pytest.approx(((x_BD - s_RBN @ a_DN.T) ** 2).mean(), rel=0.01)


def test_straight_through_loss_is_that_of_the_hard_code_and_frozen_encoders_have_no_gradient():
    model, x_BD = _model(), np.random.default_rng(8).standard_normal((7, 5))
    graph, weights = nnx.split(model)
    for encoder in ("trained", "frozen"):
        setup = replace(SETUP, encoder=encoder)

        def loss(weights, setup=setup):
            return experiment.training_loss(
                setup, nnx.merge(graph, weights), jnp.asarray(x_BD), jnp.asarray(0.5)
            )

        value, gradient = jax.jit(jax.value_and_grad(loss))(weights)
        assert value == pytest.approx(
            np.mean((x_BD - np.asarray(model(jnp.asarray(x_BD)))) ** 2), rel=1e-5
        )
        assert (abs(gradient["encoder_ND"][...]).max() > 0) == (encoder == "trained")


def test_switch_is_interpolated_and_losses_above_half_are_kept():
    coords = {"nonzero": [0.3, 0.4, 0.6]}
    rows = [[0.1, 0.3, 0.7], [0.1, 0.2, 0.3], [0.6, 0.9, 1.0]]
    curves = xr.DataArray(rows, dims=("seed", "nonzero"), coords=coords)
    np.testing.assert_allclose(readout.switch(curves), [0.5, 0.6, 0.3])
    np.testing.assert_allclose(readout.above_half(curves)[:, 0], [0.7, 0.3, 1.0])
