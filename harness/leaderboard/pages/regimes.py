"""Sweeps as a page shows them: verdict and error along one key, or over two as a map."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from harness.leaderboard import wording
from harness.leaderboard.plots.figure import Figure, Key, Panel
from harness.leaderboard.plots.scales import fitting_kind, label, scale_of
from harness.leaderboard.plots.svg import Band, Layer, Line, Plot, Points, draw
from harness.leaderboard.series import short
from harness.sweeps import At, Outcome, Point, Slope, Sweep, size_of

MOST_RIVALS: Final = 4
_FLOOR: Final = 0.01


@dataclass(frozen=True)
class Cell:
    """One theory at one point; `beyond`: judged outside the regime that it declares."""

    verdict: str
    error: str
    reason: str
    beyond: bool = False


@dataclass(frozen=True)
class Regime:
    """A sweep on a page. `lines` has a row a point (one key) or a value of the first key (two)."""

    sweep: Sweep
    title: str
    columns: tuple[str, ...]
    lines: tuple[tuple[str, tuple[Cell, ...]], ...]
    slopes: tuple[str, ...]
    figures: tuple[Figure, ...]
    holds: str
    problems: tuple[str, ...]
    controls: str
    command: str


def regime(sweep: Sweep, theory: str | None = None) -> Regime:
    """Return a sweep as a page shows it; a map is of `theory`, by default of the claim's."""
    shown = theory or sweep.claim
    two = len(sweep.keys) == 2
    return Regime(
        sweep=sweep,
        title=f"{shown} along {' and '.join(sweep.keys)}, {sweep.tier} tier",
        columns=_columns(sweep),
        lines=tuple(_map(sweep, shown) if two else _list(sweep)),
        slopes=tuple(_slopes(sweep, shown)),
        figures=() if two else tuple(_figures(sweep, shown)),
        holds=_holds(sweep, shown),
        problems=tuple(_problems(sweep)),
        controls=_controls(sweep),
        command=_command(sweep),
    )


def _command(sweep: Sweep) -> str:
    """Return the command that repeats a sweep; those with a reason are shipped with the suite."""
    if sweep.why:
        return f"assay sweep --shipped {sweep.id}"
    parts = [f"assay sweep {sweep.id}"]
    parts += [f"--over {key}={','.join(map(_typed, v))}" for key, v in sweep.over.items()]
    parts += [f"--set {key}={_typed(value)}" for key, value in sweep.overrides.items()]
    return " ".join([*parts, *([] if sweep.tier == "smoke" else [f"--tier {sweep.tier}"])])


def _typed(value: Any) -> str:
    if isinstance(value, tuple | list):
        return f"[{','.join(map(_typed, value))}]"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _columns(sweep: Sweep) -> tuple[str, ...]:
    if len(sweep.keys) == 2:
        first, second = sweep.keys
        return (f"{first} \\ {second}", *map(_value, sweep.over[second]))
    return (sweep.keys[0], *sweep.theories)


def _map(sweep: Sweep, theory: str) -> Iterator[tuple[str, tuple[Cell, ...]]]:
    first, second = sweep.keys
    for a in sweep.over[first]:
        points = [sweep.point(**{first: a, second: b}) for b in sweep.over[second]]
        yield _value(a), tuple(_cell(point, theory) for point in points)


def _list(sweep: Sweep) -> Iterator[tuple[str, tuple[Cell, ...]]]:
    for point in sweep.points:
        cells = tuple(_cell(point, theory) for theory in sweep.theories)
        yield _value(next(iter(point.keys.values()))), cells


def _cell(point: Point | None, theory: str) -> Cell:
    outcome = None if point is None else point.outcome(theory)
    if outcome is None:
        reason = "not run" if point is None else point.problem or "not judged"
        return Cell("error", "–", reason)
    error = wording.number(outcome.error_in_tolerances)
    return Cell(outcome.verdict.value, error, outcome.reason, beyond=outcome.beyond is not None)


def _holds(sweep: Sweep, theory: str) -> str:
    """Say at which points a theory holds and where it breaks."""
    named: dict[str, list[str]] = {}
    for point in sweep.points:
        outcome = point.outcome(theory)
        if outcome is not None:
            where = ", ".join(_value(value) for value in point.keys.values())
            where = f"({where})" if len(point.keys) > 1 else where
            named.setdefault(outcome.verdict.value, []).append(where)
    keys = ", ".join(sweep.keys)
    keys = f"({keys})" if len(sweep.keys) > 1 else keys
    if list(named) == ["pass"]:
        return f"passes at every {keys} that was tried ({len(named['pass'])})"
    said = {"pass": "passes at", "fail": "fails at", "inconclusive": "is undecided at"}
    parts = [
        f"{said.get(verdict, f'is {verdict} at')} {keys} = {', '.join(found)}"
        for verdict, found in named.items()
    ]
    return "; ".join(parts) or "has no verdict"


def _problems(sweep: Sweep) -> Iterator[str]:
    for point in sweep.points:
        if point.problem:
            yield f"{_name_of(point)}: {point.problem}"


def _controls(sweep: Sweep) -> str:
    """Say whether a control stands behind each pass."""
    with_controls = [point for point in sweep.points if point.controlled]
    passing = [
        _name_of(point)
        for point in with_controls
        if any(verdict.value == "pass" for verdict in point.controls.values())
    ]
    if not with_controls:
        return "No control was run along it."
    said = f"Controls were run at {len(with_controls)} of {len(sweep.points)} points"
    return f"{said}; one passes at {'; '.join(passing)}." if passing else f"{said}, and fail."


def _name_of(point: Point) -> str:
    return ", ".join(f"{key} = {_value(value)}" for key, value in point.keys.items())


def _slopes(sweep: Sweep, theory: str) -> Iterator[str]:
    for slope in sweep.slopes_of(theory):
        where = "".join(f" at {key} = {_value(value)}" for key, value in slope.at.items())
        if slope.slope is None or slope.interval is None:
            yield f"{slope.observable}{where}: no finite-size slope; {slope.reason}."
            continue
        power = f"{label(round(slope.slope, 3))} {_interval(slope.interval)}"
        said = f"{slope.observable}{where}: the error goes as {slope.key} to the power {power}"
        if slope.rate is not None:
            verdict = "agrees with" if slope.agrees else "differs from"
            said += f", which {verdict} the predicted {label(slope.rate)}"
        yield f"{said}."


def _interval(ends: tuple[float, float]) -> str:
    return f"[{label(round(ends[0], 3))}, {label(round(ends[1], 3))}]"


def _figures(sweep: Sweep, theory: str) -> Iterator[Figure]:
    """Return the error along the key against the tolerance, and the deviation with its slope."""
    x = _places(sweep)
    if x is None:
        return
    order = [theory, *(name for name in sweep.theories if name != theory)][: MOST_RIVALS + 1]
    styles = {name: "claim" if i == 0 else f"rival-{i}" for i, name in enumerate(order)}
    layers: list[Layer] = [Band([-math.inf, math.inf], [-math.inf] * 2, [1.0, 1.0], "claim")]
    values: list[float] = [1.0]
    for name in reversed(order):
        found = [point.outcome(name) for point in sweep.points]
        y = [_error(outcome) for outcome in found]
        values += [value for value in y if math.isfinite(value)]
        layers.append(Line(x, y, styles[name]))
        low, high = zip(*(_ends(outcome) for outcome in found), strict=True)
        bars = (list(low), list(high)) if name == theory else ((), ())
        layers.append(Points(x, y, styles[name], *bars))
    key = sweep.keys[0]
    said = "; ".join(
        f"at {key} = {_value(v)} {wording.number(_error(p.outcome(theory)))}"
        for v, p in zip(sweep.over[key], sweep.points, strict=True)
    )
    plot = Plot(
        title=f"Error in tolerances along {key}",
        description=f"{theory}: {said}. Up to 1 lies within the tolerance.",
        x=scale_of(x, fitting_kind(x)),
        y=scale_of([max(v, _FLOOR) for v in values], "log"),
        x_label=_axis(sweep),
        y_label="error in tolerances",
        layers=tuple(layers),
        x_ticks=tuple(x) if len(x) <= 8 else (),
    )
    keys = [Key(styles[name], "line", name) for name in order]
    keys.insert(1, Key("claim", "band", "within the tolerance"))
    yield Figure(f"Error along {key}", (Panel("", draw(plot)),), tuple(keys), "")
    panels = [panel for slope in sweep.slopes_of(theory) for panel in _slope_panel(sweep, slope, x)]
    if panels:
        legend = (
            Key("measured", "dot", "deviation of the measurement from the forecast"),
            Key("fitted", "line", "fitted power"),
        )
        title = f"Does the error of {theory} shrink with {key}?"
        note = "Deviations are free of the seeds' noise on average; both axes are logarithmic."
        yield Figure(title, tuple(panels), legend, note)


def _slope_panel(sweep: Sweep, slope: Slope, x: list[float]) -> Iterator[Panel]:
    if slope.slope is None or slope.amplitude is None or min(x) <= 0:
        return
    results = [point.at(slope.theory, slope.observable) for point in sweep.points]
    y = [_deviation(result) for result in results]
    ends = [_deviation_ends(result) for result in results]
    fitted = [abs(slope.amplitude) * size**slope.slope for size in x]
    shown = [v for v in (*y, *fitted) if math.isfinite(v) and v > 0]
    if not shown:
        return
    bars = [low for low, _ in ends], [high for _, high in ends]
    plot = Plot(
        title=f"Deviation of {slope.observable} along {slope.key}",
        description=f"Falls as {slope.key} to the power {label(round(slope.slope, 3))}.",
        x=scale_of(x, "log"),
        y=scale_of([*shown, *(v for v in bars[1] if math.isfinite(v))], "log"),
        x_label=_axis(sweep),
        y_label="|deviation| / tol.",
        layers=(Line(x, fitted, "fitted"), Points(x, y, "measured", *bars)),
        x_ticks=tuple(x) if len(x) <= 8 else (),
    )
    interval = "" if slope.interval is None else f" {_interval(slope.interval)}"
    rate = "" if slope.rate is None else f", predicted {label(slope.rate)}"
    caption = f"{slope.observable}: slope {label(round(slope.slope, 3))}{interval}{rate}"
    yield Panel(caption, draw(plot))


def _places(sweep: Sweep) -> list[float] | None:
    """Return where the key's values lie; None where they are no numbers, or there is just one."""
    found = [_place(value) for value in sweep.over[sweep.keys[0]]]
    places = [place for place in found if place is not None]
    return places if len(places) == len(found) > 1 else None


def _place(value: Any) -> float | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    return size_of(value)


def _axis(sweep: Sweep) -> str:
    """Return what stands along the axis: the key, of lists their mean."""
    key = sweep.keys[0]
    lists = any(isinstance(value, tuple | list) for value in sweep.over[key])
    return f"{key} (geometric mean)" if lists else key


def _error(outcome: Outcome | None) -> float:
    found = None if outcome is None else outcome.error_in_tolerances
    return math.nan if found is None else max(found, _FLOOR)


def _ends(outcome: Outcome | None) -> tuple[float, float]:
    if outcome is None or outcome.interval is None:
        return math.nan, math.nan
    return max(outcome.interval[0], _FLOOR), min(outcome.interval[1], 1e6)


def _deviation(result: At | None) -> float:
    return math.nan if result is None or result.deviation is None else abs(result.deviation)


def _deviation_ends(result: At | None) -> tuple[float, float]:
    ends = None if result is None else result.deviation_interval
    if ends is None:
        return math.nan, math.nan
    low, high = sorted(map(abs, ends))
    return (1e-9 if ends[0] <= 0 <= ends[1] else low), high


def _value(value: Any) -> str:
    return _typed(value) if isinstance(value, tuple | list) else short(value)
