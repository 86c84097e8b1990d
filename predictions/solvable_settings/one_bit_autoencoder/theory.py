"""Forecasts of the loss per input of x -> A sign(B x) on sparse inputs of variance one.

A unit row w of B and its own decoder column, E[x sign(w.x)], together remove |E[x sign(w.x)]|^2 of
the squared error, and the removed parts of n rows add up when their bits are uncorrelated.

- Diffuse row: w.x is Gaussian by the central limit theorem and removes (E|w.x|)^2 = 2/pi.
- Coordinate row: removes (E|x|)^2, which is p for signs and 2 p / pi for Gaussians.
- Ordered row: the bit is that of the first input in an order of its own that is not zero. With
  signs of probability p the k-th one removes p (1 - p)^(2 k), all of them 1 / (2 - p). A row
  w_k ~ (1 - p)^k makes that bit for p >= 1/2, where no later inputs outvote an earlier one. It is
  a fixed point of w ~ E[x sign(w.x)], as the maximum of E|w.x| over unit vectors must be.

At finite d a diffuse row misses its Gaussian by an excess kurtosis k |w|_4^4, where k = 1/p - 3 for
signs and 3/p - 3 for Gaussians is that of an input. It lowers (E|w.x|)^2 by the factor
1 - k |w|_4^4 / 12 (Edgeworth series): k / (12 d) for a flat row, three times as much for a random
one. Where k is negative, p > 1/3 for signs, a rotation gains by becoming local: it is unstable.

The identity under straight-through training: let rows have further weights, tiny and antisymmetric.
They decide the bit s_i where x_i = 0. Then |B x|_i is small and the tanh has its full slope, while
it is flat where x_i is not zero. With the decoder A at its optimum, the mean of the update's part
along such a weight w_ij is proportional to E[(A_i . e) x_j | x_i = 0], e = x - A s, and

    A_ji = (1 - p) E[x_j s_i | x_i = 0],
    E[(A_i . e) x_j | x_i = 0] = ((1 - p) - |A_i|^2) E[x_j s_i | x_i = 0],

so that the weights grow if 1 - p > |A_i|^2. For weights on one input each, which are the first to
grow, |A_i|^2 = p (1 + (1 - p)^2): the identity is stable above p = 0.430, far below 2/pi.
"""

from __future__ import annotations

import math

from scipy.optimize import brentq

from harness.api import OutOfScope

from .world import Setup

GAUSSIAN_GAIN = 2 / math.pi
"""Part of its variance that the sign of a Gaussian tells."""

ROTATION_STABLE_BELOW = 1 / 3
"""p at which signs have the Gaussian kurtosis; above it a diffuse row gains by becoming local."""

IDENTITY_STABLE_ABOVE: float = brentq(lambda p: (1 - p) - p * (1 + (1 - p) ** 2), 0, 1)
"""p above which straight-through training returns to the identity."""

ESCAPE = 3
"""Steps, in units of d^2, to leave an unstable rotation: from calibration runs, d = 16 to 64."""

ENOUGH_INPUTS = 9
"""Least mean number p d of inputs that are not zero for the central limit theorem to speak."""


def stable_encoder(setup: Setup) -> dict[str, float]:
    """The better of rotation and identity (Kögler et al. 2024), where the other one is unstable.

    Raises OutOfScope for signs with 1/3 < p < 2/pi, where training leaves the rotation although it
    is the better one, and for rotations of inputs too few of which are not zero.
    """
    p = setup.nonzero
    if coordinate_gain(setup) > GAUSSIAN_GAIN:
        return {**identity(setup), "participation": 1.0}
    if setup.source == "signs" and p > ROTATION_STABLE_BELOW:
        raise OutOfScope("below 2/pi the rotation is unstable where the kurtosis is below three")
    if p * setup.dim < ENOUGH_INPUTS:
        raise OutOfScope(f"a mean of {p * setup.dim:.1f} non-zero inputs makes no Gaussian")
    return {**gaussian_source(setup), "participation": random_participation(setup)}


def sharp_switch(setup: Setup) -> dict[str, float]:
    """The loss of the better of rotation and identity for every p (Kögler et al. 2024)."""
    return {"loss": 1 - _rate(setup) * max(coordinate_gain(setup), GAUSSIAN_GAIN)}


def switch_at_equal_losses(setup: Setup) -> dict[str, float | tuple[float, float]]:
    """`sharp_switch`, with the p of signs at which it happens as a window of no width."""
    return {**sharp_switch(setup), "switch": (GAUSSIAN_GAIN, GAUSSIAN_GAIN)}


def straight_through(setup: Setup) -> dict[str, float | tuple[float, float]]:
    """What straight-through training of signs ends at, by the stability of both encoders.

    The loss is that of the identity where it is stable; for smaller p that of a rotation, which
    between the two ends of the switch is not stable either. Raises OutOfScope for another source
    and for training too short to leave an unstable rotation.
    """
    if setup.source != "signs":
        raise OutOfScope("for Gaussians where not zero the rotation is stable at every sparsity")
    if setup.steps < ESCAPE * setup.dim**2:
        raise OutOfScope(
            f"{setup.steps} steps are too few to leave a rotation of {setup.dim} inputs"
        )
    stable = setup.nonzero > IDENTITY_STABLE_ABOVE
    return {
        "loss": (identity if stable else gaussian_source)(setup)["loss"],
        "switch": (ROTATION_STABLE_BELOW, IDENTITY_STABLE_ABOVE),
    }


def gaussian_source(setup: Setup) -> dict[str, float]:
    """A random rotation for every sparsity, as for Gaussian inputs."""
    return {"loss": 1 - _rate(setup) * GAUSSIAN_GAIN}


def identity(setup: Setup) -> dict[str, float]:
    """Each code unit the sign of one input, for every sparsity."""
    return {"loss": 1 - _rate(setup) * coordinate_gain(setup)}


def ordered_code(setup: Setup) -> dict[str, float]:
    """Ordered rows with uncorrelated bits for signs with p >= 1/2, diffuse rows up to p = 1/3.

    Raises OutOfScope between, where the best row is neither.
    """
    diffuse = setup.source == "gaussian" or setup.nonzero <= ROTATION_STABLE_BELOW
    if not diffuse and setup.nonzero < 0.5:
        raise OutOfScope("below p = 1/2 later inputs can outvote the first one")
    gain = GAUSSIAN_GAIN if diffuse else 1 / (2 - setup.nonzero)
    return {"loss": 1 - _rate(setup) * gain}


def coordinate_gain(setup: Setup) -> float:
    """(E|x|)^2 of one input."""
    return setup.nonzero * (1.0 if setup.source == "signs" else GAUSSIAN_GAIN)


def random_participation(setup: Setup) -> float:
    """Mean of sum_j w_j^4 over the unit sphere."""
    return 3 / (setup.dim + 2)


def _rate(setup: Setup) -> float:
    return setup.code_units / setup.dim
