"""The world: a wide two-layer network, a single-index target and two learning rates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.special import ndtri


@dataclass(frozen=True, kw_only=True)
class Setup:
    """Numbers shared by theory and experiment.

    The network is f(x) = (1/m) sum_i a_i sigma(<u_i, x>) with |u_i| = 1, the target
    phi(<u*, x>), the inputs x ~ N(0, I_d), and the risk R = E (phi - f)^2 / 2. sigma and phi are
    given by their coefficients in the orthonormal Hermite basis h_k = He_k / sqrt(k!). Time t is
    measured on the clock of the first layer: u_i' = -m P_i grad_{u_i} R (P_i projects on the
    tangent space of the sphere) and epsilon a_i' = -m dR/da_i.
    """

    epsilon: Annotated[float, Field(gt=0, description="first-layer over second-layer rate")]
    width: Annotated[int, Field(ge=2, multiple_of=2, description="number of neurons m, even")]
    dim: Annotated[int, Field(ge=2, description="input dimension d, at least m/2 + 1")]
    batch: Annotated[int, Field(ge=1, description="fresh samples in each step")]
    step: Annotated[float, Field(gt=0, description="step of t, in units of epsilon^(1/2)")]
    horizon: Annotated[
        float,
        Field(
            gt=0,
            description="longest training T, in units of epsilon^(1/(2K)) / min_k |sigma_k phi_k| "
            "with K the target's degree",
        ),
    ]
    activation: Annotated[
        tuple[float, ...],
        Field(min_length=2, description="Hermite coefficients sigma_0, sigma_1, ..."),
    ]
    target: Annotated[
        tuple[float, ...],
        Field(min_length=2, description="Hermite coefficients phi_0, phi_1, ... of the target"),
    ]
    output_std: Annotated[
        float,
        Field(gt=0, description="scale of the initial second-layer weights a_i ~ N(0, .^2)"),
    ]
    start: Annotated[
        Literal["paired", "unpaired"],
        Field(
            description="directions u_i, all orthogonal to u*: paired, m/2 orthonormal ones used "
            "by two neurons each with opposite a_i; unpaired, a random one for each neuron"
        ),
    ]

    def __post_init__(self) -> None:
        if self.dim < self.width // 2 + 1:
            raise ValueError(
                f"dim {self.dim} cannot hold width/2 + 1 = {self.width // 2 + 1} "
                "orthogonal directions"
            )
        if len(self.components) < 2:
            raise ValueError("target needs two components of degree 1 or more: times are compared")

    @property
    def components(self) -> tuple[int, ...]:
        """Degrees k >= 1 that the target contains."""
        return tuple(k for k, phi in enumerate(self.target) if k >= 1 and phi != 0)

    @property
    def end(self) -> float:
        """Longest training T; a component not learnt by then is recorded as learnt at T."""
        pairs = zip(self.activation, self.target, strict=False)
        drives = [abs(sigma * phi) for sigma, phi in pairs][1:]
        slowest = min((drive for drive in drives if drive), default=1.0)
        clock: float = self.epsilon ** (0.5 / self.components[-1])
        return self.horizon * clock / slowest

    @property
    def eta(self) -> float:
        """Length of one step of t.

        epsilon^(1/2) is the clock of the exponential growth that ends the first plateau, so that
        Euler's error there is the same at every epsilon.
        """
        clock: float = self.epsilon**0.5
        return self.step * clock

    def axes(self) -> dict[str, NDArray[np.int64]]:
        """Coordinates of the observables' own axes."""
        return {"component": np.array(self.components)}


def initial_outputs(setup: Setup) -> NDArray[np.float64]:
    """Second-layer weights a_i at the start, [m]: half-normal quantiles, first +, then -."""
    half = setup.width // 2
    quantiles = ndtri(0.5 + (np.arange(half) + 0.5) / (2 * half))
    return setup.output_std * np.concatenate([quantiles, -quantiles])
