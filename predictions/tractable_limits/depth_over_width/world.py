"""The world of the claims: random networks without biases, at or near criticality, one input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

import numpy as np
from pydantic import Field

from harness.api import STATIC

Activation: TypeAlias = Literal["linear", "relu", "tanh"]


@dataclass(frozen=True, kw_only=True)
class Setup:
    """Numbers shared by theory and experiment.

    The networks are h_1 = W_1 x, h_{l+1} = W_{l+1} phi(h_l), with independent weights
    N(0, weight_variance / fan-in) and no biases. The kernel of layer l is the mean square of its n
    activations, K_l = |phi(h_l)|^2 / n.
    """

    activation: Annotated[Activation, Field(description="activation phi of every hidden layer")]
    weight_variance: Annotated[
        float,
        STATIC,
        Field(gt=0, description="variance of a weight times its fan-in; critical: relu 2, tanh 1"),
    ]
    width: Annotated[int, Field(ge=4, description="neurons n of each hidden layer")]
    depth: Annotated[int, Field(ge=2, description="number of hidden layers L")]
    dim: Annotated[int, Field(ge=1, description="input dimension d")]
    input_kernel: Annotated[
        float, Field(gt=0, description="K_0 = |x|^2 / d, the same for all networks")
    ]
    networks: Annotated[
        int, Field(ge=4, description="independent networks of one seed, whose moments it reports")
    ]

    def axes(self) -> dict[str, np.ndarray]:
        """Layers l = 1, ..., L."""
        return {"layer": np.arange(1, self.depth + 1)}
