"""The world: a linear generator and a linear critic that meet at their equilibrium."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import Field

from harness.api import STATIC

if TYPE_CHECKING:
    import jax


@dataclass(frozen=True, kw_only=True)
class Setup:
    """Numbers shared by theory and experiment.

    A generator x -> U x and a critic x -> V x play the conditional Wasserstein game

        min_U max_V  <V x . U x> + (a/2) |U|^2 - (c/2) |V|^2

    on n inputs x in R^d, with the target at U = 0: the Dirac-GAN with one mode for each eigenvalue
    of the inputs' second moments. Time is the generator's step size times steps.
    """

    dim: Annotated[int, Field(ge=1, description="input dimension d, the number of modes")]
    samples: Annotated[int, Field(ge=1, description="inputs n, Gaussian; at least d")]
    outputs: Annotated[int, Field(ge=1, description="outputs of generator and critic")]
    generator_decay: Annotated[
        float,
        Field(description="a: curvature of the generator's own loss, its weight decay if positive"),
    ]
    critic_decay: Annotated[float, Field(gt=0, description="c: weight decay of the critic")]
    log2_ratio: Annotated[
        float, Field(description="log2 of eta, the critic's step size over the generator's")
    ]
    updates: Annotated[
        Literal["simultaneous", "alternating"],
        Field(
            description="whether the critic answers the generator's old weights or its new ones; "
            "the theories take the updates to be simultaneous"
        ),
    ]
    learning_rate: Annotated[float, STATIC, Field(gt=0, description="generator's step size eps")]
    end_time: Annotated[float, STATIC, Field(gt=0, description="where training ends")]
    records: Annotated[int, Field(ge=4, description="records of the weights, evenly spaced")]

    def __post_init__(self) -> None:
        if self.samples < self.dim:
            raise ValueError(f"{self.samples} inputs do not span {self.dim} dimensions")
        if self.stride < 1:
            raise ValueError("there are more records than steps")

    @property
    def stride(self) -> int:
        """Steps from one record to the next."""
        return round(self.end_time / self.learning_rate / self.records)

    def axes(self) -> dict[str, np.ndarray]:
        """Nothing but the grid: each game has one rate."""
        return {}


def draw(setup: Setup, key: jax.Array) -> dict[str, jax.Array]:
    """One seed's game.

    `root` [d, d], upper triangular, with root^T root = X^T X / n for the inputs X ~ N(0, 1) [n, d];
    `generator` and `critic` [outputs, d], standard normal: the initial weights.
    """
    import jax
    import jax.numpy as jnp

    input_key, generator_key, critic_key = jax.random.split(key, 3)
    x_ND = jax.random.normal(input_key, (setup.samples, setup.dim))
    shape = (setup.outputs, setup.dim)
    return {
        "root": jnp.linalg.qr(x_ND, mode="r") / jnp.sqrt(setup.samples),
        "generator": jax.random.normal(generator_key, shape),
        "critic": jax.random.normal(critic_key, shape),
    }
