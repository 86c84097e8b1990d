"""The worlds of the claims: a kernel on the sphere, and random features of Gaussian inputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from harness.api import STATIC


@dataclass(frozen=True, kw_only=True)
class KernelSetup:
    """Ridge regression with exp(s (x.x' - 1)) on the unit sphere; the target has unit power."""

    dim: Annotated[int, Field(ge=4, description="dimension d of the sphere's surrounding space")]
    sample_sizes: Annotated[
        tuple[int, ...], Field(min_length=2, description="numbers n of training samples, nested")
    ]
    powers: Annotated[
        tuple[float, ...],
        Field(min_length=2, description="target's mean square in degree 1, 2, ...: one zonal each"),
    ]
    target: Annotated[
        Literal["declared", "reversed"],
        Field(description="powers of the target that training sees: as declared, or back to front"),
    ]
    label_noise: Annotated[float, Field(ge=0, description="variance of the label noise")]
    ridge: Annotated[float, Field(gt=0, description="ridge delta added to the kernel matrix")]
    sharpness: Annotated[float, STATIC, Field(gt=0, description="s, as the theory knows it")]
    hidden_sharpness: Annotated[
        float,
        STATIC,
        Field(gt=0, description="factor on s in training that the theory does not know of"),
    ]

    def __post_init__(self) -> None:
        if min(self.sample_sizes) < 1 or min(self.powers) <= 0:
            raise ValueError("numbers of samples and powers must be positive")
        if len(self.powers) > self.dim:
            raise ValueError("each degree's harmonic needs an axis of its own")

    def axes(self) -> dict[str, np.ndarray]:
        """Numbers of samples, and degrees with power."""
        return {
            "samples": np.array(self.sample_sizes),
            "degree": np.arange(1, len(self.powers) + 1),
        }


@dataclass(frozen=True, kw_only=True)
class FeatureSetup:
    """Linear readout of p Gaussian random features; eigenvalue i of the inputs is i^-decay."""

    modes: Annotated[int, Field(gt=1, description="input dimension M")]
    decay: Annotated[float, Field(ge=0, description="exponent of the covariance's eigenvalues")]
    samples: Annotated[int, Field(gt=1, description="training samples n")]
    width_ratios: Annotated[
        tuple[float, ...], Field(min_length=3, description="p/n of the networks, nested")
    ]
    label_noise: Annotated[float, Field(ge=0, description="variance of the label noise")]
    ridge: Annotated[float, Field(gt=0, description="ridge delta added to the kernel matrix")]
    hidden_ridge: Annotated[
        float, Field(ge=0, description="ridge added in training that the theory does not know of")
    ]

    def __post_init__(self) -> None:
        if min(self.features) < 1:
            raise ValueError("a network has at least one feature")

    @property
    def features(self) -> tuple[int, ...]:
        """Numbers p of features."""
        return tuple(round(ratio * self.samples) for ratio in self.width_ratios)

    def axes(self) -> dict[str, np.ndarray]:
        """The exact p/n of the networks."""
        return {"features_per_sample": np.array(self.features) / self.samples}
