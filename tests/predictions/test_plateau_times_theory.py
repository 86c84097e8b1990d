from __future__ import annotations

import itertools
import math
from dataclasses import replace

import jax
import numpy as np
import pytest
import xarray as xr
from numpy.polynomial.hermite_e import hermegauss, hermeval
from scipy.integrate import quad, solve_ivp

from harness.api import OutOfScope
from predictions.solvable_settings.plateau_times import experiment, readout, theory, validity
from predictions.solvable_settings.plateau_times.world import Setup, initial_outputs

BASE = Setup(
    epsilon=0.01,
    width=16,
    dim=9,
    batch=256,
    step=0.007,
    horizon=2.0,
    activation=(0.0, 1.0, 1.0),
    target=(0.0, 1.0, 1.0),
    output_std=1.0,
    start="paired",
)
CUBIC = replace(
    BASE, width=4, dim=3, activation=(0.3, 1.0, 0.7, -0.4), target=(0.5, 1.0, -0.6, 0.8)
)


def times(forecast: dict[str, np.ndarray]) -> np.ndarray:
    return forecast["learning_time"]


def hermite(coefficients: tuple[float, ...]) -> np.ndarray:
    return np.array([c / math.sqrt(math.factorial(k)) for k, c in enumerate(coefficients)])


def gaussian_grid(dim: int, nodes: int) -> tuple[np.ndarray, np.ndarray]:
    x, w = hermegauss(nodes)
    points = np.array(list(itertools.product(x, repeat=dim)))
    weights = np.array([math.prod(row) for row in itertools.product(w / w.sum(), repeat=dim)])
    return points, weights


def quadrature_flow(setup: Setup, a: np.ndarray, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both layers' velocities from gradients of the risk by quadrature, exact for polynomials."""
    sigma, phi = hermite(setup.activation), hermite(setup.target)
    slope = np.polynomial.hermite_e.hermeder(sigma)
    x, w = gaussian_grid(dim=u.shape[1], nodes=8)
    hidden = x @ u.T
    error = hermeval(x[:, 0], phi) - hermeval(hidden, sigma) @ a / setup.width
    a_dot = (w * error) @ hermeval(hidden, sigma) / setup.epsilon
    pull = a[:, None] * ((w * error)[:, None] * hermeval(hidden, slope)).T @ x
    return a_dot, pull - np.sum(pull * u, axis=1, keepdims=True) * u


def test_flow_is_the_gradient_of_the_exact_risk() -> None:
    rng = np.random.default_rng(0)
    a, u = rng.normal(size=4), rng.normal(size=(4, 3))
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    flow, _ = theory.population_equations(CUBIC)
    a_dot, u_dot = quadrature_flow(CUBIC, a, u)
    got = flow(0.0, np.concatenate([a, u.ravel()]))
    np.testing.assert_allclose(got, np.concatenate([a_dot, u_dot.ravel()]), rtol=1e-10, atol=1e-12)


def test_sampled_gradient_agrees_with_the_flow() -> None:
    rng = np.random.default_rng(1)
    a, u = rng.normal(size=4), rng.normal(size=(4, 3))
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    x = rng.normal(size=(400_000, 3))
    hidden = hermeval(x @ u.T, hermite(CUBIC.activation))
    error = hermeval(x[:, 0], hermite(CUBIC.target)) - hidden @ a / 4
    sampled = error[:, None] * hidden
    flow, _ = theory.population_equations(CUBIC)
    exact = flow(0.0, np.concatenate([a, u.ravel()]))[:4] * CUBIC.epsilon
    standard_error = sampled.std(axis=0) / math.sqrt(len(x))
    assert np.all(np.abs(sampled.mean(axis=0) - exact) < 5 * standard_error)


def test_mean_field_is_the_flow_without_terms_of_order_one_over_width() -> None:
    limit = times(theory.mean_field(BASE))
    gaps = [
        np.log(times(theory.population_flow(replace(BASE, width=m, dim=m))) / limit)
        for m in (32, 64, 128)
    ]
    assert np.all(gaps[2] > 0)
    np.testing.assert_allclose(gaps[0] / gaps[1], 2, atol=0.25)
    np.testing.assert_allclose(gaps[1] / gaps[2], 2, atol=0.2)


def test_mean_field_times_do_not_depend_on_the_number_of_nodes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = times(theory.mean_field(BASE))
    monkeypatch.setattr(theory, "NODES", 64)
    np.testing.assert_allclose(times(theory.mean_field(BASE)), before, rtol=3e-5)


def test_crossings_agree_with_runge_kutta_of_fixed_step() -> None:
    flow, y = theory.population_equations(BASE)
    m, step = BASE.width, BASE.end / 4000
    learnt = [np.zeros(2)]
    while learnt[-1].min() < 0.5:
        k1 = flow(0.0, y)
        k2 = flow(0.0, y + step / 2 * k1)
        k3 = flow(0.0, y + step / 2 * k2)
        y = y + step / 6 * (k1 + 2 * k2 + 2 * k3 + flow(0.0, y + step * k3))
        learnt.append(y[:m] @ y[m:].reshape(m, -1)[:, :1] ** np.array([1, 2]) / m)
    path = np.array(learnt)
    expected = [np.interp(0.5, path[:, k], step * np.arange(len(path))) for k in (0, 1)]
    np.testing.assert_allclose(times(theory.population_flow(BASE)), expected, rtol=1e-5)


def test_crossings_agree_with_a_stiff_solver() -> None:
    flow, start, weights = theory.mean_field_equations(BASE)
    found = times(theory.mean_field(BASE))
    path = solve_ivp(
        flow, (0, found[1]), start, method="LSODA", t_eval=found, rtol=1e-9, atol=1e-11
    )
    a, s = np.split(path.y, 2)
    np.testing.assert_allclose([weights @ (a * s**k)[:, k - 1] for k in (1, 2)], 0.5, rtol=1e-5)


def test_first_plateau_tends_to_its_closed_form() -> None:
    errors = []
    for epsilon in (1e-3, 1e-5, 1e-7):
        root = math.sqrt(epsilon)
        end = 0.5 * math.asinh(1 / root)
        integral = quad(lambda x, q=root / 2: 1 / (1 - q * math.sinh(2 * x)), 0, end)[0]
        errors.append(abs(_plateau_times(epsilon)[0] / (root * integral) - 1))
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 1e-3


def test_leading_order_is_approached() -> None:
    ratios = [
        _plateau_times(e)[0] / (math.sqrt(e) * math.log(1 / e) / 4) for e in (1e-4, 1e-6, 1e-8)
    ]
    assert ratios[0] > ratios[1] > ratios[2] > 1
    forecast = [times(theory.leading_order(replace(BASE, epsilon=e))) for e in (1e-4, 1e-8)]
    np.testing.assert_allclose(forecast[1][0] / forecast[0][0], 1e-2 * 2, rtol=1e-12)
    np.testing.assert_allclose(forecast[1][1] / forecast[0][1], 1e-1, rtol=1e-12)


def _plateau_times(epsilon: float) -> np.ndarray:
    """Mean-field times where no step size would be fine enough for SGD."""
    return times(theory.mean_field(replace(BASE, epsilon=epsilon, step=1e-9)))


def test_rivals_share_their_times_at_equal_rates() -> None:
    equal = replace(BASE, epsilon=1.0)
    flow = times(theory.mean_field(replace(equal, step=1e-3)))
    for rival in (theory.single_time_scale, theory.uniform_square_root, theory.second_layer_clock):
        np.testing.assert_allclose(times(rival(equal)), flow, rtol=1e-6)
    fast = replace(BASE, horizon=100.0)
    np.testing.assert_allclose(times(theory.single_time_scale(fast)), flow, rtol=1e-6)
    np.testing.assert_allclose(times(theory.uniform_square_root(fast)), flow / 10, rtol=1e-6)
    np.testing.assert_allclose(times(theory.second_layer_clock(fast)), flow / 100, rtol=1e-6)


def test_lazy_network_learns_the_linear_component_alone() -> None:
    late = replace(BASE, horizon=100.0)
    square = np.mean(initial_outputs(late) ** 2)
    np.testing.assert_allclose(times(theory.lazy(late)), [math.log(2) / square, late.end])
    np.testing.assert_allclose(times(theory.lazy(BASE)), [BASE.end, BASE.end])


def test_lazy_rate_is_the_tangent_kernel_on_the_linear_component() -> None:
    setup = replace(CUBIC, width=64, dim=33)
    sigma = hermite(setup.activation)
    slope = np.polynomial.hermite_e.hermeder(sigma)
    x, w = gaussian_grid(dim=2, nodes=8)
    feature = w @ (hermeval(x[:, 1], slope) * x[:, 0] ** 2)
    rate = feature**2 * np.mean(initial_outputs(setup) ** 2)
    np.testing.assert_allclose(
        times(theory.lazy(replace(setup, horizon=100.0)))[0], math.log(2) / rate
    )


def test_euler_shift_is_the_estimated_one() -> None:
    flow, y = theory.population_equations(BASE)
    m, done = BASE.width, [np.zeros(2)]
    while done[-1].min() < 0.5:
        y = y + BASE.eta * flow(0.0, y)
        u = y[m:].reshape(m, -1)
        u /= np.linalg.norm(u, axis=1, keepdims=True)
        done.append(y[:m] @ u[:, :1] ** np.array([1, 2]) / m)
    path = np.array(done)
    stepped = [np.interp(0.5, path[:, k], BASE.eta * np.arange(len(path))) for k in (0, 1)]
    shift = np.log(stepped / times(theory.population_flow(BASE)))
    estimate = validity.neglected(BASE, 0.2)["the step"]
    assert np.all((0.6 * estimate < shift) & (shift < estimate))


def test_noise_estimates_scale_with_step_batch_and_dimension() -> None:
    def noise(setup: Setup) -> np.ndarray:
        return np.array(list(validity.neglected(setup, 0.2).values()))

    np.testing.assert_allclose(noise(replace(BASE, step=0.0035)) / noise(BASE), 0.5)
    np.testing.assert_allclose(noise(replace(BASE, batch=1024)) / noise(BASE), [1, 0.25, 0.25])
    np.testing.assert_allclose(noise(replace(BASE, dim=36)) / noise(BASE), [1, 4, 1])


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"target": (0.0, 0.0, 1.0, 1.0)}, "stationary"),
        ({"activation": (0.0, 0.0, 1.0)}, "stationary"),
        ({"activation": (0.0, 1.0)}, "degree 2"),
        ({"target": (0.0, 1.0, 0.0, 1.0)}, "degree 3"),
        ({"horizon": 0.5}, "lengthen the horizon"),
        ({"step": 0.09}, "the step shifts"),
        ({"dim": 4000}, "first-layer noise shifts"),
        ({"epsilon": 1e-3, "batch": 8}, "second-layer noise shifts"),
        ({"step": 0.12}, "diverge"),
    ],
)
def test_theory_says_where_it_does_not_hold(change: dict[str, object], why: str) -> None:
    with pytest.raises(OutOfScope, match=why):
        theory.population_flow(replace(BASE, **change))


@pytest.mark.parametrize(
    ("change", "why"), [({"dim": 8}, "orthogonal"), ({"target": (0.0, 1.0)}, "two components")]
)
def test_impossible_worlds_are_refused(change: dict[str, object], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        replace(BASE, **change)


def test_separation_divides_by_the_first_component() -> None:
    raw = xr.DataArray(
        [[2.0, 3.0, 8.0]], dims=("seed", "component"), coords={"component": [1, 2, 4]}
    )
    ratio = readout.separation(raw)
    np.testing.assert_allclose(ratio, [[1.5, 4.0]])
    assert list(ratio["component"].values) == [2, 4]


def test_learnt_fractions_are_hermite_coefficients_of_the_network() -> None:
    rng = np.random.default_rng(2)
    a, u = rng.normal(size=4), rng.normal(size=(4, 2))
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    x, w = gaussian_grid(dim=2, nodes=8)
    output = hermeval(x @ u.T, hermite(CUBIC.activation)) @ a / 4
    expected = [
        (w * output) @ hermeval(x[:, 0], hermite((0,) * k + (1,))) / CUBIC.target[k]
        for k in CUBIC.components
    ]
    got = experiment.learnt_fractions(CUBIC, jax.numpy.asarray(a), jax.numpy.asarray(u[:, 0]))
    np.testing.assert_allclose(got, expected, rtol=1e-5)


LARGE_BATCHES = replace(BASE, epsilon=0.1, width=4, dim=3, batch=8192)


@jax.jit
def trained(horizon: float, output_std: float) -> jax.Array:
    setup = replace(LARGE_BATCHES, horizon=horizon, output_std=output_std)
    return experiment.train(setup, jax.random.key(10_000))["learning_time"]


def test_training_on_large_batches_follows_the_flow() -> None:
    flow = times(theory.population_flow(LARGE_BATCHES))
    np.testing.assert_allclose(trained(2.0, 1.0), flow, rtol=0.03)


def test_what_is_not_learnt_by_the_horizon_is_recorded_there() -> None:
    flow = times(theory.population_flow(LARGE_BATCHES))
    between = flow.mean() / LARGE_BATCHES.end * LARGE_BATCHES.horizon
    early = trained(between, 1.0)
    np.testing.assert_allclose(early, [trained(2.0, 1.0)[0], flow.mean()], rtol=1e-5)


def test_diverged_training_gives_no_time() -> None:
    assert np.isnan(trained(2.0, 1e30)).all()
