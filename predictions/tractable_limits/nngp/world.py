"""Untrained networks at a few inputs, and how they are drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from harness.api import STATIC

Activation: TypeAlias = Literal["erf", "tanh"]


@dataclass(frozen=True, kw_only=True)
class Setup:
    """Architecture, law of the weights, and inputs.

    Inputs come in pairs in d = 2 pairs dimensions, with |x|^2 = d: a given angle within a pair and
    right angles between pairs, so that one network shows many nearly independent outputs.
    """

    activation: Annotated[Activation, Field(description="activation function phi")]
    depth: Annotated[int, Field(ge=1, le=8, description="number of hidden layers L")]
    width: Annotated[int, Field(ge=4, description="neurons n of each hidden layer")]
    weight_variance: Annotated[
        float, Field(gt=0, description="variance of a weight times its fan-in, sigma_w^2")
    ]
    bias_variance: Annotated[float, Field(ge=0, description="variance of a bias, sigma_b^2")]
    biases: Annotated[
        Literal["random", "zero"],
        Field(description="zero: biases as Flax starts them, whatever sigma_b^2 says"),
    ]
    bottleneck: Annotated[
        int,
        Field(
            ge=0,
            description="first-layer neurons that the second layer sees, at the same total "
            "variance; 0: all of them",
        ),
    ]
    pairs: Annotated[int, Field(ge=2, description="pairs of inputs")]
    cosine: Annotated[
        float,
        STATIC,
        Field(ge=-1, le=1, description="cosine of the angle between the inputs of a pair"),
    ]
    nets: Annotated[int, Field(ge=8, description="random networks of one seed")]

    def __post_init__(self) -> None:
        if self.bottleneck > self.width or (self.bottleneck and self.depth == 1):
            raise ValueError(
                f"bottleneck={self.bottleneck} needs two hidden layers of at least that width"
            )

    def axes(self) -> dict[str, NDArray[np.float64]]:
        """Cosines that occur: of an input with itself, in a pair, and between pairs."""
        return {"input_cosine": np.array([1.0, self.cosine, 0.0])}
