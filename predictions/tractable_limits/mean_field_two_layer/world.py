"""Quadratic neurons with the mean-field scaling 1/N that learn a quadratic form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import Field


@dataclass(frozen=True, kw_only=True)
class Setup:
    """Student f(x) = (1/N) sum_i (w_i.x)^2, teacher x^T M* x, inputs x ~ N(0, I_d).

    Hidden weights start at N(0, s^2) and are trained; the readout is fixed.
    """

    width: Annotated[int, Field(ge=2, description="number N of neurons")]
    dim: Annotated[int, Field(ge=1, description="input dimension d")]
    teacher: Annotated[
        tuple[float, ...], Field(min_length=1, description="eigenvalues of M* that are not zero")
    ]
    init_variance: Annotated[float, Field(gt=0, description="s^2, variance of initial weights")]
    learning_rate: Annotated[
        float, Field(gt=0, description="eta; a neuron's step is eta N on the loss E (f - y)^2 / 2")
    ]
    steps: Annotated[int, Field(ge=1, description="number of steps")]
    networks: Annotated[
        int, Field(ge=2, description="networks of a seed that descend the exact population risk")
    ]
    online_networks: Annotated[
        int, Field(ge=1, description="networks of a seed, from the same starts, on fresh samples")
    ]
    batch: Annotated[int, Field(ge=1, description="fresh samples in a step of online training")]
    copies: Annotated[
        int,
        Field(
            ge=1,
            description="neurons that start with the same weights, of which the theory does not "
            "know",
        ),
    ]
    laziness: Annotated[
        float,
        Field(
            gt=0,
            description="alpha in the trained output f_0 + alpha (f - f_0), f_0 that of the start, "
            "with 1/alpha^2 of the step, of which the theory does not know; sqrt(N) is the "
            "neural-tangent scaling",
        ),
    ]

    def __post_init__(self) -> None:
        if len(self.teacher) > self.dim:
            raise ValueError(f"{len(self.teacher)} eigenvalues of M* in {self.dim} dimensions")
        if self.width % (2 * self.copies):
            raise ValueError(
                f"the halves of {self.width} neurons split sets of {self.copies} equal"
            )
        if self.online_networks > self.networks:
            raise ValueError("networks trained online share the starts of the others")

    def axes(self) -> dict[str, np.ndarray]:
        """Steps after which the risk is read, none included."""
        return {"step": np.arange(self.steps + 1)}
