"""The world of the claim: linear regression by gradient descent that is stopped early."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from harness.api import STATIC


@dataclass(frozen=True, kw_only=True)
class Setup:
    """Inputs N(0, I), a teacher of length sqrt(signal), labels with Gaussian noise."""

    samples: Annotated[int, Field(gt=7, description="training samples n, even")]
    features_per_sample: Annotated[
        float, STATIC, Field(gt=0, description="zeta = p/n, p the input dimension")
    ]
    signal: Annotated[float, Field(gt=0, description="squared length r^2 of the teacher")]
    noise: Annotated[float, Field(gt=0, description="variance sigma^2 of the label noise")]
    learning_rate: Annotated[
        float, Field(gt=0, description="step size eta on the loss |y - X w|^2 / 2n")
    ]
    records: Annotated[
        tuple[int, ...], Field(min_length=2, description="steps after which training may stop")
    ]
    fit: Annotated[
        Literal["descent", "ridge"],
        Field(
            description="how networks are fitted: gradient descent, or ridge regression with the "
            "penalty 1/(eta k) instead of k steps"
        ),
    ]
    sampling: Annotated[
        Literal["independent", "twice"],
        Field(description="whether every sample is drawn independently, or enters twice"),
    ]

    def __post_init__(self) -> None:
        if self.samples % 2:
            raise ValueError("samples must be even: they may enter in pairs")
        if self.features < 2 or list(self.records) != sorted(set(self.records)):
            raise ValueError("at least two features, and records that rise, are needed")

    @property
    def features(self) -> int:
        """Input dimension p."""
        return round(self.features_per_sample * self.samples)

    def axes(self) -> dict[str, np.ndarray]:
        """Steps after which training may stop."""
        return {"step": np.array(self.records)}
