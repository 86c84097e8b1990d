import jax
import numpy as np
import pytest
import xarray as xr
from flax import nnx

from harness.api import OutOfScope
from models.parametrisation import lr_scales
from predictions.hyperparameters.mup_transfer import experiment, readout, theory, theory_sgd
from predictions.hyperparameters.mup_transfer.world import Setup

NAMES = list(theory.NETWORKS)


def world(**changes):
    options = {
        "model": "models.mlp:MLP",
        "activation": "relu",
        "depth": 2,
        "width": 8,
        "base_width": 4,
        "parametrisation": "mup",
        "readout": "random",
        "optimiser": "sgd",
        "log2_learning_rate": 0.0,
        "dim": 4,
        "samples": 16,
        "batch": 16,
        "steps": 10,
        "divergence": 10.0,
        "probe_steps": 2,
        "log2_probe_rate": -10.0,
    }
    return Setup(**{**options, **changes})


@pytest.mark.parametrize(
    ("name", "drift"),
    [("standard", -1), ("ntk", 0), ("mup", 0), ("mean-field", 0), ("half-mup", 0)],
)
def test_known_exponents(name, drift):
    assert theory_sgd.counted(world(parametrisation=name)) == pytest.approx({"drift": drift})


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("name", NAMES)
def test_under_sgd_the_tangent_kernel_counts_as_tensor_programs_do(name, depth):
    setup = world(parametrisation=name, depth=depth)
    ends = theory.ends(name, "sgd", "random", depth)
    assert ends == pytest.approx(2 * (theory_sgd.tangent_kernel(setup)["drift"],))


def shifted(layer, t):
    return theory.Layer(layer.a + t, layer.b - t, layer.sgd - 2 * t, layer.adam - t)


@pytest.mark.parametrize("name", NAMES)
def test_moving_scale_from_weights_to_multipliers_changes_only_the_wrong_theory(monkeypatch, name):
    right = (theory_sgd.counted, theory_sgd.tangent_kernel, theory_sgd.relative_updates)
    setup = world(parametrisation=name)
    before = [forecast(setup) for forecast in right]
    wrong = theory_sgd.without_factors(setup)["drift"]
    layers = zip(theory.NETWORKS[name], (0.3, -0.7, 0.4), strict=True)
    network = theory.Network(*(shifted(layer, t) for layer, t in layers))
    monkeypatch.setitem(theory.NETWORKS, name, network)
    for forecast, expected in zip(right, before, strict=True):
        assert forecast(setup) == pytest.approx(expected)
    assert theory_sgd.without_factors(setup)["drift"] != pytest.approx(wrong)


def test_rivals_disagree_where_they_should():
    drifts = {
        rival.__name__: [
            rival(world(parametrisation=name))["drift"] for name in ("standard", "mup", "ntk")
        ]
        for rival in (
            theory_sgd.relative_updates,
            theory_sgd.no_drift,
            theory_sgd.without_factors,
        )
    }
    assert drifts["relative_updates"] == pytest.approx([-0.5, 0, 0.5])
    assert drifts["no_drift"] == [0, 0, 0]
    assert drifts["without_factors"] == pytest.approx([-1, -1, 0])


def test_adam_and_a_zero_readout_are_out_of_scope():
    with pytest.raises(OutOfScope, match="SGD, not of adam"):
        theory_sgd.counted(world(optimiser="adam"))
    with pytest.raises(OutOfScope, match="random readout"):
        theory_sgd.tangent_kernel(world(readout="zero"))


# Reading the middle of the good rates.


RATES = np.arange(-3, 3.1, 0.5)


def curves(middles, seeds=3):
    """Parabolas about `middles` (one a width), the same for all seeds but a shift."""
    y = 2 * (RATES - np.asarray(middles)[:, None]) ** 2 - 5
    return xr.DataArray(
        y + 0.1 * np.arange(seeds)[:, None, None],
        dims=("seed", "width", "log2_learning_rate"),
        coords={"width": 32 * 2 ** np.arange(len(middles)), "log2_learning_rate": RATES},
    )


@pytest.mark.parametrize("slope", [0.0, -0.5, 0.4])
def test_middle_drift_is_the_slope(slope):
    both = xr.concat([curves(0.1 + slope * np.arange(3)), curves([0, 0, 0])], dim="readout")
    found = readout.middle_drift(
        both.isel(width=[2, 0, 1], log2_learning_rate=slice(None, None, -1))
    )
    assert found.dims == ("readout",)
    assert found.values == pytest.approx([slope, 0], abs=1e-3)


def test_good_rates_at_the_edge_of_the_grid_have_no_middle():
    assert readout.good_middle(RATES, (RATES - 0.3) ** 2) == pytest.approx(0.3, abs=1e-6)
    assert np.isnan(readout.good_middle(RATES, (RATES - 2.5) ** 2))
    assert np.isnan(readout.middle_drift(curves([0.0, 0.0, 2.8])))


# Other architectures.


def test_another_architecture_is_measured():
    setup = world(model="models.residual_mlp:ResidualMLP", depth=1, readout="zero")
    found = experiment.train(setup, jax.random.key(4))
    assert np.isfinite(found["log_loss"])
    assert found["feature_change"] > 0


# The counts against networks: the tangent kernel's trace and one small step.


WIDTHS = np.array([128, 512])


def kernel_and_relative_step(name, width, key):
    """sum_l eta_l |df/dw_l|^2 at one input, and the largest eta_l |df/dw_l| / |w_l|."""
    setup = world(parametrisation=name, width=width, base_width=1)
    model_key, input_key = jax.random.split(key)
    model = experiment.build(setup, model_key)
    graph, weights, *rest = nnx.split(model, nnx.Param, ...)
    x_1D = jax.random.normal(input_key, (1, setup.dim))
    slope = jax.grad(lambda weights: nnx.merge(graph, weights, *rest)(x_1D)[0, 0])(weights)
    parts = zip(
        *(jax.tree.leaves(tree) for tree in (slope, weights, lr_scales(model, "sgd"))), strict=True
    )
    sizes = [(float((s**2).sum()), float((w**2).sum()), rate) for s, w, rate in parts]
    kernel = sum(rate * square for square, _, rate in sizes)
    return kernel, max(rate * (square / weight) ** 0.5 for square, weight, rate in sizes)


@pytest.mark.parametrize("name", ["standard", "mup", "ntk", "mean-field"])
def test_the_counts_are_those_of_networks(name):
    keys = jax.random.split(jax.random.key(0), 4)
    logs = np.array(
        [
            np.mean([np.log(kernel_and_relative_step(name, n, key)) for key in keys], axis=0)
            for n in WIDTHS
        ]
    )
    kernel, relative = np.polyfit(np.log(WIDTHS), logs, 1)[0]
    setup = world(parametrisation=name)
    assert -kernel == pytest.approx(theory_sgd.tangent_kernel(setup)["drift"], abs=0.15)
    assert -relative == pytest.approx(theory_sgd.relative_updates(setup)["drift"], abs=0.15)
