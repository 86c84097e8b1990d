"""The worlds of the two claims: members of an ensemble learn one teacher from noisy labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from harness.api import STATIC


@dataclass(frozen=True, kw_only=True)
class LinearSetup:
    """Two-layer linear networks; inputs N(0, I), teacher of unit length, label noise 1/snr."""

    dim: Annotated[int, Field(gt=7, description="input dimension d")]
    width: Annotated[int, Field(gt=0, description="hidden units h")]
    samples_per_dim: Annotated[float, Field(gt=0, description="alpha = n/d")]
    largest_samples_per_dim: Annotated[
        float, STATIC, Field(gt=0, description="rows of data held in memory, in units of d")
    ]
    snr: Annotated[float, Field(gt=0, description="label variance from the teacher over noise")]
    members: Annotated[int, Field(gt=1, description="networks per draw of inputs and teacher")]
    inputs: Annotated[
        Literal["shared", "independent"],
        Field(description="whether the members of an ensemble see the same inputs"),
    ]
    init_std: Annotated[
        float, Field(gt=0, description="initial weights have variance init_std^2 / fan-in")
    ]
    relative_step: Annotated[
        float,
        Field(gt=0, lt=1, description="step size times the upper Marchenko-Pastur edge of X^T X/n"),
    ]
    steps: Annotated[int, Field(gt=0, description="steps of full-batch gradient descent")]

    def __post_init__(self) -> None:
        if self.samples_per_dim > self.largest_samples_per_dim:
            raise ValueError("samples_per_dim is above largest_samples_per_dim")
        if self.samples < 1:
            raise ValueError("samples_per_dim * dim rounds to no sample")

    @property
    def samples(self) -> int:
        """Number n of training samples."""
        return round(self.samples_per_dim * self.dim)

    @property
    def rows(self) -> int:
        """Largest number of training samples on the grid."""
        return round(self.largest_samples_per_dim * self.dim)

    def axes(self) -> dict[str, np.ndarray]:
        """One coordinate for each pair of members."""
        return {"pair": np.arange(pairs(self.members))}


@dataclass(frozen=True, kw_only=True)
class NetworkSetup:
    """One-hidden-layer networks with biases; inputs N(0, I), a teacher of the same kind."""

    dim: Annotated[int, Field(gt=0, description="input dimension d")]
    width: Annotated[int, Field(gt=1, description="hidden units h")]
    activation: Annotated[
        Literal["relu", "tanh", "erf", "gelu", "linear"],
        Field(description="of network and teacher"),
    ]
    teacher_units: Annotated[int, Field(gt=0, description="hidden units of the teacher")]
    teacher_scale: Annotated[
        float, Field(gt=0, description="standard deviation of the teacher's pre-activations")
    ]
    samples_per_parameter: Annotated[
        float, STATIC, Field(gt=0, description="training samples n over parameters P = h (d + 2)")
    ]
    snr: Annotated[float, Field(gt=0, description="label variance from the teacher over noise")]
    members: Annotated[int, Field(gt=1, description="networks per draw of everything but noise")]
    learning_rate: Annotated[
        float, Field(gt=0, description="of Adam, constant, then linearly to 0 in the second half")
    ]
    steps: Annotated[int, Field(gt=1, description="full-batch steps")]
    test_samples: Annotated[int, Field(gt=1, description="fresh inputs on which features are read")]

    @property
    def parameters(self) -> int:
        """Number P of trained parameters: input weights, biases and output weights."""
        return self.width * (self.dim + 2)

    @property
    def samples(self) -> int:
        """Number n of training samples."""
        return max(round(self.samples_per_parameter * self.parameters), 2)

    def axes(self) -> dict[str, np.ndarray]:
        """One coordinate for each pair of members."""
        return {"pair": np.arange(pairs(self.members))}


def pairs(members: int) -> int:
    """Number of pairs of members."""
    return members * (members - 1) // 2
