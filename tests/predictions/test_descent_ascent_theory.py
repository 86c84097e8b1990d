"""Rates of descent-ascent against powers of the joint step; play against plain loops."""

from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

from harness.api import OutOfScope
from predictions.hyperparameters.descent_ascent import experiment, readout, theory, world

SETUP = world.Setup(
    dim=3,
    samples=40,
    outputs=2,
    generator_decay=0.1,
    critic_decay=0.5,
    log2_ratio=1.0,
    updates="simultaneous",
    learning_rate=0.05,
    end_time=40.0,
    records=20,
)


def drawn(setup, seed=0):
    """A draw as NumPy would make it."""
    rng = np.random.default_rng(seed)
    x_ND = rng.standard_normal((setup.samples, setup.dim))
    generator, critic = rng.standard_normal((2, setup.outputs, setup.dim))
    root = np.linalg.cholesky(x_ND.T @ x_ND / setup.samples).T
    return {"root": root, "generator": generator, "critic": critic}


def one_mode(b):
    return {"root": np.array([[np.sqrt(b)]])}


def joint_step(setup, draw):
    """One step of all weights of one output, [2 d, 2 d]."""
    s_DD = draw["root"].T @ draw["root"]
    eye = np.eye(len(s_DD))
    ratio = 2.0**setup.log2_ratio
    a, c = setup.generator_decay, setup.critic_decay
    jacobian = np.block([[a * eye, s_DD], [-ratio * s_DD, ratio * c * eye]])
    return np.eye(2 * len(s_DD)) - setup.learning_rate * jacobian


@pytest.mark.parametrize("log2_ratio", [-1.0, 1.0, 2.5, 5.0])
@pytest.mark.parametrize("a", [-0.05, 0.0, 0.3])
def test_rate_is_that_of_powers_of_the_joint_step(log2_ratio, a):
    setup = replace(SETUP, log2_ratio=log2_ratio, generator_decay=a)
    draw = drawn(setup)
    steps = 2**15
    power, logarithm = joint_step(setup, draw), 0.0
    for _ in range(15):
        power = power @ power
        size = np.linalg.norm(power)
        power, logarithm = power / size, 2 * logarithm + np.log(size)
    rate = -logarithm / steps / setup.learning_rate
    assert theory.spectrum(setup, draw)["rate"] == pytest.approx(rate, abs=3e-3)


@pytest.mark.parametrize("a", [0.0, 0.1])
def test_small_steps_tend_to_the_flow(a):
    draw = drawn(SETUP)
    flow = theory.flow(replace(SETUP, generator_decay=a), draw)["rate"]
    errors = [
        theory.spectrum(replace(SETUP, generator_decay=a, learning_rate=eps), draw)["rate"] - flow
        for eps in (0.002, 0.001)
    ]
    assert abs(errors[1]) < 0.005 * flow
    assert errors[0] / errors[1] == pytest.approx(2, rel=0.05)


@pytest.mark.parametrize(("a", "b"), [(0.0, 0.8), (0.2, 1.1), (-0.1, 0.6)])
def test_flow_of_one_mode_is_fastest_at_its_double_root(a, b):
    setup = replace(SETUP, generator_decay=a)
    ratio_R = np.linspace(0, 6, 2401)
    rate_R = [
        theory._eigenvalues(replace(setup, log2_ratio=x), np.array([b])).real.min() for x in ratio_R
    ]
    best = np.log2(theory.double_root(setup, b))
    assert ratio_R[np.argmax(rate_R)] == pytest.approx(best, abs=0.003)
    at_best = theory.flow(replace(setup, log2_ratio=best), one_mode(b))["rate"]
    assert at_best == pytest.approx((a + 2**best * setup.critic_decay) / 2, rel=1e-6)
    mu = theory._eigenvalues(replace(setup, log2_ratio=best), np.array([b]))
    assert abs(mu[1] - mu[0])[0] < 1e-6


def test_the_weakest_coupling_sets_the_optimum():
    draw = drawn(SETUP)
    weakest = theory.couplings(draw).min()
    best = theory.weakest_double_root(SETUP, draw)["best_ratio"]
    assert 2**best == pytest.approx(theory.double_root(SETUP, weakest))
    at_best, beside = (
        theory.flow(replace(SETUP, log2_ratio=x), draw)["rate"] for x in (best, best + 0.3)
    )
    assert at_best > beside
    assert at_best > theory.flow(replace(SETUP, log2_ratio=best - 0.3), draw)["rate"]


def test_the_optimum_is_twice_the_quasi_static_rate():
    setup = replace(SETUP, generator_decay=0.0, log2_ratio=np.log2((2 * 0.7 / 0.5) ** 2))
    draw = one_mode(0.7)
    slow = theory.quasi_static(setup, draw)["rate"]
    assert slow == pytest.approx(0.7**2 / 0.5)
    assert theory.flow(setup, draw)["rate"] == pytest.approx(2 * slow, rel=1e-6)


def test_a_much_faster_critic_is_quasi_static():
    draw = drawn(SETUP)
    fast = replace(SETUP, log2_ratio=14.0, learning_rate=1e-5)
    slow = theory.quasi_static(fast, draw)["rate"]
    assert theory.flow(fast, draw)["rate"] == pytest.approx(slow, rel=1e-3)
    assert theory.spectrum(fast, draw)["rate"] == pytest.approx(slow, rel=1e-3)


def test_finite_steps_slow_the_spiral_of_the_strongest_coupling():
    setup = replace(SETUP, generator_decay=0.0, log2_ratio=0.0, learning_rate=0.01)
    b = theory.couplings(drawn(setup)).max()
    flow, steps = (f(setup, drawn(setup))["rate"] for f in (theory.flow, theory.spectrum))
    # ln|1 - eps mu| = -eps Re mu + eps^2 (|mu|^2 / 2 - (Re mu)^2) + ..., |mu|^2 = eta b^2
    assert flow - steps == pytest.approx(0.01 * (b**2 / 2 - flow**2), rel=0.03)


def test_typical_mode_is_right_for_equal_couplings():
    draw = {"root": 0.9 * np.eye(3)}
    expected = theory.spectrum(SETUP, draw)["rate"]
    assert theory.typical_mode(SETUP, draw)["rate"] == pytest.approx(expected)


def test_divergence_is_out_of_scope():
    unstable = replace(SETUP, generator_decay=-0.3, log2_ratio=-1.0)
    for forecast in (theory.spectrum, theory.flow):
        with pytest.raises(OutOfScope, match="does not converge"):
            forecast(unstable, drawn(SETUP))


def test_setup_wants_inputs_that_span_and_steps_between_records():
    with pytest.raises(ValueError, match="do not span"):
        replace(SETUP, samples=2)
    with pytest.raises(ValueError, match="more records"):
        replace(SETUP, end_time=0.5)


def test_draw_has_the_second_moments_of_gaussian_inputs():
    setup = replace(SETUP, samples=4_000)
    draw = {k: np.asarray(v) for k, v in world.draw(setup, jax.random.key(0)).items()}
    np.testing.assert_allclose(draw["root"].T @ draw["root"], np.eye(3), atol=0.1)
    assert draw["generator"].shape == draw["critic"].shape == (2, 3)


def played(setup, draw):
    """The fitted rate of a plain loop."""
    s_DD = draw["root"].T @ draw["root"]
    ratio, eps = 2.0**setup.log2_ratio, setup.learning_rate
    u, v = draw["generator"], draw["critic"]
    norms = []
    for _ in range(setup.stride * setup.records):
        new = u - eps * (v @ s_DD + setup.generator_decay * u)
        seen = new if setup.updates == "alternating" else u
        v = v + eps * ratio * (seen @ s_DD - setup.critic_decay * v)
        u = new
        norms.append(np.sqrt((u**2).sum() + (v**2).sum() / ratio))
    later = np.log(norms[setup.stride - 1 :: setup.stride][setup.records // 2 :])
    return -np.polyfit(eps * setup.stride * np.arange(len(later)), later, 1)[0]


@pytest.mark.parametrize("updates", ["simultaneous", "alternating"])
def test_play_is_descent_ascent_with_two_step_sizes(updates):
    setup = replace(SETUP, updates=updates)
    draw = drawn(setup)
    with jax.enable_x64(True):
        double = {name: jnp.asarray(value) for name, value in draw.items()}
        rate = jax.jit(partial(experiment.train, setup))(jax.random.key(0), double)["rate"]
    assert float(rate) == pytest.approx(played(setup, draw), rel=1e-9)


def test_play_at_a_double_root_is_slower_by_one_over_t():
    eta = 4.0
    # Both eigenvalues of the joint step meet at (2 b / c)^2 whatever the step size.
    setup = replace(SETUP, dim=1, generator_decay=0.0, log2_ratio=np.log2(eta), end_time=100.0)
    draw = drawn(setup) | one_mode(np.sqrt(eta) * 0.5 / 2)
    forecast = theory.spectrum(setup, draw)["rate"]
    assert forecast - played(setup, draw) == pytest.approx(1.4 / 100, rel=0.1)


def test_norm_of_tiny_weights_does_not_underflow():
    tiny = jnp.array([3e-30, 4e-30], jnp.float32)
    assert float(experiment.log_norm(tiny)) == pytest.approx(np.log(5e-30), rel=1e-5)


def test_best_ratio_is_where_each_seed_is_fastest():
    rate = xr.DataArray(
        [[1.0, 3.0, 2.0], [1.0, 2.0, 4.0]],
        dims=("seed", "log2_ratio"),
        coords={"log2_ratio": [0.0, 0.5, 1.0]},
    )
    assert readout.best_ratio(rate).values.tolist() == [0.5, 1.0]
