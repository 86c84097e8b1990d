"""A wide network that fits a few points of a sphere by full-batch gradient descent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

if TYPE_CHECKING:
    import jax

Activation: TypeAlias = Literal["erf", "relu"]


@dataclass(frozen=True, kw_only=True)
class Setup:
    """Architecture, data set and training; theories take it to be an MLP in NTK parametrisation.

    `model` is called as `models.mlp:MLP` is, has one output and knows its learning rates
    (`models.parametrisation.lr_scales`). A layer is one of its L + 1 parameter arrays, input side
    first.
    Networks train on the change of their output, f - f_0, for the loss (1/2) mean (f - f_0 - y)^2.
    """

    model: Annotated[str, Field(description="import path of the architecture, module:class")]
    activation: Annotated[Activation, Field(description="activation function phi")]
    depth: Annotated[int, Field(ge=1, le=8, description="number of hidden layers L")]
    width: Annotated[int, Field(ge=4, description="neurons n of each hidden layer")]
    parametrisation: Annotated[
        Literal["ntk", "mean-field"],
        Field(description="of the network that is trained; both have one kernel at the start"),
    ]
    trained: Annotated[
        Literal["all", "last"], Field(description="all layers learn, or the last one alone")
    ]
    learning_rate: Annotated[float, Field(gt=0, description="step size eta")]
    steps: Annotated[int, Field(ge=1, description="steps T of gradient descent")]
    dim: Annotated[int, Field(ge=3, description="input dimension d")]
    samples: Annotated[int, Field(ge=1, description="training points P")]
    held_out: Annotated[int, Field(ge=0, description="further points where the output is read")]
    nets: Annotated[int, Field(ge=2, description="networks of a seed; they share its data")]

    def axes(self) -> dict[str, NDArray[np.int_]]:
        """Steps taken, and layers with the readout as the last."""
        return {
            "step": np.arange(1, self.steps + 1),
            "layer": np.arange(1, self.depth + 2),
        }


def draw(setup: Setup, key: jax.Array) -> dict[str, jax.Array]:
    """A seed's points, the P training points first.

    `x` [P + held_out, d] on the sphere of radius sqrt d; `y` [P + held_out], the labels
    x_1 + x_1 x_2 x_3: odd, as every erf network without biases is.
    """
    import jax
    import jax.numpy as jnp

    x_MD = jax.random.normal(key, (setup.samples + setup.held_out, setup.dim))
    x_MD *= jnp.sqrt(setup.dim) / jnp.linalg.norm(x_MD, axis=1, keepdims=True)
    return {"x": x_MD, "y": x_MD[:, 0] * (1 + x_MD[:, 1] * x_MD[:, 2])}
