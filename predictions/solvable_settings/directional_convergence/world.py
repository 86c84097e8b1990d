"""The world: a deep linear classifier of inputs that lie in all directions alike."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Literal, TypeAlias

import numpy as np
from pydantic import Field

from harness.api import STATIC

Law: TypeAlias = Literal["gaussian", "sphere"]


@dataclass(frozen=True, kw_only=True)
class Setup:
    """Numbers shared by theory and experiment.

    The network w . x = W_L ... W_1 x descends the mean of ln(1 + exp(-y w . x)), for labels
    y = sign(w* . x) that separate the inputs without a margin, on B fresh inputs at every step. Its
    direction is the angle phi between w and w*, and training contracts tan(phi/2). Time is step
    size times steps.
    """

    depth: Annotated[int, Field(ge=1, description="number of layers L")]
    dim: Annotated[int, Field(ge=2, description="input dimension d")]
    width: Annotated[int, Field(ge=1, description="hidden neurons of each layer")]
    law: Annotated[
        Law, Field(description="inputs N(0, 1), or uniform on the sphere of radius sqrt(d)")
    ]
    inputs: Annotated[
        Literal["as drawn", "stretched", "gapped"],
        Field(
            description="what training sees: the inputs of `law`, those with one coordinate three "
            "times as long, or those moved by 1/2 away from the teacher's boundary; the theories "
            "take them as drawn"
        ),
    ]
    batch: Annotated[int, Field(ge=1, description="fresh inputs B for each step")]
    start_angle: Annotated[
        float, Field(gt=0, lt=np.pi, description="angle phi of the initial w to w*, in radians")
    ]
    start_norm: Annotated[float, Field(gt=0, description="norm r of the initial w")]
    imbalance: Annotated[
        float,
        Field(
            gt=0,
            description="factor by which the first layer's initial weights are too large, and the "
            "last one's too small; the theories take it to be 1",
        ),
    ]
    learning_rate: Annotated[float, STATIC, Field(gt=0, description="step size eta")]
    end_time: Annotated[float, STATIC, Field(gt=0, description="where training ends")]
    levels: Annotated[
        tuple[float, ...],
        Field(
            min_length=2,
            description="contractions -ln(tan(phi/2) / tan(phi_0/2)) > 0 that are timed, rising",
        ),
    ]

    def __post_init__(self) -> None:
        if any(low >= high for low, high in pairwise((0.0, *self.levels))):
            raise ValueError(f"levels {self.levels} do not rise from zero")

    @property
    def steps(self) -> int:
        """Steps of gradient descent."""
        return round(self.end_time / self.learning_rate)

    def axes(self) -> dict[str, np.ndarray]:
        """Contractions that are timed."""
        return {"level": np.array(self.levels)}
