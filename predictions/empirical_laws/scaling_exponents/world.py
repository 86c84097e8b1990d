"""The world of the claim: random features of Gaussian inputs with a power-law spectrum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import Field


@dataclass(frozen=True, kw_only=True)
class Setup:
    """n samples and p random features: one of the two varies, the other stays at `largest`."""

    modes: Annotated[int, Field(gt=1, description="input dimension M")]
    alpha: Annotated[
        float, Field(gt=0, description="eigenvalue i of the inputs' covariance is i^-(1 + alpha)")
    ]
    hidden_flattening: Annotated[
        float,
        Field(
            ge=0,
            le=1,
            description="fraction of the spectrum's exponent that training lacks, unknown to the "
            "theory; at 1 the inputs are isotropic",
        ),
    ]
    sizes: Annotated[
        tuple[int, ...], Field(min_length=3, description="values of what varies, n or p")
    ]
    largest: Annotated[int, Field(gt=1, description="value of what does not vary, p or n")]
    ridge: Annotated[float, Field(gt=0, description="ridge delta added to the kernel matrix")]
    draws: Annotated[
        int, Field(gt=0, description="independent draws that one seed's risk is the mean of")
    ]

    def __post_init__(self) -> None:
        if min(self.sizes) < 1 or max(self.sizes) >= self.largest:
            raise ValueError("sizes must be positive and below largest")

    def axes(self) -> dict[str, np.ndarray]:
        """Numbers of samples and of features where they vary."""
        return {"samples": np.array(self.sizes), "features": np.array(self.sizes)}
