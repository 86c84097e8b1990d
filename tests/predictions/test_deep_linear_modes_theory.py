"""Learning times of linear modes against integrated flows; the experiment against plain descent."""

from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from harness.api import OutOfScope
from predictions.solvable_settings.deep_linear_modes import experiment, theory, world

SETUP = world.Setup(
    dim=6,
    width=8,
    singular_values=(3.0, 2.0, 1.0),
    init_scale=1e-3,
    condition=1.0,
    learning_rate=0.002,
    first_time=0.5,
    end_time=12.0,
    records=24,
)


def drawn(setup, seed):
    """A draw as NumPy would make it."""
    rng = np.random.default_rng(seed)
    shape = (setup.dim, len(setup.singular_values))
    return {
        "left": np.linalg.qr(rng.standard_normal(shape))[0],
        "right": np.linalg.qr(rng.standard_normal(shape))[0],
        "first": rng.standard_normal((setup.width, setup.dim)),
        "second": rng.standard_normal((setup.dim, setup.width)),
    }


def weights(setup, draw):
    scale = setup.init_scale / np.sqrt(setup.width)
    return scale * draw["first"], scale * draw["second"]


def teacher(setup, draw):
    return draw["left"] * np.array(setup.singular_values) @ draw["right"].T


def flow(setup, draw):
    """Strengths [mode, time] by an integrator, from W1 and W2 themselves."""
    w1_HD, w2_DH = weights(setup, draw)
    r_DD = teacher(setup, draw)

    def velocity(_, flat):
        w1_HD, w2_DH = flat[: flat.size // 2].reshape(-1, setup.dim), flat[flat.size // 2 :]
        w2_DH = w2_DH.reshape(setup.dim, -1)
        e_DD = r_DD - w2_DH @ w1_HD
        return np.concatenate([(w2_DH.T @ e_DD).ravel(), (e_DD @ w1_HD.T).ravel()])

    start = np.concatenate([w1_HD.ravel(), w2_DH.ravel()])
    time_T = setup.axes()["time"]
    path = solve_ivp(velocity, (0, time_T[-1]), start, "DOP853", time_T, rtol=1e-9, atol=1e-12).y.T
    half = path.shape[1] // 2
    product = np.einsum(
        "tdh,the->tde",
        path[:, half:].reshape(-1, setup.dim, setup.width),
        path[:, :half].reshape(-1, setup.width, setup.dim),
    )
    strength_TK = np.einsum("dk,tde,ek->tk", draw["left"], product, draw["right"])
    return (strength_TK / np.array(setup.singular_values)).T


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_coupled_modes_are_the_flow_of_the_weights(seed):
    draw = drawn(SETUP, seed)
    np.testing.assert_allclose(
        theory.coupled(SETUP, draw)["strength"], flow(SETUP, draw), atol=1e-4
    )


def test_orthogonal_starts_make_the_modes_independent():
    draw = drawn(SETUP, 3)
    # p_k = (W1 v_k + W2^T u_k) / 2 along the axes, each with the mean strength eps^2 / 2.
    aligned_HK = np.sqrt(SETUP.width / 2) * np.eye(SETUP.width)[:, :3]
    draw["first"] = aligned_HK @ draw["right"].T
    draw["second"] = (aligned_HK @ draw["left"].T).T
    coupled, single = theory.coupled(SETUP, draw), theory.sigmoids(SETUP)
    np.testing.assert_allclose(coupled["strength"], single["strength"], atol=1e-12)
    np.testing.assert_allclose(coupled["learning_time"], single["learning_time"], rtol=1e-5)
    own = theory.own_starts(SETUP, draw)
    np.testing.assert_allclose(own["learning_time"], single["learning_time"], rtol=1e-12)


@pytest.mark.parametrize("forecast", [theory.sigmoids, theory.three_layers, theory.shallow])
def test_learning_times_are_where_the_strengths_pass_one_half(forecast):
    fine = replace(SETUP, learning_rate=1e-4, records=20000, end_time=1200.0, first_time=0.1)
    curves = forecast(fine)
    time_T = fine.axes()["time"]
    for half, strength_T in zip(curves["learning_time"], curves["strength"], strict=True):
        assert np.interp(half, time_T, strength_T) == pytest.approx(0.5, abs=2e-3)


def test_three_layers_obey_their_equation():
    setup = replace(SETUP, singular_values=(2.0,), init_scale=0.1, end_time=8.0)
    path = solve_ivp(
        lambda _, a: 3 * a ** (4 / 3) * (2 - a),
        (0, 8.0),
        [0.005],
        t_eval=setup.axes()["time"],
        rtol=1e-9,
        atol=1e-12,
    ).y[0]
    np.testing.assert_allclose(theory.three_layers(setup)["strength"][0], path / 2, atol=1e-4)


def test_mean_strength_at_the_start_is_half_of_eps_squared():
    starts = [np.diagonal(theory._start(SETUP, drawn(SETUP, seed))) for seed in range(400)]
    assert np.mean(starts) == pytest.approx(SETUP.init_scale**2 / 2, rel=0.05)


def test_overlaps_delay_mode_k_by_k_minus_one_over_h():
    setup = replace(SETUP, width=64)
    draws = [drawn(setup, seed) for seed in range(150)]
    late = [
        theory.coupled(setup, draw)["learning_time"]
        - theory.own_starts(setup, draw)["learning_time"]
        for draw in draws
    ]
    # A random direction has 1/h of its square along each of the k - 1 that are taken.
    delay_K = 2 * np.array(setup.singular_values) * np.mean(late, axis=0)
    np.testing.assert_allclose(delay_K, np.arange(3) / 64, atol=0.006)


def test_rivals_in_their_limits():
    tiny = replace(SETUP, init_scale=1e-150)
    exact, limit = theory.sigmoids(tiny), theory.leading_order(tiny)
    np.testing.assert_allclose(limit["learning_time"], exact["learning_time"], rtol=5e-3)
    assert np.ptp(theory.shallow(SETUP)["learning_time"]) == 0
    twice = replace(SETUP, init_scale=2**0.5 * SETUP.init_scale)
    np.testing.assert_allclose(
        theory.balanced_start(SETUP)["learning_time"], theory.sigmoids(twice)["learning_time"]
    )


def test_linearised_kernel_is_twice_eps_squared():
    draw = drawn(replace(SETUP, width=4000), 4)
    w1_HD, w2_DH = weights(replace(SETUP, width=4000), draw)
    kernel_K = ((w1_HD @ draw["right"]) ** 2 + (w2_DH.T @ draw["left"]) ** 2).sum(axis=0)
    rate = np.log(2) / theory.linearised(SETUP)["learning_time"]
    np.testing.assert_allclose(kernel_K, rate, rtol=0.1)


def test_large_starts_are_refused():
    for forecast in (theory.sigmoids, theory.leading_order):
        with pytest.raises(OutOfScope, match="not small"):
            forecast(replace(SETUP, init_scale=0.2))


def test_setup_wants_falling_modes_that_fit():
    with pytest.raises(ValueError, match="do not fall"):
        replace(SETUP, singular_values=(1.0, 1.0))
    with pytest.raises(ValueError, match="do not fit"):
        replace(SETUP, width=2)


def test_draw_has_orthonormal_frames_and_unit_weights():
    setup = replace(SETUP, width=400)
    draw = {k: np.asarray(v) for k, v in world.draw(setup, jax.random.key(0)).items()}
    for name in ("left", "right"):
        np.testing.assert_allclose(draw[name].T @ draw[name], np.eye(3), atol=1e-5)
    assert draw["first"].shape == (400, 6)
    assert draw["second"].shape == (6, 400)
    assert np.std(draw["first"]) == pytest.approx(1, rel=0.05)


def test_training_is_gradient_descent_on_the_inputs_of_the_setup():
    setup = replace(SETUP, condition=4.0, init_scale=0.03, learning_rate=0.01, end_time=12.0)
    draw = drawn(setup, 5)
    single = {name: jnp.asarray(value, jnp.float32) for name, value in draw.items()}
    measured = jax.jit(partial(experiment.train, setup))(jax.random.key(0), single)
    variance_D = 4.0 ** np.linspace(0, 1, 6)
    variance_D /= variance_D.mean()
    (w1_HD, w2_DH), r_DD = weights(setup, draw), teacher(setup, draw)
    path = []
    for _ in range(1201):
        product = w2_DH @ w1_HD
        path.append(np.diagonal(draw["left"].T @ product @ draw["right"]))
        e_DD = (r_DD - product) * variance_D
        w1_HD, w2_DH = w1_HD + 0.01 * w2_DH.T @ e_DD, w2_DH + 0.01 * e_DD @ w1_HD.T
    path_SK = np.array(path) / np.array(setup.singular_values)
    records = path_SK[setup.record_steps()].T
    np.testing.assert_allclose(measured["strength"], records, atol=2e-4)
    for half, path_S in zip(measured["learning_time"], path_SK.T, strict=True):
        after = np.argmax(path_S >= 0.5)
        expected = np.interp(0.5, path_S[[after - 1, after]], [after - 1, after]) * 0.01
        assert half == pytest.approx(expected, rel=1e-3)


def test_first_passage_is_linear_inside_a_step_and_censored_at_the_end():
    path_SK = jnp.array([[0.0, 0.0], [0.2, 0.1], [0.6, 0.2], [0.4, 0.3]])
    np.testing.assert_allclose(experiment.first_passage(path_SK, 0.5), [1.75, 3.0], rtol=1e-6)
