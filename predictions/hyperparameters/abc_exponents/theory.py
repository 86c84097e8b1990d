"""Powers of width by which features and outputs move in training, for any abc-parametrisation.

Yang & Hu 2021 (Tensor Programs IV, arXiv:2011.14522), section 3. Per step and O(1) loss gradient:

    signal    entries of the readout, n^-g with g = min(a + b, 2a + c): those it started with and
              those it has learnt. This is the gradient's size at every hidden neuron.
    own       a layer's update changes its output by n^-(g + 2a + c) times the fan-in, because the
              gradient is aligned with the input that made it: n for a hidden layer, O(1) for W_1.
    features  layer l moves with the fastest of the layers up to l.
    output    n (entries of the readout) (movement of the last layer), or n^(1 - 2a - c) by the
              readout's own update.

The paper's r is the exponent of the last layer; the same count for the layers below is made here.
Exponents count powers of 1/n inside this module and powers of n in the forecasts.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.api import OutOfScope

from .world import Exponents, Setup

Array = NDArray[np.float64]

# Smallest power of 1/n that counts as growth: exponents are sums of a few decimal fractions.
ROUNDING = 1e-9


class Movement(NamedTuple):
    """Powers of 1/n: features [layer] and output."""

    features: Array
    output: float


def tensor_programs(setup: Setup) -> dict[str, Array | float]:
    """Exponents of the setup's own parametrisation; raises OutOfScope where it is unstable."""
    net = setup.exponents()
    moved = movement(net, setup.depth)
    if not stable(net, moved):
        raise OutOfScope(f"the parametrisation a, b, c = {tuple(net)} is unstable")
    # 0 - x, because -x makes negative zeros
    return {"feature_movement": 0 - moved.features, "output_movement": 0 - moved.output}


def neural_tangent(setup: Setup) -> dict[str, Array | float]:
    """What every wide network would do in the neural-tangent limit: features move as n^-1/2."""
    return {"feature_movement": np.full(setup.depth, -0.5), "output_movement": 0.0}


def mean_field(setup: Setup) -> dict[str, Array | float]:
    """What every wide network would do in the mean-field limit: features move by O(1)."""
    return {"feature_movement": np.zeros(setup.depth), "output_movement": 0.0}


def unaligned(setup: Setup) -> dict[str, Array]:
    """Updates that act on their inputs as random matrices do, by sqrt(fan-in) (a wrong theory)."""
    return {"feature_movement": 0 - movement(setup.exponents(), setup.depth, 0.5).features}


def movement(net: Exponents, depth: int, alignment: float = 1.0) -> Movement:
    """The count above; a hidden layer's update meets its input with n^alignment."""
    rate_in, rate_hidden, rate_out = (2 * a + net.c for a in net.a)
    initial = net.a[-1] + net.b[-1]
    signal = min(initial, rate_out)
    own_L = np.array([rate_in] + [rate_hidden - alignment] * (depth - 1)) + signal
    features = np.minimum.accumulate(own_L)
    return Movement(features, float(min(initial + features[-1], rate_out) - 1))


def stable(net: Exponents, moved: Movement) -> bool:
    """Nothing grows with width: activations and output, at initialisation and in training."""
    sizes = [a + b for a, b in zip(net.a, net.b, strict=True)]
    kept = np.allclose(sizes[:2], [0, 0.5], rtol=0, atol=ROUNDING)
    least = min(sizes[2] - 0.5, moved.features.min(), moved.output)
    return bool(kept and least >= -ROUNDING)
