"""The worlds of the two claims: tokens that pass random attention layers, one layer or many."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias

import numpy as np
from pydantic import Field

from harness.api import STATIC

Attention: TypeAlias = Literal["shaped", "uncentred", "softmax"]


@dataclass(frozen=True, kw_only=True)
class TokenSetup:
    """Tokens and attention, the numbers that both worlds share.

    Tokens stand in a row: their squared lengths over n grow evenly from 1 - length_spread to
    1 + length_spread, and the correlation of two of them decays with the steps between them.
    """

    width: Annotated[int, Field(ge=8, description="width n: entries of a token, and head size")]
    tokens: Annotated[int, Field(ge=2, le=16, description="number of tokens m")]
    correlation: Annotated[
        float, Field(ge=0, lt=1, description="initial correlation of tokens one step apart")
    ]
    length_spread: Annotated[
        float, Field(ge=0, lt=1, description="largest |x|^2/n of an initial token, less one")
    ]
    temperature: Annotated[
        float, Field(gt=0, description="tau0: logits of unit variance are divided by tau0 sqrt n")
    ]
    attention: Annotated[
        Attention,
        Field(
            description="attention that the network has: shaped, I + softmax - 1/m, as the theory "
            "knows it; uncentred, I + softmax; or softmax, of the logits over tau0 alone"
        ),
    ]
    hidden_temperature: Annotated[
        float, Field(gt=0, description="factor on tau0 that the theory does not know of")
    ]

    def __post_init__(self) -> None:
        if self.tokens >= self.width:
            raise ValueError(f"{self.tokens} tokens need a width above that, not {self.width}")

    def covariance(self) -> Any:
        """Initial token covariance V = X X^T / n, [token, token]; traced where the setup is."""
        index_M = np.arange(self.tokens)
        length_M = 1 + self.length_spread * np.linspace(-1, 1, self.tokens)
        root_M = length_M**0.5
        gap_MM = abs(index_M[:, None] - index_M)
        return root_M[:, None] * root_M * self.correlation**gap_MM

    def mixing(self) -> Any:
        """Natural size s = sum(V o J V J) / m^2, J = I - 1/m, of attention's effect on the tokens.

        Tokens that are all alike have none. Traced where the setup is.
        """
        v_MM = self.covariance()
        row_M = v_MM.mean(axis=0)
        centred_MM = v_MM - row_M - row_M[:, None] + row_M.mean()
        return (v_MM * centred_MM).sum() / self.tokens**2


@dataclass(frozen=True, kw_only=True)
class LayerSetup(TokenSetup):
    """One attention layer."""

    networks: Annotated[int, Field(ge=1, description="pairs of random layers of one seed")]

    def drift_unit(self) -> Any:
        """Natural size of n tau0^2 (A V A^T - V): s times the root mean square of V."""
        return self.mixing() * (self.covariance() ** 2).mean() ** 0.5

    def axes(self) -> dict[str, np.ndarray]:
        """Entries of the upper triangle of a token covariance, row by row."""
        return {"entry": np.arange(self.tokens * (self.tokens + 1) // 2)}


@dataclass(frozen=True, kw_only=True)
class DepthSetup(TokenSetup):
    """Many residual layers x -> sqrt(1 - g) x + sqrt(g) A x W, g = branch_variance."""

    branch_variance: Annotated[
        float, Field(gt=0, lt=1, description="gamma^2, the attention branch's share of a layer")
    ]
    depth_per_width: Annotated[
        float, STATIC, Field(gt=0, le=2, description="T = L/n: depth, rounded to full records")
    ]
    records: Annotated[int, Field(ge=1, description="equal parts of the depth, read at their ends")]
    networks: Annotated[int, Field(ge=1, description="random networks of one seed")]

    @property
    def layers_per_record(self) -> int:
        """Layers between two records, at least one."""
        return max(round(self.depth_per_width * self.width / self.records), 1)

    def gain_unit(self) -> Any:
        """Natural size of attention's effect on ln |x|^2 at the depth: g T s / tau0^2."""
        return self.branch_variance * self.depth_per_width * self.mixing() / self.temperature**2

    def axes(self) -> dict[str, np.ndarray]:
        """Layers passed at each record over the width; networks and pairs of tokens by number."""
        layers = self.layers_per_record * np.arange(1, self.records + 1)
        return {
            "time": layers / self.width,
            "network": np.arange(self.networks),
            "pair": np.arange(self.tokens * (self.tokens - 1) // 2),
        }
