import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from harness.api import OutOfScope
from models.mlp import MLP
from predictions.hyperparameters.abc_exponents import experiment, theory
from predictions.hyperparameters.abc_exponents.world import Exponents, Setup

SMALL = {
    "model": "models.mlp:MLP",
    "activation": "tanh",
    "depth": 2,
    "width": 16,
    "towards_mup": 0.0,
    "rate_exponent": 0.0,
    "slow_input": 0.0,
    "readout_factor": 1.0,
    "rate_error": 0.0,
    "learning_rate": 0.5,
    "steps": 3,
    "dim": 4,
    "samples": 6,
}

NTK = Exponents((0, 0.5, 0.5), (0, 0, 0), 0)
STANDARD = Exponents((0, 0, 0), (0, 0.5, 0.5), 1)
MUP = Exponents((-0.5, 0, 0.5), (0.5, 0.5, 0.5), 0)
HALFWAY = Exponents((-0.25, 0.25, 0.5), (0.25, 0.25, 0.25), 0)
NNGP = Exponents((0, 0.5, 0.5), (0, 0, 0), 1)
MEAN_FIELD = Exponents((0, 0.5, 1), (0, 0, 0), -1)
SMALL_READOUT = Exponents((0, 0.5, 0.5), (0, 0, 2), 0)

KNOWN = [
    (NTK, [0.5, 0.5], 0),
    (STANDARD, [1.5, 0.5], 0),
    (MUP, [0, 0], 0),
    (HALFWAY, [0.25, 0.25], 0),
    (NNGP, [1.5, 1.5], 1),
    (MEAN_FIELD, [0, 0], 0),
]
COORDINATES = [(0, 0, 0), (0, 0, 0.5), (1, 0, 0), (0.5, 0, 0), (0, 1, 0)]


def world(**changes):
    return Setup(**{**SMALL, **changes})


def shifted(net, t):
    """The same training with n^-t moved from the weights to the multipliers."""
    return Exponents(tuple(a + t for a in net.a), tuple(b - t for b in net.b), net.c - 2 * t)


@pytest.mark.parametrize(("net", "features", "output"), KNOWN)
def test_named_parametrisations(net, features, output):
    moved = theory.movement(net, 2)
    assert moved.features == pytest.approx(features)
    assert moved.output == pytest.approx(output)
    assert theory.stable(net, moved)


@pytest.mark.parametrize(("known", "at"), list(zip(KNOWN[:5], COORDINATES, strict=True)))
def test_the_family_passes_through_them(known, at):
    setup = world(**dict(zip(("towards_mup", "rate_exponent", "slow_input"), at, strict=True)))
    net, features, output = known
    reached = shifted(setup.exponents(), (setup.exponents().c - net.c) / 2)
    assert np.concatenate(reached[:2]) == pytest.approx(np.concatenate(net[:2]))
    forecast = theory.tensor_programs(setup)
    assert forecast["feature_movement"] == pytest.approx(-np.array(features))
    assert forecast["output_movement"] == pytest.approx(-output)


def draws(count):
    rng = np.random.default_rng(0)
    for a, b, c in zip(
        rng.normal(size=(count, 3)),
        rng.normal(size=(count, 3)),
        rng.normal(size=count),
        strict=True,
    ):
        yield Exponents(tuple(a), tuple(b), c)


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_the_last_layer_has_the_exponent_r_of_the_paper(depth):
    for a, b, c in draws(50):
        below = [2 * a[0] + 1] + [2 * a[1]] * (depth - 1)
        r = min(a[2] + b[2], 2 * a[2] + c) + c - 1 + min(below)
        moved = theory.movement(Exponents(a, b, c), depth)
        assert moved.features[-1] == pytest.approx(r)
        assert moved.output == pytest.approx(min(a[2] + b[2] + r, 2 * a[2] + c) - 1)


def test_moving_scale_from_weights_to_multipliers_changes_nothing():
    for net in draws(20):
        before, after = theory.movement(net, 3), theory.movement(shifted(net, 0.7), 3)
        assert after.features == pytest.approx(before.features)
        assert after.output == pytest.approx(before.output)


def test_stable_networks_whose_output_moves_are_lazy_or_rich_with_a_boundary_between():
    """The dichotomy along the line from NTK to muP: r > 0 up to muP, where r = 0; then unstable."""
    for s in np.linspace(0, 1, 11):
        forecast = theory.tensor_programs(world(towards_mup=float(s)))
        assert forecast["feature_movement"] == pytest.approx((s - 1) / 2)
        assert forecast["output_movement"] == pytest.approx(0)
    with pytest.raises(OutOfScope, match="unstable"):
        theory.tensor_programs(world(towards_mup=1.2))


@pytest.mark.parametrize(
    "net",
    [
        STANDARD._replace(c=0),
        Exponents((0, 0.5, 0.5), (0.5, 0, 0), 0),
        Exponents((0, 0.5, 0.5), (0, -0.2, 0), 0),
        Exponents((0, 0.5, 0.3), (0, 0, 0), 0.5),
    ],
)
def test_unstable_parametrisations_are_known(net):
    assert not theory.stable(net, theory.movement(net, 2))


def test_rivals_and_the_unaligned_theory():
    setup = world(towards_mup=1.0)
    assert theory.neural_tangent(setup)["feature_movement"] == pytest.approx([-0.5, -0.5])
    assert theory.mean_field(setup)["feature_movement"] == pytest.approx([0, 0])
    assert theory.unaligned(world(slow_input=0.5))["feature_movement"] == pytest.approx([-1.5, -1])


# The count against networks written out in NumPy, with hand-made gradients.


def trained_movement(net, width, rng, steps=2):
    """Root mean square movement of h_1, h_2 and f in `steps` steps of gradient descent."""
    points, dim = 6, 4
    x = rng.standard_normal((points, dim)) / np.sqrt(dim)
    y = rng.choice([-1.0, 1.0], points)
    factor = [width ** -float(a) for a in net.a]
    shapes = [(dim, width), (width, width), (width, 1)]
    weights = [
        rng.standard_normal(shape) * width ** -float(b)
        for shape, b in zip(shapes, net.b, strict=True)
    ]

    def forward(weights):
        h1 = factor[0] * x @ weights[0]
        h2 = factor[1] * np.tanh(h1) @ weights[1]
        return h1, h2, (factor[2] * np.tanh(h2) @ weights[2])[:, 0]

    start = forward(weights)
    for _ in range(steps):
        h1, h2, f = forward(weights)
        into_f = (f - start[2] - y)[:, None] / points
        into_h2 = factor[2] * into_f @ weights[2].T / np.cosh(h2) ** 2
        into_h1 = factor[1] * into_h2 @ weights[1].T / np.cosh(h1) ** 2
        gradients = [x.T @ into_h1, np.tanh(h1).T @ into_h2, np.tanh(h2).T @ into_f]
        weights = [
            w - 0.5 * width ** -float(net.c) * m * g
            for w, m, g in zip(weights, factor, gradients, strict=True)
        ]
    end = forward(weights)
    return [np.sqrt(np.mean((new - old) ** 2)) for old, new in zip(start, end, strict=True)]


@pytest.mark.parametrize("net", [net for net, *_ in KNOWN] + [SMALL_READOUT])
def test_networks_move_as_counted(net):
    widths = np.array([128, 256, 512])
    sizes = [
        np.mean(
            [np.log(trained_movement(net, n, np.random.default_rng(seed))) for seed in range(8)],
            axis=0,
        )
        for n in widths
    ]
    slopes = np.polyfit(np.log(widths), np.array(sizes), 1)[0]
    moved = theory.movement(net, 2)
    assert slopes == pytest.approx([*-moved.features, -moved.output], abs=0.12)


# The experiment where it must agree with others.


@jax.jit
def initial(key):
    """Training inputs, then features and outputs of five corners, and the models' own NTK net."""
    x_PD, _ = experiment.dataset(world(), key)
    nets = [experiment.build(world(towards_mup=s, slow_input=u), key) for s, u in CORNERS]
    nets.append(experiment.build(world(readout_factor=0.0), key))
    nets.append(
        MLP(key, d_in=4, width=16, depth=2, base_width=1, parametrisation="ntk", activation="tanh")
    )
    return [(net.features(x_PD), net(x_PD)) for net in nets]


CORNERS = [(0.0, 0.0), (0.5, 0.0), (1.0, 0.0), (1.0, 0.5)]


def test_initial_functions_differ_by_the_size_of_the_readout_alone():
    *corners, zero, ntk = initial(jax.random.key(0))
    for features, _ in [*corners, zero]:
        for mine, theirs in zip(features, ntk[0], strict=True):
            np.testing.assert_allclose(mine, theirs, atol=1e-5)
    for (s, _), (_, output) in zip(CORNERS, corners, strict=True):
        np.testing.assert_allclose(output, 16 ** (-s / 2) * ntk[1], rtol=1e-4)
    assert float(abs(zero[1]).max()) == 0


def test_first_steps_move_the_output_along_the_tangent_kernel():
    setup = world(steps=2, learning_rate=1e-3)

    @jax.jit
    def movements(key):
        x_PD, y_P = experiment.dataset(setup, key)
        start = experiment.build(setup, key)
        graph, weights, *constants = nnx.split(start, nnx.Param, ...)

        def output(weights):
            return nnx.merge(graph, weights, *constants)(x_PD)[:, 0]

        slopes = [leaf.reshape(6, -1) for leaf in jax.tree.leaves(jax.jacobian(output)(weights))]
        kernel_PP = sum(slope @ slope.T for slope in slopes)
        end = experiment.descend(setup, start, x_PD, y_P)
        return output(weights) + 2 * 1e-3 * kernel_PP @ y_P / 6, end(x_PD)[:, 0], output(weights)

    linear_P, found_P, before_P = movements(jax.random.key(4))
    np.testing.assert_allclose(found_P - before_P, linear_P - before_P, rtol=0.02, atol=1e-5)


def test_a_wrong_rate_is_another_learning_rate():
    @jax.jit
    def both(key):
        worlds = (world(rate_error=0.5), world(learning_rate=0.5 * 16**0.5))
        return [experiment.train(setup, key)["feature_movement"] for setup in worlds]

    np.testing.assert_allclose(*both(jax.random.key(6)), rtol=1e-4)


def test_movement_takes_layers_of_any_shape():
    before = [jnp.zeros((2, 3)), jnp.ones((2, 4, 5))]
    moved = jax.jit(experiment.movement)(before, [before[0] + 2, before[1] - 3])
    np.testing.assert_allclose(moved, [2, 3])
