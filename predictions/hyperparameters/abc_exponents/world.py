"""Networks under any abc-parametrisation of a three-dimensional family, trained for a few steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, NamedTuple

import numpy as np
from pydantic import Field


class Exponents(NamedTuple):
    """W = n^-a w with w ~ N(0, n^-2b) and learning rate n^-c; a, b of input, hidden, readout."""

    a: tuple[float, float, float]
    b: tuple[float, float, float]
    c: float


@dataclass(frozen=True, kw_only=True)
class Setup:
    """Architecture, parametrisation, data set and training.

    `model` is called as `models.mlp:MLP` is, has its `features`, and consists of
    `models.layers.Dense` layers, one of them with the role READOUT.

    The three coordinates of the parametrisation reach the named ones (in parentheses
    `towards_mup`, `rate_exponent`, `slow_input`): NTK (0, 0, 0), muP (1, 0, 0), standard with
    learning rate 1/n (0, 0, 1/2), NNGP-like (0, 1, 0). `readout_factor` and `rate_error` are for
    controls: theories take them to be 1 and 0.
    """

    model: Annotated[str, Field(description="import path of the architecture, module:class")]
    activation: Annotated[str, Field(description="name known to models.activations")]
    depth: Annotated[int, Field(ge=1, le=64, description="number of hidden layers L")]
    width: Annotated[int, Field(ge=2, description="neurons n of each hidden layer")]
    towards_mup: Annotated[
        float,
        Field(ge=-1, le=2, description="place on the line from NTK (0) to muP (1) parametrisation"),
    ]
    rate_exponent: Annotated[
        float, Field(ge=-2, le=4, description="c: the learning rate is n^-c eta")
    ]
    slow_input: Annotated[
        float,
        Field(ge=-1, le=2, description="added to a_1, taken from b_1: W_1 learns as n^-2 of this"),
    ]
    readout_factor: Annotated[
        float, Field(ge=0, description="what training multiplies the initial readout with")
    ]
    rate_error: Annotated[
        float, Field(ge=-2, le=2, description="training's learning rate is n^this too large")
    ]
    learning_rate: Annotated[float, Field(gt=0, description="eta")]
    steps: Annotated[int, Field(ge=2, description="steps of full-batch gradient descent")]
    dim: Annotated[int, Field(ge=2, description="input dimension d")]
    samples: Annotated[int, Field(ge=1, description="training points P")]

    def exponents(self) -> Exponents:
        """The parametrisation; activations are O(1) at initialisation in all of them."""
        s = self.towards_mup
        return Exponents(
            a=(self.slow_input - s / 2, (1 - s) / 2, 1 / 2),
            b=(s / 2 - self.slow_input, s / 2, s / 2),
            c=self.rate_exponent,
        )

    def axes(self) -> dict[str, np.ndarray]:
        """Hidden layers, from 1."""
        return {"layer": np.arange(1, self.depth + 1)}
