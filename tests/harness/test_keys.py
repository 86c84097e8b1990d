from __future__ import annotations

import jax
import numpy as np
import pytest

from harness.keys import GENERATOR, root_key, seed_key


@pytest.mark.parametrize("name", ["a", "mup-lr-transfer-adam"])
def test_a_root_key_is_the_one_jax_makes_from_the_same_number(name: str) -> None:
    root = root_key(name, 1)
    expected = jax.random.key(int(root[1]), impl=GENERATOR)
    np.testing.assert_array_equal(root, jax.random.key_data(expected))


def test_a_revision_and_another_prediction_bring_fresh_seeds() -> None:
    roots = [tuple(root_key(name, revision)) for name, revision in [("a", 1), ("a", 2), ("b", 1)]]
    assert len(set(roots)) == 3


def test_every_seed_has_a_key_of_its_own_traced_or_not() -> None:
    root = root_key("a", 1)
    seeds = np.arange(4, dtype=np.int32)
    keys = jax.vmap(seed_key, in_axes=(None, 0))(root, seeds)
    assert len({tuple(data) for data in np.asarray(jax.random.key_data(keys))}) == 4
    np.testing.assert_array_equal(
        jax.random.key_data(keys[2]), jax.random.key_data(seed_key(root, 2))
    )
