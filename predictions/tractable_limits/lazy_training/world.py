"""A two-layer network whose output is scaled by a power of its width, on a fixed data set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field


@dataclass(frozen=True, kw_only=True)
class Setup:
    """Network f(x) = N^-alpha sum_i a_i phi(w_i.x), data set and full-batch training.

    Neurons start in pairs (a, w), (-a, w), both plus `mean_readout`; the network trains on
    f - f_0. `mean_readout` and `rate_error` are for controls: theories take them to be zero.
    """

    alpha: Annotated[
        float, Field(ge=0, le=2, description="output scale N^-alpha: 1/2 lazy, 1 mean field")
    ]
    width: Annotated[int, Field(ge=2, multiple_of=2, description="number N of hidden neurons")]
    activation: Annotated[str, Field(description="name known to models.activations")]
    dim: Annotated[int, Field(ge=2, description="input dimension d")]
    samples: Annotated[int, Field(ge=1, description="training points P")]
    learning_rate: Annotated[
        float,
        Field(gt=0, description="eta: the step size on (1/2) mean squared error at N = 1"),
    ]
    steps: Annotated[int, Field(ge=1, description="steps of full-batch gradient descent")]
    mean_readout: Annotated[
        float, Field(ge=0, description="mean of the initial readout weights, of unit variance")
    ]
    rate_error: Annotated[
        float,
        Field(
            ge=-2,
            le=2,
            description="training's step size is N^this times eta N^(2 alpha - 1), with which the "
            "output moves at a speed free of N",
        ),
    ]
