"""Stability limits against their recursions; sharpness against whole Hessians; the training."""

import functools
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import xarray as xr
from flax import nnx
from jax.flatten_util import ravel_pytree

from predictions.empirical_laws.edge_of_stability import experiment, readout, theory
from predictions.empirical_laws.edge_of_stability.sharpness import sharpness
from predictions.empirical_laws.edge_of_stability.world import Setup

SETUP = Setup(
    model="models.mlp:MLP",
    activation="tanh",
    width=6,
    depth=2,
    linearised=False,
    dim=3,
    samples=12,
    method="heavy-ball",
    momentum=0.5,
    learning_rate=0.1,
    flow_time=2.0,
    records=2,
    products=10,
)
KEY = jax.random.key(3)
MLP_PATH = "models.mlp:MLP"
GATED_PATH = f"{__name__}:Gated"


class Gated(nnx.Module):
    """Products of waves and gates, with a variable that is no parameter: nothing like an MLP."""

    def __init__(self, key, *, d_in, width, **_):
        keys = jax.random.split(key, 2)
        self.wave = nnx.Param(jax.random.normal(keys[0], (d_in, width)))
        self.gate = nnx.Param(jax.random.normal(keys[1], (d_in, width)))
        self.count = nnx.Variable(jnp.full((), width))

    def __call__(self, x_PD):
        gated_PN = jnp.sin(x_PD @ self.wave[...]) * jnp.exp(-((x_PD @ self.gate[...]) ** 2))
        return gated_PN.sum(axis=1, keepdims=True) / self.count[...]


@functools.cache
def _problem(model, linearised=False):
    """Loss, initial weights, and the loss's whole Hessian as a compiled function of weights."""
    setup = replace(SETUP, model=model)
    x_PD, y_P = experiment.dataset(setup, KEY)
    network = experiment.build(setup, KEY)
    loss, weights = experiment.objective(network, x_PD, y_P, linearised=linearised)
    _, tree = ravel_pytree(weights)
    whole = jax.jit(jax.hessian(lambda w_N: loss(tree(w_N))))
    return loss, weights, lambda at: np.asarray(whole(ravel_pytree(at)[0]), np.float64)


def _sharpness(loss, weights, start_N, products):
    return jax.jit(lambda w, v_N: sharpness(loss, w, v_N, products))(weights, start_N)


@pytest.mark.parametrize("model", [MLP_PATH, GATED_PATH])
def test_sharpness_is_the_top_of_the_whole_hessian(model):
    loss, weights, hessian = _problem(model)
    values, vectors = np.linalg.eigh(hessian(weights))
    start = jax.random.normal(KEY, (len(values),))
    found, direction = _sharpness(loss, weights, start, 24)
    assert float(found) == pytest.approx(values[-1], rel=1e-4)
    assert abs(float(direction @ vectors[:, -1])) == pytest.approx(1, abs=1e-3)


def test_few_products_suffice_from_a_nearby_eigenvector():
    spectrum = jnp.arange(1.0, 41.0)
    near = jnp.zeros(40).at[-1].set(1) + 0.2 * jax.random.normal(KEY, (40,)) / 40**0.5
    found, _ = _sharpness(lambda w: 0.5 * w @ (spectrum * w), jnp.ones(40), near, 5)
    assert float(found) == pytest.approx(40, rel=1e-3)


def test_sharpness_is_the_largest_eigenvalue_and_not_the_largest_in_size():
    curvature = jnp.array([3.0, -10.0, 1.0])
    found, direction = _sharpness(lambda w: 0.5 * w @ (curvature * w), jnp.ones(3), jnp.ones(3), 3)
    assert float(found) == pytest.approx(3, rel=1e-5)
    np.testing.assert_allclose(np.abs(direction), [1, 0, 0], atol=1e-4)


def test_an_exhausted_krylov_space_does_no_harm():
    found, direction = _sharpness(lambda w: 2.0 * jnp.sum(w**2), jnp.zeros(5), jnp.ones(5), 4)
    assert float(found) == pytest.approx(4, rel=1e-5)
    assert np.isfinite(np.asarray(direction)).all()


def _growth(eta_sharpness, beta, method):
    """Largest root of the recursion of one eigendirection, in size."""
    s = eta_sharpness
    if method == "heavy-ball":
        return np.abs(np.roots([1, -(1 + beta - s), beta])).max()
    return np.abs(np.roots([1, -(1 + beta) * (1 - s), beta * (1 - s)])).max()


@pytest.mark.parametrize("method", ["heavy-ball", "nesterov"])
@pytest.mark.parametrize("beta", [0.0, 0.5, 0.9])
def test_the_largest_stable_sharpness_is_where_the_recursion_begins_to_grow(method, beta):
    setup = replace(SETUP, method=method, momentum=beta)
    edge = setup.learning_rate * theory.self_stabilisation(setup)["sharpness"][0]
    assert _growth(0.999 * edge, beta, method) < 1 < _growth(1.001 * edge, beta, method)
    assert all(_growth(share * edge, beta, method) < 1 for share in (0.1, 0.3, 0.6, 0.9))


def test_without_momentum_all_forms_agree():
    plain = replace(SETUP, momentum=0.0)
    same = [
        theory.self_stabilisation(plain),
        theory.self_stabilisation(replace(plain, method="nesterov")),
        theory.edge_of_heavy_ball(plain),
        theory.blind_to_momentum(plain),
        theory.effective_learning_rate(plain),
    ]
    for said in same:
        np.testing.assert_allclose(said["sharpness"], 20.0)
    np.testing.assert_allclose(theory.descent_lemma(plain)["sharpness"], 10.0)


def _valley(weights):
    """A loss of three weights whose curvature changes on the way down."""
    return 3 * jnp.log(jnp.cosh(weights["a"] - 1)) + jnp.sum(weights["b"] ** 4) / 4


@pytest.mark.parametrize("method", ["heavy-ball", "nesterov"])
def test_training_is_momentum_as_optax_has_it(method):
    setup = replace(SETUP, method=method, products=3)
    weights = {"a": jnp.array(-0.5), "b": jnp.array([0.9, -0.4])}
    found = jax.jit(lambda w: experiment.course(setup, _valley, w, jnp.ones(3)))(weights)
    transform = optax.sgd(0.1, momentum=0.5, nesterov=method == "nesterov")

    @jax.jit
    def step(weights, memory):
        update, memory = transform.update(jax.grad(_valley)(weights), memory)
        return optax.apply_updates(weights, update), memory

    memory = transform.init(weights)
    for _ in range(10):
        weights, memory = step(weights, memory)
    curvatures = [3 / jnp.cosh(weights["a"] - 1) ** 2, *(3 * weights["b"] ** 2)]
    assert float(found[-1]) == pytest.approx(float(max(curvatures)), rel=1e-4)


def test_a_linearised_network_keeps_its_hessian():
    loss, weights, hessian = _problem(MLP_PATH, linearised=True)
    elsewhere = jax.tree.map(lambda w: 2 * w + 1, weights)
    np.testing.assert_allclose(hessian(elsewhere), hessian(weights), atol=1e-5)
    full, _, _ = _problem(MLP_PATH)
    assert float(jax.jit(loss)(weights)) == pytest.approx(float(jax.jit(full)(weights)), rel=1e-6)


def test_any_module_can_be_trained():
    setup = replace(SETUP, model=GATED_PATH)
    raw = jax.jit(functools.partial(experiment.train, setup))(KEY)["sharpness"]
    assert raw.shape == (2,)
    assert np.isfinite(np.asarray(raw)).all()


def test_readouts_are_the_later_mean_and_the_highest_value():
    raw = xr.DataArray([[9.0, 2.0, 5.0, 1.0], [1.0, 1.0, 1.0, 4.0]], dims=("seed", "time"))
    np.testing.assert_allclose(readout.settled(raw), [3.0, 2.5])
    np.testing.assert_allclose(readout.peak(raw), [9.0, 4.0])


def test_forecasts_follow_the_learning_rate_as_they_say():
    rates = np.array([0.1, 0.2, 0.4])
    several = [replace(SETUP, learning_rate=rate) for rate in rates]
    held = [theory.self_stabilisation(setup)["sharpness"] for setup in several]
    assert all(row.shape == SETUP.axes()["time"].shape for row in held)
    np.testing.assert_allclose([row[0] for row in held], 3 / rates)
    peaks = [theory.below_the_edge(setup)["peak"] for setup in several]
    np.testing.assert_allclose(peaks, 3 / rates)
    assert {theory.gradient_flow(setup)["response"] for setup in several} == {0.0}
