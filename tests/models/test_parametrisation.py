import jax
import numpy as np
import pytest
from flax import nnx

from models.layers import Dense
from models.mlp import MLP
from models.parametrisation import (
    PARAMETRISATIONS,
    LayerScale,
    Parametrisation,
    Role,
    lr_scales,
    parametrisation,
    scale,
)

ROLES = tuple(Role)
N, N0, D = 64, 16, 8
FAN_IN = {Role.INPUT: D, Role.HIDDEN: N, Role.READOUT: N}
GAIN = {Role.INPUT: 2.0, Role.HIDDEN: 2.0, Role.READOUT: 1.0}


def row(name, optimiser, *, width=N, base_width=N0):
    """(std, multiplier, lr) of the three roles of the MLP of width `width`."""
    entries = [
        scale(
            name,
            role,
            fan_in=D if role is Role.INPUT else width,
            width=width,
            base_width=base_width,
            gain=GAIN[role],
            optimiser=optimiser,
        )
        for role in ROLES
    ]
    return np.array([(e.init_std, e.multiplier, e.lr) for e in entries]).T


# variance, multiplier, lr under SGD, lr under Adam for input, hidden, readout: written out by hand
# from Yang et al. 2022 Table 3 (mup) and the defining formulas of the others
BY_HAND = {
    "standard": ((2 / D, 2 / N, 1 / N), (1, 1, 1), (1, 1, 1), (1, 1, 1)),
    "mup": ((2 / D, 2 / N, N0 / N**2), (1, 1, 1), (N / N0, 1, N0 / N), (1, N0 / N, N0 / N)),
    "half-mup": ((2 / D, 2 / N, N0 / N**2), (1, 1, 1), (N / N0, 1, N0 / N), (1, 1, N0 / N)),
    "ntk": (
        (1, 1, 1),
        ((2 / D) ** 0.5, (2 / N) ** 0.5, N**-0.5),
        (1, 1, 1),
        ((N0 / N) ** 0.5, N0 / N, (N0 / N) ** 0.5),
    ),
    "mean-field": (
        (1, 1, 1),
        ((2 / D) ** 0.5, (2 / N) ** 0.5, N0**0.5 / N),
        (N / N0, N / N0, N / N0),
        (1, (N0 / N) ** 0.5, 1),
    ),
}


@pytest.mark.parametrize("name", PARAMETRISATIONS)
def test_the_table_gives_the_published_scales(name):
    variance, multiplier, sgd, adam = BY_HAND[name]
    for optimiser, lr in (("sgd", sgd), ("adam", adam)):
        std, forward, rate = row(name, optimiser)
        np.testing.assert_allclose(std**2, variance, rtol=1e-12)
        np.testing.assert_allclose(forward, multiplier, rtol=1e-12)
        np.testing.assert_allclose(rate, lr, rtol=1e-12)


@pytest.mark.parametrize("optimiser", ["sgd", "adam"])
@pytest.mark.parametrize("name", PARAMETRISATIONS)
def test_all_agree_at_the_base_width(name, optimiser):
    std, forward, rate = row(name, optimiser, width=N0)
    standard = row("standard", optimiser, width=N0)
    np.testing.assert_allclose(std * forward, standard[0], rtol=1e-12)
    assert (rate == 1).all()
    if name in ("mup", "half-mup"):
        assert (std == standard[0]).all()


def test_mean_field_with_base_width_one_is_the_textbook_average():
    _, forward, rate = row("mean-field", "sgd", base_width=1)
    assert forward[-1] == pytest.approx(1 / N)
    assert rate[-1] == pytest.approx(N)


@pytest.mark.parametrize(("optimiser", "per_shift"), [("sgd", 2), ("adam", 1)])
def test_mean_field_is_mup_up_to_the_abc_symmetry(optimiser, per_shift):
    # Yang & Hu 2021: (a, b, c) -> (a + t, b - t, c - 2t) leaves an SGD run as it is
    for role in ROLES:
        mup, field = (PARAMETRISATIONS[name].row(role) for name in ("mup", "mean-field"))
        shift = field.a - mup.a
        assert field.b == mup.b - shift
        assert getattr(field, optimiser) == getattr(mup, optimiser) - per_shift * shift


def test_half_mup_differs_from_mup_in_exactly_one_exponent():
    pairs = [
        (role, field)
        for role in ROLES
        for field in ("a", "b", "sgd", "adam")
        if getattr(PARAMETRISATIONS["mup"].row(role), field)
        != getattr(PARAMETRISATIONS["half-mup"].row(role), field)
    ]
    assert pairs == [(Role.HIDDEN, "adam")]


def test_a_parametrisation_of_ones_own_passes_through():
    own = Parametrisation("own", "init", *(PARAMETRISATIONS["mup"].row(role) for role in ROLES))
    assert parametrisation(own) is own
    assert (row(own, "adam") == row("mup", "adam")).all()


def test_bad_names_and_sizes_are_refused():
    with pytest.raises(ValueError, match="unknown parametrisation 'mupp': did you mean 'mup'"):
        parametrisation("mupp")
    with pytest.raises(ValueError, match="known: standard, ntk"):
        parametrisation("xyz")
    with pytest.raises(ValueError, match="unknown optimiser 'adamw': did you mean 'adam'"):
        row("mup", "adamw")
    with pytest.raises(ValueError, match="must be >= 1"):
        row("mup", "adam", base_width=0)


class Gated(nnx.Module):
    """A module of a user's own: Dense layers inside and a parameter it owns."""

    def __init__(self, key: jax.Array, scales: dict[str, LayerScale]) -> None:
        sizes = {"width": N, "base_width": N0, "parametrisation": "mup"}
        self.inner = Dense(key, Role.HIDDEN, fan_in=N, fan_out=N, bias=True, **sizes)
        self.gate = nnx.Param(jax.numpy.ones(N))
        self.scales = tuple(scales.items())

    def layer_scales(self, optimiser):
        return dict(self.scales)


def factors(scales):
    return {".".join(map(str, path)): p.get_value() for path, p in nnx.to_flat_state(scales)}


def test_lr_scales_follows_the_protocol_and_the_outer_module_overrules():
    key, own = jax.random.key(0), LayerScale(1.0, 1.0, 0.125)
    assert factors(lr_scales(Gated(key, {"gate": own}), "adam")) == {
        "gate": 0.125,
        "inner.kernel": N0 / N,
        "inner.bias": 1.0,
    }
    overruled = lr_scales(Gated(key, {"gate": own, "inner.kernel": own}), "adam")
    assert factors(overruled)["inner.kernel"] == 0.125


def test_lr_scales_refuses_uncovered_parameters_and_unknown_paths():
    key, own = jax.random.key(0), LayerScale(1.0, 1.0, 1.0)
    with pytest.raises(ValueError, match=r"no scale for parameters \['gate'\]"):
        lr_scales(Gated(key, {}), "sgd")
    with pytest.raises(ValueError, match=r"scales without a parameter \['gaet'\]"):
        lr_scales(Gated(key, {"gate": own, "gaet": own}), "sgd")


class Chain(nnx.Module):
    """Twelve layers: their paths are ordered as numbers in a state, and as text by `sorted`."""

    def __init__(self, key: jax.Array) -> None:
        sizes = {"width": N, "base_width": N0, "parametrisation": "mup"}
        roles = [Role.INPUT, *[Role.HIDDEN] * 11]
        self.layers = nnx.List(Dense(key, role, fan_in=N, fan_out=N, **sizes) for role in roles)


def test_lr_scales_has_the_structure_of_the_parameters_for_many_layers():
    model = Chain(jax.random.key(0))
    scales = lr_scales(model, "sgd")
    assert jax.tree.structure(scales) == jax.tree.structure(nnx.state(model, nnx.Param))
    expected = {f"layers.{i}.kernel": 1.0 for i in range(12)}
    assert factors(scales) == expected | {"layers.0.kernel": N / N0}


@pytest.mark.parametrize("depth", [1, 3, 30])
def test_lr_scales_of_an_mlp_of_any_depth(depth):
    sizes = {"d_in": D, "width": N, "base_width": N0}
    model = MLP(jax.random.key(0), depth=depth, parametrisation="mup", bias=True, **sizes)
    scales = lr_scales(model, "sgd")
    assert jax.tree.structure(scales) == jax.tree.structure(nnx.state(model, nnx.Param))
    last = len(model.layers) - 1
    expected = {f"layers.{i}.kernel": 1.0 for i in range(last)}
    expected |= {f"layers.{i}.bias": N / N0 for i in range(last)}
    expected |= {"layers.0.kernel": N / N0}
    expected |= {f"layers.{last}.kernel": N0 / N, f"layers.{last}.bias": 1.0}
    assert factors(scales) == expected
