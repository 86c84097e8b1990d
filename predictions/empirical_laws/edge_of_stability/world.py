"""A network that fits random labels by full-batch gradient descent, for a fixed flow time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from harness.api import STATIC

Method: TypeAlias = Literal["heavy-ball", "nesterov"]


@dataclass(frozen=True, kw_only=True)
class Setup:
    """Architecture, data set and training.

    `model` is called as `models.mlp:MLP` is; what it returns maps inputs [P, d] to outputs [P, 1].
    Flow time is what gradient flow calls time: a step is learning_rate / (1 - momentum) of it, so
    that as long as training is stable all learning rates and momenta pass the same points.
    `linearised` is for a control: theories take it to be false.
    """

    model: Annotated[str, Field(description="import path of the architecture, module:class")]
    activation: Annotated[str, Field(description="name known to models.activations")]
    width: Annotated[int, Field(ge=2, description="neurons n of each hidden layer")]
    depth: Annotated[int, Field(ge=1, description="number of hidden layers")]
    linearised: Annotated[
        bool, Field(description="train the model's first-order expansion in its initial weights")
    ]
    dim: Annotated[int, Field(ge=1, description="input dimension d")]
    samples: Annotated[int, Field(ge=1, description="training points P, with labels -1 or 1")]
    method: Annotated[Method, Field(description="which form of momentum")]
    momentum: Annotated[float, Field(ge=0, lt=1, description="beta")]
    learning_rate: Annotated[float, Field(gt=0, description="eta")]
    flow_time: Annotated[
        float, STATIC, Field(gt=0, description="training time T = steps eta / (1 - beta)")
    ]
    records: Annotated[
        int, Field(ge=2, multiple_of=2, description="equidistant times at which sharpness is taken")
    ]
    products: Annotated[
        int, Field(ge=2, description="Hessian-vector products for each of these sharpnesses")
    ]

    def axes(self) -> dict[str, NDArray[np.float64]]:
        """Flow times of the records; the last one is the end of training."""
        return {"time": self.flow_time / self.records * np.arange(1.0, self.records + 1)}
