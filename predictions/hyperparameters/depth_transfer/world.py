"""A residual network of some depth and depth scaling that fits a fixed data set in a fixed time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

Optimiser: TypeAlias = Literal["adam", "sgd"]
Readout: TypeAlias = Literal["zero", "random"]


@dataclass(frozen=True, kw_only=True)
class Setup:
    """Architecture, depth scaling, data set and training; the learning rate is gridded.

    `model` is called as `models.residual_mlp:ResidualMLP` is and has its `features`. Width follows
    muP.
    """

    model: Annotated[str, Field(description="import path of the architecture, module:class")]
    activation: Annotated[str, Field(description="name known to models.activations")]
    depth: Annotated[int, Field(ge=1, description="number of residual branches L")]
    base_depth: Annotated[
        int, Field(ge=1, description="depth L0 at which all depth scalings coincide")
    ]
    branch_exponent: Annotated[
        float, Field(ge=0, le=2, description="branches are multiplied with (L / L0)^-this")
    ]
    rate_exponent: Annotated[
        float,
        Field(ge=-2, le=2, description="branches' learning rates are multiplied with (L/L0)^-this"),
    ]
    width: Annotated[int, Field(ge=2, description="neurons n of the residual stream")]
    base_width: Annotated[int, Field(ge=1, description="base width n0 of muP")]
    readout: Annotated[Readout, Field(description="initial readout: zero, or as muP draws it")]
    optimiser: Annotated[Optimiser, Field(description="Adam (0.9, 0.999), or plain SGD")]
    log2_learning_rate: Annotated[
        float,
        Field(ge=-40, le=40, description="log2 of base_width times the learning rate of W_in"),
    ]
    dim: Annotated[int, Field(ge=3, description="input dimension d")]
    samples: Annotated[int, Field(ge=1, description="training points P, all in each step's loss")]
    steps: Annotated[int, Field(ge=10, description="training steps T")]
    divergence: Annotated[
        float, Field(gt=0, description="loss that counts as diverged; larger ones are cut to it")
    ]
    probe_steps: Annotated[
        int, Field(ge=2, description="steps after which the change of the features is read")
    ]
    log2_probe_rate: Annotated[
        float,
        Field(ge=-40, le=40, description="log2_learning_rate of that second, short training"),
    ]
