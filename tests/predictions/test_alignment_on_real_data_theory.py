"""Alignment on images: exact means over label noise, deterministic equivalents, the experiment."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import xarray as xr

from predictions.universality.alignment_on_real_data import readout, theory, world
from predictions.universality.alignment_on_real_data.given_images import agreement
from predictions.universality.alignment_on_real_data.world import Setup

SETUP = Setup(
    components=32,
    spectrum="natural",
    labels="digit",
    samples_per_component=0.7,
    largest_samples_per_component=3.0,
    snr=6.0,
    members=3,
    images="shared",
    width=2,
    init_std=0.01,
    relative_step=1.0,
    momentum=0.9,
    steps=1600,
)


def at(**changes: object) -> Setup:
    return dataclasses.replace(SETUP, **changes)  # type: ignore[arg-type]


def cka(forecast: theory.Forecast) -> float:
    assert np.ptp(forecast["pair_cka"]) == 0
    return float(forecast["cka"])


# --- images and labels ---


@pytest.mark.parametrize("spectrum", ["natural", "whitened"])
def test_components_are_centred_and_uncorrelated(spectrum: str) -> None:
    images = world.collection(32, spectrum)
    assert images.x.shape == (1797, 32)
    np.testing.assert_allclose(images.x.mean(axis=0), 0, atol=1e-10)
    covariance_DD = images.x.T @ images.x / len(images.x)
    np.testing.assert_allclose(covariance_DD, np.diag(images.variances), atol=1e-10)
    assert images.variances.mean() == pytest.approx(1)
    assert (np.ptp(images.variances) == 0) == (spectrum == "whitened")


@pytest.mark.parametrize("labels", ["digit", "parity"])
def test_real_labels_are_standardised_and_not_linear(labels: str) -> None:
    setup = at(labels=labels)
    label_N = world.real_labels(setup)
    assert label_N.mean() == pytest.approx(0, abs=1e-12)
    assert label_N.std() == pytest.approx(1)
    assert len(np.unique(label_N)) == {"digit": 10, "parity": 2}[labels]
    x_ND = world.collection(32, "natural").x
    residual_N = label_N - x_ND @ np.linalg.lstsq(x_ND, label_N)[0]
    assert theory._target(setup)[2] == pytest.approx(residual_N.var(), rel=1e-9)


@pytest.mark.parametrize(("labels", "images"), [("linear", "shared"), ("digit", "independent")])
def test_a_draw_holds_labels_of_its_images(labels: str, images: str) -> None:
    import jax

    setup = at(labels=labels, images=images)
    drawn = {k: np.asarray(v) for k, v in world.draw(setup, jax.random.key(10_000)).items()}
    copies = 1 if images == "shared" else setup.members
    assert drawn["x"].shape == (copies, setup.rows, setup.components)
    assert drawn["label"].shape == (copies, setup.rows)
    misfit = drawn["label"] - drawn["x"] @ drawn["linear"]
    rest = theory._target(setup)[2]
    np.testing.assert_allclose((misfit**2).mean(), rest, rtol=0.3, atol=1e-9)


# --- the mean over label noise ---


@pytest.mark.parametrize("samples", [4, 9, 30])
def test_agreement_by_monte_carlo(samples: int) -> None:
    dim, noise, draws = 12, 0.3, 20_000
    rng = np.random.default_rng(samples)
    x_ND = rng.standard_normal((samples, dim)) * np.geomspace(0.3, 2, dim)
    label_N = x_ND @ rng.standard_normal(dim) / 4
    scale_D = rng.uniform(0.5, 2, dim)
    noise_2KN = math.sqrt(noise) * rng.standard_normal((2, draws, samples))
    a_KD, b_KD = (label_N + noise_2KN) @ np.linalg.pinv(x_ND).T * scale_D
    cosine_K = (a_KD * b_KD).sum(axis=1)
    cosine_K /= np.linalg.norm(a_KD, axis=1) * np.linalg.norm(b_KD, axis=1)
    for seen_K, exact in zip(
        (cosine_K, cosine_K**2), agreement(x_ND, label_N, scale_D, noise), strict=True
    ):
        assert abs(seen_K.mean() - exact) < 4 * seen_K.std() / math.sqrt(draws)


def test_agreement_in_closed_form() -> None:
    """Without a mean, in r equal directions: E cos = 0 and E cos^2 = 1/r; without noise both 1."""
    x_ND = np.linalg.qr(np.random.default_rng(0).standard_normal((10, 6)))[0].T
    nothing, ones = np.zeros(6), np.ones(10)
    np.testing.assert_allclose(agreement(x_ND, nothing, ones, 0.5), (0, 1 / 6), atol=1e-6)
    np.testing.assert_allclose(agreement(x_ND, nothing + 1, ones, 1e-12), (1, 1), atol=1e-5)


def test_an_image_that_is_drawn_twice_is_no_direction() -> None:
    rng = np.random.default_rng(1)
    x_ND, label_N = rng.standard_normal((5, 8)), rng.standard_normal(5)
    twice = np.array([0, 1, 2, 3, 4, 4])
    repeated = agreement(x_ND[twice], label_N[twice], np.ones(8), 0.2)
    assert repeated == pytest.approx(agreement(x_ND, label_N, np.ones(8), 0.2), abs=0.1)


# --- deterministic equivalents ---


@pytest.mark.parametrize("alpha", [0.25, 0.7, 1.0, 1.4, 3.0])
def test_white_inputs_and_a_linear_target_give_the_closed_form(alpha: float) -> None:
    setup = at(spectrum="whitened", labels="linear", samples_per_component=alpha)
    exact = cka(theory.closed_form(setup))
    assert cka(theory.gaussian_equivalent(setup)) == pytest.approx(exact, abs=1e-9)


@pytest.mark.parametrize(("labels", "alpha"), [("digit", 0.5), ("digit", 2.0), ("linear", 0.5)])
def test_the_limit_of_gaussian_inputs(labels: str, alpha: float) -> None:
    """Every component repeated eight times, so that d is large; misfit as shared noise."""
    copies, draws = 8, 12
    setup = at(labels=labels, samples_per_component=alpha)
    t_D, power_D, rest = theory._target(setup)
    t_D, power_D = np.tile(t_D, copies), np.tile(power_D, copies) / copies
    rng = np.random.default_rng(3)
    seen = []
    for _ in range(draws):
        x_ND = rng.standard_normal((round(alpha * len(t_D)), len(t_D))) * np.sqrt(t_D)
        map_D = np.sqrt(power_D / t_D) * rng.choice([-1, 1], len(t_D))
        label_N = x_ND @ map_D + math.sqrt(rest) * rng.standard_normal(len(x_ND))
        seen.append(agreement(x_ND, label_N, np.sqrt(t_D), 1 / setup.snr)[1])
    error = np.std(seen) / math.sqrt(draws)
    assert abs(np.mean(seen) - cka(theory.gaussian_equivalent(setup))) < 3 * error + 0.006


def test_the_misfit_fills_the_dip() -> None:
    setup = at(samples_per_component=1.0)
    rest = theory._target(setup)[2]
    assert cka(theory.gaussian_equivalent(setup)) == pytest.approx(
        (rest / (rest + 1 / setup.snr)) ** 2
    )
    assert cka(theory.gaussian_equivalent(at(samples_per_component=1.0, labels="linear"))) < 1e-12


@pytest.mark.parametrize("labels", ["linear", "digit", "parity"])
def test_the_dip_lies_at_the_threshold(labels: str) -> None:
    values = [
        cka(theory.gaussian_equivalent(at(labels=labels, samples_per_component=alpha)))
        for alpha in (0.25, 0.5, 0.7, 1.0, 1.4, 3.0)
    ]
    assert np.argmin(values) == 3


def test_own_images_share_the_linear_map_only() -> None:
    linear = at(labels="linear", samples_per_component=2.0)
    assert cka(theory.independent_images(linear)) == cka(theory.gaussian_equivalent(linear))
    few = at(samples_per_component=0.25)
    assert cka(theory.independent_images(few)) < 0.1 * cka(theory.gaussian_equivalent(few))


# --- setups, readouts and the experiment ---


def test_a_setup_refuses_more_samples_than_rows() -> None:
    with pytest.raises(ValueError, match="largest_samples_per_component"):
        at(samples_per_component=4.0)
    with pytest.raises(ValueError, match="no image"):
        at(samples_per_component=0.001)


def test_off_threshold_drops_n_equal_d() -> None:
    values = xr.DataArray(
        np.arange(8.0).reshape(2, 4),
        dims=("seed", "samples_per_component"),
        coords={"samples_per_component": [0.5, 1.0, 1.2, 3.0]},
    )
    kept = readout.off_threshold(values)
    assert kept["samples_per_component"].values.tolist() == [0.5, 3.0]
    xr.testing.assert_equal(readout.mean_over_pairs(values.expand_dims(pair=3)), values)


@pytest.mark.parametrize("images", ["shared", "independent"])
def test_networks_end_at_least_squares(images: str) -> None:
    """Nearly without noise all members that share their images are one network."""
    import jax

    from predictions.universality.alignment_on_real_data.experiment import train

    setup = at(images=images, samples_per_component=0.5, snr=1e12, steps=600)
    key = jax.random.key(10_000)
    drawn = world.draw(setup, key)
    out = jax.jit(lambda key, drawn: train(setup, key, drawn))(key, drawn)
    assert out["pair_cka"].shape == (3,)
    expected = 1.0
    if images == "independent":
        w_EM = np.stack(
            [
                np.linalg.pinv(x_ND[: setup.samples]) @ label_N[: setup.samples]
                for x_ND, label_N in zip(
                    np.asarray(drawn["x"]), np.asarray(drawn["label"]), strict=True
                )
            ]
        ) * np.sqrt(world.collection(32, "natural").variances)
        w_EM /= np.linalg.norm(w_EM, axis=1, keepdims=True)
        expected = float((w_EM @ w_EM.T)[np.triu_indices(3, 1)].mean())
    assert float(out["correlation"]) == pytest.approx(expected, abs=5e-3)
    if images == "shared":
        np.testing.assert_allclose(out["pair_cka"], 1, atol=1e-3)
