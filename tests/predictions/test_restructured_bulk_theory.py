"""The bulk that training leaves against sampled matrices, exact moments and known laws."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from harness.api import OutOfScope
from predictions.universality.restructured_bulk import experiment, theory
from predictions.universality.restructured_bulk.world import GROUPS, Setup

SETUP = Setup(
    width=400,
    outputs_per_neuron=1.5,
    inputs_per_neuron=0.5,
    teacher_std=6.0,
    teacher="gaussian",
    trained="hidden",
    learning_rate=0.1,
    steps=(1, 16),
)
SMALL = replace(SETUP, width=32, steps=(3,))


def sampled(singular_values: np.ndarray) -> np.ndarray:
    return np.sort(singular_values).reshape(GROUPS, -1).mean(axis=1)


def free_sum(setup: Setup, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Ginibre matrix, and eta A^T Y W^T."""
    n, c, d = setup.width, setup.outputs, setup.inputs
    start, a, y, w = (
        rng.normal(size=shape) / np.sqrt(n) for shape in ((n, n), (c, n), (c, d), (n, d))
    )
    return start, setup.learning_rate * setup.teacher_std * a.T @ y @ w.T


def test_initial_bulk_is_the_quarter_circle():
    # int s sqrt(4 - s^2) / pi ds between the quantiles: (4 - s^2)^(3/2) / (3 pi).
    angle = np.linspace(0, np.pi, 20_001)
    cdf = (angle - np.sin(angle)) / np.pi  # share of values above 2 cos(angle / 2)
    s = 2 * np.cos(np.interp(np.linspace(1, 0, GROUPS + 1), cdf, angle) / 2)
    means = -np.diff((4 - s**2) ** 1.5) / (3 * np.pi) * GROUPS
    np.testing.assert_allclose(theory.quarter_circle(), means, atol=1e-3)


@pytest.mark.parametrize("c", [0.5, 1.5])
def test_no_teacher_leaves_the_bulk_and_power_rescales_it(c):
    setup = replace(SETUP, outputs_per_neuron=c, teacher_std=1e-6)
    forecast = theory.variance_profile(setup)
    np.testing.assert_allclose(forecast["group_mean"][0], theory.quarter_circle(), atol=1e-4)
    np.testing.assert_allclose(forecast["edge"], 2, atol=1e-4)
    for rival in (theory.rescaled_bulk, theory.outliers_only):
        np.testing.assert_allclose(rival(setup)["group_mean"], forecast["group_mean"], atol=1e-4)


def test_one_step_adds_its_exact_mean_square():
    law = theory.profile(1.5, 0.5, 6.0, 0.1, 1)
    assert law.power == pytest.approx(1 + 0.36 * 1.5 * 0.5)


@pytest.mark.parametrize("c", [0.25, 1.5])
def test_density_has_mass_one_and_the_mean_square_of_the_entries(c):
    law = theory.profile(c, 0.5, 6.0, 0.1, 16)
    angle = (np.arange(600) + 0.5) * np.pi / 1200
    s = law.edge() * np.sin(angle)
    mass = theory.density(law, s) * law.edge() * np.cos(angle) * np.pi / 1200
    assert mass.sum() == pytest.approx(1, abs=2e-3)
    assert mass @ s**2 == pytest.approx(law.power, rel=2e-3)


def test_few_outputs_leave_all_but_the_top_of_the_bulk():
    few = replace(SETUP, outputs_per_neuron=0.005)
    forecast = theory.variance_profile(few)
    np.testing.assert_allclose(
        forecast["group_mean"][:, :-1],
        np.tile(theory.quarter_circle()[:-1], (2, 1)),
        atol=0.03,
    )


def test_large_teachers_leave_the_product_of_three_matrices():
    setup = replace(SETUP, teacher_std=1e3, learning_rate=0.05, steps=(1,), inputs_per_neuron=1.0)
    _, product = free_sum(setup, np.random.default_rng(1))
    values = sampled(np.linalg.svd(product, compute_uv=False))
    forecast = theory.variance_profile(setup)["group_mean"][0]
    np.testing.assert_allclose(forecast[2:], values[2:], rtol=0.03)


def test_one_step_is_the_free_sum():
    rng = np.random.default_rng(2)
    values = [np.linalg.svd(sum(free_sum(SETUP, rng)), compute_uv=False) for _ in range(2)]
    forecast = theory.variance_profile(SETUP)
    np.testing.assert_allclose(
        forecast["group_mean"][0], np.mean([sampled(v) for v in values], axis=0), atol=0.02
    )
    assert np.mean([v.max() for v in values]) == pytest.approx(forecast["edge"][0], rel=0.03)


def test_edge_is_where_the_density_ends():
    law = theory.profile(1.5, 0.5, 6.0, 0.1, 16)
    inside, outside = theory.density(law, law.edge() * np.array([0.98, 1.02]))
    assert inside > 0.01
    assert outside < 1e-3


def test_descent_follows_the_solution_entry_by_entry():
    key = jax.random.key(0)
    first, hidden, readout, teacher = (
        np.asarray(x, dtype=float) for x in experiment.draw(SMALL, key)
    )
    u, a, v = np.linalg.svd(readout.T, full_matrices=False)
    p, b, q = np.linalg.svd(first, full_matrices=False)
    ab = np.outer(a, b)
    entries = v @ teacher @ q.T * (1 - (1 - 0.1 * ab**2) ** 3) / ab
    values = np.linalg.svd(hidden + u @ entries @ p.T, compute_uv=False)
    raw = experiment.train(SMALL, key)
    np.testing.assert_allclose(raw["group_mean"][0], sampled(values), atol=3e-3)
    np.testing.assert_allclose(raw["edge"][0], values[0], rtol=1e-4)


def test_first_step_does_not_ask_which_layers_move():
    one = replace(SMALL, steps=(1,))
    key = jax.random.key(1)
    hidden, both = (
        experiment.train(replace(one, trained=trained), key) for trained in ("hidden", "all")
    )
    np.testing.assert_allclose(hidden["group_mean"], both["group_mean"], atol=1e-3)


def test_teacher_of_one_direction_has_the_same_size():
    key = jax.random.key(2)
    single = experiment.draw(replace(SMALL, teacher="rank-one"), key)[3]
    assert jnp.linalg.matrix_rank(single) == 1
    assert float(jnp.mean(single**2)) == pytest.approx(36 / 32, rel=1e-4)


def test_steps_that_diverge_are_out_of_scope():
    with pytest.raises(OutOfScope, match="diverges"):
        theory.variance_profile(replace(SETUP, learning_rate=0.2))
