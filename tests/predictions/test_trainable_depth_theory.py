"""Depth scales and tangent kernels against limits and networks; the measurements on toy modules."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.integrate
import xarray as xr
from flax import nnx

from harness.api import OutOfScope
from models.mlp import MLP
from predictions.hyperparameters.trainable_depth import experiment, measure, readout, theory
from predictions.hyperparameters.trainable_depth.stack import Stack
from predictions.hyperparameters.trainable_depth.world import Setup

SETUP = Setup(
    model="models.mlp:MLP",
    activation="tanh",
    width=16,
    depths=(1, 3, 10),
    weight_std=0.8,
    bias_std=0.3,
    dim=8,
    samples=6,
    learning_rate=0.2,
    steps=20,
    threshold=0.75,
    nets=1,
)


def test_depths_ascend():
    for depths in ((0, 2), (3, 2), (2, 2)):
        with pytest.raises(ValueError, match="ascend"):
            replace(SETUP, depths=depths)


def test_depth_scales_have_the_values_of_adaptive_quadrature():
    def mean(function, q):
        return scipy.integrate.quad(
            lambda z: 2 * function(np.sqrt(q) * z) * np.exp(-z * z / 2) / np.sqrt(2 * np.pi), 0, 9
        )[0]

    for weight_std, bias_std in ((0.6, 0.2), (1.2, 0.5), (1.8, 1.5)):
        q = theory.fixed_variance(weight_std, bias_std)
        again = weight_std**2 * mean(lambda u: np.tanh(u) ** 2, q) + bias_std**2
        assert again == pytest.approx(q, rel=1e-6)
        slope = weight_std**2 * mean(lambda u: (1 - np.tanh(u) ** 2) ** 2, q)
        setup = replace(SETUP, weight_std=weight_std, bias_std=bias_std)
        if slope < 1:
            assert theory.depth_scale(setup) == pytest.approx(-1 / np.log(slope), rel=1e-5)


def test_chi_is_the_slope_of_the_map_of_correlations():
    q, c, h = 0.9, 0.4, 1e-4
    low, high = (theory._product(np.tanh, q, c + sign * h) for sign in (-1, 1))
    # d/dc E tanh tanh = q E tanh' tanh'
    assert 1.44 * (high - low) / (2 * h) == pytest.approx(q * theory.chi(q, c, 1.2), rel=1e-6)


def test_weak_signals_have_the_depth_scale_of_the_linear_network():
    weak = replace(SETUP, bias_std=1e-4)
    linear = theory.linear_propagation(weak)["trainable_depth"]
    assert theory.depth_scale(weak) == pytest.approx(linear, rel=1e-6)
    assert theory.depth_scale(SETUP) < 0.7 * linear


def test_no_depth_scale_beyond_the_edge_of_chaos():
    with pytest.raises(OutOfScope, match="chaotic"):
        theory.propagation(replace(SETUP, weight_std=2.0))
    with pytest.raises(OutOfScope, match="linear"):
        theory.linear_propagation(replace(SETUP, weight_std=1.0))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"steps": 5}, "too short"),
        ({"learning_rate": 0.6}, "instability"),
        ({"depths": (14, 36)}, "begin lower"),
        ({"depths": (1, 15)}, "may train"),
    ],
)
def test_no_forecast_where_the_depth_may_not_be_found(changes, reason):
    setup = replace(SETUP, depths=(1, 36), samples=4, steps=60)
    assert theory.propagation(setup)["trainable_depth"] == theory.depth_scale(setup)
    with pytest.raises(OutOfScope, match=reason):
        theory.propagation(replace(setup, **changes))


def test_tangent_contrast_is_that_of_wide_networks():
    n = 1500
    setup = replace(SETUP, width=n, depths=(1, 2), weight_std=1.1)
    rng = np.random.default_rng(0)
    x_2D = np.sqrt(8) * np.eye(8)[:2]
    found = []
    for _ in range(4):
        w_DN, v_NN = (1.1 * rng.standard_normal((m, n)) / np.sqrt(m) for m in (8, n))
        first_2N = np.tanh(x_2D @ w_DN + 0.3 * rng.standard_normal(n))
        second_2N = np.tanh(first_2N @ v_NN + 0.3 * rng.standard_normal(n))
        later_2N = rng.standard_normal(n) / np.sqrt(n) * (1 - second_2N**2)
        early_2N = (later_2N @ v_NN.T) * (1 - first_2N**2)
        kernel_22 = second_2N @ second_2N.T + 1
        for inputs, slopes in ((first_2N, later_2N), (x_2D, early_2N)):
            kernel_22 += (inputs @ inputs.T + 1) * (slopes @ slopes.T)
        found.append(kernel_22.trace() / 2 - kernel_22[0, 1])
    assert np.mean(found) == pytest.approx(theory.tangent_contrast(setup)[1], rel=0.03)


def test_tangent_depth_grows_with_time_as_the_depth_scale():
    early = replace(SETUP, depths=(1, 200), steps=10**6)
    late = replace(early, steps=10**12)
    ratio = np.diff([theory.tangent_kernel(s)["trainable_depth"] for s in (early, late)])[0]
    # L* = xi (ln T + ln L* + ...)
    assert ratio / theory.depth_scale(early) == pytest.approx(6 * np.log(10), rel=0.06)


def test_tangent_depth_is_where_the_flow_reaches_the_threshold():
    setup = replace(SETUP, depths=(1, 60), steps=10**4)
    depth = theory.tangent_kernel(setup)["trainable_depth"]
    contrast_L = theory.tangent_contrast(setup)
    log_contrast = np.interp(depth, np.arange(1, 61), np.log(contrast_L))
    rate = setup.learning_rate * np.exp(log_contrast) / setup.samples
    flow = scipy.integrate.solve_ivp(
        lambda _, m: rate / (1 + np.exp(m)), (0, setup.steps), [0.0], rtol=1e-8
    )
    loss = np.log1p(np.exp(-flow.y[0, -1])) / np.log(2)
    assert loss == pytest.approx(setup.threshold, abs=1e-5)


@pytest.mark.parametrize(("depths", "steps"), [((5, 6), 1), ((1, 3), 1000)])
def test_tangent_depth_outside_the_depths_is_out_of_scope(depths, steps):
    with pytest.raises(OutOfScope, match="outside"):
        theory.tangent_kernel(replace(SETUP, depths=depths, steps=steps))


def test_crossing_is_the_deepest_one_and_nan_at_either_end():
    depth_D = jnp.array([2, 4, 8, 16])
    cases = {
        (0.1, 0.2, 0.6, 0.9): 4 * 2**0.75,
        (0.9, 0.4, 0.6, 0.9): 4 * 2**0.5,
        (0.4, 0.9, 0.4, 0.6): 8 * 2**0.5,
        (0.1, 0.1, 0.1, 0.1): np.nan,
        (0.9, 0.9, 0.9, 0.9): np.nan,
        (0.9, 0.9, 0.9, 0.1): np.nan,
    }
    losses = jnp.array(list(cases))
    found = jax.jit(jax.vmap(lambda loss_D: measure.crossing(depth_D, loss_D, 0.5)))(losses)
    np.testing.assert_allclose(found, list(cases.values()), rtol=1e-5)


class Ridge(nnx.Module):
    """A network of one's own: one flax layer, and a constant that is not trained."""

    def __init__(self, key, *, d_in, scale=1.0, **_):
        self.layer = nnx.Linear(d_in, 1, rngs=nnx.Rngs(key))
        self.scale = nnx.Variable(jnp.asarray(scale))

    def __call__(self, x_BD):
        """A linear function."""
        return self.scale[...] * self.layer(x_BD)


def test_any_module_is_trained_as_by_hand():
    @jax.jit
    def train(data_key, model_key):
        x_PD, y_P = experiment.dataset(SETUP, data_key)
        model = Ridge(model_key, d_in=8, scale=0.5)
        start = model.layer.kernel[...], model.layer.bias[...]
        loss = measure.final_loss(model, x_PD, y_P, learning_rate=0.3, steps=7)
        return x_PD, y_P, *start, loss

    arrays = train(jax.random.key(1), jax.random.key(2))
    x, y, w, b, found = (np.asarray(array, np.float64) for array in arrays)
    w, b = w[:, 0], b[0]
    for _ in range(7):
        pull = y / (1 + np.exp(y * 0.5 * (x @ w + b))) / len(y)
        w, b = w + 0.3 * 0.5 * pull @ x, b + 0.3 * 0.5 * pull.sum()
    assert found == pytest.approx(np.log1p(np.exp(-y * 0.5 * (x @ w + b))).mean(), rel=1e-5)


def test_networks_worse_than_guessing_count_as_untrained():
    @jax.jit
    @jax.vmap
    def final(scale):
        x_PD, y_P = experiment.dataset(SETUP, jax.random.key(1))
        model = Ridge(jax.random.key(2), d_in=8, scale=scale)
        return measure.final_loss(model, x_PD, y_P, learning_rate=0.0, steps=1)

    np.testing.assert_allclose(final(jnp.array([1e3, np.nan])), np.log(2), rtol=1e-6)


def test_inputs_have_one_norm_and_labels_are_balanced():
    x_PD, y_P = experiment.dataset(SETUP, jax.random.key(3))
    np.testing.assert_allclose(jnp.linalg.norm(x_PD, axis=1), np.sqrt(8), rtol=1e-5)
    assert sorted(np.asarray(y_P)) == [-1, -1, -1, 1, 1, 1]


def test_stacks_are_the_mlp_of_the_same_key_and_may_be_shortened():
    x_BD = jax.random.normal(jax.random.key(5), (3, 8))

    @jax.jit
    def outputs(key):
        sizes = {"d_in": 8, "width": 16, "base_width": 16, "activation": "tanh"}
        deep = Stack(key, depth=3, gain=1.5, bias=True, **sizes)
        mlp = MLP(key, depth=3, gain=1.5, bias=True, **sizes)
        whole = deep(x_BD)
        deep.shorten(jnp.asarray(2))
        first, second, _, readout = mlp.layers
        short = readout(jnp.tanh(second(jnp.tanh(first(x_BD)))))
        return (whole, mlp(x_BD)), (deep(x_BD), short)

    for of_stack, of_mlp in outputs(jax.random.key(4)):
        np.testing.assert_allclose(of_stack, of_mlp, rtol=1e-4)


def test_built_networks_have_the_declared_weights_and_biases():
    setup = replace(SETUP, width=400, weight_std=1.5, bias_std=0.4)
    built = jax.jit(lambda key: experiment.build(setup, 1, key))(jax.random.key(4))
    first, readout = built.layers
    assert float(first.kernel[...].std()) == pytest.approx(1.5 / np.sqrt(8), rel=0.06)
    assert float(readout.kernel[...].std()) == pytest.approx(1 / 20, rel=0.15)
    assert float(first.bias[...].std()) == pytest.approx(0.4, rel=0.15)


def test_shallow_networks_learn_and_deep_ones_do_not_unless_the_signal_passes_by():
    setup = replace(SETUP, depths=(2, 30), steps=60)

    @jax.jit
    def losses(key):
        models = (".stack:Stack", ".stack:Residual")
        return [experiment.final_losses(replace(setup, model=model), key) for model in models]

    plain, residual = losses(jax.random.key(5))
    assert plain[0] < 0.75 < 0.99 < plain[1] <= 1
    assert residual[1] < 0.75


def test_models_without_a_short_cut_are_built_depth_by_depth():
    setup = replace(SETUP, model=f"{__name__}:Ridge", depths=(2, 3))
    measured = jax.jit(lambda key: experiment.train(setup, key))(jax.random.key(6))
    assert measured["final_loss"] < 0.75
    assert np.isnan(measured["trainable_depth"])


def test_ratios_of_depths_have_no_common_factor_and_no_value_without_all_depths():
    values = np.array([[1.0, 2.0, 4.0], [3.0, 6.0, np.nan]])
    depth = xr.DataArray(values, dims=("seed", "weight_std"))
    found = readout.log_ratio(depth).values
    np.testing.assert_allclose(found[0], [-np.log(2), 0, np.log(2)], atol=1e-12)
    assert np.isnan(found[1]).all()
