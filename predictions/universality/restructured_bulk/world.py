"""A three-layer linear network with as many outputs, in order of magnitude, as neurons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from harness.api import STATIC

GROUPS = 8
"""Groups of equally many singular values, from the smallest to the largest."""


@dataclass(frozen=True, kw_only=True)
class Setup:
    """The network f = A M W x, its whitened inputs and its random linear teacher.

    A [C, N], M [N, N] and W [N, D] start with independent entries N(0, 1/N). The network sees D
    inputs, the columns of the identity, and learns to change its outputs by those of the teacher:
    the loss is half the sum of squares of f - f_0 - Y x, with f_0 the outputs at initialisation.
    """

    width: Annotated[
        int, Field(ge=GROUPS, multiple_of=GROUPS, description="neurons N of both hidden layers")
    ]
    outputs_per_neuron: Annotated[float, STATIC, Field(gt=0, description="outputs c = C/N")]
    inputs_per_neuron: Annotated[float, STATIC, Field(gt=0, description="inputs d = D/N")]
    teacher_std: Annotated[
        float, Field(gt=0, description="root mean square of the teacher's entries, times sqrt(N)")
    ]
    teacher: Annotated[
        Literal["gaussian", "rank-one"],
        Field(
            description="a teacher with independent entries, or the outer product of two Gaussian "
            "vectors; the theories know the first"
        ),
    ]
    trained: Annotated[
        Literal["hidden", "all"],
        Field(description="layers that gradient descent moves; the theories hold A and W fixed"),
    ]
    learning_rate: Annotated[float, Field(gt=0, description="step size eta of gradient descent")]
    steps: Annotated[
        tuple[int, ...], Field(min_length=1, description="rising numbers of steps to read M after")
    ]

    def __post_init__(self) -> None:
        if list(self.steps) != sorted(set(self.steps)) or self.steps[0] < 1:
            raise ValueError("steps must be positive and rise")

    @property
    def outputs(self) -> int:
        """Number C of outputs, at least one."""
        return max(1, round(self.outputs_per_neuron * self.width))

    @property
    def inputs(self) -> int:
        """Number D of inputs, at least one."""
        return max(1, round(self.inputs_per_neuron * self.width))

    def axes(self) -> dict[str, np.ndarray]:
        """Steps of gradient descent, and groups of singular values by the middle of their rank."""
        return {
            "step": np.array(self.steps),
            "rank": (np.arange(GROUPS) + 0.5) / GROUPS,
        }
