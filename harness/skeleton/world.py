"""A wide two-layer network that learns one example: what theory and experiment share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import Field


@dataclass(frozen=True, kw_only=True)
class Setup:
    """The example is a unit vector with the label one; `activation` is read by training alone."""

    width: Annotated[int, Field(ge=1, description="number m of hidden neurons")]
    dim: Annotated[int, Field(ge=2, description="input dimension d")]
    activation: Annotated[
        str, Field(description="name known to models.activations; theories take it to be relu")
    ]
    learning_rate: Annotated[float, Field(gt=0, description="step size eta")]
    steps: Annotated[int, Field(ge=1, description="steps of gradient descent")]
    angles: Annotated[int, Field(ge=2, description="test inputs between 0 and pi from the example")]

    def axes(self) -> dict[str, np.ndarray]:
        """Coordinates of the observables' own axes."""
        return {
            "step": np.arange(1, self.steps + 1),
            "angle": np.linspace(0, np.pi, self.angles),
        }
