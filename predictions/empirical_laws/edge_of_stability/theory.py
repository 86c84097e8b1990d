"""The largest sharpness that a method can bear, and where training therefore holds it.

Along an eigenvector of the Hessian with eigenvalue S, a quadratic loss turns heavy ball into
x'' = (1 + beta - eta S) x' - beta x, and Nesterov's method into
x'' = (1 - eta S) ((1 + beta) x' - beta x). Either is stable up to the S at which a root of its
characteristic equation reaches -1. Beyond, x grows in oscillations until the cubic term of the loss
has lowered S again (Damian et al. 2023). So S cycles about that value where gradient flow would go
on to raise it, and follows gradient flow before.

Over a cycle the logarithm of the largest root is zero on average. It is linear in S near the edge,
and then the mean of S lies at the edge; but it falls no further than to ln(beta) / 2, which heavy
ball has from eta S = (1 + sqrt(beta))^2 on downwards: 3 % below the edge for beta = 0.5, 0.1 % for
beta = 0.9. Wider cycles therefore dip deeper than they rise, and their mean lies below the edge.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .world import Method, Setup

Forecast = dict[str, NDArray[np.float64] | float]

# eta times the largest stable curvature at momentum beta (Cohen et al. 2021, appendix B)
_STABLE: Final[dict[Method, Callable[[float], float]]] = {
    "heavy-ball": lambda beta: 2 + 2 * beta,
    "nesterov": lambda beta: (2 + 2 * beta) / (1 + 2 * beta),
}


def self_stabilisation(setup: Setup) -> Forecast:
    """The largest stable sharpness of the method."""
    return _held_at(_STABLE[setup.method](setup.momentum), setup)


def edge_of_heavy_ball(setup: Setup) -> Forecast:
    """The largest stable sharpness of heavy ball, whatever the method."""
    return _held_at(_STABLE["heavy-ball"](setup.momentum), setup)


def blind_to_momentum(setup: Setup) -> Forecast:
    """2 / eta, whatever the momentum."""
    return _held_at(2.0, setup)


def effective_learning_rate(setup: Setup) -> Forecast:
    """2 / eta for the learning rate eta / (1 - beta), which has the same flow time."""
    return _held_at(2 * (1 - setup.momentum), setup)


def descent_lemma(setup: Setup) -> Forecast:
    """1 / eta: the largest curvature for which eta is the step of steepest guaranteed descent."""
    return _held_at(1.0, setup)


def gradient_flow(_: Setup) -> Forecast:
    """Progressive sharpening goes on: one sharpness for all learning rates at equal flow time."""
    return {"response": 0.0}


def below_the_edge(setup: Setup) -> Forecast:
    """Gradient flow as long as it is stable: one sharpness, less than the largest stable one."""
    edge = _STABLE[setup.method](setup.momentum) / setup.learning_rate
    return {"response": 0.0, "peak": edge}


def _held_at(eta_sharpness: float, setup: Setup) -> Forecast:
    return {"sharpness": np.full(setup.records, eta_sharpness / setup.learning_rate)}
