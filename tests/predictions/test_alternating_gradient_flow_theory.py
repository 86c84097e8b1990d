"""The staircase of a diagonal linear network against uncorrelated inputs and the flow itself."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr
from scipy.integrate import solve_ivp

from harness.api import OutOfScope
from predictions.solvable_settings.alternating_gradient_flow import (
    experiment,
    network,
    readout,
    theory,
    world,
)

SETUP = world.Setup(
    teacher=(2.0, -1.5, 1.0, 0.7, -0.5, 0.3),
    samples=60,
    correlation=0.5,
    log_inverse_alpha=20.0,
    layers="two",
    learning_rate=0.01,
    steps=100,
    last_time=8.0,
    records=41,
)
TEACHER = np.array(SETUP.teacher)


def _gram(seed: int, samples: int = 30) -> np.ndarray:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((samples, len(TEACHER))) + rng.standard_normal((samples, 1))
    return x.T @ x / (2 * samples)


def _flow(gram: np.ndarray, scale: float, end: float) -> tuple[np.ndarray, np.ndarray]:
    """Accelerated times and beta [time, D] of the exact flow of G with ln(1/alpha) = scale."""

    def beta(exponent):
        # The solver's trial steps may overshoot, which must not overflow; the flow itself stays.
        return np.sinh(2 * scale * exponent.clip(-1.2, 1.2)) * np.exp(-2 * scale)

    solution = solve_ivp(
        lambda _, exponent: gram @ (TEACHER - beta(exponent)),
        (0, end),
        np.zeros(len(TEACHER)),
        method="LSODA",
        rtol=1e-8,
        atol=1e-10,
        dense_output=True,
    )
    assert solution.success
    times = np.linspace(0, end, 4000)
    return times, beta(solution.sol(times)).T


def test_uncorrelated_coefficients_are_learnt_alone():
    stairs = theory.staircase(np.eye(6), TEACHER)
    np.testing.assert_allclose(stairs.times[1:], np.sort(1 / abs(TEACHER)))
    np.testing.assert_allclose(stairs.passages(0.9 * abs(TEACHER)), 1 / abs(TEACHER))
    np.testing.assert_allclose(stairs.at(np.array([0.6]))[0], [2, 0, 0, 0, 0, 0], atol=1e-12)
    alone = theory.own_correlation(SETUP, {"gram": np.eye(6)})["passage"]
    together = theory.alternating_flow(SETUP, {"gram": np.eye(6)})["passage"]
    np.testing.assert_allclose(alone, together)


@pytest.mark.parametrize("seed", range(4))
def test_the_flow_tends_to_the_staircase(seed):
    gram = _gram(seed)
    stairs = theory.staircase(gram, TEACHER)
    end = 1.1 * stairs.times[-1]
    distances = []
    for scale in (40.0, 120.0):
        times, beta = _flow(gram, scale, end)
        distances.append(abs(beta - stairs.at(times)).mean() / abs(TEACHER).mean())
    assert distances[1] < 0.03
    assert distances[1] < 0.4 * distances[0]


def test_coefficients_fall_asleep_and_wake_again():
    asleep = [(_stairs(seed).beta[1:] == 0).astype(int) for seed in range(40)]
    again = [seed for seed, zero in enumerate(asleep) if (np.diff(zero, axis=0) > 0).any()]
    assert again
    for seed in again[:2]:
        gram, stairs = _gram(seed), _stairs(seed)
        times, beta = _flow(gram, 120.0, 1.1 * stairs.times[-1])
        assert abs(beta - stairs.at(times)).mean() < 0.03 * abs(TEACHER).mean()


def _stairs(seed: int) -> theory.Staircase:
    return theory.staircase(_gram(seed), TEACHER)


def test_every_plateau_is_a_constrained_minimum():
    gram, stairs = _gram(7), _stairs(7)
    error = stairs.beta - TEACHER
    loss = np.einsum("ri,ij,rj->r", error, gram, error) / 2
    assert loss[0] == pytest.approx(TEACHER @ gram @ TEACHER / 2)
    assert (np.diff(loss) < 0).all()
    np.testing.assert_allclose(stairs.beta[-1], TEACHER, atol=1e-9)
    slope = error @ gram
    assert abs(slope[stairs.beta != 0]).max() < 1e-9


def test_forgetting_delays_all_but_the_first():
    gram = _gram(3)
    level = world.LEVEL * abs(TEACHER)
    memory = theory.staircase(gram, TEACHER)
    forgetful = theory.staircase(gram, TEACHER, memory=False)
    assert forgetful.times[1] == pytest.approx(memory.times[1])
    assert forgetful.passages(level).max() > 1.5 * memory.passages(level).max()


def test_the_linearised_network_is_slow_by_alpha_squared():
    draw = {"gram": np.eye(6)}
    passage = theory.linearised(SETUP, draw)["passage"]
    exact = -np.log(1 - world.LEVEL) * np.exp(2 * SETUP.log_inverse_alpha) / 2
    np.testing.assert_allclose(passage, exact, rtol=0.01)
    loss = theory.linearised(SETUP, draw)["loss"]
    np.testing.assert_allclose(loss, TEACHER @ TEACHER / 2)


def test_singular_problems_are_out_of_scope():
    with pytest.raises(OutOfScope):
        theory.alternating_flow(replace(SETUP, samples=6), {"gram": np.eye(6)})


def test_rotated_weights_make_the_steps_of_u_and_v():
    gram, rate, alpha = _gram(0), 0.05, 0.1
    u, v = np.full(6, np.sqrt(2) * alpha), np.zeros(6)
    p = m = np.full(6, alpha)
    for _ in range(50):
        g, rotated_g = gram @ (TEACHER - u * v), gram @ (TEACHER - (p**2 - m**2) / 2)
        u, v = u + rate * g * v, v + rate * g * u
        p, m = p + rate * rotated_g * p, m - rate * rotated_g * m
    model = network.DiagonalLinear(jnp.array(p), jnp.array(m))
    np.testing.assert_allclose(model.product()[0], u * v, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(model(jnp.eye(6))[:, 0], u * v, rtol=1e-5, atol=1e-6)


def test_training_dates_a_lone_coefficient_exactly():
    setup = replace(SETUP, teacher=(1.0, 0.5), steps=8000, last_time=3.0)
    measured = experiment.train(setup, jax.random.key(0), {"gram": jnp.eye(2)})
    beta = np.array([1.0, 0.5])
    # d beta/dt = 2 beta (beta* - beta) from alpha^2/2, up to alpha^4.
    level, start = world.LEVEL, np.exp(-40.0) / 2 / beta
    exact = np.log(level * (1 - start) / (start * (1 - level))) / (2 * beta)
    np.testing.assert_allclose(measured["passage"], exact, rtol=0.01)
    assert measured["loss"][0] == pytest.approx(0.625)
    assert measured["loss"][-1] < 1e-6


def test_constants_drop_out_of_the_accelerated_time():
    scale = np.array([20.0, 40.0, 30.0])
    times = np.array([3.0, 0.5, 1.0])
    passage = xr.DataArray(
        (scale[:, None] * times + np.array([1.0, 7.0, -2.0]))[None],
        dims=("seed", "log_inverse_alpha", "coefficient"),
        coords={"log_inverse_alpha": scale},
    )
    np.testing.assert_allclose(readout.accelerated_time(passage)[0], times)
    np.testing.assert_array_equal(readout.place(passage)[0], [2, 0, 1])
    assert readout.smallest_alpha(passage)[0, 0] == pytest.approx(121.0)
