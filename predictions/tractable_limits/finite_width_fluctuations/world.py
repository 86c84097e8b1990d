"""Mean-field two-layer networks, many of them a seed, that fit a few fixed points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

Activation: TypeAlias = Literal["tanh", "erf"]


@dataclass(frozen=True, kw_only=True)
class Setup:
    """Architecture, data and full-batch gradient descent.

    Output f(x) = 1/(gamma N) sum_i a_i phi(w_i . x / sqrt(d)) with standard Gaussian initial
    weights, loss (1/2P) sum (f - y)^2, step size eta gamma^2 N: features then move by order gamma
    at every width.
    """

    width: Annotated[int, Field(ge=2, description="hidden neurons N; even where start is paired")]
    gamma: Annotated[
        float, Field(gt=0, description="strength of feature learning; towards 0 the lazy limit")
    ]
    learning_rate: Annotated[
        float, Field(gt=0, description="eta: steps are eta gamma^2 N times the gradient")
    ]
    steps: Annotated[int, Field(ge=1, description="gradient steps T")]
    activation: Annotated[Activation, Field(description="activation phi of the hidden layer")]
    dim: Annotated[int, Field(ge=1, description="input dimension d")]
    samples: Annotated[int, Field(ge=1, description="training points P")]
    held_out: Annotated[int, Field(ge=1, description="inputs that are watched and not trained on")]
    data: Annotated[int, Field(ge=0, description="which data set: seed of its Gaussian numbers")]
    networks: Annotated[int, Field(ge=2, description="independent networks of one seed")]
    output_scale: Annotated[
        Literal["1/m", "1/sqrt m"],
        Field(
            description="factor of the networks' sum over m = N neurons; the mean-field one is "
            "1/m, the other comes with steps eta gamma^2"
        ),
    ]
    start: Annotated[
        Literal["independent", "paired"],
        Field(description="paired: neurons come as (a, w), (-a, w), so that networks start at 0"),
    ]

    def __post_init__(self) -> None:
        if self.start == "paired" and self.width % 2:
            raise ValueError(f"width={self.width}: pairs of neurons need an even number")

    def axes(self) -> dict[str, NDArray[np.int_]]:
        """Gradient steps done: 0, ..., T."""
        return {"step": np.arange(self.steps + 1)}


def dataset(setup: Setup) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Inputs x / sqrt(d) [P + Q, d], of which the last Q are held out, and targets [P].

    x is standard Gaussian and the target is its first coordinate.
    """
    rng = np.random.default_rng(setup.data)
    x_BD = rng.standard_normal((setup.samples + setup.held_out, setup.dim))
    return x_BD / np.sqrt(setup.dim), x_BD[: setup.samples, 0]
