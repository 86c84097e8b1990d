"""The abc table: how initialisation, forward multiplier and learning rate scale with width.

A layer computes `multiplier * x @ w` with `w ~ N(0, init_std^2)` and is trained with the learning
rate `lr * (global learning rate)`. With m = width / base_width, its role's row (a, b, c) means

    multiplier ~ m^-a,   init_std ~ m^-b,   lr = m^-c   (c depends on the optimiser),

an abc-parametrisation (Yang & Hu 2021, Tensor Programs IV, arXiv:2011.14522) with one c a layer
and width counted from a base width. At the base width every parametrisation has the effective
weight standard deviation multiplier * init_std = sqrt(gain / fan_in) and lr = 1, so all agree
there as functions at initialisation; `base_width=1` gives the textbook forms (1/n, 1/sqrt n, ...).
"""

import difflib
import enum
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias, runtime_checkable

from flax import nnx

Optimiser: TypeAlias = Literal["sgd", "adam"]


class Role(enum.Enum):
    """Which of a layer's two sides grow with width."""

    INPUT = "input"  # fan-out only; hidden biases too (a weight on the constant 1)
    HIDDEN = "hidden"  # both
    READOUT = "readout"  # fan-in only


class Exponents(NamedTuple):
    """Exponents of 1/width of one layer role: multiplier, initialisation, learning rates."""

    a: float
    b: float
    sgd: float
    adam: float


@dataclass(frozen=True)
class Parametrisation:
    """One row of exponents a role, and where the constant sqrt(gain / fan_in) of base width sits.

    `constant` is "init" (in the initial weights; multiplier 1 at base width) or "multiplier" (in
    the forward pass; weights of unit variance at base width).
    """

    name: str
    constant: Literal["init", "multiplier"]
    input: Exponents
    hidden: Exponents
    readout: Exponents

    def row(self, role: Role) -> Exponents:
        """The exponents of `role`."""
        rows: dict[Role, Exponents] = {
            Role.INPUT: self.input,
            Role.HIDDEN: self.hidden,
            Role.READOUT: self.readout,
        }
        return rows[role]


# Sources.
#   standard    Yang & Hu 2021, Table 1 (SP) with c = 0: one learning rate for every layer. It is
#               stable under SGD only if the user divides that learning rate by width.
#   ntk         Jacot, Gabriel & Hongler 2018; Yang & Hu 2021, Table 1 (NTP). Adam: the neural
#               tangent limit of entrywise optimisers (Yang & Littwin 2023, arXiv:2308.01814), in
#               which each layer's update changes the output, not the features, by O(1).
#   mean-field  Mei, Montanari & Nguyen 2018 for two layers; deeper nets as in Bordelon &
#               Pehlevan 2022. Equals mup up to the symmetry a+t, b-t, c-2t (SGD), c-t (Adam).
#   mup         Yang et al. 2022 (Tensor Programs V, arXiv:2203.03466), Table 3.
#   half-mup    mup with one exponent wrong: Adam's hidden learning rate ignores width. Under SGD
#               that exponent is 0 anyway and half-mup is mup.
_ALL = (
    Parametrisation(
        name="standard",
        constant="init",
        input=Exponents(a=0, b=0, sgd=0, adam=0),
        hidden=Exponents(a=0, b=1 / 2, sgd=0, adam=0),
        readout=Exponents(a=0, b=1 / 2, sgd=0, adam=0),
    ),
    Parametrisation(
        name="ntk",
        constant="multiplier",
        input=Exponents(a=0, b=0, sgd=0, adam=1 / 2),
        hidden=Exponents(a=1 / 2, b=0, sgd=0, adam=1),
        readout=Exponents(a=1 / 2, b=0, sgd=0, adam=1 / 2),
    ),
    Parametrisation(
        name="mean-field",
        constant="multiplier",
        input=Exponents(a=0, b=0, sgd=-1, adam=0),
        hidden=Exponents(a=1 / 2, b=0, sgd=-1, adam=1 / 2),
        readout=Exponents(a=1, b=0, sgd=-1, adam=0),
    ),
    Parametrisation(
        name="mup",
        constant="init",
        input=Exponents(a=0, b=0, sgd=-1, adam=0),
        hidden=Exponents(a=0, b=1 / 2, sgd=0, adam=1),
        readout=Exponents(a=0, b=1, sgd=1, adam=1),
    ),
    Parametrisation(
        name="half-mup",
        constant="init",
        input=Exponents(a=0, b=0, sgd=-1, adam=0),
        hidden=Exponents(a=0, b=1 / 2, sgd=0, adam=0),
        readout=Exponents(a=0, b=1, sgd=1, adam=1),
    ),
)
PARAMETRISATIONS: dict[str, Parametrisation] = {entry.name: entry for entry in _ALL}


def parametrisation(name: str | Parametrisation) -> Parametrisation:
    """The parametrisation called `name`; one of your own passes through.

    Raises ValueError, with the nearest name, for a name that is not in PARAMETRISATIONS.
    """
    if isinstance(name, Parametrisation):
        return name
    return PARAMETRISATIONS[require_known(name, PARAMETRISATIONS, "parametrisation")]


@dataclass(frozen=True)
class LayerScale:
    """The numbers of one layer: standard deviation of w, forward factor, learning-rate factor."""

    init_std: float
    multiplier: float
    lr: float


def scale(
    par: str | Parametrisation,
    role: Role,
    *,
    fan_in: int,
    width: int,
    base_width: int,
    optimiser: Optimiser,
    gain: float = 1.0,
) -> LayerScale:
    """The scales of one layer of an architecture put under parametrisation `par`.

    `fan_in` is the layer's own, at this width; that of a hidden or readout layer is taken to be
    proportional to `width`, that of an input layer not to depend on it. `gain` is fan_in times the
    effective weight variance at base width. Only `lr` depends on the optimiser. `sgd` stands for
    every optimiser linear in the gradient (momentum too), `adam` for the entrywise normalised ones.

    Raises ValueError for an unknown parametrisation or optimiser, and for sizes below 1.
    """
    chosen = parametrisation(par)
    require_known(optimiser, ("sgd", "adam"), "optimiser")
    if min(fan_in, width, base_width) < 1:
        raise ValueError(f"fan_in={fan_in}, width={width}, base_width={base_width}: must be >= 1")
    a, b, *rates = chosen.row(role)
    m = width / base_width
    base_fan_in = fan_in if role is Role.INPUT else fan_in / m
    constant = (gain / base_fan_in) ** 0.5
    init, multiplier = (constant, 1.0) if chosen.constant == "init" else (1.0, constant)
    c = dict(zip(("sgd", "adam"), rates, strict=True))[optimiser]
    return LayerScale(init_std=init * m**-b, multiplier=multiplier * m**-a, lr=m**-c)


@runtime_checkable
class Scaled(Protocol):
    """What a module of your own implements so that `lr_scales` finds its learning rates.

    Modules made of `models.layers.Dense` need nothing: their layers implement it. A module that
    owns parameters itself, or wants to overrule those inside it, answers with one entry for each
    of these parameters: attribute path, dotted (`"kernel"`, `"blocks.0.query"`) -> LayerScale.
    """

    def layer_scales(self, optimiser: Optimiser) -> dict[str, LayerScale]:
        """Dotted parameter path, from this module down -> scales."""
        ...


def lr_scales(model: nnx.Module, optimiser: Optimiser) -> nnx.State[Any, Any]:
    """Learning-rate factors: a tree like `nnx.state(model, nnx.Param)` with floats for arrays.

    Every module in `model` that implements `Scaled` is asked; an outer one overrules an inner one.
    Multiply the updates (after the optimiser's own transformation) leaf by leaf:

        updates = jax.tree.map(lambda u, s: s * u, updates, lr_scales(model, "adam"))

    Raises ValueError if a parameter has no factor, or if a module names one that does not exist.
    """
    found: dict[str, float] = {}
    modules = sorted(nnx.iter_modules(model), key=lambda item: len(item[0]), reverse=True)
    for path, module in modules:
        if isinstance(module, Scaled):
            for name, entry in module.layer_scales(optimiser).items():
                found[_dotted((*path, name))] = entry.lr
    state = nnx.state(model, nnx.Param)
    names = [_dotted(path) for path, _ in nnx.to_flat_state(state)]
    missing, surplus = sorted({*names} - {*found}), sorted({*found} - {*names})
    if missing or surplus:
        raise ValueError(
            f"{type(model).__name__}.layer_scales: no scale for parameters {missing}; "
            f"scales without a parameter {surplus}"
        )
    return nnx.map_state(lambda path, param: param.replace(found[_dotted(path)]), state)


def _dotted(path: Iterable[object]) -> str:
    return ".".join(str(part) for part in path)


def require_known(name: str, names: Iterable[str], what: str) -> str:
    """`name` if it is one of `names`; else ValueError with the nearest and all the others."""
    names = list(names)
    if name not in names:
        near = difflib.get_close_matches(name, names, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise ValueError(f"unknown {what} {name!r}: {hint}known: {', '.join(names)}")
    return name
