"""Run a sweep: the same trial at every point, and the slope of the error over the points."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from harness.errors import AssayError
from harness.identity import code_hash
from harness.lock import promise_hash
from harness.measure import Trainer
from harness.plan import Plan
from harness.provenance import provenance
from harness.suite import try_all
from harness.sweeps.axes import Question
from harness.sweeps.deviation import Deviation
from harness.sweeps.model import Point, Slope, Sweep, size_of
from harness.sweeps.points import Deviations, point_of
from harness.sweeps.slope import fit_power


def conduct(
    question: Question,
    plans: Sequence[Plan],
    trainer: Trainer,
    told: Callable[[Point], None] = lambda point: None,
) -> Sweep:
    """Try a prediction at every point; `told` hears of each as soon as it is finished.

    A point that breaks is kept with its reason and does not stop the others.
    """
    began = time.perf_counter()
    points, deviations = [], []
    with try_all(plans, trainer) as suite:
        for position, keys in enumerate(question.points()):
            try:
                trial = suite.result(position)
            except AssayError as error:
                point, found = Point(keys, problem=" ".join(str(error).split())), Deviations()
            else:
                point, found = point_of(question, plans[position], keys, trial)
            points.append(point)
            deviations.append(found)
            told(point)
    prediction = question.prediction
    return Sweep(
        id=prediction.id,
        title=prediction.title,
        tier=question.tier,
        revision=prediction.revision.number,
        promise=promise_hash(prediction),
        code=code_hash(prediction.folder, plans[0].claim.setup),
        claim=prediction.claims_theory,
        theories=tuple(name for name in prediction.theories if _spoke(name, points)),
        observables=question.observables(),
        over=dict(question.over),
        overrides=dict(question.overrides),
        points=tuple(points),
        slopes=tuple(_slopes(question, points, deviations)),
        provenance=provenance(prediction.folder, trainer.pool),
        busy_s=sum(point.busy_s for point in points),
        wall_s=time.perf_counter() - began,
        why=question.why,
    )


def _spoke(theory: str, points: Sequence[Point]) -> bool:
    return any(point.outcome(theory) is not None for point in points)


def _slopes(
    question: Question, points: Sequence[Point], deviations: Sequence[Deviations]
) -> Iterator[Slope]:
    """Every theory's and observable's slope along the first key, at each value of the second."""
    key, *others = question.over
    placed = {value: size_of(value) for value in question.over[key]}
    sizes = {value: size for value, size in placed.items() if size is not None}
    if not question.size or len(sizes) < len(placed):
        return
    fixed = [{other: value} for other in others for value in question.over[other]] or [{}]
    for theory in question.prediction.theories:
        for observable in question.observables():
            for at in fixed:
                found = [
                    (sizes[point.keys[key]], deviation[theory, observable])
                    for point, deviation in zip(points, deviations, strict=True)
                    if at.items() <= point.keys.items() and (theory, observable) in deviation
                ]
                if found:
                    rate = question.rates.get(theory, {}).get(observable)
                    yield _slope(Slope(theory, observable, key, 0, 0, at, rate=rate), found)


def _slope(blank: Slope, found: Sequence[tuple[float, Deviation]]) -> Slope:
    sizes, deviations = zip(*found, strict=True)
    fit = fit_power(sizes, deviations)
    counted = replace(blank, points=fit.points, resolved=fit.resolved, reason=fit.reason)
    if fit.power is None:
        return counted
    return replace(
        counted,
        slope=fit.power.slope,
        interval=fit.power.interval,
        amplitude=fit.power.amplitude,
        scatter=fit.power.scatter,
    )
