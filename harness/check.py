"""Deep checks of predictions without training: their code, every setup, and the forecasts.

What a file alone can get wrong is found when it is read (`read`, `rules`); here the topic's Python
is imported, every Setup that a tier would build is built, and the smallest tier is forecast.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ParamSpec, TypeVar

from harness.errors import AssayError, Problem
from harness.execute import Arrays
from harness.forecast import Forecast, forecast
from harness.measure import draws
from harness.plan import CLAIM, Case, Plan, make_plan
from harness.promise import reachable
from harness.schema import Prediction
from harness.strict_yaml import KeyPath, dotted
from harness.suggest import choices
from harness.topic import build_setup, load_function, setup_class, traced_fields

P = ParamSpec("P")
T = TypeVar("T")


def check(predictions: Iterable[Prediction]) -> list[Problem]:
    """Return everything that would stop these predictions from running; trains nothing."""
    return [problem for prediction in predictions for problem in _checked(prediction)]


@dataclass
class _Findings:
    """Collects problems of one prediction, each once."""

    prediction: Prediction
    problems: dict[Problem, None] = field(default_factory=dict)

    def add(self, path: KeyPath, what: str, remedy: str) -> None:
        problem = Problem(
            what=what,
            remedy=remedy,
            file=self.prediction.source,
            line=self.prediction.line(*path),
            path=dotted(path),
        )
        self.problems[problem] = None

    def attempt(self, action: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
        """Return what `action` returns; None, and its problems noted, when it raises."""
        try:
            return action(*args, **kwargs)
        except AssayError as error:
            self.problems |= dict.fromkeys(error.problems)
            return None


def _checked(prediction: Prediction) -> list[Problem]:
    """Run the checks in order; later ones need what earlier ones found in order."""
    findings = _Findings(prediction)
    world = _check_functions(prediction, findings)
    _check_separation(prediction, findings)
    if world is not None and not findings.problems:
        _check_grid(prediction, world, findings)
        _check_setups(prediction, world, findings)
    if not findings.problems:
        _check_forecasts(prediction, findings)
    return list(findings.problems)


def _check_functions(prediction: Prediction, findings: _Findings) -> type[Any] | None:
    """Load every function that the file names; return the experiment's Setup class."""
    world: type[Any] | None = None
    for role, reference, path in _references(prediction):
        function = findings.attempt(load_function, prediction, reference, role, path)
        if function is None or role == "reduce":
            continue
        found = findings.attempt(setup_class, function)
        if role == "experiment":
            world = found
        elif None not in (found, world) and found is not world:
            findings.add(
                path,
                f"{reference} takes another Setup class than {prediction.experiment}",
                "Import the one Setup of this topic in both files.",
            )
    return world


def _references(prediction: Prediction) -> Iterator[tuple[str, str, KeyPath]]:
    """Return role, reference and key path of every function named; the experiment first."""
    yield "experiment", prediction.experiment, ("experiment",)
    if prediction.draw is not None:
        yield "draw", prediction.draw, ("draw",)
    for name, observable in prediction.observables.items():
        if observable.reduce is not None:
            yield "reduce", observable.reduce, ("observables", name, "reduce")
    for theory, entry in prediction.theories.items():
        if isinstance(entry.forecast, str):
            yield "forecast", entry.forecast, ("theories", theory, "forecast")
    for name, control in prediction.controls.items():
        if isinstance(control.forecast, str):
            yield "forecast", control.forecast, ("controls", name, "forecast")


def _check_separation(prediction: Prediction, findings: _Findings) -> None:
    """A forecast must not reach the experiment's code."""
    module = prediction.experiment.partition(".")[0]
    experiment = prediction.folder / f"{module}.py"
    for role, reference, path in _references(prediction):
        if role == "forecast":
            own = reference.partition(".")[0]
            files = findings.attempt(reachable, prediction.folder, [own])
            if files is not None and experiment in files:
                findings.add(
                    path,
                    f"{own}.py reaches {module}.py, so the forecast could see the experiment",
                    "Move what both need to world.py.",
                )


def _check_grid(prediction: Prediction, world: type[Any], findings: _Findings) -> None:
    traced = traced_fields(world)
    for key in prediction.grid:
        if key not in traced:
            findings.add(
                ("grid", key),
                f"'{key}' is no traced float of {world.__name__}, so it cannot be vectorised",
                "Move it to `sweep:`, or declare it Annotated[float, ...] without STATIC.",
            )


def _check_setups(prediction: Prediction, world: type[Any], findings: _Findings) -> None:
    """Build the Setup of every tier, case and point, and look up the observables' own axes."""
    for tier in prediction.tiers:
        plan = findings.attempt(make_plan, prediction, tier)
        if plan is None:
            continue
        for case in (plan.claim, *plan.controls):
            origins = _origins(plan, case)
            for values in _points(case):
                setup = findings.attempt(build_setup, world, values, prediction, origins)
                if setup is not None and case.name == CLAIM:
                    _check_axes(prediction, setup, findings)


def _points(case: Case) -> Iterator[dict[str, Any]]:
    for point in case.sweep_points():
        for grid_point in case.grid_points():
            yield {**case.setup, **point, **grid_point}


def _origins(plan: Plan, case: Case) -> Mapping[str, KeyPath]:
    """Return where in the file each value of a case was written last."""
    prediction, found = plan.prediction, dict[str, KeyPath]()
    layers: list[tuple[Any, KeyPath]] = [
        (prediction, ()),
        (prediction.tiers[plan.tier], ("tiers", plan.tier)),  # type: ignore[index]
    ]
    if case.name != CLAIM:
        layers.append((prediction.controls[case.name], ("controls", case.name)))
    for layer, path in layers:
        for place in ("setup", "sweep", "grid"):
            found |= {key: (*path, place, key) for key in getattr(layer, place)}
    return found


def _check_axes(prediction: Prediction, setup: Any, findings: _Findings) -> None:
    dims = {
        dim: name for name, observable in prediction.observables.items() for dim in observable.dims
    }
    if not dims:
        return
    axes: Any = {}
    if hasattr(setup, "axes"):
        try:
            axes = setup.axes()
        except Exception as error:
            what = f"{type(setup).__name__}.axes() failed: {type(error).__name__}: {error}"
            findings.add(("setup",), what, "Correct the Python file.")
            return
    for dim, name in dims.items():
        if dim not in axes:
            findings.add(
                ("observables", name, "dims"),
                f"{type(setup).__name__}.axes() has no axis '{dim}'",
                choices(dim, axes),
            )


def _check_forecasts(prediction: Prediction, findings: _Findings) -> None:
    """Compute the forecasts of the smallest tier: claim by every theory, controls by theirs."""
    tier = next(name for name in ("smoke", "full") if name in prediction.tiers)
    plan = make_plan(prediction, tier)
    foretold: set[str] = set()
    for theory, entry in prediction.theories.items():
        path = ("theories", theory, "forecast")
        result = findings.attempt(_forecast, plan, plan.claim, theory, entry.forecast, path)
        if result is None:
            continue
        foretold |= result.values.keys()
        if result.out_of_scope and entry.expect == "pass":
            findings.add(
                path,
                f"{theory} is expected to pass, but is out of scope: {result.out_of_scope}",
                "Correct the regime, the setup or the expectation.",
            )
    if not findings.problems:
        for name in prediction.observables:
            if name not in foretold:
                findings.add(("observables", name), "no theory forecasts it", "Delete it.")
    theory = prediction.claims_theory
    for case in plan.controls:
        own = prediction.controls[case.name].forecast
        path = ("controls", case.name, "forecast") if own else ("theories", theory, "forecast")
        spec = own or prediction.theories[theory].forecast
        findings.attempt(_forecast, plan, case, theory, spec, path)


def _forecast(
    plan: Plan, case: Case, theory: str, spec: str | dict[str, Any], path: tuple[str, ...]
) -> Forecast:
    """Compute a forecast, for one seed's draw where it is conditional on it."""

    def first_draw(point: Mapping[str, Any]) -> Sequence[Arrays]:
        return draws(plan, case, point, 0, 1)

    try:
        return forecast(plan, case, theory, spec, first_draw, where=path)
    except AssayError:
        raise
    except Exception as error:
        raise AssayError(
            f"the draw, the forecast or a reduction of it broke: {type(error).__name__}: {error}",
            remedy="Correct the Python file.",
            file=plan.prediction.source,
            line=plan.prediction.line(*path),
            path=dotted(path),
        ) from error
