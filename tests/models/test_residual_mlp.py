import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

from models import residual_mlp as residuals
from models.parametrisation import PARAMETRISATIONS, lr_scales
from models.residual_mlp import DEPTH_SCALINGS, DepthExponents, ResidualMLP

D = 8


def net(key, **changed):
    options = {"d_in": D, "width": 32, "depth": 4, "base_width": 32, "activation": "tanh"}
    return ResidualMLP(key, **(options | changed))


def rates(model, optimiser):
    return nnx.to_pure_dict(lr_scales(model, optimiser))


def test_call_features_and_bias_agree_with_the_formula():
    x = jax.random.normal(jax.random.key(1), (3, D))
    model = net(jax.random.key(0), bias=True, d_out=2, gain=1.5, depth=3, base_depth=2)
    model.input.bias[...] = jnp.full((32,), 0.1)
    model.branches.bias[...] = jnp.full((3, 32), 0.2)
    h = np.asarray(x @ model.input.kernel[...] + 0.1)
    stream = [h]
    for kernel in np.asarray(model.branches.kernel[...]):
        h = h + 1.5**-0.5 * (np.tanh(h) @ kernel + 0.2)
        stream.append(h)
    expected = h @ np.asarray(model.readout.kernel[...])
    np.testing.assert_allclose(model(x), expected, rtol=1e-4, atol=1e-5)
    for found, wanted in zip(model.features(x), stream, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", PARAMETRISATIONS)
def test_every_parametrisation_is_the_same_function_at_the_base_width(name):
    key, x = jax.random.key(3), jax.random.normal(jax.random.key(4), (5, D))
    np.testing.assert_allclose(net(key, parametrisation=name)(x), net(key)(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", DEPTH_SCALINGS)
def test_every_depth_scaling_is_the_same_network_at_the_base_depth(name):
    key, x = jax.random.key(3), jax.random.normal(jax.random.key(4), (5, D))
    model = net(key, depth_scaling=name, base_depth=4)
    plain = net(key, depth_scaling="plain", base_depth=4)
    np.testing.assert_allclose(model(x), plain(x), rtol=1e-6)
    for optimiser in ("sgd", "adam"):
        assert set(jax.tree.leaves(lr_scales(model, optimiser))) == {1.0}


@pytest.mark.parametrize("name", ["depth-mup", "ode", "plain"])
def test_the_stream_grows_by_one_plus_the_squared_multiplier_a_branch(name):
    keys, x = jax.random.split(jax.random.key(2), 64), jax.random.normal(jax.random.key(1), (16, D))
    options = {"width": 64, "depth": 2, "activation": "relu", "depth_scaling": name}
    multiplier = 2 ** -DEPTH_SCALINGS[name].multiplier
    expected = (1 + multiplier**2) ** 2

    def squares(key):
        first, *_, last = net(key, **options).features(x)
        return (first**2).mean(), (last**2).mean()

    first, last = np.mean(jax.jit(jax.vmap(squares))(keys), axis=1)
    # a branch scatters the mean square by sqrt(5 / n), and adds a bias of order 1 / n
    assert last / first == pytest.approx(expected, rel=3 * (2 * 5 / 64 / 64) ** 0.5 + 1 / 64)


@pytest.mark.parametrize("name", ["depth-mup", "ode"])
def test_updates_of_the_branches_add_up_to_the_same_at_every_depth(name):
    exponents = DEPTH_SCALINGS[name]
    assert exponents.adam == 1 - exponents.multiplier
    assert exponents.sgd == 1 - 2 * exponents.multiplier


def test_learning_rates_hold_width_times_depth():
    model = net(jax.random.key(0), parametrisation="mup", width=64, depth=16, bias=True)
    adam, sgd = rates(model, "adam"), rates(model, "sgd")
    assert adam["branches"] == {"kernel": 1 / 2 / 4, "bias": 1 / 4}
    assert adam["readout"]["kernel"] == 1 / 2
    assert sgd["branches"] == {"kernel": 1.0, "bias": 2.0}


def test_exponents_of_ones_own_may_be_traced():
    x, key = jax.random.normal(jax.random.key(1), (3, D)), jax.random.key(0)

    @jax.jit
    @jax.vmap
    def outputs(exponent):
        model = net(key, depth_scaling=DepthExponents(exponent, sgd=0.0, adam=exponent))
        graph, weights, *rest = nnx.split(model, nnx.Param, ...)
        return nnx.merge(graph, weights, *rest)(x), rates(model, "adam")["branches"]["kernel"]

    found, rate = outputs(jnp.array([0.0, 0.5]))
    for output, name in zip(found, ("plain", "depth-mup"), strict=True):
        np.testing.assert_allclose(output, net(key, depth_scaling=name)(x), rtol=1e-4, atol=1e-5)
    assert rate == pytest.approx([1, 0.5])


def test_scanned_branches_are_the_unrolled_ones(monkeypatch):
    x, model = jax.random.normal(jax.random.key(1), (3, D)), net(jax.random.key(0))
    expected = model.features(x)
    monkeypatch.setattr(residuals, "LAYERS_UNROLLED", 0)
    for found, wanted in zip(model.features(x), expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"activation": "tahn"}, "did you mean 'tanh'"),
        ({"parametrisation": "half-mupp"}, "did you mean 'half-mup'"),
        ({"depth_scaling": "depth-mop"}, "did you mean 'depth-mup'"),
        ({"depth": 0}, "depth=0, base_depth=1: must be >= 1"),
        ({"width": 0}, "must be >= 1"),
    ],
)
def test_bad_arguments_are_refused(changed, message):
    with pytest.raises(ValueError, match=message):
        net(jax.random.key(0), **changed)


# Coordinate check in depth: exponents of depth in the change of the last features and of the output
# by one small step of the branches alone, with the loss centred on f_0.
EXPONENTS = {
    ("depth-mup", "sgd"): 0.0,
    ("depth-mup", "adam"): 0.0,
    ("ode", "sgd"): 0.0,
    ("ode", "adam"): 0.0,
    ("unscaled-rate", "sgd"): 0.0,
    ("unscaled-rate", "adam"): 0.5,
}
DEPTHS = (8, 32)


def branches_moved(key, *, name, optimiser, depth):
    """Root mean squares of the changes of the last features and of the output."""
    input_key, label_key, model_key = jax.random.split(key, 3)
    x_PD = jax.random.normal(input_key, (16, D))
    y_P = jax.random.rademacher(label_key, (16,), x_PD.dtype)
    model = net(model_key, depth=depth, depth_scaling=name, activation="relu")
    graph, weights, *rest = nnx.split(model, nnx.PathContains("branches"), ...)

    def observe(weights):
        model = nnx.merge(graph, weights, *rest)
        return model.features(x_PD)[-1], model(x_PD)[:, 0]

    gradient = jax.grad(lambda weights: -(y_P * observe(weights)[1]).mean())(weights)
    transform = {"sgd": optax.sgd(1e-2), "adam": optax.adam(1e-5, eps=1e-20)}[optimiser]
    updates, _ = transform.update(gradient, transform.init(weights))
    factor = rates(model, optimiser)["branches"]["kernel"]
    after = observe(jax.tree.map(lambda w, u: w + factor * u, weights, updates))
    return jnp.stack(
        [
            jnp.sqrt(((new - old) ** 2).mean())
            for new, old in zip(after, observe(weights), strict=True)
        ]
    )


@pytest.mark.parametrize(("name", "optimiser"), EXPONENTS)
def test_coordinate_check_in_depth(monkeypatch, name, optimiser):
    monkeypatch.setattr(residuals, "LAYERS_UNROLLED", 0)  # compiling fast matters here
    keys = jax.random.split(jax.random.key(12), 64)

    def log_moves(depth):
        def one(key):
            return branches_moved(key, name=name, optimiser=optimiser, depth=depth)

        quick = {"xla_backend_optimization_level": 0}
        moved = jax.jit(jax.vmap(one), compiler_options=quick)(keys)
        return np.log(np.asarray(moved, dtype=float)).mean(axis=0)

    slopes = np.polyfit(np.log(DEPTHS), [log_moves(depth) for depth in DEPTHS], 1)[0]
    # logarithms scatter by 0.5 between networks, a standard error of 0.05 in the slope
    np.testing.assert_allclose(slopes, EXPONENTS[name, optimiser], atol=0.15)
