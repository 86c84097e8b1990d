"""The world of the claim: linear regression on inputs that share two moments and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

ENTRIES = ("gaussian", "rademacher", "uniform", "student-5")
"""Laws of the independent entries, each with mean zero and variance one."""


@dataclass(frozen=True, kw_only=True)
class Setup:
    """Inputs Sigma^1/2 z with tr Sigma = d, teachers of unit length, labels w*.x + noise."""

    dim: Annotated[int, Field(gt=15, description="input dimension d, even")]
    samples_per_dim: Annotated[
        tuple[float, ...], Field(min_length=2, description="alpha = n/d, rising, none of them 1")
    ]
    anisotropy: Annotated[
        float,
        Field(ge=1, description="variance of one half of the inputs over that of the other half"),
    ]
    snr: Annotated[float, Field(gt=0, description="label variance from the teacher over noise")]
    outputs: Annotated[
        int, Field(gt=0, description="outputs, each with a teacher and label noise of its own")
    ]
    inputs: Annotated[
        Literal["independent", "elliptical"],
        Field(
            description="inputs that training sees: entries independent given nothing, or every "
            "input scaled by a length of its own, tau^2 = 0.1 or 1.9"
        ),
    ]

    def __post_init__(self) -> None:
        if self.dim % 2:
            raise ValueError("dim must be even: its halves differ in variance")
        if (
            list(self.sample_sizes) != sorted(set(self.sample_sizes))
            or self.dim in self.sample_sizes
        ):
            raise ValueError("numbers of samples must rise and differ from dim")

    @property
    def sample_sizes(self) -> tuple[int, ...]:
        """Numbers n of training samples."""
        return tuple(round(alpha * self.dim) for alpha in self.samples_per_dim)

    @property
    def variances(self) -> tuple[float, float]:
        """Eigenvalues of Sigma, of d/2 inputs each, with mean one."""
        small = 2 / (1 + self.anisotropy)
        return small, self.anisotropy * small

    def axes(self) -> dict[str, np.ndarray]:
        """Samples a dimension alpha = n/d, and laws of the entries."""
        return {
            "alpha": np.array(self.sample_sizes) / self.dim,
            "entries": np.array(ENTRIES),
        }
