"""The alignment theory against exact Wishart moments, Monte-Carlo and direct gradient descent."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import xarray as xr

from harness.api import OutOfScope
from predictions.universality.representational_alignment import readout, theory
from predictions.universality.representational_alignment.spectrum import (
    Spectrum,
    learned_filter,
    spectrum,
)
from predictions.universality.representational_alignment.world import LinearSetup, NetworkSetup

LINEAR = LinearSetup(
    dim=64,
    width=4,
    samples_per_dim=0.5,
    largest_samples_per_dim=8.0,
    snr=4.0,
    members=4,
    inputs="shared",
    init_std=0.01,
    relative_step=0.25,
    steps=2000,
)
NETWORK = NetworkSetup(
    dim=12,
    width=4,
    activation="relu",
    teacher_units=4,
    teacher_scale=1.0,
    samples_per_parameter=1.0,
    snr=4.0,
    members=3,
    learning_rate=0.01,
    steps=40,
    test_samples=32,
)


def at(alpha: float, snr: float = 4.0, **changes: object) -> LinearSetup:
    return dataclasses.replace(LINEAR, samples_per_dim=alpha, snr=snr, **changes)  # type: ignore[arg-type]


def cka(forecast: theory.Forecast) -> float:
    values = np.asarray(forecast["pair_cka"])
    assert np.ptp(values) == 0
    return float(values[0])


# --- the spectrum ---


@pytest.mark.parametrize(("samples", "dim"), [(16, 64), (48, 64), (64, 64), (80, 64), (512, 64)])
def test_moments_of_the_spectrum(samples: int, dim: int) -> None:
    spec = spectrum(samples, dim)
    assert spec.trace(np.ones_like(spec.values)) == pytest.approx(min(samples, dim))
    assert spec.trace(spec.values) == pytest.approx(dim)
    assert spec.trace(spec.values**2) == pytest.approx(dim * (1 + (dim + 1) / samples))


@pytest.mark.parametrize(("samples", "dim"), [(16, 64), (32, 64), (96, 64), (256, 64)])
def test_inverse_moments_of_the_spectrum(samples: int, dim: int) -> None:
    """E tr (X^T X)^+ and E tr of its square are known exactly (von Rosen 1988)."""
    spec = spectrum(samples, dim)
    k, gap = min(samples, dim), abs(samples - dim)
    first = k / (gap - 1)
    second = k * (max(samples, dim) - 1) / (gap * (gap - 1) * (gap - 3))
    assert spec.trace(1 / spec.values) / samples == pytest.approx(first, rel=20 / gap**2)
    assert spec.trace(spec.values**-2) / samples**2 == pytest.approx(second, rel=60 / gap**2)


# --- moments of two members ---


@pytest.mark.parametrize(("samples", "snr"), [(16, 4.0), (32, 4.0), (96, 4.0), (32, 16.0)])
def test_least_squares_by_monte_carlo(samples: int, snr: float) -> None:
    dim, draws = 64, 400
    rng = np.random.default_rng(samples)
    seen = np.empty((draws, 3))
    for row in seen:
        x_ND = rng.standard_normal((samples, dim))
        teacher_D = rng.standard_normal(dim)
        teacher_D /= np.linalg.norm(teacher_D)
        noise_N2 = rng.standard_normal((samples, 2)) / math.sqrt(snr)
        w_D2 = np.linalg.pinv(x_ND) @ ((x_ND @ teacher_D)[:, None] + noise_N2)
        cosine = w_D2[:, 0] @ w_D2[:, 1] / np.prod(np.linalg.norm(w_D2, axis=0))
        row[:] = cosine, cosine**2, ((w_D2 - teacher_D[:, None]) ** 2).sum() / 2
    spec = spectrum(samples, dim)
    found = theory.moments(spec, 1 / spec.values, dim, samples, snr)
    expected = [found.cosine, found.cosine_squared, found.risk]
    error = seen.std(axis=0) / math.sqrt(draws)
    assert np.all(np.abs(seen.mean(axis=0) - expected) < 3.5 * error + 0.01)


def test_independent_inputs_by_monte_carlo() -> None:
    dim, draws = 96, 200
    rng = np.random.default_rng(0)
    for alpha in (0.5, 2.0):
        samples = round(alpha * dim)
        product, size = 0.0, 0.0
        for _ in range(draws):
            teacher_D = rng.standard_normal(dim) / math.sqrt(dim)
            first, second = (
                np.linalg.pinv(x_ND) @ (x_ND @ teacher_D + rng.standard_normal(samples) / 2)
                for x_ND in rng.standard_normal((2, samples, dim))
            )
            product += first @ second
            size += (first @ first + second @ second) / 2
        setup = at(alpha, dim=dim)
        assert cka(theory.independent_inputs(setup)) == pytest.approx(
            (product / size) ** 2, rel=0.12
        )


# --- gradient descent ---


def test_the_filter_ends_at_least_squares() -> None:
    spec = spectrum(16, 64)
    phi = learned_filter(spec, 64, 16, 4.0, start=0.01, step=0.02, steps=4000)
    np.testing.assert_allclose(phi * spec.values, 1, rtol=1e-6)


def test_the_filter_starts_at_the_initial_weights() -> None:
    spec = spectrum(96, 64)
    phi = learned_filter(spec, 64, 96, 4.0, start=0.01, step=0.05, steps=0)
    power = spec.values**2 / 64 + spec.values / (96 * 4.0)
    assert math.sqrt(spec.trace(phi**2 * power)) == pytest.approx(0.01**2)


@pytest.mark.parametrize(("random_part", "rtol"), [(0.0, 1e-9), (1.0, 2e-3)])
@pytest.mark.parametrize("steps", [100, 400])
def test_the_filter_is_that_of_a_two_layer_network(
    random_part: float, rtol: float, steps: int
) -> None:
    """On one data set, with the power of its own labels in each direction in place of the mean."""
    dim, samples, width, snr, step, start = 20, 30, 5, 4.0, 0.05, 1e-3
    rng = np.random.default_rng(3)
    x_ND = rng.standard_normal((samples, dim))
    y_N = x_ND @ rng.standard_normal(dim) / math.sqrt(dim) + rng.standard_normal(samples) / 2
    s_D, basis_DD = np.linalg.eigh(x_ND.T @ x_ND / samples)
    target_D = basis_DD.T @ (x_ND.T @ y_N) / samples
    unit_D = target_D / np.linalg.norm(target_D)
    w_HD = start * np.outer(np.eye(width)[0], unit_D)
    a_H = start * np.eye(width)[0]
    decaying_H = 0.3 * start * random_part * rng.standard_normal(width)
    w_HD, a_H = w_HD - np.outer(decaying_H, unit_D), a_H + decaying_H
    for _ in range(steps):
        residual_D = a_H @ w_HD * s_D - target_D
        w_HD, a_H = w_HD - step * np.outer(a_H, residual_D), a_H - step * w_HD @ residual_D
    own = Spectrum(s_D, target_D**2 / (s_D**2 / dim + s_D / (samples * snr)))
    phi_D = learned_filter(own, dim, samples, snr, start=start, step=step, steps=steps)
    np.testing.assert_allclose(a_H @ w_HD / target_D, phi_D, rtol=rtol)


def test_finite_descent_tends_to_the_closed_form() -> None:
    """The distance falls as 1/d once training is long."""
    gaps = [
        cka(theory.finite_descent(at(0.5, dim=dim, steps=3000)))
        - cka(theory.closed_form(at(0.5, dim=dim)))
        for dim in (100, 200, 400)
    ]
    assert gaps[0] > 0
    assert gaps[0] / gaps[1] == pytest.approx(2, rel=0.1)
    assert gaps[1] / gaps[2] == pytest.approx(2, rel=0.1)


def test_more_steps_deepen_the_dip() -> None:
    shallow, deep = (
        theory.finite_descent(at(1.0, 16.0, dim=512, steps=steps)) for steps in (1000, 4000)
    )
    assert cka(deep) < cka(shallow)
    assert float(deep["overlap"]) < float(shallow["overlap"])


def test_descent_that_resolves_single_eigenvalues_is_out_of_scope() -> None:
    with pytest.raises(OutOfScope, match="single eigenvalues"):
        theory.finite_descent(at(1.0, steps=20_000))
    assert theory.finite_descent(at(1.5, steps=20_000))


# --- limits of the closed form ---


def test_limits_of_the_closed_form() -> None:
    assert theory.cosine_limit(1.0, 16.0) == 0
    assert theory.cosine_limit(0.0, 3.0) == pytest.approx(3 / 4)
    assert theory.cosine_limit(0.5, 1e9) == pytest.approx(1)
    assert theory.cosine_limit(0.6, 4.0) == pytest.approx(theory.cosine_limit(1.4, 4.0))
    assert cka(theory.closed_form(at(0.25, 16.0))) == pytest.approx(0.852, abs=5e-4)
    assert cka(theory.closed_form(at(1.25, 4.0))) == pytest.approx(0.25)


def test_limits_of_the_risk() -> None:
    assert math.isinf(theory.risk_limit(1.0, 4.0))
    assert theory.risk_limit(1e-9, 4.0) == pytest.approx(1)
    assert theory.risk_limit(0.25, 16.0) == pytest.approx(0.771, abs=5e-4)
    assert theory.risk_limit(1.25, 16.0) == pytest.approx(0.25)


def test_independent_inputs_agree_with_the_closed_form_above_the_threshold_only() -> None:
    assert cka(theory.independent_inputs(at(2.0))) == cka(theory.closed_form(at(2.0)))
    assert cka(theory.independent_inputs(at(0.25))) < 0.1 * cka(theory.closed_form(at(0.25)))


def test_alignment_and_risk_order_training_sets_differently() -> None:
    few, more = at(0.25, 16.0), at(1.25, 16.0)
    assert cka(theory.closed_form(few)) > cka(theory.closed_form(more))
    assert (
        theory.tracks_risk(few)["order_in_samples"] < theory.tracks_risk(more)["order_in_samples"]
    )
    assert theory.tracks_risk(at(1.0))["order_in_samples"] == 0


def test_monotone_rivals_put_the_minimum_at_the_fewest_samples() -> None:
    assert theory.monotone_linear(at(0.5))["dip"] < theory.monotone_linear(at(1.0))["dip"]
    assert theory.monotone_network(NETWORK) == {"dip": 1.0}


# --- networks ---


def test_thresholds_of_networks() -> None:
    assert NETWORK.parameters == NETWORK.samples == 56
    assert theory.network_threshold(NETWORK)["dip"] == 1
    assert theory.linear_threshold(NETWORK)["dip"] == pytest.approx(12 / 56)


# --- setups and readouts ---


def test_a_setup_refuses_more_samples_than_rows() -> None:
    with pytest.raises(ValueError, match="largest_samples_per_dim"):
        at(9.0)
    with pytest.raises(ValueError, match="no sample"):
        at(0.001)


def test_off_threshold_drops_the_neighbourhood_of_n_equal_d() -> None:
    values = xr.DataArray(
        np.arange(10.0).reshape(2, 5),
        dims=("seed", "samples_per_dim"),
        coords={"samples_per_dim": [0.5, 0.9, 1.0, 1.15, 2.0]},
    )
    assert readout.off_threshold(values)["samples_per_dim"].values.tolist() == [0.5, 2.0]
    pairs = values.expand_dims(pair=3)
    xr.testing.assert_equal(readout.alignment_off_threshold(pairs), readout.off_threshold(values))


def test_the_depth_of_a_dip_is_taken_from_both_ends() -> None:
    pair_cka = xr.DataArray(
        np.array([[[0.3, 0.3], [0.9, 0.9], [0.6, 0.8]]]),
        dims=("seed", "samples_per_parameter", "pair"),
        coords={"samples_per_parameter": [1.0, 0.25, 3.0]},
    )
    depth = readout.dip_depth(pair_cka)
    assert depth["side"].values.tolist() == ["fewest", "most"]
    np.testing.assert_allclose(depth.values, [[0.6, 0.4]])


# --- the experiment's arithmetic ---


def test_pair_cka_is_the_normalised_inner_product_of_gram_matrices() -> None:
    import jax.numpy as jnp

    from predictions.universality.representational_alignment.similarity import pair_cka

    features_ESM = np.random.default_rng(1).standard_normal((3, 20, 5))
    grams = [h_SM @ h_SM.T for h_SM in features_ESM]
    expected = [
        (a * b).sum() / math.sqrt((a * a).sum() * (b * b).sum())
        for a, b in [(grams[0], grams[1]), (grams[0], grams[2]), (grams[1], grams[2])]
    ]
    np.testing.assert_allclose(pair_cka(jnp.asarray(features_ESM)), expected, rtol=1e-5)
    rotation_MM = np.linalg.qr(np.random.default_rng(2).standard_normal((5, 5)))[0]
    turned_ESM = np.stack([features_ESM[0], 3 * features_ESM[0] @ rotation_MM])
    np.testing.assert_allclose(pair_cka(jnp.asarray(turned_ESM)), [1], rtol=1e-5)
    features_ESM[0] = 0
    np.testing.assert_allclose(pair_cka(jnp.asarray(features_ESM))[:2], [0, 0])


@pytest.mark.parametrize("inputs", ["shared", "independent"])
def test_linear_networks_have_rank_one_and_the_forecast_norms(inputs: str) -> None:
    import jax

    from predictions.universality.representational_alignment.experiment import train_linear

    setup = at(2.0, inputs=inputs, steps=600)
    out = jax.jit(lambda key: train_linear(setup, key))(jax.random.key(10_000))
    assert out["pair_cka"].shape == (len(setup.axes()["pair"]),) == (6,)
    assert float((out["pair_cka"] ** 0.5).mean()) == pytest.approx(float(out["overlap"]), abs=2e-3)
    assert float(out["risk"]) == pytest.approx(float(theory.finite_descent(setup)["risk"]), rel=0.3)


def test_relu_networks_share_all_but_the_noise() -> None:
    import jax

    from predictions.universality.representational_alignment.experiment import train_network

    setup = dataclasses.replace(NETWORK, snr=1e12)
    out = jax.jit(lambda key: train_network(setup, key))(jax.random.key(10_000))
    np.testing.assert_allclose(out["pair_cka"], np.ones(3), atol=1e-4)
