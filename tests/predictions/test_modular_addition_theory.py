"""The order and the plateaus of modular addition against the utility and the loss themselves."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

from harness.api import OutOfScope
from predictions.solvable_settings.modular_addition import network, readout, theory, world

SETUP = world.Setup(
    amplitudes=(10.0, 6.5, 4.5),
    width=60,
    init_std=0.02,
    table="sum",
    learning_rate=0.005,
    stride=10,
    records=10,
)
P = SETUP.modulus


@pytest.fixture(scope="module")
def drawn() -> dict[str, np.ndarray]:
    draw = world.draw(SETUP, jax.random.key(3))
    return {name: np.asarray(value, dtype=float) for name, value in draw.items()}


def _codes(template: np.ndarray) -> np.ndarray:
    return template[(np.arange(P)[:, None] + np.arange(P)) % P]


def _targets(template: np.ndarray) -> np.ndarray:
    codes = _codes(template)
    return codes[(np.arange(P)[:, None] + np.arange(P)) % P]


def test_templates_have_the_drawn_amplitudes(drawn):
    spectrum = abs(np.fft.rfft(drawn["template"]))
    np.testing.assert_allclose(spectrum[1:], drawn["amplitude"], rtol=1e-5)
    assert spectrum[0] == pytest.approx(0, abs=1e-5)
    assert sorted(drawn["amplitude"], reverse=True) == pytest.approx(SETUP.amplitudes)


def test_utility_is_largest_for_the_largest_amplitude(drawn):
    codes, targets = _codes(drawn["template"]), _targets(drawn["template"])
    # mean over (a, b) of w . y_ab (u . x_a + v . x_b)^2: only the product term correlates.
    form = 2 * np.einsum("abk,ai,bj->ijk", targets, codes, codes) / P**2
    rng = np.random.default_rng(0)
    found = []
    for _ in range(40):
        u, v, w = rng.standard_normal((3, P))
        for _ in range(200):
            u = np.einsum("ijk,j,k->i", form, v, w)
            v = np.einsum("ijk,i,k->j", form, u / np.linalg.norm(u), w)
            u, v = u / np.linalg.norm(u), v / np.linalg.norm(v)
            w = np.einsum("ijk,i,j->k", form, u, v)
            w = w / np.linalg.norm(w)
        power = abs(np.fft.rfft(u)[1:]) ** 2
        assert power.max() > 0.999 * power.sum()
        utility = np.einsum("ijk,i,j,k", form, u, v, w)
        found.append((utility, drawn["amplitude"][power.argmax()]))
    utilities, amplitudes = np.array(found).T
    np.testing.assert_allclose(utilities, (2 / P) ** 1.5 * amplitudes**3 / 2, rtol=1e-3)
    assert amplitudes[utilities.argmax()] == pytest.approx(max(SETUP.amplitudes))


def test_single_terms_of_the_square_have_no_utility(drawn):
    codes, targets = _codes(drawn["template"]), _targets(drawn["template"])
    alone = np.einsum("abk,ai,aj->ijk", targets, codes, codes)
    assert abs(alone).max() < 1e-3 * abs(codes).max() ** 3


def test_plateaus_are_the_loss_without_the_learnt_frequencies(drawn):
    forecast = theory.largest_first(SETUP, drawn)
    order = np.argsort(forecast["place"])
    assert drawn["amplitude"][order] == pytest.approx(SETUP.amplitudes)
    spectrum = np.fft.rfft(drawn["template"])
    whole = theory.linearised(SETUP, drawn)["plateau"]
    np.testing.assert_allclose(whole, (drawn["template"] ** 2).sum() / 2, rtol=1e-5)
    for learnt, frequency in enumerate(order[:-1]):
        spectrum[frequency + 1] = 0
        residual = _targets(np.fft.irfft(spectrum, n=P))
        loss = (residual**2).sum() / (2 * P**2)
        assert forecast["plateau"][learnt] == pytest.approx(loss, rel=1e-5)


def test_rivals_order_by_frequency_and_by_the_smallest():
    draw = {"amplitude": np.array([4.5, 10.0, 6.5])}
    assert theory.largest_first(SETUP, draw)["place"].tolist() == [2, 0, 1]
    assert theory.smallest_first(SETUP, draw)["place"].tolist() == [0, 2, 1]
    assert theory.lowest_first(SETUP, draw)["place"].tolist() == [0, 1, 2]
    low = theory.lowest_first(SETUP, draw)["plateau"]
    np.testing.assert_allclose(low, [(100 + 6.5**2) / 7, 6.5**2 / 7])


def test_amplitudes_that_are_too_close_are_out_of_scope():
    with pytest.raises(OutOfScope):
        theory.largest_first(SETUP, {"amplitude": np.array([7.0, 6.5, 10.0])})


def test_the_network_is_a_sum_of_squares():
    rng = np.random.default_rng(1)
    u, v, w = rng.standard_normal((3, 4, P))
    x, y = rng.standard_normal((2, P)), rng.standard_normal((3, P))
    model = network.QuadraticPair(jnp.array(u), jnp.array(v), jnp.array(w))
    measured = model(jnp.array(x), jnp.array(y))
    exact = [[sum((u[i] @ a + v[i] @ b) ** 2 * w[i] for i in range(4)) for b in y] for a in x]
    np.testing.assert_allclose(measured, exact, rtol=1e-4, atol=1e-4)


def test_places_count_from_the_first_passage():
    passage = xr.DataArray([[3.0, 1.0, 2.0], [0.5, 9.0, 9.0]], dims=("seed", "frequency"))
    np.testing.assert_array_equal(readout.place(passage), [[2, 0, 1], [0, 1, 2]])
