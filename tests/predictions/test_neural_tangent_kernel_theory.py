"""The kernel against sampled integrals and wide networks; the measurements against identities."""

from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from scipy.special import erf

from harness.api import OutOfScope
from models.parametrisation import LayerScale
from predictions.tractable_limits.neural_tangent_kernel import experiment, theory, world
from predictions.tractable_limits.neural_tangent_kernel import network as measure
from predictions.tractable_limits.neural_tangent_kernel.world import Setup

SETUP = Setup(
    model="models.mlp:MLP",
    activation="erf",
    depth=2,
    width=64,
    parametrisation="ntk",
    trained="all",
    learning_rate=1.0,
    steps=5,
    dim=4,
    samples=6,
    held_out=3,
    nets=4,
)

# A quarter of the time to compile; what is compiled runs for milliseconds.
quick = partial(
    jax.jit,
    compiler_options={"xla_backend_optimization_level": 0, "xla_cpu_use_fusion_emitters": False},
)


@pytest.fixture(scope="module")
def data():
    """A seed's points in float64."""
    drawn = world.draw(SETUP, jax.random.key(0))
    return {name: np.asarray(value, float) for name, value in drawn.items()}


@pytest.fixture(scope="module", params=["all", "last"])
def run(request, data):
    """One training with everything that is measured of it."""
    setup = replace(SETUP, trained=request.param)
    x_MD, y_P = jnp.asarray(data["x"], jnp.float32), jnp.asarray(data["y"][:6], jnp.float32)

    @quick
    def trained(key):
        net = experiment.build(setup, key)
        end, f_TM = measure.descend(net, x_MD, y_P, setup.learning_rate, setup.steps)
        return {
            "kernel": measure.tangent_kernel(net, net.weights, x_MD),
            "outputs": f_TM,
            "parts": measure.change_by_array(net, end, x_MD),
            "moved": experiment.weight_movement(net, end),
        }

    found = {name: np.asarray(value, float) for name, value in trained(jax.random.key(1)).items()}
    return setup, found


def test_points_lie_on_the_sphere_and_labels_are_odd(data):
    x = data["x"]
    np.testing.assert_allclose((x**2).sum(axis=1), SETUP.dim, rtol=1e-5)
    np.testing.assert_allclose(data["y"], x[:, 0] + x[:, 0] * x[:, 1] * x[:, 2], atol=1e-5)


@pytest.mark.parametrize(
    ("name", "phi", "slope"),
    [
        ("erf", erf, lambda z: 2 / np.sqrt(np.pi) * np.exp(-(z**2))),
        ("relu", lambda z: np.maximum(z, 0), lambda z: (z > 0).astype(float)),
    ],
)
def test_moments_are_gaussian_means(name, phi, slope):
    cov_MM = np.array([[1.5, -0.4], [-0.4, 0.7]])
    z_SM = np.random.default_rng(0).multivariate_normal(np.zeros(2), cov_MM, size=200_000)
    product_MM, slopes_MM = theory._MOMENTS[name](cov_MM)
    np.testing.assert_allclose(product_MM, phi(z_SM).T @ phi(z_SM) / len(z_SM), atol=0.006)
    np.testing.assert_allclose(slopes_MM, slope(z_SM).T @ slope(z_SM) / len(z_SM), atol=0.006)


def test_parts_add_up_to_the_recursion_of_jacot(data):
    # Theta_1 = K_1, Theta_{l+1} = K_{l+1} + Theta_l D_{l+1}
    gain = theory._GAIN["erf"]
    theta_MM = cov_MM = gain * data["x"] @ data["x"].T / SETUP.dim
    for factor in (gain, 1):
        product_MM, slopes_MM = theory._erf_moments(cov_MM)
        cov_MM = factor * product_MM
        theta_MM = cov_MM + factor * slopes_MM * theta_MM
    np.testing.assert_allclose(theory.layer_kernels(SETUP, data["x"]).sum(axis=0), theta_MM)


def test_every_layer_of_a_relu_network_has_an_equal_part_of_the_diagonal(data):
    parts_LMM = theory.layer_kernels(replace(SETUP, activation="relu", depth=4), data["x"])
    np.testing.assert_allclose(np.diagonal(parts_LMM, axis1=1, axis2=2), 1, rtol=1e-6)


@pytest.mark.parametrize("activation", ["erf", "relu"])
def test_parts_are_those_of_a_wide_network(activation, data):
    setup, x_MD = replace(SETUP, activation=activation, width=200), data["x"][:4]

    def parts(key):
        net = experiment.build(setup, key)
        jacobian = jax.jacrev(net.apply)(net.weights, jnp.asarray(x_MD))
        flat = [own.reshape(4, -1) for own in jax.tree.leaves(jacobian)]
        return jnp.stack([own_MW @ own_MW.T for own_MW in flat])

    mean_LMM = quick(jax.vmap(parts))(jax.random.split(jax.random.key(1), 64)).mean(axis=0)
    np.testing.assert_allclose(mean_LMM, theory.layer_kernels(setup, x_MD), atol=0.1)


def test_descent_is_a_matrix_power_on_the_training_points(data):
    kernel_PP = theory.layer_kernels(SETUP, data["x"]).sum(axis=0)[:6, :6]
    y_P = data["y"][:6]
    kept_PP = np.eye(6) - SETUP.learning_rate / 6 * kernel_PP
    left = [y_P @ np.linalg.matrix_power(kept_PP, t) @ y_P for t in SETUP.axes()["step"]]
    forecast = theory.tangent_kernel(SETUP, data)
    np.testing.assert_allclose(forecast["learnt"], 1 - np.array(left) / (y_P @ y_P))


def test_long_training_ends_in_kernel_regression(data):
    setup = replace(SETUP, steps=20_000)
    forecast = theory.tangent_kernel(setup, data)
    kernel_MM = theory.layer_kernels(setup, data["x"]).sum(axis=0)
    y_P, y_Q = data["y"][:6], data["y"][6:]
    predicted_Q = kernel_MM[6:, :6] @ np.linalg.solve(kernel_MM[:6, :6], y_P)
    assert forecast["learnt"][-1] == pytest.approx(1, abs=1e-6)
    assert forecast["generalised"][-1] == pytest.approx(predicted_Q @ y_Q / (y_Q @ y_Q), rel=1e-4)


def test_shares_add_up_to_one(data):
    share_L = theory.tangent_kernel(SETUP, data)["layer_share"]
    assert share_L.sum() == pytest.approx(1)
    assert (share_L > 0.2).all()
    np.testing.assert_allclose(theory.last_layer_only(SETUP, data)["layer_share"], [0, 0, 1])


def test_the_last_layers_kernel_is_the_covariance_of_random_outputs(data):
    setup = replace(SETUP, width=32)

    def output(key):
        net = experiment.build(setup, key)
        return net.apply(net.weights, data["x"])

    f_SM = np.asarray(quick(jax.vmap(output))(jax.random.split(jax.random.key(2), 3000)), float)
    expected_MM = theory.layer_kernels(setup, data["x"])[-1]
    np.testing.assert_allclose(f_SM.T @ f_SM / len(f_SM), expected_MM, atol=0.06)


def test_rivals_differ_from_the_count_by_a_half_at_least():
    claim = theory.hierarchy(SETUP)
    assert claim["weight_movement"].tolist() == [-0.5, -1.0, -0.5]
    for rival in (theory.bound_as_rate(SETUP), theory.rich_everywhere(SETUP)):
        assert all(rival[name] >= claim[name] + 0.5 for name in rival)
    with pytest.raises(OutOfScope, match="kink"):
        theory.hierarchy(replace(SETUP, activation="relu"))


def test_parts_of_the_change_add_up_to_it(run):
    _, found = run
    np.testing.assert_allclose(found["parts"].sum(axis=0), found["outputs"][-1], atol=2e-3)


def test_layers_move_and_contribute_if_they_are_trained(run):
    setup, found = run
    learns = np.array([setup.trained == "all"] * 2 + [True])
    # Zero to rounding: initial weights that two programs compute differ in the last digit.
    assert ((found["moved"] > 1e-5) == learns).all()
    assert ((np.abs(found["parts"]).max(axis=1) > 1e-4) == learns).all()


def test_a_trained_readout_is_its_own_linearisation(run, data):
    setup, found = run
    linear_TM = measure.descend_linear(jnp.asarray(found["kernel"]), data["y"][:6], 1.0, 5)
    error = np.abs(found["outputs"] - linear_TM).max()
    assert error < 1e-5 if setup.trained == "last" else 1e-3 < error < 0.3


def test_both_parametrisations_have_one_kernel_at_the_start(data):
    # Backward through a readout of entries 1/n instead of n^-1/2, at n times the rate.
    setups = [replace(SETUP, parametrisation=name) for name in ("ntk", "mean-field")]

    @quick
    def kernels(key):
        nets = [experiment.build(setup, key) for setup in setups]
        return [measure.tangent_kernel(net, net.weights, jnp.asarray(data["x"])) for net in nets]

    np.testing.assert_allclose(*kernels(jax.random.key(1)), rtol=1e-4, atol=1e-5)


class Line(nnx.Module):
    """w . x, which learns at twice the global rate."""

    def __init__(self):
        self.w_D = nnx.Param(jnp.zeros(4))

    def __call__(self, x_BD):
        return x_BD @ self.w_D[...]

    def layer_scales(self, optimiser):
        return {"w_D": LayerScale(1.0, 1.0, 2.0)}


def test_any_module_can_be_measured(data):
    @quick
    def measured(x_MD, y_P):
        net = measure.network(Line(), "all")
        kernel_MM = measure.tangent_kernel(net, net.weights, x_MD)
        end, f_TM = measure.descend(net, x_MD, y_P, 0.1, 7)
        linear_TM = measure.descend_linear(kernel_MM, y_P, 0.1, 7)
        return kernel_MM, f_TM, linear_TM, measure.change_by_array(net, end, x_MD)

    kernel_MM, f_TM, linear_TM, parts_AM = measured(data["x"], data["y"][:6])
    np.testing.assert_allclose(kernel_MM, 2 * data["x"] @ data["x"].T, atol=1e-4)
    np.testing.assert_allclose(f_TM, linear_TM, atol=1e-4)
    np.testing.assert_allclose(parts_AM[0], f_TM[-1], atol=1e-5)


def test_spread_is_the_standard_deviation_between_networks():
    values_NM = jnp.array([[1.0, 5.0], [3.0, 5.0]])
    assert experiment.spread(values_NM) == pytest.approx(1.0)


def test_flow_measures_what_the_rival_forecasts_where_the_last_layer_alone_learns(data):
    setup = replace(SETUP, trained="last")
    draw = {name: jnp.asarray(value, jnp.float32) for name, value in data.items()}
    found = quick(partial(experiment.flow, setup))(jax.random.key(3), draw)
    for name, value in theory.last_layer_only(setup, data).items():
        np.testing.assert_allclose(found[name], value, atol=0.1)


def test_scaling_measures_what_is_forecast():
    setup = replace(SETUP, depth=1)
    found = quick(partial(experiment.scaling, setup))(jax.random.key(4))
    assert found.keys() == theory.hierarchy(setup).keys()
    for name, value in found.items():
        assert value.shape == np.shape(theory.hierarchy(setup)[name])
        assert jnp.all((value > 0) & (value < 1))
