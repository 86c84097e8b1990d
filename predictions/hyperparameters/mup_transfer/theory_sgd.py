"""How the best learning rate follows width under SGD, in any parametrisation.

SGD's update of a layer W = n^-a w is eta n^-(2a + c) in W times the gradient in W. Here the two
requirements of `theory` agree, so counting gives a number and not a window: the eta for which the
output moves by O(1) in a step. The tangent kernel of Jacot et al. 2018 gives the same number by
another count, the eta for which the largest eigenvalue of its Hessian stays O(1). So this question
separates both from rules of thumb, and not one from the other.
"""

from __future__ import annotations

from harness.api import OutOfScope

from .theory import NETWORKS, Layer, Network, ends
from .world import Setup


def counted(setup: Setup) -> dict[str, float]:
    """The exponent of eta for updates of O(1), in the setup's own parametrisation.

    Raises OutOfScope unless the readout starts random and the optimiser is SGD.
    """
    _network(setup)
    low, high = ends(setup.parametrisation, "sgd", "random", setup.depth)
    return {"drift": (low + high) / 2}


def tangent_kernel(setup: Setup) -> dict[str, float]:
    """The exponent of eta inverse to the tangent kernel at initialisation."""
    return {"drift": 0 - kernel_growth(_network(setup), setup.depth)}


def no_drift(setup: Setup) -> dict[str, float]:
    """Well-scaled initial weights are all it takes: one learning rate fits all widths."""
    return {"drift": 0.0}


def relative_updates(setup: Setup) -> dict[str, float]:
    """The fastest layer's step stays in proportion to its initial weights."""
    network = _network(setup)
    used = _used(network, setup.depth)
    rates = [layer.a + layer.sgd - layer.b + signal for layer, signal in used]
    return {"drift": min(rates)}


def without_factors(setup: Setup) -> dict[str, float]:
    """The count as if all layers had one learning rate: muP's come with its weights (wrong)."""
    network = _network(setup)
    bare = Network(*(layer._replace(sgd=0) for layer in network))
    return {"drift": 0 - kernel_growth(bare, setup.depth)}


def kernel_growth(network: Network, depth: int) -> float:
    """Exponent of width in the tangent kernel at initialisation, sum_l eta_l |df/dw_l|^2.

    Input: n entries of the back-propagated readout squared. Hidden: n of these and n features.
    Readout: n features.
    """
    sizes = [1 - 2 * _signal(network), *([2 - 2 * _signal(network)] if depth > 1 else []), 1.0]
    layers = [layer for layer, _ in _used(network, depth)]
    return max(size - (2 * layer.a + layer.sgd) for size, layer in zip(sizes, layers, strict=True))


def _network(setup: Setup) -> Network:
    if setup.optimiser != "sgd":
        raise OutOfScope(f"counts the updates of SGD, not of {setup.optimiser}")
    if setup.readout != "random":
        raise OutOfScope("the first gradients reach the features through a random readout")
    return NETWORKS[setup.parametrisation]


def _signal(network: Network) -> float:
    """Size n^-g of the initial readout, and so of the gradient at every neuron."""
    return network.readout.a + network.readout.b


def _used(network: Network, depth: int) -> list[tuple[Layer, float]]:
    """The layers that a network of some depth has, with the power 1/n of the signal at them."""
    hidden = [(network.hidden, _signal(network))] if depth > 1 else []
    return [(network.input, _signal(network)), *hidden, (network.readout, 0.0)]
