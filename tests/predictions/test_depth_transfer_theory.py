import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr
from flax import nnx

from harness.api import OutOfScope
from models.layers import Dense
from models.parametrisation import Role
from predictions.hyperparameters.depth_transfer import experiment, readout, theory
from predictions.hyperparameters.depth_transfer.world import Setup


def world(**changes):
    options = {
        "model": "models.residual_mlp:ResidualMLP",
        "activation": "relu",
        "depth": 4,
        "base_depth": 1,
        "branch_exponent": 0.5,
        "rate_exponent": 0.5,
        "width": 8,
        "base_width": 8,
        "readout": "zero",
        "optimiser": "adam",
        "log2_learning_rate": -1.0,
        "dim": 4,
        "samples": 16,
        "steps": 10,
        "divergence": 10.0,
        "probe_steps": 2,
        "log2_probe_rate": -6.0,
    }
    return Setup(**{**options, **changes})


# The count, and the count against a network written out in NumPy.


@pytest.mark.parametrize(
    ("optimiser", "branch_exponent", "rate_exponent", "growth"),
    [
        ("adam", 0.5, 0.5, 0),
        ("adam", 1, 0, 0),
        ("adam", 0.5, 0, 0.5),
        ("adam", 0.5, -0.5, 1),
        ("adam", 1, 0.5, -0.5),
        ("sgd", 0.5, 0, 0),
        ("sgd", 1, -1, 0),
        ("sgd", 0.5, -0.5, 0.5),
    ],
)
def test_known_exponents(optimiser, branch_exponent, rate_exponent, growth):
    setup = world(optimiser=optimiser, branch_exponent=branch_exponent, rate_exponent=rate_exponent)
    assert theory.branch_power(setup) == pytest.approx(growth)
    found = theory.counted(setup)
    assert found["feature_exponent"] == pytest.approx(sorted((0, growth)))
    assert found["drift"] == pytest.approx(sorted((0, -growth)))


def test_rivals_do_not_look_at_the_exponents():
    for branch_exponent in (0, 0.5, 1):
        setup = world(branch_exponent=branch_exponent)
        assert theory.transfer(setup) == {"drift": (0, 0), "feature_exponent": (0, 0)}
        assert theory.relu_mlp(setup) == {"drift": (-1.5, -1.5)}


@pytest.mark.parametrize("growth", [-0.5, 0, 0.5, 1])
@pytest.mark.parametrize("constant", [0.01, 1, 100])
def test_two_paces_together_stay_in_the_window(growth, constant):
    depths = np.array([4, 8, 16])
    found = np.polyfit(np.log(depths), -np.log(1 + constant * depths**growth), 1)[0]
    low, high = theory.counted(world(rate_exponent=0.5 - growth))["drift"]
    assert low - 1e-9 <= found <= high + 1e-9


def test_a_stream_that_grows_without_bound_is_out_of_scope():
    with pytest.raises(OutOfScope, match="grows exponentially"):
        theory.counted(world(branch_exponent=0.4))


def gradients(depth, branch_exponent, rng):
    """Slope of the error at all branches [L, N, N], of a residual network in NumPy."""
    dim, points, width = 4, 16, 32
    x = rng.standard_normal((points, dim))
    branches = rng.standard_normal((depth, width, width)) * np.sqrt(2 / width)
    last = rng.standard_normal((width, 1)) / np.sqrt(width)
    multiplier = float(depth) ** -branch_exponent
    stream = [x @ (rng.standard_normal((dim, width)) / np.sqrt(dim))]
    for branch in branches:
        stream.append(stream[-1] + multiplier * np.maximum(stream[-1], 0) @ branch)
    back = np.sign(rng.standard_normal((points, 1))) @ last.T / points
    slopes = []
    for branch, h in zip(branches[::-1], stream[-2::-1], strict=True):
        slopes.append(multiplier * np.maximum(h, 0).T @ back)
        back = back + multiplier * (back @ branch.T) * (h > 0)
    return np.stack(slopes)


@pytest.mark.parametrize("branch_exponent", [0.5, 1])
@pytest.mark.parametrize(("optimiser", "power"), [("adam", 1), ("sgd", 2)])
def test_updates_of_the_branches_grow_as_counted(optimiser, power, branch_exponent):
    depths = np.array([8, 16, 32, 64])
    logs = [
        np.mean(
            [
                np.log(
                    (
                        np.abs(gradients(depth, branch_exponent, np.random.default_rng(seed)))
                        ** power
                    ).sum()
                )
                for seed in range(16)
            ]
        )
        for depth in depths
    ]
    slope = np.polyfit(np.log(depths), logs, 1)[0]
    setup = world(optimiser=optimiser, branch_exponent=branch_exponent, rate_exponent=0)
    assert slope == pytest.approx(theory.branch_power(setup), abs=0.12)


# The experiment where theory is exact, and with modules of one's own.


def test_depth_scalings_coincide_at_the_base_depth():
    def log_loss(exponents):
        a, c = exponents
        setup = world(base_depth=4, branch_exponent=a, rate_exponent=c)
        return experiment.train(setup, jax.random.key(0))["log_loss"]

    found = jax.vmap(log_loss)(jnp.array([[0.5, 0.5], [1.0, 0.0], [0.0, 0.0]]))
    np.testing.assert_allclose(found, found[0], rtol=1e-4)


def test_a_zero_readout_makes_a_network_that_is_zero():
    model = experiment.build(world(), jax.random.key(1))
    x_PD, y_P = experiment.dataset(world(), jax.random.key(2))
    assert float(abs(model(x_PD)).max()) == 0
    assert float(abs(model.features(x_PD)[-1]).max()) > 0
    assert y_P.shape == (16,)


def test_a_diverging_run_has_the_declared_loss():
    setup = world(log2_learning_rate=20.0, optimiser="sgd", readout="random")
    assert float(experiment.train(setup, jax.random.key(3))["log_loss"]) == pytest.approx(
        np.log(10)
    )


class Gated(nnx.Module):
    """Another architecture with the same constructor, with a constant that is no parameter."""

    def __init__(
        self, key, *, d_in, width, depth, base_width, parametrisation, activation, **depths
    ):
        sizes = {"width": width, "base_width": base_width, "parametrisation": parametrisation}
        into, gate, out = jax.random.split(key, 3)
        self.into = Dense(into, Role.INPUT, fan_in=d_in, fan_out=width, **sizes)
        self.gate = Dense(gate, Role.INPUT, fan_in=d_in, fan_out=width, **sizes)
        self.out = Dense(out, Role.READOUT, fan_in=width, fan_out=1, **sizes)
        self.depth = nnx.Variable(jnp.array(float(depth)))

    def features(self, x_BD):
        return (self.into(x_BD) * jax.nn.sigmoid(self.gate(x_BD) / self.depth[...]),)

    def __call__(self, x_BD):
        return self.out(self.features(x_BD)[-1])


def test_any_module_with_that_constructor_is_measured():
    found = experiment.train(world(model=f"{__name__}:Gated", readout="random"), jax.random.key(4))
    assert np.isfinite(found["log_loss"])
    assert found["feature_change"] > 0


# Reading the optimum.


RATES = np.arange(-3, 2.1, 0.5)


def curves(optima, seeds=3):
    """Parabolas with their minima at `optima` (one a depth), the same for all seeds but a shift."""
    y = 2 * (RATES - np.asarray(optima)[:, None]) ** 2 - 5
    return xr.DataArray(
        y + 0.1 * np.arange(seeds)[:, None, None],
        dims=("seed", "depth", "log2_learning_rate"),
        coords={
            "seed": range(seeds),
            "depth": 4 * 2 ** np.arange(len(optima)),
            "log2_learning_rate": RATES,
        },
    )


@pytest.mark.parametrize("slope", [0.0, -0.5, 0.4])
def test_drift_recovers_the_slope_whatever_the_order(slope):
    shuffled = curves(0.1 + slope * np.arange(3)).isel(depth=[2, 0, 1])
    assert float(readout.drift(shuffled)) == pytest.approx(slope, abs=1e-9)


def test_an_optimum_at_the_edge_of_the_grid_is_no_number():
    assert np.isnan(readout.drift(curves([0.0, 0.0, 1.8])))


@pytest.mark.parametrize("power", [0.0, 0.5, -1.0])
def test_growth_recovers_the_power_of_every_seed(power):
    shuffled = curves([0, 0, 0]).isel(depth=[2, 0, 1])
    raw = (1 + shuffled.seed) * (0 * shuffled + 1) * shuffled.depth.astype(float) ** power
    found = readout.growth(raw)
    assert found.dims == ("seed",)
    assert found.values == pytest.approx(power, abs=1e-9)
