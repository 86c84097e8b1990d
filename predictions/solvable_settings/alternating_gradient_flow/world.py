"""The world of the claim: sparse regression by a diagonal linear network from small weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import Field

from harness.api import STATIC

if TYPE_CHECKING:
    import jax

LEVEL = 0.2
"""A coefficient counts as learnt once it is this large a part of the teacher's, of either sign."""


@dataclass(frozen=True, kw_only=True)
class Setup:
    """Numbers shared by theory and experiment; flow time is learning_rate * steps."""

    teacher: Annotated[
        tuple[float, ...],
        Field(min_length=2, description="coefficients beta* of the teacher, none of them zero"),
    ]
    samples: Annotated[int, Field(gt=1, description="training samples n, without label noise")]
    correlation: Annotated[
        float, Field(ge=0, lt=1, description="correlation of every two inputs, of variance one")
    ]
    log_inverse_alpha: Annotated[
        float,
        Field(gt=0, le=42, description="ln(1/alpha); the weights start at 0 and sqrt(2) alpha"),
    ]
    layers: Annotated[
        Literal["two", "one"],
        Field(description="what is trained: two diagonal layers, or (no theory here) beta itself"),
    ]
    learning_rate: Annotated[float, STATIC, Field(gt=0, description="step size eta")]
    steps: Annotated[
        int, Field(gt=0, description="steps; a passage that does not come is dated at the last")
    ]
    last_time: Annotated[
        float,
        STATIC,
        Field(gt=0, description="last record of the loss, in flow time over ln(1/alpha)"),
    ]
    records: Annotated[int, Field(gt=1, description="records of the loss, evenly spaced from 0")]

    def axes(self) -> dict[str, np.ndarray]:
        """Index of each coefficient, and flow time over ln(1/alpha) of the records of the loss."""
        return {
            "coefficient": np.arange(len(self.teacher)),
            "accelerated_time": np.linspace(0, self.last_time, self.records),
        }


def draw(setup: Setup, key: jax.Array) -> dict[str, jax.Array]:
    """One seed's inputs, as the `gram` X^T X / n [d, d] that the squared loss depends on."""
    import jax
    import jax.numpy as jnp

    rows_NX = jax.random.normal(key, (setup.samples, len(setup.teacher) + 1))
    own, common = jnp.sqrt(1 - setup.correlation), jnp.sqrt(setup.correlation)
    x_ND = own * rows_NX[:, 1:] + common * rows_NX[:, :1]
    return {"gram": x_ND.T @ x_ND / setup.samples}
