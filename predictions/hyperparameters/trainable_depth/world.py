"""Networks of several depths that fit a small data set for a fixed time."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field


@dataclass(frozen=True, kw_only=True)
class Setup:
    """Architecture, initial weights, data set and training; weights and biases are gridded.

    `model` is called as `models.mlp:MLP` is and returns any Flax NNX module from inputs [B, d] to
    outputs [B, 1]. It takes sigma_w^2 as its `gain`; every parameter of it that is called `bias`
    is drawn with sigma_b. A leading dot names a class of this folder.
    """

    model: Annotated[str, Field(description="import path of the architecture, module:class")]
    activation: Annotated[
        str, Field(description="of the measured network, known to models.activations")
    ]
    width: Annotated[int, Field(ge=2, description="neurons n of each hidden layer")]
    depths: Annotated[
        tuple[int, ...],
        Field(min_length=2, description="numbers of hidden layers that are tried, ascending"),
    ]
    weight_std: Annotated[
        float, Field(gt=0, le=4, description="sigma_w: weights have variance sigma_w^2 / fan-in")
    ]
    bias_std: Annotated[
        float, Field(ge=0.01, le=2, description="sigma_b: standard deviation of biases")
    ]
    dim: Annotated[int, Field(ge=2, description="input dimension d; inputs have norm sqrt(d)")]
    samples: Annotated[
        int, Field(ge=2, multiple_of=2, description="training points P, half of them labelled 1")
    ]
    learning_rate: Annotated[float, Field(gt=0, description="step size of every parameter")]
    steps: Annotated[int, Field(ge=1, description="steps T of full-batch gradient descent")]
    threshold: Annotated[
        float,
        Field(gt=0, lt=1, description="a depth counts as trained at this part of the loss ln 2"),
    ]
    nets: Annotated[int, Field(ge=1, description="networks, each with data of its own, in a seed")]

    def __post_init__(self) -> None:
        if self.depths[0] < 1 or any(a >= b for a, b in itertools.pairwise(self.depths)):
            raise ValueError(f"depths {self.depths} do not ascend from 1 or more")
