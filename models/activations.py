"""Activation functions by name, and the weight variance that keeps their signal."""

import difflib
import functools
import math
from collections.abc import Callable
from typing import TypeAlias

import jax
import jax.numpy as jnp

Activation: TypeAlias = Callable[[jax.Array], jax.Array]

_HERMITE = "hermite:"

# name -> (function, E phi(z)^2 for z ~ N(0, 1)); the last two moments have no short closed form
_TABLE: dict[str, tuple[Activation, float]] = {
    "linear": (lambda x: x, 1.0),
    "relu": (jax.nn.relu, 0.5),
    "erf": (jax.scipy.special.erf, 2 / math.pi * math.asin(2 / 3)),
    "tanh": (jnp.tanh, 0.394294490398),
    "gelu": (functools.partial(jax.nn.gelu, approximate=False), 0.425221482570),
}


def activation(name: str) -> Activation:
    """The elementwise function called `name`.

    `linear`, `relu`, `erf`, `tanh`, `gelu` (exact), or `hermite:c0,c1,...`, which is
    sum_k c_k He_k(x) / sqrt(k!) with He_k the probabilists' Hermite polynomials: orthonormal
    under N(0, 1). The same name returns the same object, so it may be a static argument of `jit`.

    Raises ValueError for an unknown name or malformed coefficients.
    """
    return _entry(name)[0]


def gain(name: str) -> float:
    """1 / E[phi(z)^2] for z ~ N(0, 1): the weight variance times fan-in that keeps unit variance.

    2 for `relu` (He et al. 2015, eq. 10), 1 for `linear`, 1 / sum_k c_k^2 for `hermite:...`.

    Raises ValueError for an unknown name, and for a function that is zero everywhere.
    """
    moment = _entry(name)[1]
    if moment == 0:
        raise ValueError(f"activation {name!r} is zero everywhere: it has no gain")
    return 1 / moment


@functools.cache
def _entry(name: str) -> tuple[Activation, float]:
    if name.startswith(_HERMITE):
        coefficients = _coefficients(name)
        return functools.partial(_hermite, coefficients), math.fsum(c * c for c in coefficients)
    if name not in _TABLE:
        near = difflib.get_close_matches(name, [*_TABLE, _HERMITE], n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        known = ", ".join([*_TABLE, f"{_HERMITE}c0,c1,..."])
        raise ValueError(f"unknown activation {name!r}: {hint}known: {known}")
    return _TABLE[name]


def _coefficients(name: str) -> tuple[float, ...]:
    try:
        coefficients = tuple(float(c) for c in name.removeprefix(_HERMITE).split(","))
    except ValueError:
        coefficients = (math.nan,)
    if not all(math.isfinite(c) for c in coefficients):
        raise ValueError(f"activation {name!r}: expected numbers, as in 'hermite:0,1,0.5'")
    return coefficients


def _hermite(coefficients: tuple[float, ...], x: jax.Array) -> jax.Array:
    previous, current = jnp.zeros_like(x), jnp.ones_like(x)
    total = coefficients[0] * current
    for k, c in enumerate(coefficients[1:]):
        following = (x * current - math.sqrt(k) * previous) / math.sqrt(k + 1)
        previous, current = current, following
        total = total + c * current
    return total
