"""What gradient flow leaves out of SGD: relative errors of a learning time, to leading order.

Estimates for steps of length eta on batches of B samples. Their sum must stay below what the
tolerances allow for, else a comparison of times would try the step size and not the theory.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.polynomial.hermite_e import hermegauss, hermeval

from harness.api import OutOfScope

from .world import Setup

LARGEST = 0.012  # sum of relative errors
UNSTABLE = 2.0  # learning rate times curvature


def require_gentle(setup: Setup, last: float) -> None:
    """Raise OutOfScope if SGD is too coarse for its times, up to `last`, to be those of a flow."""
    overshoot = setup.eta / setup.epsilon * sum(sigma**2 for sigma in setup.activation)
    if overshoot >= UNSTABLE:
        raise OutOfScope(
            f"second-layer steps of {overshoot:.2g} times their curvature diverge: shorten step"
        )
    errors = neglected(setup, last)
    if sum(errors.values()) > LARGEST:
        worst = max(errors, key=lambda name: errors[name])
        raise OutOfScope(
            f"SGD is too coarse for gradient flow: {worst} shifts the learning times by up to "
            f"{errors[worst]:.3f} (at most {LARGEST} in all): shorten step or enlarge batch"
        )


def neglected(setup: Setup, last: float) -> dict[str, float]:
    """Relative shift of the learning times up to `last`, for each neglected effect.

    step: Euler's growth rate log(1 + eta r) / eta instead of r = sigma_1 phi_1 / epsilon^(1/2).
    first-layer noise: E |du_i|^2 = eta^2 a_i^2 E[(phi - f)^2 sigma'^2] d/B per step turns unit
    neurons away from u* (aligned and orthogonal neurons averaged, phi - f at its start), and
    the part that they share makes a_i decay by E[phi^2] sigma_1^2 a_i <a^2> / epsilon.
    second-layer noise: a_i diffuses at the rate eta E[phi^2] E[sigma^2] / (B epsilon^2), alike in
    the two neurons of a pair, which damps it at the rate 2 E[sigma^2] / (m epsilon); what is left
    grows along with the signal and ends the first plateau, log(1/epsilon) long, too early.
    """
    orders = np.arange(max(len(setup.activation), len(setup.target)))
    root_factorials = np.array([math.sqrt(math.factorial(int(k))) for k in orders])
    sigma = _padded(setup.activation, len(orders))
    phi = _padded(setup.target, len(orders))
    power, square = phi @ phi, setup.output_std**2
    rate = abs(sigma[1] * phi[1]) / math.sqrt(setup.epsilon)

    nodes, weights = hermegauss(2 * len(orders))
    slope = hermeval(nodes, np.polynomial.hermite_e.hermeder(sigma / root_factorials))
    aligned = weights @ (hermeval(nodes, phi / root_factorials) * slope) ** 2 / weights.sum()
    turning = (aligned + power * (orders @ sigma**2)) / 2
    shared = power * sigma[1] ** 2 * last / setup.epsilon
    diffusion = setup.eta * power * (sigma @ sigma) / (setup.batch * setup.epsilon**2)
    damping = (sigma @ sigma) / (setup.width * setup.epsilon) / rate
    slowed = math.sqrt(damping**2 + 1) - damping  # growth rate of the noise over that of the signal
    plateau = math.asinh(abs(phi[1] / sigma[1]) / (square * math.sqrt(setup.epsilon)))
    grown = diffusion / (2 * slowed * rate * square) * math.exp((slowed - 1) * plateau)
    return {
        "the step": float(setup.eta * rate / 2),
        "first-layer noise": float(
            setup.eta * setup.dim / setup.batch * square * last * (turning + shared) / 2
        ),
        "second-layer noise": float(grown / plateau),
    }


def _padded(coefficients: tuple[float, ...], length: int) -> np.ndarray:
    return np.pad(np.array(coefficients), (0, length - len(coefficients)))
