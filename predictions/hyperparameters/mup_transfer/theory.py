"""How the best learning rate follows width, by counting powers of width.

A layer is W = n^-a w with w ~ N(0, n^-2b) and learning rate n^-c eta: its entries start at the
size n^-(a+b), and a step changes them by eta n^-r times what the optimiser makes of the gradient,
r = a + c for Adam (which makes it a sign) and r = 2a + c for SGD (the gradient itself). Two
requirements bound the eta ~ n^s that training can use, and the best one keeps pace with them:

    A  no layer's own update changes that layer's output by more than O(1) when it is aligned with
       its input (n coherent terms): the desideratum of muP (Yang & Hu 2021; Yang et al. 2022);
    B  the network's output changes by no more than O(1) through any layer. For Adam that is
       eta times the l1 norm of the gradient; through the trained readout it is of higher order.

Each requirement is a list of terms eta^k n^p that must stay O(1), so s = min(-p / k). Where A and B
agree they forecast s; where they differ, s lies between them at any finite width, because the
terms come with unequal constants. The window and the second-order terms are derived here.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from .world import Optimiser, Parametrisation, Readout, Setup


class Layer(NamedTuple):
    """Exponents of 1/n: multiplier a, initialisation b, learning rates c of SGD and of Adam."""

    a: float
    b: float
    sgd: float
    adam: float


class Network(NamedTuple):
    """Exponents of the three kinds of layer."""

    input: Layer
    hidden: Layer
    readout: Layer


class Term(NamedTuple):
    """A quantity eta^order n^power."""

    order: int
    power: float

    @property
    def rate(self) -> float:
        """The s for which eta ~ n^s keeps the quantity O(1)."""
        return -self.power / self.order


# Written from the papers, not from models.parametrisation: an error there shows as a failed claim.
NETWORKS: Final[dict[Parametrisation, Network]] = {
    # He et al. 2015; Yang & Hu 2021, table 1
    "standard": Network(Layer(0, 0, 0, 0), Layer(0, 0.5, 0, 0), Layer(0, 0.5, 0, 0)),
    # Jacot et al. 2018; Adam: Yang & Littwin 2023
    "ntk": Network(Layer(0, 0, 0, 0.5), Layer(0.5, 0, 0, 1), Layer(0.5, 0, 0, 0.5)),
    # Mei et al. 2018; Bordelon & Pehlevan 2022
    "mean-field": Network(Layer(0, 0, -1, 0), Layer(0.5, 0, -1, 0.5), Layer(1, 0, -1, 0)),
    # Yang et al. 2022, table 3
    "mup": Network(Layer(0, 0, -1, 0), Layer(0, 0.5, 0, 1), Layer(0, 1, 1, 1)),
    # the same with the hidden layers' Adam exponent left out
    "half-mup": Network(Layer(0, 0, -1, 0), Layer(0, 0.5, 0, 0), Layer(0, 1, 1, 1)),
}


def transfer(setup: Setup) -> dict[str, float]:
    """What muP promises: the forecasts for muP, whatever parametrisation the setup has."""
    low, high = ends("mup", setup.optimiser, setup.readout, setup.depth)
    growth = feature_growth("mup", setup.optimiser, setup.readout, setup.depth)
    return {"drift": (low + high) / 2, "regret": 0.0, "feature_exponent": growth}


def window(setup: Setup) -> dict[str, tuple[float, float]]:
    """Between requirements A and B, for the setup's parametrisation."""
    return {"drift": ends(setup.parametrisation, setup.optimiser, setup.readout, setup.depth)}


def standard_window(setup: Setup) -> dict[str, tuple[float, float]]:
    """The same for the standard parametrisation, whatever parametrisation the setup has."""
    return {"drift": ends("standard", setup.optimiser, setup.readout, setup.depth)}


def aligned_features(setup: Setup) -> dict[str, tuple[float, float]]:
    """Requirement A alone: with Adam in the standard parametrisation the textbook's 1/n."""
    s = requirement_a(setup.parametrisation, setup.optimiser, setup.readout, setup.depth)
    return {"drift": (s, s)}


def relative_updates(setup: Setup) -> dict[str, tuple[float, float]]:
    """Steps in proportion to the initial weights: 1/sqrt(n) in the standard parametrisation."""
    layers = _trained(NETWORKS[setup.parametrisation], setup.depth)
    s = min(_rate(layer, setup.optimiser) - layer.a - layer.b for layer in layers)
    return {"drift": (s, s)}


def no_drift(setup: Setup) -> dict[str, tuple[float, float]]:
    """Well-scaled initial weights are all it takes: one learning rate fits all widths."""
    return {"drift": (0.0, 0.0)}


def ends(
    name: Parametrisation, optimiser: Optimiser, readout: Readout, depth: int
) -> tuple[float, float]:
    """The exponents of A and B in ascending order."""
    a = requirement_a(name, optimiser, readout, depth)
    b = requirement_b(name, optimiser, readout, depth)
    return min(a, b), max(a, b)


def requirement_a(
    name: Parametrisation, optimiser: Optimiser, readout: Readout, depth: int
) -> float:
    """Largest s with O(1) changes of each layer's output by its own update."""
    network = NETWORKS[name]
    own = [*_moves(network, optimiser, readout, depth), _readout_move(network, optimiser)]
    return min(term.rate for term in own)


def requirement_b(
    name: Parametrisation, optimiser: Optimiser, readout: Readout, depth: int
) -> float:
    """Largest s with O(1) changes of the network's output through each layer.

    A change n^p of every feature moves the output by n^(1+p) times the entries of the readout:
    those it starts with (signs aligned, as gradients align them) and those it has learnt.
    """
    network = NETWORKS[name]
    through = [
        Term(signal.order + move.order, 1 + signal.power + move.power)
        for signal in signals(network, optimiser, readout)
        for move in _moves(network, optimiser, readout, depth)
    ]
    return min(term.rate for term in [*through, _readout_move(network, optimiser)])


def feature_growth(
    name: Parametrisation, optimiser: Optimiser, readout: Readout, depth: int
) -> float:
    """Exponent of width in the change of the features at a fixed eta."""
    return max(move.power for move in _moves(NETWORKS[name], optimiser, readout, depth))


def signals(network: Network, optimiser: Optimiser, readout: Readout) -> list[Term]:
    """Size of the readout's entries, which is that of the gradient that reaches the features."""
    initial = [Term(0, -(network.readout.a + network.readout.b))] if readout == "random" else []
    return [*initial, Term(1, -_rate(network.readout, optimiser))]


def _moves(network: Network, optimiser: Optimiser, readout: Readout, depth: int) -> list[Term]:
    """Change of the features by each layer below the readout: fan-in coherent terms."""
    fan_in = [(network.input, 0), (network.hidden, 1)][: 2 if depth > 1 else 1]
    gradients = [Term(0, 0)] if optimiser == "adam" else signals(network, optimiser, readout)
    return [
        Term(1 + gradient.order, power - _rate(layer, optimiser) + gradient.power)
        for layer, power in fan_in
        for gradient in gradients
    ]


def _readout_move(network: Network, optimiser: Optimiser) -> Term:
    """Change of the output by the readout's update, on features of size O(1)."""
    return Term(1, 1 - _rate(network.readout, optimiser))


def _trained(network: Network, depth: int) -> list[Layer]:
    return [network.input, *([network.hidden] if depth > 1 else []), network.readout]


def _rate(layer: Layer, optimiser: Optimiser) -> float:
    return layer.a + layer.adam if optimiser == "adam" else 2 * layer.a + layer.sgd
