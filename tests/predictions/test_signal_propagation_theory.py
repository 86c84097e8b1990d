"""Mean field maps against quadrature and limits; the measurements on networks that are known."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.integrate
import xarray as xr

from predictions.tractable_limits.signal_propagation import (
    experiment,
    geometry,
    mean_field,
    readout,
    theory,
)
from predictions.tractable_limits.signal_propagation.world import Setup

SETUP = Setup(
    model="models.mlp:MLP",
    activation="tanh",
    width=64,
    depth=6,
    dim=5,
    weight_std=2.0,
    bias_std=0.3,
    input_variance=1.0,
    points=8,
)


def _gauss(z):
    return np.exp(-z * z / 2) / np.sqrt(2 * np.pi)


@pytest.mark.parametrize("q", [1e-6, 0.2, 12.604, 400.0])
def test_means_agree_with_adaptive_quadrature(q):
    for function in (lambda u: np.tanh(u) ** 2, lambda u: mean_field.slope(u) ** 2):
        exact, _ = scipy.integrate.quad(
            lambda z, f=function: 2 * f(np.sqrt(q) * z) * _gauss(z), 0, 9, epsabs=1e-13
        )
        assert mean_field.mean(function, q) == pytest.approx(exact, rel=1e-9)


def test_hundred_hermite_nodes_miss_chi_1_at_large_norms():
    q = mean_field.fixed_variance(4.0, 0.3)
    assert q == pytest.approx(12.604, abs=1e-3)
    z, weight = np.polynomial.hermite_e.hermegauss(100)
    coarse = 16 * (weight / weight.sum()) @ mean_field.slope(np.sqrt(q) * z) ** 2
    assert mean_field.chi(q, 1.0, 4.0) == pytest.approx(2.3673, abs=1e-4)
    assert abs(coarse - 2.3673) > 0.1


@pytest.mark.parametrize("c", [-1.0, -0.4, 0.7, 0.999])
def test_products_agree_with_monte_carlo(c):
    rng = np.random.default_rng(0)
    first, other = np.sqrt(4.0) * rng.standard_normal((2, 200_000))
    second = c * first + np.sqrt(1 - c * c) * other
    for function in (np.tanh, mean_field.slope):
        sampled = function(first) * function(second)
        error = sampled.std() / np.sqrt(len(sampled))
        assert abs(mean_field.mean_product(function, 4.0, c) - sampled.mean()) < 4 * error


def test_products_end_at_means_and_vanish_by_symmetry():
    for q in (0.3, 5.0):
        square = mean_field.mean(lambda u: np.tanh(u) ** 2, q)
        assert mean_field.mean_product(np.tanh, q, 1.0) == pytest.approx(square, rel=1e-12)
        assert mean_field.mean_product(np.tanh, q, -1.0) == pytest.approx(-square, rel=1e-12)
        assert mean_field.mean_product(np.tanh, q, 0.0) == pytest.approx(0, abs=1e-14)


@pytest.mark.parametrize("c", [0.2, 1.0])
def test_chi_is_the_slope_of_the_correlation_map_at_the_fixed_norm(c):
    q = mean_field.fixed_variance(2.0, 0.3)
    step = 1e-5
    low, high = (mean_field.correlation_map(q, c - k * step, 2.0, 0.3) for k in (2, 0))
    slope = (high - low) / (2 * step)
    middle = mean_field.chi(q, c - step, 2.0)
    assert slope == pytest.approx(middle, rel=1e-4)
    assert middle == pytest.approx(mean_field.chi(q, c, 2.0), rel=1e-3)


def test_fixed_points_of_order_and_chaos():
    ordered, chaotic = (mean_field.fixed_variance(sigma, 0.3) for sigma in (0.8, 2.0))
    assert mean_field.variance_map(chaotic, 2.0, 0.3) == pytest.approx(chaotic, rel=1e-12)
    assert mean_field.fixed_correlation(ordered, 0.8, 0.3) == 1
    c = mean_field.fixed_correlation(chaotic, 2.0, 0.3)
    assert mean_field.correlation_map(chaotic, c, 2.0, 0.3) == pytest.approx(c, rel=1e-9)
    assert mean_field.chi(chaotic, c, 2.0) < 1 < mean_field.chi(chaotic, 1.0, 2.0)
    tabulated = replace(SETUP, weight_std=3**0.5, bias_std=0.05**0.5)
    assert theory.depth_scale(tabulated) == pytest.approx(9.05, abs=0.01)


def test_weak_signals_are_those_of_the_linearised_network():
    weak = replace(SETUP, weight_std=0.9, bias_std=1e-4, input_variance=1e-8)
    for full, linear in (
        (theory.stretching, theory.linear_stretching),
        (theory.settling, theory.linear_settling),
    ):
        for name, values in full(weak).items():
            np.testing.assert_allclose(values, linear(weak)[name], rtol=1e-6)


def _growth(setup, forecast=theory.stretching):
    return float(readout.growth(xr.DataArray(forecast(setup)["length"], dims="layer")))


def _forgetting(setup):
    dims = ("seed", "layer", "separation")
    correlation = xr.DataArray(theory.settling(setup)["correlation"][None], dims=dims)
    return float(readout.forgetting(correlation))


@pytest.mark.parametrize("weight_std", [0.8, 2.5])
def test_deep_layers_have_the_rates_of_the_fixed_points(weight_std):
    deep = replace(SETUP, depth=30, weight_std=weight_std)
    chi_1 = mean_field.chi(mean_field.fixed_variance(weight_std, 0.3), 1.0, weight_std)
    assert _growth(deep) == pytest.approx(np.log(chi_1) / 2, abs=1e-4)
    assert _forgetting(deep) == pytest.approx(1 / theory.depth_scale(deep), rel=0.02)
    assert _growth(deep, theory.linear_stretching) == pytest.approx(np.log(weight_std))


def test_one_depth_scale_is_right_in_the_ordered_phase_alone():
    for weight_std, same in ((0.8, True), (2.5, False)):
        setup = replace(SETUP, weight_std=weight_std, depth=20)
        for name in ("settling", "settling_at_chi_1"):
            correlation_LK = getattr(theory, name)(setup)["correlation"]
            spread_L = correlation_LK[:, 0] - correlation_LK[:, -2]
            rate = -np.log(spread_L[-1] / spread_L[-2])
            expected = 1 / theory.depth_scale(setup)
            assert (abs(rate / expected - 1) < 0.02) == (same or name == "settling")


def test_edge_is_where_growth_changes_sign():
    sigma = [1.0, 1.3, 1.6, 2.0]
    rate = np.array([-0.3, -0.1, 0.2, 0.5])
    length = np.exp(rate[:, None] * np.arange(4.0))[None]
    dims = ("seed", "weight_std", "layer")
    curves = xr.DataArray(length, dims=dims, coords={"weight_std": sigma})
    assert float(readout.edge(curves)) == pytest.approx(1.4)
    assert np.isnan(readout.edge(curves.isel(weight_std=slice(2, 4))))


def test_forgetting_is_the_rate_of_the_contrast_and_nan_without_one():
    decay = np.exp(-0.3 * np.arange(6.0))
    values = 0.4 + np.stack([decay, 0 * decay, -decay, 0 * decay], axis=-1)[None]
    curves = xr.DataArray(values, dims=("seed", "layer", "separation"))
    assert float(readout.forgetting(curves)) == pytest.approx(0.3)
    assert np.isnan(readout.forgetting(0.8 - curves))


def _planar_layers(x_MD):
    """Two layers of known geometry: an ellipse with half-axes 2 and 1, and the circle on a grid."""
    ellipse = x_MD * jnp.array([2.0, 1.0])
    return ellipse, jnp.stack([x_MD, x_MD], axis=-1)


def test_lengths_and_correlations_of_curves_in_the_plane():
    angle_M = 2 * np.pi / 64 * np.arange(64)

    @jax.jit
    def measure(plane_22, angle_M):
        def curve(angle_M):
            return geometry.circle(plane_22, jnp.float32(1.0), angle_M)

        x_MD = curve(angle_M)
        lengths = geometry.lengths(_planar_layers, curve, angle_M)
        return x_MD, lengths, geometry.correlations(_planar_layers, x_MD)

    oblique = np.array([[3.0, 0.0], [1.0, -0.5]], np.float32)
    x_MD, lengths, correlations = measure(oblique, angle_M.astype(np.float32))
    circle = np.stack([np.cos(angle_M), -np.sin(angle_M)], axis=-1)
    np.testing.assert_allclose(x_MD, circle, atol=1e-5)
    ellipse, doubled = np.asarray(lengths) * np.sqrt([2, 2])
    assert ellipse == pytest.approx(8 * scipy.special.ellipe(0.75), rel=1e-5)
    assert doubled == pytest.approx(2 * np.pi, rel=1e-5)
    np.testing.assert_allclose(correlations, np.tile(np.cos(angle_M[1:33]), (2, 1)), atol=1e-5)


def test_built_networks_have_the_declared_weights_and_biases():
    setup = replace(SETUP, width=150, depth=9, dim=120, activation="linear", bias_std=0.4)

    @jax.jit
    def layers(key):
        inputs = jnp.stack([jnp.zeros(setup.dim), jnp.ones(setup.dim)])
        return jnp.stack(experiment.build(setup, key).preactivations(inputs))

    h_LBN = np.asarray(layers(jax.random.key(2)))
    assert h_LBN.shape == (9, 2, 150)
    from_bias_L = (h_LBN[:, 0] ** 2).mean(axis=1)
    from_input_L = ((h_LBN[:, 1] - h_LBN[:, 0]) ** 2).mean(axis=1)
    # The weights carry on what the biases add: 1 + sigma_w^2 + sigma_w^4 + ... of sigma_b^2.
    powers_L = 4.0 ** np.arange(1, 10)
    np.testing.assert_allclose(from_bias_L / (0.4**2 * (powers_L - 1) / 3), 1, atol=0.5)
    np.testing.assert_allclose(from_input_L / powers_L, 1, atol=0.5)


class Saturated:
    """A network of one's own: no layer of ours, only preactivations."""

    def __init__(self, key, *, d_in, width, **_):
        self.w_DN = jax.random.normal(key, (d_in, width))

    def preactivations(self, x_MD):
        """One linear layer, and one that is constant on rays and of another shape."""
        h_MN = x_MD @ self.w_DN
        return h_MN, jnp.sign(h_MN)[:, :6].reshape(-1, 2, 3)


def test_any_network_with_preactivations_is_measured():
    setup = replace(SETUP, model=f"{__name__}:Saturated")

    @jax.jit
    def measure(key):
        return {**experiment.stretch(setup, key), **experiment.correlate(setup, key)}

    measured = measure(jax.random.key(3))
    assert measured["length"][0] > 0
    assert measured["length"][1] == 0
    assert measured["correlation"].shape == (2, 4)
    np.testing.assert_allclose(measured["correlation"][:, -1], -1, atol=1e-5)
