import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from models.mlp import MLP
from models.named import UnusableModelError, build_model, model_class, zero_readout

SIZES = {"d_in": 3, "width": 4, "depth": 2, "base_width": 4}


class Bare(nnx.Module):
    def __init__(self, key):
        self.kernel = nnx.Param(jax.random.normal(key, (3, 1)))

    def __call__(self, x_BD):
        return x_BD @ self.kernel[...]


class WithOwnReadout(Bare):
    def zero_readout(self):
        self.kernel[...] = jnp.zeros_like(self.kernel[...])


def remedy_of(error):
    return error.value.remedy


def test_a_named_network_is_the_network():
    key = jax.random.key(0)
    found = build_model("models.mlp:MLP", key, **SIZES)
    x_BD = jnp.ones((2, 3))
    np.testing.assert_allclose(found(x_BD), MLP(key, **SIZES)(x_BD))


class Single(nnx.Module):
    def __init__(self, key):
        self.linear = nnx.Linear(3, 1, rngs=nnx.Rngs(key))


@pytest.mark.parametrize("double", [False, True])
def test_parameters_have_the_precision_of_training(double):
    with jax.enable_x64(double):
        model = build_model(f"{__name__}:Single", jax.random.key(0))
        kernel = model.linear.kernel[...]
    assert kernel.dtype == (jnp.float64 if double else jnp.float32)


def test_a_relative_path_is_looked_up_in_the_package():
    assert model_class(".mlp:MLP", "models") is MLP


@pytest.mark.parametrize(
    ("path", "what", "remedy"),
    [
        ("models.mlp", "no import path", "package.module:Class"),
        ("models.mlp:", "no import path", "package.module:Class"),
        ("nowhere.nets:MLP", "no module 'nowhere.nets'", "install its package"),
        ("models.mpl:MLP", "no module 'models.mpl'", "install its package"),
        ("models.mlp:MPL", "'models.mlp' has no class 'MPL'", "Did you mean 'MLP'"),
    ],
)
def test_a_wrong_name_is_explained(path, what, remedy):
    with pytest.raises(UnusableModelError, match=what) as error:
        model_class(path)
    assert remedy in remedy_of(error)


def test_a_module_that_lacks_its_own_imports_is_no_wrong_name(tmp_path, monkeypatch):
    (tmp_path / "lacking_net.py").write_text("import not_installed_anywhere\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="not_installed_anywhere"):
        model_class("lacking_net:Net")
    sys.modules.pop("lacking_net", None)


def test_a_constructor_of_another_kind_is_explained():
    with pytest.raises(
        UnusableModelError, match=r"cannot be called as Dense\(key, d_in=3"
    ) as error:
        build_model("models.layers:Dense", jax.random.key(0), **SIZES)
    assert "your-network.md" in remedy_of(error)


def test_the_readout_of_dense_layers_becomes_zero_and_nothing_else():
    model = MLP(jax.random.key(0), **SIZES)
    before = model.features(jnp.ones((2, 3)))
    zero_readout(model)
    assert not np.any(model(jnp.ones((2, 3))))
    for old, new in zip(before, model.features(jnp.ones((2, 3))), strict=True):
        np.testing.assert_allclose(old, new)


def test_a_module_may_know_its_own_readout():
    model = WithOwnReadout(jax.random.key(0))
    zero_readout(model)
    assert not np.any(model(jnp.ones((2, 3))))


def test_a_module_without_a_readout_is_refused():
    with pytest.raises(UnusableModelError, match="Bare has no readout") as error:
        zero_readout(Bare(jax.random.key(0)))
    assert "readout=random" in remedy_of(error)
