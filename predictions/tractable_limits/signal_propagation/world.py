"""A circle of inputs that passes through a deep random network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field


@dataclass(frozen=True, kw_only=True)
class Setup:
    """The network at initialisation and the circle of inputs; the theories are those of tanh.

    `model` is called as `models.mlp:MLP` is, and what it returns has its `preactivations`. Those
    of its layers that are `models.layers.Dense`, the readout excepted, are drawn with `weight_std`
    and `bias_std`; anything else in it stays as it was built.
    """

    model: Annotated[str, Field(description="import path of the architecture, module:class")]
    activation: Annotated[
        str, Field(description="of the measured network, known to models.activations")
    ]
    width: Annotated[int, Field(ge=2, description="neurons n of each layer")]
    depth: Annotated[int, Field(ge=4, le=400, description="number of layers L")]
    dim: Annotated[int, Field(ge=2, description="input dimension d")]
    weight_std: Annotated[
        float, Field(gt=0, le=20, description="sigma_w: weights have variance sigma_w^2 / fan-in")
    ]
    bias_std: Annotated[
        float, Field(ge=0, le=5, description="sigma_b: standard deviation of biases")
    ]
    input_variance: Annotated[float, Field(gt=0, description="|x|^2 / d on the circle")]
    points: Annotated[
        int, Field(ge=6, multiple_of=2, description="equidistant inputs M on the circle")
    ]

    def angles(self) -> NDArray[np.float64]:
        """Positions of the inputs on the circle, [M]."""
        return 2 * np.pi / self.points * np.arange(self.points, dtype=np.float64)

    def axes(self) -> dict[str, NDArray[np.float64]]:
        """Layers 1 to L, and the angles between two inputs, up to the opposite one."""
        return {
            "layer": np.arange(1.0, self.depth + 1),
            "separation": self.angles()[1 : self.points // 2 + 1],
        }
