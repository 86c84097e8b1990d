"""Equivalents and harmonics against identities, quadrature and plain linear algebra."""

import math
from dataclasses import replace
from functools import partial

import jax
import numpy as np
import pytest
import xarray as xr
from scipy.integrate import quad

from predictions.tractable_limits.linearised_networks import (
    equivalents,
    experiment,
    readout,
    sphere,
    theory,
)
from predictions.tractable_limits.linearised_networks.equivalents import Spectrum
from predictions.tractable_limits.linearised_networks.world import FeatureSetup, KernelSetup

KERNEL = KernelSetup(
    dim=12,
    sample_sizes=(8, 24, 60),
    powers=(0.5, 0.3, 0.2),
    target="declared",
    label_noise=0.05,
    ridge=1e-3,
    sharpness=1.0,
    hidden_sharpness=1.0,
)
FEATURES = FeatureSetup(
    modes=2000,
    decay=2.0,
    samples=100,
    width_ratios=(0.25, 0.5, 0.8, 1.0, 1.25, 2.0, 4.0),
    label_noise=0.1,
    ridge=1e-6,
    hidden_ridge=0.0,
)
POWER_LAW = Spectrum(
    np.arange(1.0, 301) ** -1.5, np.ones(300), np.random.default_rng(0).uniform(0, 1, 300)
)


def _sphere_mean(function, dim):
    """Mean over the sphere of a function of one coordinate."""
    weight = math.gamma(dim / 2) / (math.sqrt(math.pi) * math.gamma((dim - 1) / 2))
    return weight * quad(lambda t: function(t) * (1 - t * t) ** ((dim - 3) / 2), -1, 1)[0]


@pytest.mark.parametrize("dim", [4, 9, 16])
def test_harmonics_are_orthonormal(dim):
    count = sphere.multiplicity(dim, 5)

    def product(j, k):
        def both(t):
            values = sphere.legendre(t, dim, 5)
            return values[j] * values[k] * math.sqrt(count[j] * count[k])

        return _sphere_mean(both, dim)

    gram = [[product(j, k) for j in range(5)] for k in range(5)]
    np.testing.assert_allclose(gram, np.eye(5), atol=1e-9)


def test_harmonics_are_counted_as_polynomials():
    # Polynomials of degree k on the sphere: homogeneous ones of degree k and k - 1.
    dim, degree = 7, 6
    homogeneous = [math.comb(dim + k - 1, k) for k in (degree, degree - 1)]
    assert sphere.multiplicity(dim, degree + 1).sum() == sum(homogeneous)
    assert sphere.multiplicity(3, 5).tolist() == [1, 3, 5, 7, 9]


@pytest.mark.parametrize(("dim", "sharpness"), [(4, 0.5), (16, 1.0), (16, 4.0)])
def test_kernel_eigenvalues_are_their_integrals(dim, sharpness):
    def projection(k):
        return _sphere_mean(
            lambda t: math.exp(sharpness * (t - 1)) * sphere.legendre(t, dim, 6)[k], dim
        )

    values = sphere.eigenvalues(dim, sharpness, 6)
    np.testing.assert_allclose(values, [projection(k) for k in range(6)], rtol=1e-7, atol=1e-12)


@pytest.mark.parametrize("sharpness", [1.0, 4.0])
def test_kernel_eigenvalues_add_up_to_its_diagonal(sharpness):
    total = sphere.multiplicity(16, theory.DEGREES) @ sphere.eigenvalues(
        16, sharpness, theory.DEGREES
    )
    assert total == pytest.approx(1, rel=1e-12)


@pytest.mark.parametrize(("samples", "features"), [(20, 50), (50, 20), (40, 40), (40, math.inf)])
def test_scale_solves_the_two_equations(samples, features):
    ridge = 1e-3
    t = equivalents.learnability(POWER_LAW, samples, features, ridge)
    g = (POWER_LAW.values * (1 - t) / t)[0]
    z = t.sum()
    k = g * (1 - z / features)
    assert z < min(samples, features)
    assert z + ridge / k == pytest.approx(samples, rel=1e-9)


def test_samples_and_features_are_alike_for_the_sum_of_inputs():
    spectrum = replace(POWER_LAW, power=POWER_LAW.values)
    for few, many in ((10, 80), (30, 200)):
        risks = [equivalents.risk(spectrum, *n_p, 1e-12, 0.0) for n_p in ((few, many), (many, few))]
        assert risks[0] == pytest.approx(risks[1], rel=1e-6)


def test_isotropic_regression_has_the_classical_risks():
    dim, noise = 60, 0.3
    isotropic = Spectrum(np.ones(dim), np.ones(dim), np.full(dim, 1 / dim))
    over = equivalents.risk(isotropic, 100, math.inf, 1e-9, noise)
    assert over == pytest.approx(noise * 100 / 40, rel=1e-6)
    under = equivalents.risk(isotropic, 40, math.inf, 1e-9, noise)
    assert under == pytest.approx((1 - 40 / 60) + noise / (1 - 40 / 60), rel=1e-6)


def test_many_features_are_the_kernel():
    limit = equivalents.risk(POWER_LAW, 40, math.inf, 1e-3, 0.1)
    gaps = [equivalents.risk(POWER_LAW, 40, p, 1e-3, 0.1) - limit for p in (4000, 8000)]
    assert gaps[0] / gaps[1] == pytest.approx(2, rel=0.05)


def test_strong_ridge_learns_nothing():
    risk = equivalents.risk(POWER_LAW, 40, 30, 1e9, 0.1)
    assert risk == pytest.approx(POWER_LAW.power.sum() + 0.1, rel=1e-6)


def test_known_values():
    # From an independent evaluation of the same equations.
    setup = replace(KERNEL, dim=16, sample_sizes=(8, 64, 512))
    np.testing.assert_allclose(
        theory.eigenlearning(setup)["risk"], [1.047, 0.632, 0.247], atol=6e-4
    )
    overparametrised = replace(FEATURES, width_ratios=(1.25, 2.0, 4.0))
    known = [0.720, 0.350, 0.268]
    np.testing.assert_allclose(theory.random_features(overparametrised)["risk"], known, rtol=2e-3)


def test_staircase_is_the_limit_of_sharp_separation():
    setup = replace(KERNEL, dim=400, sample_sizes=(20, 8000), powers=(0.5, 0.3), ridge=1e-4)
    smooth, steps = theory.eigenlearning(setup), theory.hard_staircase(setup)
    np.testing.assert_allclose(steps["learnability"], [[0, 1], [0, 0]])
    np.testing.assert_allclose(smooth["learnability"], steps["learnability"], atol=0.12)


def test_bare_ridge_is_the_limit_of_many_samples():
    setup = replace(KERNEL, dim=4, sample_sizes=(4000, 8000), ridge=400.0)
    bare, full = theory.effective_dimension(setup), theory.eigenlearning(setup)
    for name, values in full.items():
        np.testing.assert_allclose(bare[name], values, rtol=2e-2)


def test_principal_components_are_a_truncated_regression():
    setup = replace(FEATURES, modes=50, width_ratios=(0.1, 0.2, 0.5), ridge=1e-9)
    expected = [(np.arange(p + 1.0, 51) ** -2).sum() + setup.label_noise for p in (10, 20, 50)] / (
        1 - np.array([0.1, 0.2, 0.5])
    )
    np.testing.assert_allclose(theory.principal_components(setup)["risk"], expected, rtol=1e-5)
    flat = theory.infinite_width(setup)["risk"]
    assert np.ptp(flat) == 0
    rising = theory.classical_u_curve(replace(FEATURES, label_noise=1.0))["risk"]
    assert rising[-1] > rising[2]


def _run(experiment_function, setup, seed):
    with jax.enable_x64(True):
        run = jax.jit(partial(experiment_function, setup))
        return {name: np.asarray(x) for name, x in run(jax.random.key(seed)).items()}


def _normals(seed, shape):
    with jax.enable_x64(True):
        return np.asarray(jax.random.normal(jax.random.key(seed), shape))


def test_kernel_experiment_is_regression_read_over_the_whole_sphere():
    setup = replace(KERNEL, dim=6, sample_sizes=(5, 40), hidden_sharpness=2.0)
    measured = _run(experiment.fit_kernel, setup, 1)
    drawn_NX = _normals(1, (40, 7))
    x_ND = _unit(drawn_NX[:, :-1])
    z_TD = _unit(np.random.default_rng(2).standard_normal((40_000, 6)))
    noise_N = np.sqrt(0.05) * drawn_NX[:, -1]
    amplitude_K = np.sqrt(setup.powers)
    with jax.enable_x64(True):
        zonal_NK, zonal_TK = (np.asarray(experiment._zonals(setup, x)) for x in (x_ND, z_TD))
    np.testing.assert_allclose(zonal_TK.T @ zonal_TK / 40_000, np.eye(3), atol=0.06)
    for i, n in enumerate(setup.sample_sizes):
        gram_nn = np.exp(2 * (x_ND[:n] @ x_ND[:n].T - 1)) + setup.ridge * np.eye(n)
        dual_n = np.linalg.solve(gram_nn, (zonal_NK @ amplitude_K + noise_N)[:n])
        f_T = np.exp(2 * (z_TD @ x_ND[:n].T - 1)) @ dual_n
        risk = ((f_T - zonal_TK @ amplitude_K) ** 2).mean() + 0.05
        learnt_K = f_T @ zonal_TK / 40_000 / amplitude_K
        assert measured["risk"][i] == pytest.approx(risk, rel=0.04)
        np.testing.assert_allclose(measured["learnability"][:, i], learnt_K, atol=0.05)


def _unit(x_ND):
    return x_ND / np.linalg.norm(x_ND, axis=1, keepdims=True)


def test_feature_experiment_is_ridge_regression():
    setup = replace(
        FEATURES,
        modes=30,
        samples=20,
        width_ratios=(0.5, 1.0, 2.0),
        ridge=1e-3,
        hidden_ridge=2e-3,
        label_noise=0.2,
    )
    measured = _run(experiment.fit_features, setup, 4)["risk"]
    std_M = np.arange(1.0, 31) ** -1.0
    drawn_RX = _normals(4, (60, 31))
    x_NM, w_PM = std_M * drawn_RX[:20, :-1], drawn_RX[20:, :-1]
    y_N = x_NM.sum(axis=1) + np.sqrt(0.2) * drawn_RX[:20, -1]
    for p, risk in zip((10, 20, 40), measured, strict=True):
        h_Np = x_NM @ w_PM[:p].T / np.sqrt(p)
        a_p = np.linalg.solve(h_Np.T @ h_Np + 3e-3 * np.eye(p), h_Np.T @ y_N)
        error_M = w_PM[:p].T @ a_p / np.sqrt(p) - 1
        assert risk == pytest.approx(((std_M * error_M) ** 2).sum() + 0.2, rel=1e-6)


def test_readouts_leave_out_the_peak_and_take_logarithms():
    risk = xr.DataArray([1.0, 2.0, 9.0, 3.0], coords={"features_per_sample": [0.5, 0.8, 1.1, 2.0]})
    assert readout.off_peak(risk).values.tolist() == [1, 2, 3]
    np.testing.assert_allclose(readout.log_risk(risk), np.log(risk))


def test_worlds_refuse_what_has_no_size():
    with pytest.raises(ValueError, match="positive"):
        replace(KERNEL, sample_sizes=(0, 4))
    with pytest.raises(ValueError, match="axis of its own"):
        replace(KERNEL, dim=4, powers=(0.2,) * 5)
    with pytest.raises(ValueError, match="at least one feature"):
        replace(FEATURES, width_ratios=(0.001, 1.0, 2.0))
