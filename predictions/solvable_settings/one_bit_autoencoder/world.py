"""The world of the claims: sparse inputs, squeezed through one bit a code unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from harness.api import STATIC


@dataclass(frozen=True, kw_only=True)
class Setup:
    """Source, autoencoder and training.

    The d inputs are independent, of mean zero and variance one: zero with probability 1 - p, and
    else a sign or a Gaussian. The code is sign(B x) with n = r d unit rows in B; the decoder is
    linear.
    """

    source: Annotated[
        Literal["signs", "gaussian"], Field(description="law of the inputs that are not zero")
    ]
    nonzero: Annotated[
        float, Field(gt=0, le=1, description="p, probability that an input is not zero")
    ]
    dim: Annotated[int, Field(gt=3, description="input dimension d")]
    rate: Annotated[float, STATIC, Field(gt=0, le=1, description="r = n/d, bits per input")]
    encoder: Annotated[
        Literal["trained", "frozen"], Field(description="whether training moves the encoder B")
    ]
    gradient: Annotated[
        Literal["straight-through", "noise-averaged"],
        Field(
            description="how the encoder gets a gradient through the sign: hard forward with a "
            "tanh's slope backward, or the exact loss averaged over logistic noise before the sign"
        ),
    ]
    temperature: Annotated[
        float, Field(gt=0, description="width of that tanh, or of that noise, at the first step")
    ]
    last_temperature: Annotated[
        float, Field(gt=0, description="the same at the last step, reached geometrically")
    ]
    learning_rate: Annotated[
        float, Field(gt=0, description="Adam's step size at the start; falls linearly to zero")
    ]
    batch: Annotated[int, Field(gt=0, description="fresh samples in each step")]
    steps: Annotated[int, Field(gt=0, description="training steps")]
    test_samples: Annotated[int, Field(gt=0, description="fresh samples that measure the loss")]

    @property
    def code_units(self) -> int:
        """Number n of code units, at least one."""
        return max(round(self.rate * self.dim), 1)
