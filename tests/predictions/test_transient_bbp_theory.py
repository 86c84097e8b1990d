"""The Dyson theory against classical limits, its own fixed point and untrained random matrices."""

from dataclasses import replace
from functools import partial

import jax
import numpy as np
import pytest
import scipy.linalg
import xarray as xr

from harness.api import OutOfScope
from predictions.solvable_settings.transient_bbp import dyson, experiment, readout, theory, world
from predictions.solvable_settings.transient_bbp.dyson import Spike
from predictions.solvable_settings.transient_bbp.world import LEVEL, Setup

WEIGHTS = np.array([0.5, 0.3, 0.2])
VARIANCES = np.array([0.4, 1.0, 2.5])
SPIKE = Spike(np.array([0.5, 0.2, 0.3]), np.array([0.6, -0.2, 0.1]), np.array([4.0, 1.0, 0.5]))

SETUP = Setup(
    inputs="blocks",
    dim=200,
    samples_per_dim=20.0,
    slow_fraction=0.2,
    anisotropy=20.0,
    theta=2.0,
    left_slow=0.2,
    right_slow=0.0,
    kappa=0.3,
    init_std=0.7,
    learning_rate=0.1,
    first_time=0.5,
    last_time=40.0,
    records=10,
)


def _one_block(variance, theta):
    return np.ones(1), np.array([variance]), Spike(np.ones(1), np.zeros(1), np.array([theta**2]))


def test_one_block_has_the_semicircle_edge():
    for variance in (0.1, 1.0, 7.0):
        weights, variances, _ = _one_block(variance, 0.0)
        z, _ = dyson.resolvent(dyson.edge(weights, variances), weights, variances)
        assert z == pytest.approx(np.sqrt(2 * variance), rel=1e-12)


@pytest.mark.parametrize("theta", [0.5, 1.5, 3.0])
def test_one_block_has_the_classical_transition(theta):
    noise2, spike = 0.5, theta / 2  # entries of variance s/2d, spike eigenvalues +-theta/2
    top = dyson.top_eigenpair(*_one_block(1.0, theta))
    assert top.strength == pytest.approx(spike / np.sqrt(noise2), rel=1e-12)
    if spike < np.sqrt(noise2):
        assert top.value == pytest.approx(2 * np.sqrt(noise2), rel=1e-12)
        assert top.overlap == 0
    else:
        assert top.value == pytest.approx(spike + noise2 / spike, rel=1e-12)
        assert top.overlap == pytest.approx((1 - noise2 / spike**2) / 2, rel=1e-12)


def test_closed_form_solves_the_dyson_equation():
    x = np.array([3.5, 5.0, 40.0])
    z, g = dyson.resolvent(x, WEIGHTS, VARIANCES)
    profile = (VARIANCES[:, None] + VARIANCES) / 4
    np.testing.assert_allclose(1 / g, z[:, None] - (g * WEIGHTS) @ profile, rtol=1e-12)


def _fixed_point(z, sweeps=4000):
    g = np.full(3, 1 / z)
    profile = (VARIANCES[:, None] + VARIANCES) / 4
    for _ in range(sweeps):
        g = 0.5 * g + 0.5 / (z - profile @ (WEIGHTS * g))
    return g


def test_edge_and_branch_agree_with_iteration_at_complex_z():
    x_edge = dyson.edge(WEIGHTS, VARIANCES)
    z_edge, _ = dyson.resolvent(x_edge, WEIGHTS, VARIANCES)
    inside, outside = (_fixed_point(z_edge + step + 1e-6j) for step in (-0.02, 0.02))
    assert abs(inside.imag).min() > 1e-2
    assert abs(outside.imag).max() < 1e-4
    z, g = dyson.resolvent(1.2 * x_edge, WEIGHTS, VARIANCES)
    np.testing.assert_allclose(_fixed_point(z + 1e-9j).real, g, rtol=1e-6)


def test_edge_is_where_the_linearised_equation_is_singular():
    x = dyson.edge(WEIGHTS, VARIANCES)
    _, g = dyson.resolvent(x, WEIGHTS, VARIANCES)
    profile = (VARIANCES[:, None] + VARIANCES) / 4
    perron = abs(np.linalg.eigvals(g[:, None] ** 2 * profile * WEIGHTS)).max()
    assert perron == pytest.approx(1, abs=1e-10)
    assert dyson.resolvent_slope(x, WEIGHTS, VARIANCES)[0] == pytest.approx(0, abs=1e-10)
    beyond = dyson.resolvent(np.linspace(x, 20, 200), WEIGHTS, VARIANCES)[0]
    assert (np.diff(beyond) > 0).all()


def test_slopes_are_finite_differences():
    x, step = np.array([4.0, 9.0]), 1e-5
    upper, lower = (dyson.resolvent(x + s, WEIGHTS, VARIANCES) for s in (step, -step))
    slopes = dyson.resolvent_slope(x, WEIGHTS, VARIANCES)
    for high, low, slope in zip(upper, lower, slopes, strict=True):
        np.testing.assert_allclose((high - low) / (2 * step), slope, rtol=1e-7)


def test_splitting_a_block_changes_nothing():
    split = np.array([0, 0, 1, 2, 2, 2])
    share = np.array([0.3, 0.7, 1.0, 0.2, 0.5, 0.3])
    parts = Spike(*((getattr(SPIKE, name)[split] * share) for name in ("left", "cross", "right")))
    whole = dyson.top_eigenpair(WEIGHTS, VARIANCES, SPIKE)
    pieces = dyson.top_eigenpair(WEIGHTS[split] * share, VARIANCES[split], parts)
    assert pieces.value == pytest.approx(whole.value, rel=1e-12)
    assert pieces.overlap == pytest.approx(whole.overlap, rel=1e-12)


def _monte_carlo(weights, variances, left_D, right_D, pairs, rng):
    """Mean top eigenvalue and overlap of untrained matrices, in pairs of opposite noise."""
    dim = len(left_D)
    std_D = np.sqrt(np.repeat(variances, np.rint(weights * dim).astype(int)) / dim)
    values = []
    for _ in range(pairs):
        noise_DD = rng.standard_normal((dim, dim)) * std_D
        for sign in (1, -1):
            w_DD = sign * noise_DD + np.outer(left_D, right_D)
            top = [dim - 1, dim - 1]
            value, vector = scipy.linalg.eigh((w_DD + w_DD.T) / 2, subset_by_index=top)
            values.append((value[0], (vector[:, 0] @ left_D) ** 2))
    return np.mean(values, axis=0)


def _vectors(weights, dim, rng):
    """Two overlapping vectors with weight in every block, and their spike."""
    block_D = np.repeat(np.arange(len(weights)), np.rint(weights * dim).astype(int))
    left_D = rng.standard_normal(dim) * np.array([1.0, 0.5, 1.5])[block_D]
    left_D /= np.linalg.norm(left_D)
    right_D = rng.standard_normal(dim) * np.array([1.5, 1.0, 0.3])[block_D]
    right_D = 2.4 * (right_D / np.linalg.norm(right_D) + 0.4 * left_D)
    products = (left_D**2, left_D * right_D, right_D**2)
    return left_D, right_D, Spike(*(np.bincount(block_D, product) for product in products))


def test_outlier_and_overlap_of_untrained_matrices():
    rng = np.random.default_rng(1)
    left_D, right_D, spike = _vectors(WEIGHTS, 400, rng)
    top = dyson.top_eigenpair(WEIGHTS, VARIANCES, spike)
    value, overlap = _monte_carlo(WEIGHTS, VARIANCES, left_D, right_D, 12, rng)
    assert top.strength > 1.3
    assert value == pytest.approx(top.value, rel=0.02)
    assert overlap == pytest.approx(top.overlap, abs=0.02)


def test_edge_of_untrained_matrices():
    rng = np.random.default_rng(2)
    no_spike = Spike(np.array([1.0, 0, 0]), np.zeros(3), np.zeros(3))
    top = dyson.top_eigenpair(WEIGHTS, VARIANCES, no_spike)
    assert top.overlap == 0
    errors = []
    for dim, pairs in ((80, 40), (320, 12)):
        first_D = np.eye(dim)[0]
        value, _ = _monte_carlo(WEIGHTS, VARIANCES, first_D, 0 * first_D, pairs, rng)
        errors.append(1 - value / top.value)
    # Tracy-Widom: the top eigenvalue lies below the edge by a multiple of d^(-2/3).
    assert errors[0] / errors[1] == pytest.approx(4 ** (2 / 3), rel=0.3)


def test_weights_follow_the_formula_of_gradient_descent():
    rng = np.random.default_rng(3)
    dim, samples, rate, steps = 6, 30, 0.2, 17
    x_ND = rng.standard_normal((samples, dim)) * np.array([1, 1, 1, 1, 0.3, 0.3])
    teacher_DD, start_DD = rng.standard_normal((2, dim, dim))
    noise_ND = rng.standard_normal((samples, dim))
    w_DD = start_DD
    for _ in range(steps):
        w_DD = w_DD - rate * (x_ND @ (w_DD - teacher_DD).T - noise_ND).T @ x_ND / samples
    gram_DD = x_ND.T @ x_ND / samples
    kept_DD = np.linalg.matrix_power(np.eye(dim) - rate * gram_DD, steps)
    learnt_DD = np.eye(dim) - kept_DD
    label_DD = noise_ND.T @ x_ND / samples @ np.linalg.inv(gram_DD)
    formula_DD = start_DD @ kept_DD + (teacher_DD + label_DD) @ learnt_DD
    np.testing.assert_allclose(w_DD, formula_DD, atol=1e-12)


def test_conditional_theory_on_the_population_covariance_is_the_population_theory():
    slow = SETUP.slow_dim
    block_D = np.arange(SETUP.dim) >= SETUP.dim - slow
    left_D = np.where(block_D, np.sqrt(0.2 / slow), np.sqrt(0.8 / (SETUP.dim - slow)))
    right_D = np.where(block_D, 0, (-1.0) ** np.arange(SETUP.dim) / np.sqrt(SETUP.dim - slow))
    gram = np.diag(np.where(block_D, 1 / SETUP.anisotropy, 1.0))
    given = theory.conditional(SETUP, {"gram": gram, "left": left_D, "right": right_D})
    for name, values in theory.population(SETUP).items():
        np.testing.assert_allclose(given[name], values, atol=1e-9)


def test_small_steps_depend_on_time_only_and_late_weights_are_static():
    coarse, fine = (
        theory.population(replace(SETUP, learning_rate=rate, first_time=2.0, last_time=2.0))
        for rate in (1e-3, 1e-4)
    )
    late = theory.population(replace(SETUP, first_time=1e4, last_time=1e4))
    static = theory.static_bbp(SETUP)
    for name in ("top_eigenvalue", "overlap"):
        np.testing.assert_allclose(coarse[name], fine[name], rtol=2e-3)
        np.testing.assert_allclose(late[name][-1], static[name], rtol=1e-9)


def test_rivals_agree_where_they_must():
    isotropic = replace(SETUP, anisotropy=1.0)
    for rival in (theory.averaged_variance, theory.isotropic):
        for name, values in theory.population(isotropic).items():
            np.testing.assert_allclose(rival(isotropic)[name], values, rtol=1e-9)


def test_windows_and_phases_are_refused_where_there_are_none():
    assert theory.window(SETUP)["overlap"].max() > LEVEL
    for theta in (0.5, 8.0):
        with pytest.raises(OutOfScope, match="does not rise"):
            theory.window(replace(SETUP, theta=theta))
    with pytest.raises(OutOfScope, match="slowly"):
        theory.window(replace(SETUP, theta=1.25, first_time=0.8, last_time=60.0))
    with pytest.raises(OutOfScope, match="boundary"):
        theory.phases(replace(SETUP, theta=1.2))
    with pytest.raises(OutOfScope, match="edge of the window"):
        theory.outlier(SETUP, {})
    with pytest.raises(OutOfScope, match="diverges"):
        theory.population(replace(SETUP, learning_rate=2.5))


def _curves(*rows):
    time = np.array([1.0, 2.0, 4.0, 8.0])
    return xr.DataArray(np.array(rows), dims=("seed", "time"), coords={"time": time})


def test_times_are_read_off_the_mean_curve_in_log_time():
    curves = _curves([0.0, 0.4, 0.4, 0.0], [0.0, 0.4, 0.2, 0.0])
    assert readout.emergence_time(curves) == pytest.approx(2 ** (0.25 / 0.4))
    assert readout.reabsorption_time(curves) == pytest.approx(4 * 2 ** (0.05 / 0.3))
    for flat, emergence in ((0.1, 8.0), (0.4, 1.0)):
        assert readout.emergence_time(_curves([flat] * 4)) == emergence
        assert readout.reabsorption_time(_curves([flat] * 4)) == 8.0


def test_phases_count_the_records_above_the_level():
    curves = _curves([0.1] * 4, [0.1, 0.3, 0.3, 0.2], [0.1, 0.3, 0.3, 0.3])
    assert readout.phase(curves).values.tolist() == [0, 1, 2]


def test_draw_has_the_declared_teacher_and_covariance():
    setup = replace(SETUP, dim=40, samples_per_dim=400.0, right_slow=0.3)
    drawn = {
        name: np.asarray(value)
        for name, value in jax.jit(partial(world.draw, setup))(jax.random.key(0)).items()
    }
    for block, left, right in ((slice(0, 32), 0.8, 0.7), (slice(32, 40), 0.2, 0.3)):
        assert drawn["left"][block] @ drawn["left"][block] == pytest.approx(left, rel=1e-5)
        assert drawn["right"][block] @ drawn["right"][block] == pytest.approx(right, rel=1e-5)
        assert drawn["left"][block] @ drawn["right"][block] == pytest.approx(0, abs=1e-6)
    variance = np.diag(drawn["gram"])
    assert variance[:32].mean() == pytest.approx(1, rel=0.02)
    assert variance[32:].mean() == pytest.approx(1 / 20, rel=0.02)
    # Label noise of variance kappa n / d gives the entries of Xi^T X / n variance kappa l / d.
    assert drawn["noise"][:, :32].var() == pytest.approx(setup.kappa / 40, rel=0.15)


def test_training_is_gradient_descent_read_at_the_records():
    setup = replace(SETUP, dim=12, records=4, last_time=3.0)
    key = jax.random.key(5)
    drawn = jax.jit(partial(world.draw, setup))(key)
    measured = jax.jit(partial(experiment.train, setup))(key, drawn)
    gram, noise, left, right = (
        np.asarray(drawn[name], float) for name in ("gram", "noise", "left", "right")
    )
    start_DD = setup.init_std / np.sqrt(12) * np.asarray(jax.random.normal(key, (12, 12)), float)
    expected = []
    for sign in (1, -1):
        target_DD = setup.theta * np.outer(left, right @ gram) + sign * noise
        w_DD, done = sign * start_DD, 0
        for step in setup.record_steps():
            for _ in range(done, step):
                w_DD = w_DD - setup.learning_rate * (w_DD @ gram - target_DD)
            done = step
            values, vectors = np.linalg.eigh((w_DD + w_DD.T) / 2)
            expected.append((values[-1], (vectors[:, -1] @ left) ** 2))
    mean_T2 = np.array(expected).reshape(2, -1, 2).mean(axis=0)
    np.testing.assert_allclose(measured["top_eigenvalue"], mean_T2[:, 0], rtol=1e-4)
    np.testing.assert_allclose(measured["overlap"], mean_T2[:, 1], atol=1e-4)


def test_top_eigenpair_is_that_of_lapack():
    rng = np.random.default_rng(6)
    h_SDD = rng.standard_normal((6, 120, 120)) / np.sqrt(120)
    h_SDD = (h_SDD + h_SDD.transpose(0, 2, 1)) / 2
    values, vectors = jax.jit(jax.vmap(experiment.top_eigenpair))(h_SDD.astype(np.float32))
    exact, basis = np.linalg.eigh(h_SDD)
    np.testing.assert_allclose(values, exact[:, -1], rtol=1e-5)
    overlaps = (np.asarray(vectors) * basis[:, :, -1]).sum(axis=1) ** 2
    assert overlaps.min() > 1 - 1e-4
