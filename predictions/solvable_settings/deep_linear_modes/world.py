"""The world: a two-layer linear network that learns a linear teacher of a few singular modes."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated

import numpy as np
from pydantic import Field

from harness.api import STATIC

if TYPE_CHECKING:
    import jax


@dataclass(frozen=True, kw_only=True)
class Setup:
    """Numbers shared by theory and experiment.

    The network x -> W2 W1 x descends |R - W2 W1|^2 / 2, the risk on inputs of unit covariance,
    where R = sum_k s_k u_k v_k^T. Mode k has the strength a_k = u_k^T W2 W1 v_k, which training
    takes from about 0 to s_k. Time is step size times steps.
    """

    dim: Annotated[int, Field(ge=2, description="input and output dimension d")]
    width: Annotated[int, Field(ge=2, description="hidden width h, at least the number of modes")]
    singular_values: Annotated[
        tuple[float, ...],
        Field(min_length=1, description="teacher's singular values s_1 > s_2 > ... > 0, at most d"),
    ]
    init_scale: Annotated[
        float, Field(gt=0, description="eps: initial weights of both layers are N(0, eps^2/h)")
    ]
    condition: Annotated[
        float,
        Field(
            ge=1,
            description="largest over smallest variance of the inputs that training sees; the "
            "theories take it to be 1",
        ),
    ]
    learning_rate: Annotated[float, STATIC, Field(gt=0, description="step size eta")]
    first_time: Annotated[float, STATIC, Field(gt=0, description="first record of the strengths")]
    end_time: Annotated[float, STATIC, Field(gt=0, description="last record, where training ends")]
    records: Annotated[
        int, Field(gt=1, description="log-spaced records (fewer where they coincide)")
    ]

    def __post_init__(self) -> None:
        values = (*self.singular_values, 0.0)
        if any(low >= high for high, low in pairwise(values)):
            raise ValueError(f"singular_values {self.singular_values} do not fall towards zero")
        if len(self.singular_values) > min(self.dim, self.width):
            raise ValueError(f"{len(self.singular_values)} modes do not fit dim and width")

    def record_steps(self) -> np.ndarray:
        """Steps of gradient descent after which the strengths are read, int [time]."""
        times = np.geomspace(self.first_time, self.end_time, self.records)
        return np.unique(np.maximum(np.rint(times / self.learning_rate), 1).astype(int))

    def axes(self) -> dict[str, np.ndarray]:
        """Number of the mode, and time of the records."""
        modes = np.arange(1, len(self.singular_values) + 1)
        return {"mode": modes, "time": self.learning_rate * self.record_steps()}


def draw(setup: Setup, key: jax.Array) -> dict[str, jax.Array]:
    """One seed's teacher and initial weights.

    `left` and `right`, [d, modes], the teacher's singular vectors u_k and v_k, uniform on
    orthonormal frames; `first` [h, d] and `second` [d, h], standard normal, which times
    eps / sqrt(h) are W1 and W2 at the start: the draw is the same at every eps.
    """
    import jax
    import jax.numpy as jnp

    left_key, right_key, first_key, second_key = jax.random.split(key, 4)
    shape = (setup.dim, len(setup.singular_values))
    return {
        "left": jnp.linalg.qr(jax.random.normal(left_key, shape))[0],
        "right": jnp.linalg.qr(jax.random.normal(right_key, shape))[0],
        "first": jax.random.normal(first_key, (setup.width, setup.dim)),
        "second": jax.random.normal(second_key, (setup.dim, setup.width)),
    }
