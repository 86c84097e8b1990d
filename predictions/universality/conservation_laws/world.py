"""The world: a two-layer network without biases that fits a teacher of its own kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

from pydantic import Field

if TYPE_CHECKING:
    import jax

Activation: TypeAlias = Literal["linear", "relu", "tanh"]


@dataclass(frozen=True, kw_only=True)
class Setup:
    """Numbers shared by theory and experiment.

    f(x) = sum_i a_i phi(w_i . x) descends the loss L = |f - y|^2 / 2n on n samples for a time T of
    gradient flow, that is T / eta steps.
    """

    activation: Annotated[Activation, Field(description="phi, of network and teacher")]
    dim: Annotated[int, Field(ge=1, description="input dimension d")]
    width: Annotated[int, Field(ge=1, description="hidden neurons h, of network and teacher")]
    samples: Annotated[int, Field(ge=1, description="training samples n")]
    horizon: Annotated[float, Field(gt=0, description="training time T, in eta * steps")]
    learning_rate: Annotated[float, Field(gt=0, description="step size eta")]
    momentum: Annotated[
        float,
        Field(ge=0, lt=1, description="heavy-ball momentum; the theories take it to be 0"),
    ]


def draw(setup: Setup, key: jax.Array) -> dict[str, jax.Array]:
    """One seed's data and initial weights.

    `inputs` [n, d] are N(0, 1); `first` W [h, d] is N(0, 1/d) and `second` a [h] is N(0, 1/h), for
    the network as for the teacher that gives the `labels` [n].
    """
    import jax
    import jax.numpy as jnp

    from models.activations import activation

    keys = jax.random.split(key, 3)
    x_ND = jax.random.normal(keys[0], (setup.samples, setup.dim))
    first_2HD = jax.random.normal(keys[1], (2, setup.width, setup.dim)) / jnp.sqrt(setup.dim)
    second_2H = jax.random.normal(keys[2], (2, setup.width)) / jnp.sqrt(setup.width)
    labels_N = activation(setup.activation)(x_ND @ first_2HD[1].T) @ second_2H[1]
    return {"inputs": x_ND, "labels": labels_N, "first": first_2HD[0], "second": second_2H[0]}
