"""The world of the claim: images of digits, and labels of which a linear map explains a part."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from harness.api import STATIC

if TYPE_CHECKING:
    import jax

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Setup:
    """Members of an ensemble learn the labels of images drawn from the same collection."""

    components: Annotated[
        int, Field(ge=4, le=48, description="input dimension d: leading principal components")
    ]
    spectrum: Annotated[
        Literal["natural", "whitened"],
        Field(description="variances of the components: those of the images, or all the same"),
    ]
    labels: Annotated[
        Literal["linear", "digit", "parity"],
        Field(
            description="before noise: a random linear map of the components, the digit that the "
            "image shows, or +-1 for even and odd; in units of their standard deviation"
        ),
    ]
    samples_per_component: Annotated[float, Field(gt=0, description="n/d")]
    largest_samples_per_component: Annotated[
        float, STATIC, Field(gt=0, description="images that a seed draws, in units of d")
    ]
    snr: Annotated[float, Field(gt=0, description="variance of the labels over that of the noise")]
    members: Annotated[int, Field(gt=1, description="networks per draw of images")]
    images: Annotated[
        Literal["shared", "independent"],
        Field(description="whether the members of an ensemble see the same images"),
    ]
    width: Annotated[int, Field(gt=0, description="hidden units h")]
    init_std: Annotated[
        float, Field(gt=0, description="initial weights have variance init_std^2 / fan-in")
    ]
    relative_step: Annotated[
        float, Field(gt=0, lt=2, description="step size times a bound of the loss's curvature")
    ]
    momentum: Annotated[float, Field(ge=0, lt=1, description="Nesterov's")]
    steps: Annotated[int, Field(gt=0, description="full-batch steps")]

    def __post_init__(self) -> None:
        if self.samples_per_component > self.largest_samples_per_component:
            raise ValueError("samples_per_component is above largest_samples_per_component")
        if self.samples < 1:
            raise ValueError("samples_per_component * components rounds to no image")

    @property
    def samples(self) -> int:
        """Number n of training images."""
        return round(self.samples_per_component * self.components)

    @property
    def rows(self) -> int:
        """Largest number of training images on the grid."""
        return round(self.largest_samples_per_component * self.components)

    def axes(self) -> dict[str, np.ndarray]:
        """One coordinate for each pair of members."""
        return {"pair": np.arange(self.members * (self.members - 1) // 2)}


@dataclass(frozen=True)
class Collection:
    """All images: centred inputs `x` [N, d] of covariance diag(`variances` [d]), `digits` [N]."""

    x: Array
    variances: Array
    digits: Array


@cache
def collection(components: int, spectrum: str) -> Collection:
    """The 1797 digits of scikit-learn in their principal components, of mean variance one.

    8 x 8 pixels (Alpaydin & Kaynak 1998, UCI optical recognition of handwritten digits). Beyond 48
    components there are pixels that are lit in a few images only.
    """
    from sklearn.datasets import load_digits  # type: ignore[import-untyped]

    data = load_digits()
    left_NK, singular_K, _ = np.linalg.svd(data.data - data.data.mean(axis=0), full_matrices=False)
    t_D = singular_K[:components] ** 2 if spectrum == "natural" else np.ones(components)
    t_D = t_D / t_D.mean()
    x_ND = left_NK[:, :components] * np.sqrt(len(left_NK) * t_D)
    return Collection(x_ND, t_D, data.target.astype(float))


def real_labels(setup: Setup) -> Array:
    """The noise-free label of every image [N], of mean zero and variance one; not for `linear`."""
    digits_N = collection(setup.components, setup.spectrum).digits
    label_N = digits_N if setup.labels == "digit" else 1 - 2 * (digits_N % 2)
    label_N = label_N - label_N.mean()
    return np.asarray(label_N / label_N.std())


def draw(setup: Setup, key: jax.Array) -> dict[str, jax.Array]:
    """One seed's images, drawn with replacement, and their labels before noise.

    `x` [copy, n, d] and `label` [copy, n], one copy for all members or one for each; `linear` [d],
    the linear map that fits all images best.
    """
    import jax
    import jax.numpy as jnp

    row_key, map_key = jax.random.split(key)
    every = collection(setup.components, setup.spectrum)
    if setup.labels == "linear":
        map_D = jax.random.normal(map_key, (setup.components,))
        map_D = map_D / jnp.sqrt(map_D**2 @ every.variances)
        label_N = jnp.asarray(every.x) @ map_D
    else:
        label_N = jnp.asarray(real_labels(setup))
        map_D = label_N @ every.x / (len(every.x) * every.variances)
    copies = 1 if setup.images == "shared" else setup.members
    index_CN = jax.random.randint(row_key, (copies, setup.rows), 0, len(every.x))
    return {"x": jnp.asarray(every.x)[index_CN], "label": label_N[index_CN], "linear": map_D}
