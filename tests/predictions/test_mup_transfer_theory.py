import itertools

import jax
import numpy as np
import pytest
import xarray as xr
from flax import nnx

from models.parametrisation import PARAMETRISATIONS, Role, lr_scales
from predictions.hyperparameters.mup_transfer import experiment, readout, theory
from predictions.hyperparameters.mup_transfer.world import Setup

SMALL = {
    "model": "models.mlp:MLP",
    "activation": "relu",
    "depth": 2,
    "width": 8,
    "base_width": 8,
    "parametrisation": "mup",
    "readout": "zero",
    "optimiser": "adam",
    "log2_learning_rate": -1.0,
    "dim": 4,
    "samples": 16,
    "batch": 16,
    "steps": 10,
    "divergence": 10.0,
    "probe_steps": 3,
    "log2_probe_rate": -1.0,
}


def world(**changes):
    return Setup(**{**SMALL, **changes})


# The window of drifts that each parametrisation allows.


@pytest.mark.parametrize(
    ("name", "optimiser", "start", "expected"),
    [
        *[
            ("mup", *rest, (0, 0))
            for rest in itertools.product(("adam", "sgd"), ("zero", "random"))
        ],
        ("standard", "adam", "random", (-1.5, -1)),
        ("standard", "adam", "zero", (-1, -1)),
        ("half-mup", "adam", "random", (-1, -1)),
        ("half-mup", "adam", "zero", (-1, -0.5)),
        ("half-mup", "sgd", "random", (0, 0)),
        ("ntk", "adam", "random", (0, 0)),
        ("ntk", "sgd", "random", (0, 0)),
        ("standard", "sgd", "random", (-1, -1)),
    ],
)
def test_known_windows(name, optimiser, start, expected):
    assert theory.ends(name, optimiser, start, 2) == pytest.approx(expected)


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("optimiser", ["adam", "sgd"])
@pytest.mark.parametrize("start", ["zero", "random"])
def test_mean_field_is_mup_up_to_the_symmetry_of_the_table(depth, optimiser, start):
    mean_field = theory.ends("mean-field", optimiser, start, depth)
    assert mean_field == pytest.approx(theory.ends("mup", optimiser, start, depth))


@pytest.mark.parametrize(("optimiser", "times"), [("adam", 1), ("sgd", 2)])
@pytest.mark.parametrize("start", ["zero", "random"])
def test_moving_scale_from_weights_to_multipliers_changes_nothing(
    monkeypatch, optimiser, times, start
):
    before = theory.ends("standard", optimiser, start, 2)
    moved = theory.Network(
        *(
            theory.Layer(layer.a + t, layer.b - t, layer.sgd - 2 * t, layer.adam - t)
            for layer, t in zip(theory.NETWORKS["standard"], (0.3, -0.7, 0.4), strict=True)
        )
    )
    monkeypatch.setitem(theory.NETWORKS, "standard", moved)
    assert theory.ends("standard", optimiser, start, 2) == pytest.approx(before)


def test_one_hidden_layer_has_no_hidden_to_hidden_weights():
    assert theory.ends("half-mup", "adam", "zero", 1) == pytest.approx((0, 0))


def test_transfer_speaks_about_mup_in_every_setup():
    for name in theory.NETWORKS:
        assert theory.transfer(world(parametrisation=name)) == pytest.approx(
            {"drift": 0, "regret": 0, "feature_exponent": 0}
        )


def test_rivals_in_the_standard_parametrisation():
    setup = world(parametrisation="standard", readout="random")
    assert theory.window(setup)["drift"] == pytest.approx((-1.5, -1))
    assert theory.standard_window(world(readout="random")) == theory.window(setup)
    assert theory.aligned_features(setup)["drift"] == pytest.approx((-1, -1))
    assert theory.relative_updates(setup)["drift"] == pytest.approx((-0.5, -0.5))
    assert theory.no_drift(setup)["drift"] == (0, 0)


def test_features_of_the_standard_parametrisation_move_in_proportion_to_width():
    assert theory.feature_growth("standard", "adam", "zero", 2) == pytest.approx(1)


@pytest.mark.parametrize("name", list(theory.NETWORKS))
def test_both_writings_of_the_table_agree(name):
    chosen = PARAMETRISATIONS[name]
    rows = [chosen.row(role) for role in (Role.INPUT, Role.HIDDEN, Role.READOUT)]
    assert [tuple(layer) for layer in theory.NETWORKS[name]] == [tuple(row) for row in rows]


# The counting against a network written out in NumPy: one signed step of a layer.


WIDTHS = np.array([256, 512, 1024, 2048])


def one_step_changes(width, readout_exponent, rng):
    """First-order decrease of the loss by a unit signed step of input, hidden, readout layer."""
    dim, points = 8, 32
    x = rng.standard_normal((points, dim))
    y = x[:, 0]
    weights = [
        rng.standard_normal((dim, width)) * np.sqrt(2 / dim),
        rng.standard_normal((width, width)) * np.sqrt(2 / width),
        rng.standard_normal((width, 1)) * width**-readout_exponent,
    ]

    def loss(weights):
        h1 = np.maximum(x @ weights[0], 0)
        h2 = np.maximum(h1 @ weights[1], 0)
        return h1, h2, (h2 @ weights[2])[:, 0] - y

    h1, h2, error = loss(weights)
    into_h2 = np.outer(error, weights[2][:, 0]) * (h2 > 0) / points
    into_h1 = into_h2 @ weights[1].T * (h1 > 0)
    gradients = [x.T @ into_h1, h1.T @ into_h2, h2.T @ error[:, None] / points]
    step = 1e-7 / width**1.5
    changes = []
    for layer, gradient in enumerate(gradients):
        moved = list(weights)
        moved[layer] = weights[layer] - step * np.sign(gradient)
        after = loss(moved)[2]
        changes.append((np.mean(error**2) - np.mean(after**2)) / 2 / step)
    return changes


@pytest.mark.parametrize(("name", "exponent"), [("standard", 0.5), ("mup", 1.0)])
def test_one_signed_step_changes_the_loss_as_counted(name, exponent):
    changes = np.array(
        [
            np.mean(
                [one_step_changes(n, exponent, np.random.default_rng(seed)) for seed in range(4)],
                axis=0,
            )
            for n in WIDTHS
        ]
    )
    slopes = np.polyfit(np.log(WIDTHS), np.log(changes), 1)[0]
    assert slopes == pytest.approx([1 - exponent, 2 - exponent, 1], abs=0.12)
    rates = [layer.a + layer.adam for layer in theory.NETWORKS[name]]
    fastest = max(slope - rate for slope, rate in zip(slopes, rates, strict=True))
    assert -theory.requirement_b(name, "adam", "random", 2) == pytest.approx(fastest, abs=0.12)


# The experiment where theory is exact.


def test_parametrisations_coincide_at_the_base_width():
    models = [
        experiment.build(world(parametrisation=name, readout="random"), jax.random.key(0))
        for name in ("mup", "standard", "half-mup")
    ]
    weights, rates = zip(
        *(
            (jax.tree.leaves(nnx.state(model)), jax.tree.leaves(lr_scales(model, "adam")))
            for model in models
        ),
        strict=True,
    )
    assert rates[0] == rates[1] == rates[2] == [1.0, 1.0, 1.0]
    for other in weights[1:]:
        for mine, theirs in zip(weights[0], other, strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=1e-6)


def test_a_zero_readout_makes_a_network_that_is_zero():
    model = experiment.build(world(), jax.random.key(1))
    x_PD, y_P = experiment.dataset(world(), jax.random.key(2))
    assert float(abs(model(x_PD)).max()) == 0
    assert float(abs(model.features(x_PD)[-1]).max()) > 0
    assert y_P.shape == (16,)


def test_a_diverging_run_has_the_declared_loss():
    diverged = experiment.train(world(log2_learning_rate=20.0, optimiser="sgd"), jax.random.key(3))
    assert float(diverged["log_loss"]) == pytest.approx(np.log(10.0))


def test_random_batches_fit_too():
    found = experiment.train(world(batch=8, steps=40), jax.random.key(4))
    assert float(found["log_loss"]) < np.log(0.5)


def test_batch_larger_than_the_data_set_is_refused():
    with pytest.raises(ValueError, match="batch 32 exceeds the 16 samples"):
        world(batch=32)


# Reading the optimum.


RATES = np.arange(-3, 2.1, 0.5)


def curves(optima, seeds=3):
    """Parabolas with their minima at `optima` (one a width), the same for all seeds but a shift."""
    y = 2 * (RATES - np.asarray(optima)[:, None]) ** 2 - 5
    values = y + 0.1 * np.arange(seeds)[:, None, None]
    return xr.DataArray(
        values,
        dims=("seed", "width", "log2_learning_rate"),
        coords={"width": 32 * 2 ** np.arange(len(optima)), "log2_learning_rate": RATES},
    )


def test_the_vertex_of_a_parabola_is_exact():
    assert readout.vertex(RATES, (RATES - 0.3) ** 2) == pytest.approx(0.3)


def test_an_optimum_at_the_edge_of_the_grid_is_no_number():
    assert np.isnan(readout.vertex(RATES, RATES))
    assert np.isnan(readout.vertex(RATES, -((RATES - 0.3) ** 2)))
    assert np.isnan(readout.vertex(RATES, (RATES - 1.8) ** 2))
    assert np.isnan(readout.drift(curves([0.0, 0.0, 1.8])))


@pytest.mark.parametrize("slope", [0.0, -0.5, 0.4])
def test_drift_recovers_the_slope(slope):
    optima = 0.1 + slope * np.arange(4)
    found = readout.drift(curves(optima))
    assert found.dims == ()
    assert float(found) == pytest.approx(slope, abs=1e-9)


def test_drift_keeps_other_axes_and_ignores_order():
    both = xr.concat([curves([0.5, 0.0, -0.5]), curves([0, 0, 0])], dim="readout")
    shuffled = both.isel(width=[2, 0, 1], log2_learning_rate=slice(None, None, -1))
    found = readout.drift(shuffled.transpose("seed", "readout", ...))
    assert found.dims == ("readout",)
    assert found.values == pytest.approx([-0.5, 0], abs=1e-9)


def test_regret_is_the_loss_given_away():
    assert float(readout.regret(curves([0.0, 0.0]))) == pytest.approx(0)
    assert float(readout.regret(curves([0.5, 0.0, -1.0]))) == pytest.approx(2 * 1.5**2)


def test_probe_takes_the_grid_away():
    assert readout.probe(curves([0, 0])).dims == ("seed", "width")
