"""The largest step size at which a three-layer linear network can settle on its minimum.

At the minimum every step multiplies the error by 1 - eta Theta, with Theta the tangent kernel of
the first output, and so the minimum is stable up to eta = 2 / Theta.
"""

from __future__ import annotations

from functools import lru_cache

from . import flow
from .theory import LAYERS, aligned_kernel, final_output
from .world import Probe

Number = dict[str, float]


def wide_limit(setup: Probe) -> Number:
    """From the tangent kernel that the network of infinite width has grown by the minimum."""
    return _edge(_kernel(final_output(setup)))


def initial_kernel(setup: Probe) -> Number:
    """From the tangent kernel of the initial weights."""
    return _edge(LAYERS)


def aligned_layers(setup: Probe) -> Number:
    """From the tangent kernel of three layers of equal strength, without their random part."""
    return _edge(float(aligned_kernel(final_output(setup))))


def width_blind(setup: Probe) -> Number:
    """With muP's output scale in either parametrisation: the same edge at every width."""
    return _edge(_kernel(setup.target))


def one_over_curvature(setup: Probe) -> Number:
    """The step of size 1 / Theta, beyond which a quadratic bound no longer promises progress."""
    return _edge(2 * _kernel(final_output(setup)))


@lru_cache(maxsize=64)
def _kernel(output: float) -> float:
    return float(flow.course([output]).kernel[0])


def _edge(kernel: float) -> Number:
    return {"edge": 2 / kernel}
