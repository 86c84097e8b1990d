"""From a prediction, a tier and overrides to the cases that a run trains."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from harness.errors import AssayError
from harness.suggest import choices

if TYPE_CHECKING:
    from harness.schema import Prediction

CLAIM: Final = "claim"


@dataclass(frozen=True)
class Case:
    """One resolved world: the numbers, and the axes that are swept or vectorised.

    `setup` holds the fixed keys, `sweep` and `grid` the values of the varied ones. The case
    named "claim" is the prediction's own; every other one is a control.
    """

    name: str
    setup: Mapping[str, Any]
    sweep: Mapping[str, tuple[Any, ...]]
    grid: Mapping[str, tuple[Any, ...]]

    def sweep_points(self) -> Iterator[dict[str, Any]]:
        """Every combination of swept values, the last axis fastest."""
        yield from _points(self.sweep)

    def grid_points(self) -> Iterator[dict[str, Any]]:
        """Every combination of grid values, the last axis fastest."""
        yield from _points(self.grid)

    def first_point(self) -> dict[str, Any]:
        """The setup at the first value of every axis."""
        first = {key: values[0] for key, values in {**self.sweep, **self.grid}.items()}
        return {**self.setup, **first}


@dataclass(frozen=True)
class Plan:
    """What one tier of a prediction runs: its cases and its seeds."""

    prediction: Prediction
    tier: str
    claim: Case
    controls: tuple[Case, ...]
    seeds: int
    max_seeds: int
    budget_s: float | None
    overrides: Mapping[str, Any] = field(default_factory=dict)

    def looks(self) -> tuple[int, ...]:
        """Seed counts at which a verdict is attempted: doubling from `seeds` to `max_seeds`."""
        looks = [self.seeds]
        while looks[-1] < self.max_seeds:
            looks.append(min(2 * looks[-1], self.max_seeds))
        return tuple(looks)


def _points(axes: Mapping[str, tuple[Any, ...]]) -> Iterator[dict[str, Any]]:
    for values in itertools.product(*axes.values()):
        yield dict(zip(axes, values, strict=True))


def make_plan(
    prediction: Prediction,
    tier: str = "smoke",
    overrides: Mapping[str, Any] | None = None,
    *,
    seeds: int | None = None,
    max_seeds: int | None = None,
) -> Plan:
    """Resolve a prediction at a tier, with setup keys overridden.

    Precedence, weakest first: the file, the tier, the overrides, a control's own changes. For
    an axis (a key of `sweep` or `grid`) an override also reaches the controls, because a
    control narrows an axis only to save time.

    Raises AssayError for an unknown tier, an unknown key, or seeds out of range.
    """
    if tier not in prediction.tiers:
        raise AssayError(
            f"there is no tier '{tier}'",
            remedy=choices(tier, prediction.tiers),
            file=prediction.source,
            line=prediction.line("tiers"),
            path="tiers",
        )
    chosen = prediction.tiers[tier]
    overrides = dict(overrides or {})
    base = Case(CLAIM, dict(prediction.setup), dict(prediction.sweep), _tuples(prediction.grid))
    sized = _changed(base, CLAIM, chosen.setup, chosen.sweep, chosen.grid)
    _reject_unknown_keys(prediction, sized, overrides)
    axes = {key: _as_axis(key, value) for key, value in overrides.items() if key in _axes(sized)}
    fixed = {key: value for key, value in overrides.items() if key not in axes}
    claim = _changed(sized, CLAIM, fixed, axes, axes)
    controls = tuple(
        _changed(
            claim,
            name,
            control.setup,
            {**control.sweep, **axes},
            {**control.grid, **axes},
        )
        for name, control in prediction.controls.items()
    )
    first = chosen.seeds if seeds is None else seeds
    last = max(first, chosen.max_seeds or chosen.seeds) if max_seeds is None else max_seeds
    if seeds is not None and max_seeds is None:
        last = first
    if not 2 <= first <= last:
        raise AssayError(
            f"{first} seeds with at most {last} cannot give an interval",
            remedy="give at least 2 seeds, and --max-seeds no smaller than --seeds",
            path="--seeds",
        )
    return Plan(prediction, tier, claim, controls, first, last, chosen.budget_s, overrides)


def _tuples(axes: Mapping[str, Any]) -> dict[str, tuple[Any, ...]]:
    return {key: tuple(values) for key, values in axes.items()}


def _axes(case: Case) -> set[str]:
    return {*case.sweep, *case.grid}


def _as_axis(key: str, value: Any) -> tuple[Any, ...]:
    values = tuple(value) if isinstance(value, list | tuple) else (value,)
    if not values or len(set(values)) < len(values):
        raise AssayError(
            f"the axis '{key}' needs at least one value, and each only once",
            remedy=f"Write --set '{key}=[a, b]'.",
            path=f"--set {key}",
        )
    return values


def _changed(
    case: Case,
    name: str,
    setup: Mapping[str, Any],
    sweep: Mapping[str, Any],
    grid: Mapping[str, Any],
) -> Case:
    def merge(old: Mapping[str, tuple[Any, ...]], new: Mapping[str, Any]) -> dict[str, Any]:
        return {key: tuple(new.get(key, values)) for key, values in old.items()}

    return Case(
        name=name,
        setup={**case.setup, **setup},
        sweep=merge(case.sweep, sweep),
        grid=merge(case.grid, grid),
    )


def _reject_unknown_keys(prediction: Prediction, case: Case, overrides: Mapping[str, Any]) -> None:
    known = {*case.setup, *_axes(case)}
    for key in overrides:
        if key not in known:
            raise AssayError(
                f"the setup of '{prediction.id}' has no key '{key}'",
                remedy=choices(key, known),
                file=prediction.source,
                line=prediction.line("setup"),
                path=f"setup.{key}",
            )
