"""The world of the claim: a rank-one teacher, inputs with a fast and a slow block."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from harness.api import STATIC

LEVEL = 0.25
"""Overlap that counts as an outlier: half of the largest one, 1/2, when u is orthogonal to v."""


@dataclass(frozen=True, kw_only=True)
class Setup:
    """Numbers shared by theory and experiment; the fast block's input variance is the unit."""

    dim: Annotated[int, Field(gt=19, description="dimension d of inputs and outputs")]
    samples_per_dim: Annotated[float, STATIC, Field(gt=1, description="n/d")]
    slow_fraction: Annotated[
        float,
        STATIC,
        Field(gt=0, lt=1, description="fraction of input directions in the slow block"),
    ]
    anisotropy: Annotated[
        float,
        STATIC,
        Field(ge=1, description="input variance of the fast block over that of the slow block"),
    ]
    inputs: Annotated[
        Literal["blocks", "isotropic"],
        Field(
            description="inputs that training sees: fast and slow blocks as the theory knows them, "
            "or all directions fast"
        ),
    ]
    theta: Annotated[float, Field(gt=0, description="strength of the teacher W* = theta u v^T")]
    left_slow: Annotated[
        float, Field(ge=0, le=1, description="|u_slow|^2; v lies in the fast directions")
    ]
    kappa: Annotated[float, Field(gt=0, description="label noise: variance per output times d/n")]
    init_std: Annotated[float, Field(gt=0, description="tau: initial weights are N(0, tau^2/d)")]
    learning_rate: Annotated[float, STATIC, Field(gt=0, lt=1, description="step size eta")]
    first_time: Annotated[float, STATIC, Field(gt=0, description="first record, in eta * steps")]
    slow_times: Annotated[
        float,
        STATIC,
        Field(gt=0, description="end of training, in the time constant of the slow directions"),
    ]
    records: Annotated[int, Field(gt=1, description="log-spaced records")]

    @property
    def samples(self) -> int:
        """Number n of training samples."""
        return round(self.samples_per_dim * self.dim)

    @property
    def slow_dim(self) -> int:
        """Number of slow directions, at least two and leaving as many fast ones."""
        return min(max(round(self.slow_fraction * self.dim), 2), self.dim - 2)

    def record_steps(self) -> np.ndarray:
        """Steps of gradient descent after which the weights are read, int [record]."""
        last = max(self.slow_times * self.anisotropy, self.first_time)
        times = np.geomspace(self.first_time, last, self.records)
        return np.maximum(np.rint(times / self.learning_rate), 1).astype(int)

    def axes(self) -> dict[str, np.ndarray]:
        """Number of the record; the last is the end of training."""
        return {"record": np.arange(self.records)}
