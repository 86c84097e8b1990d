"""The Riccati recursion, its expansion in 1/N and rivals; the experiment against both."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr
from scipy.integrate import solve_ivp

from harness.api import OutOfScope
from models.two_layer import TwoLayer
from predictions.tractable_limits.mean_field_two_layer import experiment, readout, theory
from predictions.tractable_limits.mean_field_two_layer.world import Setup

SETUP = Setup(
    width=200,
    dim=4,
    teacher=(1.5, 1.0),
    init_variance=0.3,
    learning_rate=0.02,
    steps=60,
    networks=4,
    online_networks=1,
    batch=100,
    copies=1,
    laziness=1.0,
)
SLOW = replace(SETUP, learning_rate=2e-4, steps=4000)


QUARTER = SLOW.steps // 4


def flow(setup, steps):
    """Risk of the Riccati flow dM/dt = -2 (G M + M G), G = 2 D + tr(D) I, at t = eta steps."""
    m_star, eye = theory.target(setup), np.eye(setup.dim)

    def velocity(_, flat):
        m = flat.reshape(eye.shape)
        g = 2 * (m - m_star) + np.trace(m - m_star) * eye
        return -2 * (g @ m + m @ g).ravel()

    start, end = theory.initial_moment(setup).ravel(), setup.learning_rate * steps
    found = solve_ivp(velocity, (0, end), start, rtol=1e-9, atol=1e-12)
    return theory.risk_of(found.y[:, -1].reshape(eye.shape) - m_star)


def logistic(setup, start, steps):
    """Risk of the flow from M_0 = q I for M* = m I: dq/dt = -4 (d + 2) (q - m) q."""
    m, d = setup.teacher[0], setup.dim
    growth = np.exp(4 * (d + 2) * m * setup.learning_rate * steps)
    q = m / (1 + (m / start - 1) / growth)
    return d * (d + 2) * (q - m) ** 2


@pytest.mark.parametrize("steps", [100, 400])
def test_recursion_flow_and_closed_form_agree_for_an_isotropic_teacher(steps):
    setup = replace(SLOW, teacher=(0.8,) * 4, steps=steps)
    closed = logistic(setup, setup.init_variance, steps)
    assert flow(setup, steps) == pytest.approx(closed, rel=1e-6)
    recursion = theory.trajectory(setup, theory.initial_moment(setup))
    assert recursion[-1] == pytest.approx(closed, rel=0.01)


def test_recursion_tends_to_the_flow_as_steps_shrink():
    recursion = theory.trajectory(SLOW, theory.initial_moment(SLOW))
    for steps in (QUARTER, SLOW.steps):
        assert recursion[steps] == pytest.approx(flow(SLOW, steps), rel=0.01)
    coarse = theory.trajectory(SETUP, theory.initial_moment(SETUP))
    assert abs(coarse[-1] / flow(SETUP, SETUP.steps) - 1) > 0.02


def test_expansion_of_one_dimension_is_that_of_the_logistic_curve():
    # q_0 has variance 2 s^4 / N: bias s^4 R'', variance 2 s^4 R'^2.
    setup = replace(SLOW, dim=1, teacher=(0.8,), steps=1000)
    s2, h = setup.init_variance, 1e-3
    low, middle, high = (logistic(setup, s2 + shift, setup.steps) for shift in (-h, 0, h))
    found = theory.expansion(setup)
    assert found.risk[-1] == pytest.approx(middle, rel=0.01)
    assert found.bias[-1] == pytest.approx(s2**2 * (high - 2 * middle + low) / h**2, rel=0.01)
    expected = 2 * s2**2 * ((high - low) / (2 * h)) ** 2
    assert found.variance[-1] == pytest.approx(expected, rel=0.01)


def test_derivatives_are_those_of_finite_differences():
    basis, h = theory.symmetric_basis(SETUP.dim), 1e-3
    middle = theory.initial_moment(SETUP)
    up, down = (theory.trajectory(SETUP, middle + shift * basis) for shift in (h, -h))
    still = theory.trajectory(SETUP, middle)
    found = theory.expansion(SETUP)
    scale = SETUP.init_variance**2
    np.testing.assert_allclose(found.risk, still, rtol=1e-12)
    bias = scale * ((up + down - 2 * still[:, None]) / h**2).sum(axis=1)
    np.testing.assert_allclose(found.bias, bias, rtol=1e-3, atol=1e-3)
    variance = 2 * scale * (((up - down) / (2 * h)) ** 2).sum(axis=1)
    np.testing.assert_allclose(found.variance, variance, rtol=1e-3, atol=1e-4)


def test_basis_of_symmetric_matrices_is_orthonormal():
    basis = theory.symmetric_basis(3)
    np.testing.assert_allclose(np.einsum("kij,lij->kl", basis, basis), np.eye(6), atol=1e-12)
    np.testing.assert_allclose(basis, basis.swapaxes(1, 2))


def test_particles_have_the_forecast_mean_and_spread():
    # Neurons that descend (N/2) E (f - y)^2, its gradient taken from the form of the error.
    nets, rng = 2000, np.random.default_rng(0)
    w = np.sqrt(SETUP.init_variance) * rng.standard_normal((nets, SETUP.width, SETUP.dim))
    still, risks = theory.target(SETUP), []
    for _ in range(SETUP.steps + 1):
        d = w.swapaxes(1, 2) @ w / SETUP.width - still
        trace = np.trace(d, axis1=1, axis2=2)
        risks.append(2 * (d**2).sum(axis=(1, 2)) + trace**2)
        w = w - 2 * SETUP.learning_rate * (2 * w @ d + trace[:, None, None] * w)
    risks, found = np.array(risks), theory.expansion(SETUP)
    forecast = theory.mean_field(SETUP)
    error = np.abs(risks.mean(axis=1) - forecast["exact_risk"]).sum() / found.risk.sum()
    assert error < 0.1 * np.abs(found.bias).sum() / SETUP.width / found.risk.sum() + 0.003
    spread = forecast["spread"]
    assert np.abs(risks.std(axis=1) - spread).sum() < 0.05 * spread.sum()


def test_linearised_dynamics_is_that_of_a_very_lazy_network():
    setup = replace(SETUP, laziness=1e3, steps=40)
    w_ND = orthogonal_weights(setup)
    measured = jax.jit(lambda w: experiment.descend_population(setup, w))(w_ND)
    expected = theory.linearised(setup)["exact_risk"]
    np.testing.assert_allclose(measured, expected, rtol=0.02, atol=0.01)
    rich = theory.infinite_width(setup)["exact_risk"]
    assert np.abs(expected - rich).sum() > 0.2 * rich.sum()


def test_a_network_without_fluctuations_follows_the_limit():
    w_ND = orthogonal_weights(SETUP)
    measured = jax.jit(lambda w: experiment.descend_population(SETUP, w))(w_ND)
    np.testing.assert_allclose(
        measured, theory.infinite_width(SETUP)["exact_risk"], rtol=1e-3, atol=1e-5
    )


def orthogonal_weights(setup):
    """Weights [N, d] with M_0 = s^2 I exactly."""
    return jnp.sqrt(setup.init_variance * setup.dim) * jnp.tile(jnp.eye(setup.dim), (10, 1))


def test_the_recursion_without_the_trace_is_another():
    wrong = theory.without_trace(SETUP)["exact_risk"]
    right = theory.infinite_width(SETUP)["exact_risk"]
    assert wrong[0] == right[0]
    assert np.abs(wrong - right).sum() > 0.1 * right.sum()


def test_narrow_networks_are_refused():
    with pytest.raises(OutOfScope, match="no small part"):
        theory.mean_field(replace(SETUP, width=4))


def test_halves_are_networks_of_their_own():
    with pytest.raises(ValueError, match="halves"):
        replace(SETUP, width=12, copies=4)


def test_population_risk_is_the_mean_square_of_outputs():
    rng = np.random.default_rng(1)
    w_ND = jnp.asarray(rng.standard_normal((5, SETUP.dim)), jnp.float32)
    model = TwoLayer(w_ND, jnp.ones(5), activation=experiment.SQUARE, output_scale="1/m")
    x_BD = rng.standard_normal((100_000, SETUP.dim))
    error_B = np.asarray(model(x_BD)) - x_BD**2 @ np.diag(theory.target(SETUP))
    risk = experiment.population_risk(SETUP, model, jnp.asarray(theory.target(SETUP)))
    assert (error_B**2).mean() == pytest.approx(float(risk), rel=0.05)


def test_copies_are_equal_neurons():
    w_RND = experiment.draw_weights(replace(SETUP, copies=4), jax.random.key(2))
    assert w_RND.shape == (4, 200, 4)
    np.testing.assert_array_equal(w_RND[:, 0], w_RND[:, 3])
    assert float(jnp.abs(w_RND[:, 0] - w_RND[:, 4]).min()) > 0


def test_large_batches_follow_the_population_gradient():
    setup = replace(SETUP, width=20, batch=2000, steps=30)
    w_ND = experiment.draw_weights(setup, jax.random.key(3))[0]
    online = jax.jit(lambda w, key: experiment.descend_online(setup, w, key))
    exact = jax.jit(lambda w: experiment.descend_population(setup, w))
    np.testing.assert_allclose(online(w_ND, jax.random.key(4)), exact(w_ND), rtol=0.1)


def test_one_seed_returns_risks_at_every_step():
    setup = replace(SETUP, width=8, networks=2, steps=5)
    out = jax.eval_shape(lambda key: experiment.train(setup, key), jax.random.key(5))
    assert set(out) == {"exact_risk", "spread", "halving", "online_risk"}
    assert {curve.shape for curve in out.values()} == {(6,)}
    assert len(setup.axes()["step"]) == 6


def test_exponents_are_read_from_powers_of_width():
    width = np.array([20, 40, 80, 160])
    noise = 1 + 0.1 * np.array([-1, 0, 1])[:, None, None]
    shape = np.array([-2.0, 1.0, 3.0])
    coords = {"width": width}
    dims = ("seed", "width", "step")
    bias = xr.DataArray(noise * shape / width[:, None], dims=dims, coords=coords)
    spread = xr.DataArray(noise * abs(shape) / np.sqrt(width)[:, None], dims=dims, coords=coords)
    assert float(readout.bias_exponent(bias)) == pytest.approx(-1)
    np.testing.assert_allclose(readout.spread_exponent(spread), -0.5)
