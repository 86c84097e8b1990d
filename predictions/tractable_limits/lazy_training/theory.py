"""How far weights, features and output move in training, as a power of the width N.

With s = N^(1 - alpha) the output N^-alpha sum_i a_i phi(w_i.x) is s <a phi(w.x)>, a mean over the
neurons, and the step size eta N^(2 alpha - 1) moves a neuron by

    dw/dt = (eta / s) a <r phi'(w.x) x>_x,   da/dt = (eta / s) <r phi(w.x)>_x,   r = y - f,

while f moves at a speed free of s and N. So N enters through s, and through which neurons were
drawn, a correction of order 1/N. Let the law of a be symmetric. Then (a, s) -> (-a, -s) changes
neither equations nor start, and a mean over neurons that is even in a is an even function of 1/s:

    <|w - w_0|^2> = m_1 / s^2 + m_2 / s^4 + ...,   <phi phi'> - <phi_0 phi_0'> = c_1 / s^2 + ...

For s -> infinity only the first terms are left: lazy training, in which weights move as 1/s and
the features' Gram matrix as 1/s^2. At alpha = 1, s = 1 at every width, so nothing depends on N.
The deviation from the power law is of order 1/s^2 = N^-2(1 - alpha) for alpha < 1.

Chizat, Oyallon & Bach 2019 (arXiv:1812.07956), section 1; Geiger et al. 2020 (arXiv:1906.08034).
"""

from __future__ import annotations

from typing import Final, TypeAlias

from harness.api import OutOfScope

from .world import Setup

Exponents: TypeAlias = dict[str, float]

LONGEST: Final = 20.0
"""Training time eta * steps up to which the first terms rule at the widths that are trained."""


def interpolation(setup: Setup) -> Exponents:
    """Powers of s = N^(1 - alpha); raises OutOfScope for long training, which needs larger s."""
    if setup.learning_rate * setup.steps > LONGEST:
        raise OutOfScope(f"{setup.steps} steps of {setup.learning_rate} are more than {LONGEST}")
    return _exponents(1 - setup.alpha)


def lazy_everywhere(setup: Setup) -> Exponents:
    """The neural-tangent limit for every network, as at alpha = 1/2."""
    return _exponents(0.5)


def rich_everywhere(setup: Setup) -> Exponents:
    """The mean-field limit for every network, as at alpha = 1."""
    return _exponents(0.0)


def features_follow_weights(setup: Setup) -> Exponents:
    """The interpolation, but with a Gram matrix that moves as far as the weights do."""
    exponents = interpolation(setup)
    return exponents | {"feature_movement": exponents["weight_movement"]}


def _exponents(power: float) -> Exponents:
    """Exponents of N for what moves as 1/s, 1/s^2 and s^0, where s = N^power."""
    # 0 - x, because -x makes a negative zero
    return {"weight_movement": 0 - power, "feature_movement": 0 - 2 * power, "output_movement": 0.0}
