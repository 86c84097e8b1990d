"""What there is to draw of one observable: measurement, forecasts, rivals and controls together.

Axes of which the claim has one point are left out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import xarray as xr

from harness.judge import LEVEL
from harness.judge.mean import quantile
from harness.leaderboard.board import Entry, Spec
from harness.leaderboard.series import Json, data_array, over_seeds, single_points, squeezed
from harness.plan import CLAIM

MOST_RIVALS: Final = 4


@dataclass(frozen=True)
class Measured:
    """Mean over seeds and the half-width of its interval (the level of a verdict)."""

    mean: xr.DataArray
    half: xr.DataArray


@dataclass(frozen=True)
class Told:
    """A theory's forecast in one case, with the case's own measurement."""

    name: str
    style: str
    forecast: xr.DataArray
    measured: Measured
    row: Json


@dataclass(frozen=True)
class Scene:
    """One observable of an entry; `claim` is None where its theory has no forecast of it.

    `by_seed` has one value a seed: its own, or a jackknife's where the observable is a statistic
    of all seeds together.
    """

    name: str
    spec: Spec
    tolerance: float
    kind: str
    measured: Measured
    claim: Told | None
    rivals: tuple[Told, ...]
    controls: tuple[Told, ...]
    raw: Measured | None
    by_seed: xr.DataArray | None = None

    def in_own_world(self, control: Told) -> bool:
        """Whether a control changed the forecast alone, and trained nothing of its own."""
        return bool(control.measured.mean.equals(self.measured.mean))

    @property
    def told(self) -> tuple[Told, ...]:
        """The forecasts in the claim's own case, the claim's theory first."""
        return (*(() if self.claim is None else (self.claim,)), *self.rivals)


def scenes(entry: Entry) -> Iterator[Scene]:
    """Return a scene for each observable of an entry that was measured and is still declared."""
    trial = entry.trial
    if trial is None:
        return
    theory = next(result.theory for result in entry.theories if result.is_claim)
    for name, spec in entry.observables.items():
        rows = [row for row in trial["rows"] if row["observable"] == name and row["measured"]]
        own = [row for row in rows if row["case"] == CLAIM]
        if not own:
            continue
        claims = [row for row in own if row["theory"] == theory]
        rivals = [row for row in own if row["theory"] != theory][:MOST_RIVALS]
        controls = [row for row in rows if row["case"] != CLAIM]
        raw = trial["raw"].get(spec.raw)
        seeds = own[0]["seeds"]
        single = single_points(data_array(own[0]["measured"]["mean"]))
        yield Scene(
            name=name,
            spec=spec,
            tolerance=own[0]["tolerance"],
            kind=own[0]["tolerance_kind"],
            measured=_measured(own[0]["measured"], seeds, single),
            claim=_told(claims[0], "claim", theory, single) if claims else None,
            rivals=tuple(
                _told(row, f"rival-{index}", row["theory"], single)
                for index, row in enumerate(rivals, 1)
            ),
            controls=tuple(
                _told(row, f"control-{index}", row["case"], single)
                for index, row in enumerate(controls, 1)
            ),
            raw=None
            if raw is None
            else _measured(raw, seeds, single_points(data_array(raw["mean"]))),
            by_seed=_by_seed(own[0]["measured"]["per_seed"], single),
        )


def half_band(scene: Scene, forecast: np.ndarray, over: Sequence[int] = ()) -> np.ndarray:
    """Return half of the tolerance band about a forecast, in the observable's unit.

    A relative tolerance is one of the norm of the forecast where a curve is compared (`over`: its
    axes), else of each value; a logarithmic one is not a half-width: use `band`.
    """
    if scene.kind != "relative":
        return np.full_like(forecast, scene.tolerance)
    if scene.spec.compare != "curve":
        each: np.ndarray = scene.tolerance * np.abs(forecast)
        return each
    axes = tuple(over)
    norm = scene.spec.options.get("norm", "l2")
    size = {
        "l2": lambda x: np.sqrt(np.mean(x**2, axis=axes, keepdims=True)),
        "l1": lambda x: np.mean(np.abs(x), axis=axes, keepdims=True),
        "sup": lambda x: np.max(np.abs(x), axis=axes, keepdims=True),
    }[norm](forecast)
    whole: np.ndarray = np.broadcast_to(scene.tolerance * size, forecast.shape)
    return whole


def band(
    scene: Scene, forecast: np.ndarray, over: Sequence[int] = ()
) -> tuple[np.ndarray, np.ndarray]:
    """Return the ends of the tolerance band about a forecast."""
    if scene.kind == "log":
        factor = math.exp(scene.tolerance)
        return np.minimum(forecast / factor, forecast * factor), np.maximum(
            forecast / factor, forecast * factor
        )
    half = half_band(scene, forecast, over)
    return forecast - half, forecast + half


def _by_seed(stored: Json | None, single: Sequence[str]) -> xr.DataArray | None:
    return None if stored is None else squeezed(data_array(stored), single)


def _told(row: Json, style: str, name: str, single: Sequence[str]) -> Told:
    measured = _measured(row["measured"], row["seeds"], single)
    forecast = squeezed(over_seeds(data_array(row["forecast"])), single)
    return Told(name=name, style=style, forecast=forecast, measured=measured, row=row)


def _measured(summary: Mapping[str, Json], seeds: int, single: Sequence[str]) -> Measured:
    error = squeezed(data_array(summary["stderr"]), single)
    mean = squeezed(data_array(summary["mean"]), single)
    return Measured(mean, error * float(quantile(seeds, LEVEL)))
