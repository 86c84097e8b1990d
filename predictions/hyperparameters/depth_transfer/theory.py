"""How the best learning rate of a residual network follows its depth, by counting powers of depth.

A branch is multiplied with L^-a and trained with learning rate eta L^-c. Its updates change the
stream in the same direction at every depth, so their effects add up:

    L branches x L^-a x eta L^-c x what the optimiser makes of the gradient,

which is a sign for Adam and in proportion to L^-a for SGD: eta L^p with p = 1 - a - c, or
p = 1 - 2a - c. Input and readout layers add eta, whatever the depth. The best eta keeps pace with
both together, eta ~ 1 / (1 + k L^p) with a constant k that counting does not give, and the features
change by its inverse at a fixed eta: exponents between 0 and p, whatever k, and no change at all at
p = 0, where branches and the rest learn at one pace.

That needs a stream of size O(1), which is a >= 1/2: the branches' initial outputs are independent
and add up as L^(1/2 - a). Yang et al. 2023 (Tensor Programs VI, arXiv:2310.02244) and Bordelon et
al. 2023 (arXiv:2309.16620) have p = 0; the window for other exponents is derived here.
"""

from __future__ import annotations

from typing import TypeAlias

from harness.api import OutOfScope

from .world import Setup

Window: TypeAlias = tuple[float, float]


def counted(setup: Setup) -> dict[str, Window]:
    """Windows of exponents of depth: of the best eta, of the features' change at a fixed eta.

    Raises OutOfScope where the stream grows without bound, branch_exponent < 1/2.
    """
    if setup.branch_exponent < 1 / 2:
        raise OutOfScope("the residual stream grows exponentially with depth")
    power = branch_power(setup)
    low, high = min(0.0, power), max(0.0, power)
    return {"drift": (0 - high, 0 - low), "feature_exponent": (low, high)}


def transfer(setup: Setup) -> dict[str, Window]:
    """No drift and no change of the features with depth, whatever the exponents of the setup."""
    return {"drift": (0.0, 0.0), "feature_exponent": (0.0, 0.0)}


def relu_mlp(setup: Setup) -> dict[str, Window]:
    """Jelassi et al. 2023, taken for all networks: eta falls as depth^-3/2."""
    return {"drift": (-1.5, -1.5)}


def branch_power(setup: Setup) -> float:
    """The power p of depth in the change of the stream by all branches."""
    times = {"adam": 1, "sgd": 2}[setup.optimiser]
    return 1 - times * setup.branch_exponent - setup.rate_exponent
