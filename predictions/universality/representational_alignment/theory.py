"""Forecasts of how alike networks are that learned one teacher from the same inputs.

Linear networks: from small initial weights a member's end-to-end map is w = F w* + G z with z its
own standard normal label noise, F = phi(S) S and G G^T = phi(S)^2 S/(n snr) for S = X^T X/n and a
filter phi that is 1/s after long training (minimum-norm least squares). The hidden layer is of rank
one, so its population CKA is cos^2 of the angle between two members' maps.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.api import OutOfScope

from .spectrum import Array, Spectrum, learned_filter, spectrum
from .world import LinearSetup, NetworkSetup, pairs

Forecast = dict[str, float | NDArray[np.float64]]

DIP = 0.1
"""A fall of CKA by less than this is not called a dip."""

NEAR = 0.1
"""Within this distance of n/d = 1 the smallest eigenvalues of S reach down to O(1/d^2)."""

LONGEST = 0.5
"""Near n = d, relative_step * steps / d^2 beyond which descent resolves the smallest of them."""


@dataclass(frozen=True)
class Moments:
    """Means of <w_a, w_b>, |w_a|^2 and <w_a, w*>, and the leading covariances of the first two.

    `product` m and `size` D; `var_product`, `var_size`, `cov` of m with D, `cov_sizes` of the sizes
    of two members.
    """

    product: float
    size: float
    teacher: float
    var_product: float
    var_size: float
    cov: float
    cov_sizes: float

    @property
    def cosine(self) -> float:
        """E cos of the angle between two members, to O(1/d)."""
        m, size = self.product, self.size
        curvature = (3 * self.var_size + self.cov_sizes) / (4 * size**2)
        return m / size * (1 + curvature - self.cov / (m * size))

    @property
    def cosine_squared(self) -> float:
        """E cos^2, to O(1/d)."""
        m, size = self.product, self.size
        change = self.var_product / m**2 + (2 * self.var_size + self.cov_sizes) / size**2
        return (m / size) ** 2 * (1 + change - 4 * self.cov / (m * size))

    @property
    def risk(self) -> float:
        """E |w - w*|^2."""
        return 1 - 2 * self.teacher + self.size


def moments(spec: Spectrum, phi_K: Array, dim: int, samples: int, snr: float) -> Moments:
    """Moments for a filter; w* is a uniform unit vector, independent of the noise.

    With u = F w*, e = G z and b = Var |u|^2 = 2 (tr F^4/d - (tr F^2/d)^2)/(d + 2):
    Var <w_a, w_b> = b + 2 E|G^T u|^2 + tr (G G^T)^2, Var |w|^2 = b + 4 E|G^T u|^2 + 2 tr (G G^T)^2,
    Cov(<w_a, w_b>, |w_a|^2) = b + 2 E|G^T u|^2, Cov(|w_a|^2, |w_b|^2) = b.
    """
    s_K = spec.values
    learned_K = phi_K * s_K
    noise_K = phi_K**2 * s_K / (samples * snr)
    product = spec.trace(learned_K**2) / dim
    spread = 2 * (spec.trace(learned_K**4) / dim - product**2) / (dim + 2)
    mixed = spec.trace(learned_K**2 * noise_K) / dim
    noise_squared = spec.trace(noise_K**2)
    return Moments(
        product=product,
        size=product + spec.trace(noise_K),
        teacher=spec.trace(learned_K) / dim,
        var_product=spread + 2 * mixed + noise_squared,
        var_size=spread + 4 * mixed + 2 * noise_squared,
        cov=spread + 2 * mixed,
        cov_sizes=spread,
    )


def cosine_limit(alpha: float, snr: float) -> float:
    """C = snr |1 - alpha| / (1 + snr |1 - alpha|): two members' cosine for d, steps -> infinity."""
    gap = snr * abs(1 - alpha)
    return gap / (1 + gap)


def risk_limit(alpha: float, snr: float) -> float:
    """|w - w*|^2 in the same limit (Hastie et al. 2022, isotropic features); infinite at n = d."""
    if alpha == 1:
        return math.inf
    if alpha > 1:
        return 1 / (snr * (alpha - 1))
    return 1 - alpha + alpha / (snr * (1 - alpha))


def closed_form(setup: LinearSetup) -> Forecast:
    """CKA = C^2, for long training in high dimension."""
    return _cka(setup.members, cosine_limit(setup.samples / setup.dim, setup.snr) ** 2)


def finite_descent(setup: LinearSetup) -> Forecast:
    """CKA, cosine and risk after the setup's number of steps, to O(1/d).

    Raises OutOfScope where training at n = d is so long that single eigenvalues matter: the sums
    over the spectrum then fluctuate as much as they are large.
    """
    near = abs(setup.samples / setup.dim - 1) < NEAR
    if near and setup.relative_step * setup.steps > LONGEST * setup.dim**2:
        raise OutOfScope("at n = d, descent this long depends on single eigenvalues of the data")
    spec = spectrum(setup.samples, setup.dim)
    edge = (1 + math.sqrt(setup.dim / setup.samples)) ** 2
    phi_K = learned_filter(
        spec,
        setup.dim,
        setup.samples,
        setup.snr,
        # The growing half of the initial weights: |a + W t/|t|| / 2, root mean square.
        start=setup.init_std / 2 * math.sqrt(1 + setup.width / setup.dim),
        step=setup.relative_step / edge,
        steps=setup.steps,
    )
    found = moments(spec, phi_K, setup.dim, setup.samples, setup.snr)
    return _cka(setup.members, found.cosine_squared) | {
        "overlap": found.cosine,
        "risk": found.risk,
    }


def independent_inputs(setup: LinearSetup) -> Forecast:
    """CKA if every member had inputs of its own: <w_a, w_b> is then min(1, alpha)^2."""
    alpha = setup.samples / setup.dim
    cosine = min(1.0, alpha) * cosine_limit(alpha, setup.snr)
    return _cka(setup.members, cosine**2)


def tracks_risk(setup: LinearSetup) -> Forecast:
    """Alignment ordered as the inverse of the risk."""
    return {"order_in_samples": 1 / (1 + risk_limit(setup.samples / setup.dim, setup.snr))}


def monotone_linear(setup: LinearSetup) -> Forecast:
    """Alignment that grows with the number of samples, so that it is least at the fewest."""
    return {"order_in_samples": setup.samples_per_dim, "dip": setup.samples_per_dim}


def network_threshold(setup: NetworkSetup) -> Forecast:
    """A dip where samples equal parameters, n = P, and more alignment at a larger SNR."""
    return {"dip": 1.0, "dip_depth": DIP, "order_in_snr": 1.0}


def linear_threshold(setup: NetworkSetup) -> Forecast:
    """The dip of linear regression, n = d."""
    return {"dip": setup.dim / setup.parameters}


def monotone_network(setup: NetworkSetup) -> Forecast:
    """Alignment that grows with the number of samples, so that it is least at the fewest."""
    return {"dip": setup.samples_per_parameter}


def _cka(members: int, value: float) -> Forecast:
    return {"pair_cka": np.full(pairs(members), value)}
