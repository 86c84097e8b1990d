"""The world of the claim: a function of one direction on the sphere, learnt from d^2 samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field


@dataclass(frozen=True, kw_only=True)
class Setup:
    """Target, data, network and training.

    Inputs are uniform on the sphere |x|^2 = d. The target is a sum of the zonal harmonics of
    degrees 2 and 3 about one axis, of unit mean square in all, without label noise. Theories
    take laziness, first_layer_rate and axis_scale to be one.
    """

    dim: Annotated[int, Field(ge=4, description="input dimension d")]
    samples: Annotated[int, Field(ge=2, description="training points P")]
    test_points: Annotated[int, Field(ge=2, description="points on which risks are measured")]
    cubic_power: Annotated[
        float, Field(gt=0, lt=1, description="target's mean square in degree 3; the rest is in 2")
    ]
    width: Annotated[int, Field(ge=2, multiple_of=2, description="hidden neurons N")]
    laziness: Annotated[
        float,
        Field(gt=0, description="alpha, a factor on the output; the step size is over alpha^2"),
    ]
    first_layer_rate: Annotated[
        float, Field(ge=0, description="factor on the step size of hidden weights and biases")
    ]
    axis_scale: Annotated[
        float, Field(gt=0, description="factor on the initial hidden weights along the axis")
    ]
    step_size: Annotated[
        float, Field(gt=0, description="learning rate over N / alpha^2, on half the squared error")
    ]
    steps: Annotated[int, Field(ge=1, description="steps of full-batch gradient descent")]
    ridges: Annotated[
        tuple[float, ...],
        Field(min_length=1, description="the tangent kernel's ridges over its mean diagonal"),
    ]

    def axes(self) -> dict[str, NDArray[np.float64]]:
        """Coordinate of the kernel's risks."""
        return {"ridge": np.array(self.ridges)}
