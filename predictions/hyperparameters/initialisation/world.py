"""Untrained deep networks without biases, at one input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field


@dataclass(frozen=True, kw_only=True)
class Setup:
    """Architecture and variance of the initial weights."""

    activation: Annotated[
        Literal["relu", "linear", "tanh"],
        Field(description="activation function; each theory has the one it was derived for"),
    ]
    width: Annotated[int, Field(ge=16, description="neurons n of each hidden layer")]
    depth: Annotated[int, Field(ge=3, le=128, description="number of hidden layers L")]
    dim: Annotated[int, Field(ge=1, description="input dimension d")]
    gain: Annotated[
        float,
        Field(gt=0, description="variance of a weight times its fan-in, c: Xavier 1, He 2"),
    ]
    nets: Annotated[int, Field(ge=2, description="random networks of one seed")]
