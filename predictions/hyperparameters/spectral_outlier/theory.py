"""Outlier and tangent kernel of a three-layer linear network while it learns.

All depends on width and parametrisation through one number, the output K in units in which the
readout has entries of size one over the width (see `flow`). muP fixes these units: K is the same at
every width. In the NTK parametrisation the same output is a smaller K in a wider network.
"""

from __future__ import annotations

import numpy as np

from harness.theory.random_matrices import Array
from harness.theory.wigner import spiked_wigner

from . import flow
from .world import Descent, Network

Curves = dict[str, Array]

# Entries of input, hidden and readout layer in the tangent kernel of the initial weights, one each.
LAYERS = 3


def wide_limit(setup: Descent) -> Curves:
    """The network of infinite width, its spike bound to its bulk: `flow`."""
    course = flow.course(outputs(setup))
    return {"top_singular_value": course.outlier, "kernel": course.kernel}


def independent_spike(setup: Descent) -> Curves:
    """The spike that training adds, put on a bulk that knows nothing of it: s + 1/s above s = 1.

    Benaych-Georges & Nadakuditi 2012, section 3.1, for a square matrix; s is the spike of the
    same flow.
    """
    spikes = flow.course(outputs(setup)).spike
    return {"top_singular_value": np.array([spiked_wigner(s, 1.0).value for s in spikes])}


def aligned_layers(setup: Descent) -> Curves:
    """Three layers of equal strength K^(1/3), without the random part of M: K' = 3 K^(4/3).

    The limit of small initial weights; until the strength exceeds it, the edge of the bulk is the
    largest singular value.
    """
    strength = np.cbrt(outputs(setup))
    return {
        "top_singular_value": np.maximum(strength, flow.EDGE),
        "kernel": aligned_kernel(outputs(setup)),
    }


def lazy(setup: Descent) -> Curves:
    """Weights that hardly move: no outlier, and the tangent kernel of the initial weights."""
    ones = np.ones(len(setup.parts))
    return {"top_singular_value": flow.EDGE * ones, "kernel": LAYERS * ones}


def width_blind(setup: Descent) -> Curves:
    """The network of infinite width with muP's output scale, in either parametrisation."""
    course = flow.course(np.array(setup.parts) * setup.target)
    return {"top_singular_value": course.outlier, "kernel": course.kernel}


def outputs(setup: Descent) -> Array:
    """The outputs K at which the weights are read, [learnt]."""
    return np.array(setup.parts) * final_output(setup)


def final_output(setup: Network) -> float:
    """The output K at the target."""
    if setup.parametrisation == "ntk":
        return float(setup.target * np.sqrt(setup.base_width / setup.width))
    return setup.target


def aligned_kernel(output: Array | float) -> Array:
    """Tangent kernel 3 K^(4/3) of three aligned layers."""
    return np.asarray(LAYERS * np.cbrt(output) ** 4)
