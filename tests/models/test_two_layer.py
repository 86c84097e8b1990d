import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from models.two_layer import TwoLayer

M, D = 16, 4


def net(key=None, **changed):
    drawn = jax.random.normal(jax.random.key(0) if key is None else key, (M, D + 1))
    options = {"activation": "tanh", "output_scale": "1/m"}
    return TwoLayer(drawn[:, :D], drawn[:, D], **(options | changed))


X = np.random.default_rng(7).normal(size=(5, D)).astype(np.float32)


@pytest.mark.parametrize(("name", "factor"), [("1/m", 1 / M), ("1/sqrt m", M**-0.5), ("1", 1.0)])
def test_the_output_scale(name, factor):
    model = net(output_scale=name)
    expected = factor * np.tanh(X @ model.w_MD[...].T) @ model.a_M[...]
    np.testing.assert_allclose(model(X), expected, rtol=1e-4, atol=1e-5)


def test_features_and_bias():
    bias = jnp.linspace(-1, 1, M)
    model = net(bias_M=bias)
    expected = np.tanh(X @ model.w_MD[...].T + bias)
    np.testing.assert_allclose(model.features(X), expected, rtol=1e-4, atol=1e-5)
    assert len(jax.tree.leaves(nnx.state(model, nnx.Param))) == 3


def test_the_second_layer_is_fixed_by_splitting_the_state():
    model = net()
    graph, trained, fixed = nnx.split(model, nnx.PathContains("w_MD"), ...)
    gradient = jax.grad(lambda t: nnx.merge(graph, t, fixed)(X).sum())(trained)
    assert [leaf.shape for leaf in jax.tree.leaves(gradient)] == [(M, D)]


def test_vmap_over_keys_and_split_merge_inside_jit():
    keys = jax.random.split(jax.random.key(1), 3)

    @jax.jit
    @jax.vmap
    def outputs(key):
        graph, state = nnx.split(net(key))
        return nnx.merge(graph, state)(X)

    expected = np.stack([net(key)(X) for key in keys])
    np.testing.assert_allclose(outputs(keys), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"activation": "ref"}, "unknown activation 'ref'"),
        ({"output_scale": "1/sqrt(m)"}, "did you mean '1/sqrt m'"),
        ({"bias_M": jnp.zeros(M + 1)}, "does not fit"),
    ],
)
def test_bad_arguments_are_refused(changed, message):
    with pytest.raises(ValueError, match=message):
        net(**changed)
