from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.extend.random import threefry2x32_p

from harness.threefry import straight_line, threefry_2x32

# Random123's known answers: counter, key, result.
KNOWN = [
    ((0x00000000, 0x00000000), (0x00000000, 0x00000000), (0x6B200159, 0x99BA4EFE)),
    ((0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF), (0x1CB996FC, 0xBB002BE7)),
    ((0x243F6A88, 0x85A308D3), (0x13198A2E, 0x03707344), (0xC4923A9C, 0x483DF7A0)),
]


@pytest.mark.parametrize("straight", [False, True])
@pytest.mark.parametrize(("counter", "key", "result"), KNOWN)
def test_the_hash_has_the_known_answers(counter, key, result, straight):
    words = [jnp.uint32(word) for word in (*key, *counter)]
    with straight_line(straight):
        assert tuple(int(word) for word in threefry_2x32(*words)) == result


@pytest.mark.parametrize("straight", [False, True])
def test_the_numbers_are_those_of_jax_bit_by_bit(straight):
    keys = jax.random.split(jax.random.key(7, impl="threefry2x32"), 3)

    def draw(key):
        first, second = jax.random.split(key)
        return {
            "normal": jax.random.normal(jax.random.fold_in(first, 5), (4, 7)),
            "bits": jax.random.bits(second, (9,), jnp.uint8),
            "chosen": jax.random.permutation(second, 11),
        }

    expected = jax.vmap(draw)(keys)
    with straight_line(straight):
        found = jax.jit(jax.vmap(draw)).lower(keys).compile()(keys)
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-6, err_msg=name)


def test_only_programs_lowered_inside_are_straight():
    words = [jnp.zeros(4, jnp.uint32)] * 4
    shared = jax.jit(threefry2x32_p.bind)

    def loops(straight):
        with straight_line(straight):
            lowered = jax.jit(jax.vmap(shared)).lower(*words)
        return lowered.as_text().count("stablehlo.while")

    assert [loops(wanted) for wanted in (False, True, False)] == [1, 0, 1]
