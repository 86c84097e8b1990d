import jax
import jax.numpy as jnp
import numpy as np
import pytest

from harness.streams import BLOCK_BYTES, scan_stream

KEY = jax.random.key(5)


def draw(key):
    return {"x": jax.random.normal(key, (3,)), "y": jax.random.bits(key, (), jnp.uint8)}


def step(state, sample):
    count, total = state
    total = 0.9 * total + sample["x"].sum()
    return (count + 1, total), {"total": total, "y": sample["y"]}


START = (jnp.array(0), jnp.array(1.0))


def one_by_one(key, steps):
    state, outputs = START, []
    for i in range(steps):
        state, output = step(state, draw(jax.random.fold_in(key, i)))
        outputs.append(output)
    return state, jax.tree.map(lambda *rows: np.stack(rows), *outputs)


def assert_same(found, expected):
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("block", [1, 4, 5, 8, 12, 100, None])
@pytest.mark.parametrize("steps", [12, 13])
def test_the_stream_does_not_depend_on_the_block(steps, block):
    assert_same(scan_stream(step, START, draw, KEY, steps, block=block), one_by_one(KEY, steps))


def test_runs_of_many_keys_are_the_runs_of_each():
    keys = jax.random.split(KEY, 3)
    run = jax.jit(jax.vmap(lambda key: scan_stream(step, START, draw, key, 7, block=3)))
    found = run(keys)
    for i, key in enumerate(keys):
        assert_same(jax.tree.map(lambda a, i=i: a[i], found), one_by_one(key, 7))


def test_no_steps_leave_the_state_as_it_is():
    state, outputs = scan_stream(step, START, draw, KEY, 0)
    assert_same(state, START)
    assert outputs["total"].shape == (0,)


def test_training_can_be_differentiated():
    def end(start, block):
        return scan_stream(step, (jnp.array(0), start), draw, KEY, 7, block=block)[0][1]

    for block in (1, 3):
        assert jax.grad(end)(1.0, block) == pytest.approx(0.9**7, rel=1e-5)


def block_seen_by_default(size):
    """Samples that one call of the vectorised draw makes."""
    program = jax.make_jaxpr(
        lambda key: scan_stream(
            lambda state, x: (state + x.sum(), None),
            0.0,
            lambda key: jax.random.normal(key, (size,)),
            key,
            4096,
        )
    )(KEY)
    outer = next(e for e in program.jaxpr.eqns if e.primitive.name == "scan")
    return 4096 // outer.params["length"]


def test_the_default_block_fills_a_fixed_number_of_bytes():
    assert block_seen_by_default(BLOCK_BYTES // 4 // 32) == 32
    assert block_seen_by_default(BLOCK_BYTES // 4 // 3) == 2  # 3 would fit, 2 divides the steps
    assert block_seen_by_default(BLOCK_BYTES) == 1


def test_a_block_without_steps_is_refused():
    with pytest.raises(ValueError, match="block=0"):
        scan_stream(step, START, draw, KEY, 3, block=0)
