"""Label noise: exact steps, limits, stationarity solved numerically, and training by hand."""

from dataclasses import replace
from functools import partial

import jax
import numpy as np
import pytest
from scipy.linalg import solve_continuous_lyapunov

from harness.api import OutOfScope
from predictions.universality.entropic_forces import experiment, theory, theory_pair, world

LAYERS = world.LayersSetup(
    dim=4,
    width=2,
    learning_rate=0.05,
    batch=2,
    label_noise=1.0,
    signal_variance=2.0,
    start_imbalance=3.0,
    horizon=0.5,
    records=4,
    networks=1,
    labels="noisy",
)
PAIR = world.PairSetup(
    dim=4,
    singular_values=(1.5, 0.7),
    label_noise=(0.3, 0.8),
    view_condition=3.0,
    widths=(3, 6),
    init_scales=(0.3, 0.8),
    learning_rate=0.05,
    batch=2,
    horizon=0.01,
    labels="noisy",
    weight_decay=0.02,
)


@pytest.fixture(scope="module")
def draw():
    """A draw as NumPy would make it."""
    rng = np.random.default_rng(0)
    basis, left, right = np.linalg.qr(rng.standard_normal((3, 4, 4)))[0]
    values = PAIR.view_condition ** np.linspace(-0.5, 0.5, 4)
    start = {"basis": basis, "view": (left * values) @ right.T}
    for n, (width, scale) in enumerate(zip(PAIR.widths, PAIR.init_scales, strict=True)):
        start[f"first_{n}"] = scale / np.sqrt(4) * rng.standard_normal((width, 4))
        start[f"second_{n}"] = scale / np.sqrt(width) * rng.standard_normal((2, width))
    return start


# --- one output: how large the layers become ---


def sgd(setup, networks, seed):
    """Means over intervals of |W|^2 and |a|^2 by SGD of (u, b), W = u as one neuron has it."""
    rng = np.random.default_rng(seed)
    _, first, second = theory._sizes(setup.start_imbalance)
    u_ND = np.zeros((networks, setup.dim))
    u_ND[:, 0], b_N = np.sqrt(first), np.full(networks, np.sqrt(second))
    scale_D = np.ones(setup.dim)
    scale_D[0] = np.sqrt(setup.signal_variance)
    sizes = []
    for _ in range(setup.steps):
        x_NBD = scale_D * rng.standard_normal((networks, setup.batch, setup.dim))
        noise_NB = setup.label_noise * rng.standard_normal((networks, setup.batch))
        r_NB = b_N[:, None] * (x_NBD @ u_ND[..., None])[..., 0] - x_NBD[..., 0] - noise_NB
        m_ND = (r_NB[:, None] @ x_NBD)[:, 0] / setup.batch
        u_ND, b_N = (
            u_ND - setup.learning_rate * b_N[:, None] * m_ND,
            b_N - setup.learning_rate * (u_ND * m_ND).sum(axis=1),
        )
        sizes.append(((u_ND**2).sum(axis=1), b_N**2))
    means_T2N = np.array(sizes).reshape(setup.records, -1, 2, networks).mean(axis=1)
    return means_T2N.mean(axis=2).T, means_T2N.std(axis=2).T / np.sqrt(networks)


def test_sgd_follows_the_moments_and_not_the_leading_order():
    setup = replace(LAYERS, learning_rate=0.04, horizon=0.3)
    mean, error = sgd(setup, 2000, 0)
    forecast, leading = (
        np.array(list(theory_(setup).values())) for theory_ in (theory.fluctuating, theory.minimum)
    )
    np.testing.assert_array_less(np.abs(mean - forecast), 3.5 * error + 0.004 * forecast)
    assert (np.abs(mean - leading)[0] > 8 * error[0]).any()


def test_corrections_vanish_with_the_step_size():
    def gap(rate):
        setup = replace(LAYERS, learning_rate=rate)
        difference = theory.fluctuating(setup)["first_layer"] - theory.minimum(setup)["first_layer"]
        return np.abs(difference).max()

    assert gap(0.01) / gap(0.005) == pytest.approx(2, rel=0.15)
    assert gap(0.005) < 0.03


@pytest.mark.parametrize(("kappa", "start"), [(1.0, 0.0), (2.0, 3.0), (0.5, -2.0)])
def test_the_end_is_balanced_gradients_on_the_minimum(kappa, start):
    setup = replace(LAYERS, signal_variance=kappa, start_imbalance=start, horizon=20.0, records=20)
    sizes = theory.minimum(setup)
    first, second = (sizes[name][-1] for name in ("first_layer", "second_layer"))
    assert first / second == pytest.approx((setup.dim - 1 + kappa) / kappa, rel=1e-4)
    assert first * second == pytest.approx(1, rel=1e-6)


def test_time_is_eta_squared_steps_over_batch():
    other = replace(LAYERS, learning_rate=0.01, batch=8, label_noise=0.5)
    assert other.steps != LAYERS.steps
    for name, curve in theory.minimum(LAYERS).items():
        np.testing.assert_allclose(theory.minimum(other)[name], curve, rtol=1e-3)


def test_flow_keeps_both_sizes_and_counting_needs_isotropy():
    kept = theory.conserved(LAYERS)
    np.testing.assert_allclose(kept["first_layer"] - kept["second_layer"], 3.0)
    np.testing.assert_allclose(kept["first_layer"] * kept["second_layer"], 1.0)
    isotropic = replace(LAYERS, signal_variance=1.0)
    for name, curve in theory.minimum(isotropic).items():
        np.testing.assert_allclose(theory.counted(isotropic)[name], curve)
    assert (
        abs(theory.counted(LAYERS)["first_layer"] - theory.minimum(LAYERS)["first_layer"])[-1] > 0.2
    )


def test_second_moment_of_a_minibatch_gradient():
    """E m m^T = n Sigma + (1 + 1/B) Sigma v v^T Sigma with n = (sigma^2 + v.Sigma v) / B."""
    rng = np.random.default_rng(1)
    batch, sigma_D, v_D = 3, np.array([2.0, 1.0, 0.5]), np.array([0.4, -0.3, 0.6])
    x_NBD = np.sqrt(sigma_D) * rng.standard_normal((200_000, batch, 3))
    r_NB = x_NBD @ v_D + 0.7 * rng.standard_normal((200_000, batch))
    m_ND = (r_NB[:, None] @ x_NBD)[:, 0] / batch
    noise = (0.7**2 + v_D @ (sigma_D * v_D)) / batch
    mean_D = sigma_D * v_D
    expected = noise * np.diag(sigma_D) + (1 + 1 / batch) * np.outer(mean_D, mean_D)
    np.testing.assert_allclose(m_ND.T @ m_ND / len(m_ND), expected, atol=0.01)


def test_noise_that_is_too_strong_is_refused():
    with pytest.raises(OutOfScope, match="exceeds"):
        theory.fluctuating(replace(LAYERS, batch=1, learning_rate=0.1))


def test_training_of_layers_follows_the_theory():
    setup = replace(LAYERS, learning_rate=0.02, label_noise=0.5, batch=1, networks=64)
    sizes = jax.jit(partial(experiment.train_layers, setup))(jax.random.key(0))
    np.testing.assert_allclose(
        sizes["first_layer"], theory.fluctuating(setup)["first_layer"], rtol=0.04
    )


# --- two networks: which representation they reach ---


def layers_of(gram_DD, view_DD, teacher_CD, width):
    """W_1 [h, d] and W_2 with the given A^T W_1^T W_1 A that solve the task."""
    rotation_HD = np.linalg.qr(np.random.default_rng(3).standard_normal((width, 4)))[0]
    first_HD = rotation_HD @ theory_pair._root(gram_DD) @ np.linalg.inv(view_DD)
    return first_HD, teacher_CD @ np.linalg.pinv(first_HD @ view_DD, rcond=1e-6)


def imbalance(first_HD, second_CH, view_DD):
    """tr(Sigma) W_2^T Sigma_xi W_2 - tr(Sigma_xi) W_1 Sigma W_1^T."""
    sigma_DD, noise_C = view_DD @ view_DD.T, np.array(PAIR.label_noise) ** 2
    upper_HH = np.trace(sigma_DD) * (second_CH.T * noise_C) @ second_CH
    return upper_HH - noise_C.sum() * first_HD @ sigma_DD @ first_HD.T


def test_gradients_are_balanced_in_the_forecast_representation(draw):
    forecast = theory_pair.balanced_gradients(PAIR)
    for gram_DD, view_DD in zip(forecast["gram"], theory_pair._views(draw), strict=True):
        first_HD, second_CH = layers_of(gram_DD, view_DD, PAIR.teacher(), 6)
        np.testing.assert_allclose(second_CH @ first_HD @ view_DD, PAIR.teacher(), atol=1e-6)
        np.testing.assert_allclose(imbalance(first_HD, second_CH, view_DD), 0, atol=1e-6)
    assert forecast["alignment"] == pytest.approx(1)


def test_the_drift_of_q_leads_there_from_any_start(draw):
    """Where dQ = imbalance ends, moved by W_1 -> S W_1, W_2 -> W_2 S^-1: same task."""
    rng = np.random.default_rng(4)
    for n, view_DD in enumerate(theory_pair._views(draw)):
        first_HD, second_CH = rng.standard_normal((5, 4)), rng.standard_normal((2, 5))
        first_HD += np.linalg.pinv(second_CH) @ (
            PAIR.teacher() @ np.linalg.inv(view_DD) - second_CH @ first_HD
        )
        for _ in range(1500):
            power_HH = first_HD @ first_HD.T + second_CH.T @ second_CH + 1e-9 * np.eye(5)
            drift_HH = imbalance(first_HD, second_CH, view_DD)
            step_HH = np.eye(5) + 0.03 * solve_continuous_lyapunov(power_HH, drift_HH)
            first_HD, second_CH = step_HH @ first_HD, second_CH @ np.linalg.inv(step_HH)
        gram_DD = theory_pair._gram(first_HD @ view_DD)
        expected_DD = theory_pair.balanced_gradients(PAIR)["gram"][n]
        np.testing.assert_allclose(gram_DD, expected_DD, atol=1e-3)


def test_a_step_moves_q_by_the_imbalance_of_gradients(draw):
    """Its mean over label noise is eta^2 (tr(Sigma) W_2^T Sigma_xi W_2 - ...) / B at a minimum."""
    rng = np.random.default_rng(5)
    gram_DD = np.diag([2.0, 1.0, 0.5, 0.2])
    view_DD = theory_pair._views(draw)[1]
    first_HD, second_CH = layers_of(gram_DD, view_DD, PAIR.teacher(), 4)
    x_ND = rng.standard_normal((100_000, 4)) @ view_DD.T
    r_NC = np.array(PAIR.label_noise) * rng.standard_normal((100_000, 2))
    h_NH, back_NH = x_ND @ first_HD.T, r_NC @ second_CH
    mean_HH = (back_NH.T * (x_ND**2).sum(axis=1)) @ back_NH - (
        h_NH.T * (r_NC**2).sum(axis=1)
    ) @ h_NH
    expected_HH = imbalance(first_HD, second_CH, view_DD)
    error = np.linalg.norm(mean_HH / len(x_ND) - expected_HH)
    assert error < 0.03 * np.linalg.norm(expected_HH)


def test_balanced_weights_are_balanced(draw):
    grams = theory_pair.balanced_weights(PAIR, draw)["gram"]
    for gram_DD, view_DD in zip(grams, theory_pair._views(draw), strict=True):
        first_HD, second_CH = layers_of(gram_DD, view_DD, PAIR.teacher(), 4)
        np.testing.assert_allclose(second_CH @ first_HD @ view_DD, PAIR.teacher(), atol=1e-6)
        np.testing.assert_allclose(first_HD @ first_HD.T, second_CH.T @ second_CH, atol=1e-6)


def test_gradient_flow_learns_the_teacher_and_keeps_q(draw):
    for n, view_DD in enumerate(theory_pair._views(draw)):
        start = draw[f"first_{n}"], draw[f"second_{n}"]
        end = theory_pair._flow(PAIR.teacher(), view_DD, *start)
        np.testing.assert_allclose(end[1] @ end[0] @ view_DD, PAIR.teacher(), atol=1e-3)
        kept = [first @ first.T - second.T @ second for first, second in (start, end)]
        np.testing.assert_allclose(kept[1], kept[0], atol=1e-3)
    assert theory_pair.conserved(PAIR, draw)["alignment"] < 0.95


def test_equal_noise_is_isotropic():
    equal = replace(PAIR, label_noise=(0.4, 0.4))
    expected = theory_pair.balanced_gradients(equal)["gram"]
    np.testing.assert_allclose(theory_pair.isotropic_noise(equal)["gram"], expected)
    assert not np.allclose(theory_pair.isotropic_noise(PAIR)["gram"], expected * 1.2, rtol=0.05)
    # Without a shape of its own the noise leaves sqrt(tr Sigma / c) times M's singular values.
    values = np.linalg.eigvalsh(expected[0])[::-1]
    np.testing.assert_allclose(values, np.sqrt(2) * np.array([1.5, 0.7, 0, 0]), atol=1e-6)


def test_the_draw_has_the_shapes_and_the_view_the_condition_of_the_setup():
    start = jax.jit(partial(world.draw, PAIR))(jax.random.key(0))
    assert start["first_1"].shape == (6, 4)
    assert start["second_1"].shape == (2, 6)
    np.testing.assert_allclose(start["basis"].T @ start["basis"], np.eye(4), atol=1e-5)
    assert np.linalg.cond(start["view"]) == pytest.approx(3.0, rel=1e-4)
    with pytest.raises(ValueError, match="neurons"):
        replace(PAIR, widths=(1, 6))


def test_training_of_a_pair_is_sgd_on_each_view(draw):
    key = jax.random.key(1)
    result = jax.jit(partial(experiment.train_pair, PAIR))(key, draw)
    window = PAIR.steps // 4
    grams = []
    for n, (view_DD, key_n) in enumerate(
        zip(theory_pair._views(draw), jax.random.split(key), strict=True)
    ):
        w_HD, a_CH = draw[f"first_{n}"], draw[f"second_{n}"]
        before, after = jax.random.split(key_n)
        keys = [jax.random.fold_in(before, i) for i in range(PAIR.steps - window)]
        keys += [jax.random.fold_in(after, i) for i in range(window)]
        path = []
        for step_key in keys:
            z_BE = np.asarray(jax.random.normal(step_key, (PAIR.batch, 6)))
            x_BD, xi_BC = z_BE[:, :4] @ view_DD.T, np.array(PAIR.label_noise) * z_BE[:, 4:]
            r_BC = x_BD @ w_HD.T @ a_CH.T - z_BE[:, :4] @ PAIR.teacher().T - xi_BC
            slope_HD = a_CH.T @ r_BC.T @ x_BD / PAIR.batch + PAIR.weight_decay * w_HD
            slope_CH = r_BC.T @ (x_BD @ w_HD.T) / PAIR.batch + PAIR.weight_decay * a_CH
            w_HD, a_CH = w_HD - 0.05 * slope_HD, a_CH - 0.05 * slope_CH
            path.append(theory_pair._gram(w_HD @ view_DD))
        grams.append(np.mean(path[-window:], axis=0))
    expected = theory_pair._forecast(grams)
    np.testing.assert_allclose(result["gram"], expected["gram"], atol=1e-4)
    assert result["alignment"] == pytest.approx(expected["alignment"], abs=1e-4)
