"""A wide linear network of three layers that learns one direction of its inputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from pydantic import Field


@dataclass(frozen=True, kw_only=True)
class Network:
    """Architecture, parametrisation, target and training that both claims share.

    The network f = a^T M w, of input weights w, hidden matrix M and readout a, sees the inputs
    sqrt(dim) e_i, each once: the second moments of isotropic inputs. Its target is one number at
    the first input and zero at all others; the loss is half the sum of squared errors. `model` is
    called as `models.mlp:MLP` is and has one layer with the role HIDDEN.
    """

    model: Annotated[str, Field(description="import path of the architecture, module:class")]
    activation: Annotated[
        str,
        Field(description="name known to models.activations; the theories take it to be linear"),
    ]
    width: Annotated[int, Field(ge=2, description="neurons N of each of the two hidden layers")]
    base_width: Annotated[
        int, Field(ge=1, description="width N0 at which both parametrisations coincide")
    ]
    parametrisation: Annotated[
        Literal["mean-field", "ntk"],
        Field(
            description="how output scale and learning rates follow width: mean-field is muP, "
            "written so that all layers share one learning rate"
        ),
    ]
    dim: Annotated[int, Field(ge=1, description="number of inputs; the target sees the first")]
    target: Annotated[
        float, Field(gt=0, description="target at the first input, in units of sqrt(N0)")
    ]
    learning_rate: Annotated[
        float, Field(gt=0, description="step size eta of gradient descent at width N0")
    ]


@dataclass(frozen=True, kw_only=True)
class Descent(Network):
    """A descent that is read each time the output has come a given part of the way."""

    parts: Annotated[
        tuple[float, ...],
        Field(min_length=2, description="parts of the target, rising, at which weights are read"),
    ]
    bulk: Annotated[
        Literal["own", "fresh"],
        Field(
            description="matrix that the learnt part of M is added to before its singular values "
            "are read: the initial M, or an independent one of the same law"
        ),
    ]

    def axes(self) -> dict[str, np.ndarray]:
        """Parts of the target at which the weights are read."""
        return {"learnt": np.array(self.parts)}


@dataclass(frozen=True, kw_only=True)
class Probe(Network):
    """A descent to the minimum, then some steps of another size that tell whether it is stable."""

    distance: Annotated[
        float,
        Field(
            gt=0, lt=0.1, description="what is still missing at the probe, as part of the target"
        ),
    ]
    probe_steps: Annotated[
        int, Field(ge=1, description="steps over which the error's growth is read")
    ]
    momentum: Annotated[
        float,
        Field(ge=0, lt=1, description="heavy-ball momentum of the probe; the theories know none"),
    ]
    log2_probe_rate: Annotated[
        float, Field(ge=-40, le=40, description="log2 of the probe's step size")
    ]
