"""A network of some width and parametrisation that fits a fixed data set for a fixed time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

Parametrisation: TypeAlias = Literal["standard", "ntk", "mean-field", "mup", "half-mup"]
Optimiser: TypeAlias = Literal["adam", "sgd"]
Readout: TypeAlias = Literal["zero", "random"]


@dataclass(frozen=True, kw_only=True)
class Setup:
    """Architecture, parametrisation, data set and training; the learning rate is gridded.

    `model` is called as `models.mlp:MLP` is, has its `features`, and consists of
    `models.layers.Dense` layers, one of them with the role READOUT.
    """

    model: Annotated[str, Field(description="import path of the architecture, module:class")]
    activation: Annotated[str, Field(description="name known to models.activations")]
    depth: Annotated[int, Field(ge=1, le=64, description="number of hidden layers L")]
    width: Annotated[int, Field(ge=2, description="neurons n of each hidden layer")]
    base_width: Annotated[
        int, Field(ge=1, description="width n0 at which all parametrisations coincide")
    ]
    parametrisation: Annotated[
        Parametrisation, Field(description="how initial weights and learning rates follow width")
    ]
    readout: Annotated[
        Readout, Field(description="initial readout: zero, or as the parametrisation draws it")
    ]
    optimiser: Annotated[Optimiser, Field(description="Adam (0.9, 0.999), or plain SGD")]
    log2_learning_rate: Annotated[
        float,
        Field(ge=-40, le=40, description="log2 of base_width times the learning rate of W_1"),
    ]
    dim: Annotated[int, Field(ge=3, description="input dimension d")]
    samples: Annotated[int, Field(ge=1, description="training points P")]
    batch: Annotated[
        int, Field(ge=1, description="points in each step's loss; all of them in order if P")
    ]
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

    def __post_init__(self) -> None:
        if self.batch > self.samples:
            raise ValueError(f"batch {self.batch} exceeds the {self.samples} samples")
