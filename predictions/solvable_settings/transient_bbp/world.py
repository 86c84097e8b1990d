"""The world of the claims: a rank-one teacher, inputs with a fast and a slow block."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import Field

from harness.api import STATIC

if TYPE_CHECKING:
    import jax

LEVEL = 0.25
"""Overlap that counts as alignment: half of the largest one, 1/2, when u is orthogonal to v."""


@dataclass(frozen=True, kw_only=True)
class Setup:
    """Numbers shared by theory and experiment; the fast block's input variance is the unit."""

    dim: Annotated[int, Field(gt=9, description="dimension d of inputs and outputs")]
    samples_per_dim: Annotated[float, STATIC, Field(gt=1, description="n/d")]
    slow_fraction: Annotated[
        float,
        STATIC,
        Field(gt=0, lt=1, description="fraction of input directions in the slow block"),
    ]
    anisotropy: Annotated[
        float,
        Field(ge=1, description="input variance of the fast block over that of the slow block"),
    ]
    inputs: Annotated[
        Literal["blocks", "isotropic"],
        Field(
            description="inputs that training sees: fast and slow blocks as the theory knows them, "
            "or all directions fast"
        ),
    ]
    theta: Annotated[float, Field(ge=0, description="strength of the teacher W* = theta u v^T")]
    left_slow: Annotated[
        float, Field(ge=0, le=1, description="|u_slow|^2, the part of u in the slow directions")
    ]
    right_slow: Annotated[
        float, Field(ge=0, le=1, description="|v_slow|^2, the part of v in the slow directions")
    ]
    kappa: Annotated[float, Field(ge=0, description="label noise: variance per output times d/n")]
    init_std: Annotated[float, Field(gt=0, description="tau: initial weights are N(0, tau^2/d)")]
    learning_rate: Annotated[float, STATIC, Field(gt=0, description="step size eta")]
    first_time: Annotated[float, STATIC, Field(gt=0, description="first record, in eta * steps")]
    last_time: Annotated[float, STATIC, Field(gt=0, description="last record, in eta * steps")]
    records: Annotated[
        int, Field(gt=1, description="log-spaced records (fewer where they coincide)")
    ]

    @property
    def samples(self) -> int:
        """Number n of training samples."""
        return round(self.samples_per_dim * self.dim)

    @property
    def slow_dim(self) -> int:
        """Number of slow directions, at least one."""
        return min(max(round(self.slow_fraction * self.dim), 1), self.dim - 1)

    def record_steps(self) -> np.ndarray:
        """Steps of gradient descent after which the weights are read, int [time]."""
        times = np.geomspace(self.first_time, self.last_time, self.records)
        return np.unique(np.maximum(np.rint(times / self.learning_rate), 1).astype(int))

    def axes(self) -> dict[str, np.ndarray]:
        """Gradient-flow time eta * steps of the records."""
        return {"time": self.learning_rate * self.record_steps()}


def draw(setup: Setup, key: jax.Array) -> dict[str, jax.Array]:
    """One seed's data, as the statistics that gradient descent on the squared loss depends on.

    `left` u and `right` v, [d], unit vectors orthogonal to each other inside each block;
    `gram` X^T X / n, [d, d]; `noise` Xi^T X / n, [d, d], with label noise Xi ~ N(0, kappa n / d).
    """
    import jax
    import jax.numpy as jnp

    teacher_key, input_key, noise_key = jax.random.split(key, 3)
    slow = setup.slow_dim
    blocks = (slice(0, setup.dim - slow), slice(setup.dim - slow, setup.dim))
    left, right = jax.random.normal(teacher_key, (2, setup.dim))
    shares = ((1 - setup.left_slow, 1 - setup.right_slow), (setup.left_slow, setup.right_slow))
    pairs = [
        _orthogonal_pair(left[block], right[block], *share)
        for block, share in zip(blocks, shares, strict=True)
    ]
    variance = jnp.ones(setup.dim)
    if setup.inputs == "blocks":
        variance = variance.at[blocks[1]].set(1 / setup.anisotropy)
    x_ND = jax.random.normal(input_key, (setup.samples, setup.dim)) * jnp.sqrt(variance)
    noise_std = jnp.sqrt(setup.kappa * setup.samples / setup.dim)
    xi_ND = noise_std * jax.random.normal(noise_key, (setup.samples, setup.dim))
    return {
        "left": jnp.concatenate([u for u, _ in pairs]),
        "right": jnp.concatenate([v for _, v in pairs]),
        "gram": x_ND.T @ x_ND / setup.samples,
        "noise": xi_ND.T @ x_ND / setup.samples,
    }


def _orthogonal_pair(
    a: jax.Array, b: jax.Array, share_a: jax.Array | float, share_b: jax.Array | float
) -> tuple[jax.Array, jax.Array]:
    """Directions of a, and of b's part orthogonal to a, of squared lengths share_a, share_b."""
    import jax.numpy as jnp

    a = a / jnp.linalg.norm(a)
    b = b - (a @ b) * a
    return jnp.sqrt(share_a) * a, jnp.sqrt(share_b) * b / jnp.linalg.norm(b)
