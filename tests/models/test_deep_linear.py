import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from models.deep_linear import DeepLinear

SIDES = (4, 6, 5, 3)


def net(key):
    shapes = [(out, into) for into, out in itertools.pairwise(SIDES)]
    drawn = jax.random.normal(key, (6, 6))
    return DeepLinear([drawn[:out, :into] / (1 + i) for i, (out, into) in enumerate(shapes)])


X = np.random.default_rng(7).normal(size=(8, SIDES[0])).astype(np.float32)


def test_the_product_is_the_composition_of_the_layers():
    model = net(jax.random.key(0))
    assert model.product().shape == (SIDES[-1], SIDES[0])
    np.testing.assert_allclose(model(X), X @ np.asarray(model.product()).T, rtol=1e-4, atol=1e-4)


def test_vmap_over_keys_and_split_merge_inside_jit():
    keys = jax.random.split(jax.random.key(1), 3)

    @jax.jit
    @jax.vmap
    def products(key):
        graph, state = nnx.split(net(key))
        return nnx.merge(graph, state).product()

    expected = np.stack([net(key).product() for key in keys])
    np.testing.assert_allclose(products(keys), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "shapes", [[], [(3,)], [(3, 4), (5, 2)], [(3, 4, 5)]], ids=["none", "vector", "gap", "3d"]
)
def test_weights_that_do_not_chain_are_refused(shapes):
    with pytest.raises(ValueError, match="do not chain"):
        DeepLinear([jnp.zeros(shape) for shape in shapes])
