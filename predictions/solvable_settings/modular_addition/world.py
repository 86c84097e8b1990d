"""The world of the claim: addition modulo p, with a number's code a cyclic shift of a template."""

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
    """Numbers shared by theory and experiment; the modulus p is 2 F + 1 for F amplitudes."""

    amplitudes: Annotated[
        tuple[float, ...],
        Field(
            min_length=2,
            description="|x_k| of the template, sum_n x(n) exp(-2 pi i k n/p), falling; each seed "
            "deals them out to the frequencies k = 1..F at random, with random phases",
        ),
    ]
    width: Annotated[int, Field(gt=5, description="hidden neurons; a frequency needs about six")]
    init_std: Annotated[
        float, Field(gt=0, description="alpha; initial weights are N(0, alpha^2/p)")
    ]
    table: Annotated[
        Literal["sum", "random"],
        Field(description="targets: codes of a + b, or (no theory here) the same codes shuffled"),
    ]
    learning_rate: Annotated[float, STATIC, Field(gt=0, description="step size eta")]
    stride: Annotated[int, Field(gt=0, description="steps between two records")]
    records: Annotated[
        int, Field(gt=1, description="records; a frequency not learnt is dated at the last")
    ]

    @property
    def frequencies(self) -> int:
        """Number F of frequencies."""
        return len(self.amplitudes)

    @property
    def modulus(self) -> int:
        """Number p of codes, and their length."""
        return 2 * self.frequencies + 1

    def axes(self) -> dict[str, np.ndarray]:
        """Frequencies k, and how many of them have been learnt on each plateau between two."""
        return {
            "frequency": np.arange(1, self.frequencies + 1),
            "learnt": np.arange(1, self.frequencies),
        }


def draw(setup: Setup, key: jax.Array) -> dict[str, jax.Array]:
    """One seed's template: `amplitude` [F] by frequency and `template` [p], of mean zero."""
    import jax
    import jax.numpy as jnp

    order_key, phase_key = jax.random.split(key)
    amplitude_F = jax.random.permutation(order_key, jnp.asarray(setup.amplitudes))
    phase_F = jax.random.uniform(phase_key, (setup.frequencies,), maxval=2 * jnp.pi)
    turns_FP = jnp.outer(jnp.arange(1, setup.frequencies + 1), jnp.arange(setup.modulus))
    wave_FP = jnp.cos(2 * jnp.pi * turns_FP / setup.modulus + phase_F[:, None])
    return {"amplitude": amplitude_F, "template": 2 / setup.modulus * amplitude_F @ wave_FP}
