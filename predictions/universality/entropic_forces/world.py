"""Two worlds of label noise: one output and its layers' sizes, and a pair of networks compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from harness.api import STATIC

if TYPE_CHECKING:
    import jax

Labels: TypeAlias = Literal["noisy", "clean"]


@dataclass(frozen=True, kw_only=True)
class LayersSetup:
    """f(x) = a.(W x) learns y = w*.x + sigma xi, |w*| = 1, by SGD on fresh inputs.

    The inputs are independent Gaussian, with variance kappa along w* and 1 elsewhere. Training
    starts from a minimum, W = s u w*^T and a = u/s with a random direction u, and lasts for
    tau = eta^2 sigma^2 k / B, k steps of B samples.
    """

    dim: Annotated[int, Field(ge=2, description="input dimension d")]
    width: Annotated[int, Field(ge=1, description="hidden neurons h")]
    learning_rate: Annotated[float, STATIC, Field(gt=0, description="step size eta")]
    batch: Annotated[int, Field(ge=1, description="fresh samples B in a step")]
    label_noise: Annotated[
        float, STATIC, Field(gt=0, description="standard deviation sigma of the label noise")
    ]
    signal_variance: Annotated[
        float, Field(gt=0, description="kappa, the inputs' variance along the teacher")
    ]
    start_imbalance: Annotated[float, Field(description="|W|^2 - |a|^2 at the start")]
    horizon: Annotated[float, STATIC, Field(gt=0, description="end of training in tau")]
    records: Annotated[int, Field(ge=1, description="intervals of time that are averaged over")]
    networks: Annotated[int, Field(ge=1, description="networks that a seed averages over")]
    labels: Annotated[
        Labels,
        Field(description="clean: training without the noise, of which theories do not know"),
    ]

    @property
    def steps(self) -> int:
        """Steps of training, a multiple of the number of records."""
        ideal = self.horizon * self.batch / (self.learning_rate * self.label_noise) ** 2
        return self.records * max(1, round(ideal / self.records))

    def axes(self) -> dict[str, NDArray[np.float64]]:
        """Ends of the intervals, in tau."""
        return {"time": self.horizon * np.arange(1, self.records + 1) / self.records}


@dataclass(frozen=True, kw_only=True)
class PairSetup:
    """Two networks f = W_2 W_1 x that learn y = M z + xi from two views x = A z of one world.

    z ~ N(0, I_d), xi ~ N(0, Sigma_xi) with diagonal Sigma_xi. The first network sees z itself, the
    second A z. They differ in width and in the size of their initial weights and see samples of
    their own, B in a step, for k = B horizon / (eta^2 tr Sigma_xi) steps.
    """

    dim: Annotated[int, Field(ge=2, description="latent and input dimension d")]
    singular_values: Annotated[
        tuple[float, ...], Field(min_length=2, description="singular values of M, one an output")
    ]
    label_noise: Annotated[
        tuple[float, ...],
        Field(min_length=2, description="standard deviation of each output's label noise"),
    ]
    view_condition: Annotated[float, Field(ge=1, description="condition number of the view A")]
    widths: Annotated[
        tuple[int, ...], Field(min_length=2, max_length=2, description="hidden neurons of each")
    ]
    init_scales: Annotated[
        tuple[float, ...],
        Field(min_length=2, max_length=2, description="standard deviation, in 1/sqrt(fan-in)"),
    ]
    learning_rate: Annotated[float, STATIC, Field(gt=0, description="step size eta")]
    batch: Annotated[int, Field(ge=1, description="fresh samples B in a step")]
    horizon: Annotated[
        float, STATIC, Field(gt=0, description="end of training in eta^2 tr Sigma_xi k / B")
    ]
    labels: Annotated[
        Labels,
        Field(description="clean: training without the noise, of which theories do not know"),
    ]
    weight_decay: Annotated[
        float,
        Field(ge=0, description="L2 penalty in the gradient, of which theories do not know"),
    ]

    def __post_init__(self) -> None:
        if len(self.singular_values) != len(self.label_noise):
            raise ValueError("as many singular values as noisy outputs")
        if len(self.singular_values) > min(self.dim, *self.widths):
            raise ValueError("more outputs than inputs or neurons")

    @property
    def steps(self) -> int:
        """Steps of training; representations are averaged over the last quarter."""
        power = sum(sigma**2 for sigma in self.label_noise)
        return 4 * max(1, round(self.horizon * self.batch / self.learning_rate**2 / power / 4))

    def teacher(self) -> NDArray[np.float64]:
        """M in the basis of its right singular vectors, [c, d]: a reflection times S.

        The reflection I - 2/c mixes the outputs, so that M's modes do not see one noise each.
        """
        outputs = len(self.singular_values)
        modes_CC = (np.eye(outputs) - 2 / outputs) * np.array(self.singular_values)
        return np.pad(modes_CC, ((0, 0), (0, self.dim - outputs)))

    def axes(self) -> dict[str, NDArray[np.int64]]:
        """Networks, and directions of the latent space: M's right singular vectors."""
        return {
            name: np.arange(n) for name, n in (("network", 2), ("i", self.dim), ("j", self.dim))
        }


def draw(setup: PairSetup, key: jax.Array) -> dict[str, jax.Array]:
    """One seed's basis, view and initial weights.

    `basis` [d, d] holds M's right singular vectors as columns, `view` is A [d, d]: random rotations
    about singular values in geometric progression; `first_n` [h_n, d] and `second_n` [c, h_n].
    """
    import jax
    import jax.numpy as jnp

    dim, outputs = setup.dim, len(setup.singular_values)
    rotation_key, *weight_keys = jax.random.split(key, 5)
    basis_DD, left_DD, right_DD = jnp.linalg.qr(jax.random.normal(rotation_key, (3, dim, dim)))[0]
    values_D = setup.view_condition ** jnp.linspace(-0.5, 0.5, dim)
    start = {"basis": basis_DD, "view": (left_DD * values_D) @ right_DD.T}
    for n, (width, scale) in enumerate(zip(setup.widths, setup.init_scales, strict=True)):
        for name, shape in (("first", (width, dim)), ("second", (outputs, width))):
            normal = jax.random.normal(weight_keys.pop(), shape)
            start[f"{name}_{n}"] = scale / jnp.sqrt(shape[1]) * normal
    return start
