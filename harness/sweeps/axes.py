"""From `key=values` to the plans of a sweep's points, checked before anything trains."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from harness.errors import AssayError, Problem, raise_all
from harness.judge import COMPARISONS
from harness.plan import Plan, make_plan
from harness.schema import Prediction
from harness.strict_yaml import parse
from harness.suggest import choices
from harness.validate import validate

MOST_KEYS: Final = 2
MOST_POINTS: Final = 100

OPTION: Final = "--over"


@dataclass(frozen=True)
class Question:
    """What a sweep asks: a prediction at a tier, one key or two with their values.

    `overrides` are other setup keys, changed at every point; `only` names the observables that are
    judged (empty: all that one value of the keys can be judged by). With `beyond` theories are
    judged outside their declared regimes too. `size` says whether the first
    key is a size, along which slopes are fitted; `rates` are the powers of it that theories predict
    for their own error, by theory and observable.
    """

    prediction: Prediction
    tier: str
    over: Mapping[str, tuple[Any, ...]]
    overrides: Mapping[str, Any] = field(default_factory=dict)
    seeds: int | None = None
    max_seeds: int | None = None
    only: tuple[str, ...] = ()
    controls: bool = False
    beyond: bool = False
    size: bool = True
    why: str = ""
    rates: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def points(self) -> Iterator[dict[str, Any]]:
        """Every combination of the keys' values, the last key fastest."""
        for values in itertools.product(*self.over.values()):
            yield dict(zip(self.over, values, strict=True))

    def observables(self) -> tuple[str, ...]:
        """The observables that are judged, in the order of the prediction's file."""
        return tuple(
            name
            for name in self.prediction.observables
            if (name in self.only if self.only else self.needs(name) is None)
        )

    def needs(self, observable: str) -> str | None:
        """The swept key of which an observable needs several values at once, such as an exponent's.

        A key that is swept over lists has them.
        """
        spec = self.prediction.observables[observable]
        several = COMPARISONS[spec.compare].consumes == "one"
        single = (key for key, values in self.over.items() if not isinstance(values[0], tuple))
        return next((key for key in single if several and key in spec.axes), None)


def parse_over(pairs: Sequence[str]) -> dict[str, tuple[Any, ...]]:
    """`KEY=V1,V2,...` pairs by key; values are read as YAML (`KEY=[[1, 2], [3, 4]]` for lists).

    Raises AssayError for a pair that cannot be read.
    """
    over: dict[str, tuple[Any, ...]] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals or not key.strip() or not text.strip():
            raise AssayError(
                f"'{pair}' names no values", remedy=f"Write {OPTION} key=v1,v2,v3.", path=OPTION
            )
        key = key.strip()
        if key in over:
            raise AssayError(f"'{key}' is swept twice", remedy="Keep one of the two.", path=OPTION)
        over[key] = _values(key, text.strip())
    return over


def plans_of(question: Question) -> list[Plan]:
    """The plan of every point, in the order of `Question.points`; a point overrides an axis.

    Raises AssayError(s) with everything that is wrong: too many keys or points, an unknown key or
    tier, a value that the Setup does not allow, an axis along which an observable is compared.
    """
    _check_over(question)
    _check_observables(question)
    seeds = question.seeds
    if seeds is None and len(question.observables()) < len(question.prediction.observables):
        # What is not judged cannot ask for more seeds, and may hide that something else does.
        tier = question.prediction.tiers.get(question.tier)  # type: ignore[call-overload]
        seeds = None if tier is None else max(tier.max_seeds, question.max_seeds or 0)
    prediction = _unbounded(question.prediction) if question.beyond else question.prediction
    plans: list[Plan] = []
    problems: dict[str, Problem] = {}
    for point in question.points():
        try:
            plan = make_plan(
                prediction,
                question.tier,
                {**question.overrides, **point},
                seeds=seeds,
                max_seeds=question.max_seeds,
            )
            plan = plan if question.controls else replace(plan, controls=())
            validate(plan)
            plans.append(plan)
        except AssayError as error:
            for problem in error.problems:
                found = _of_option(question, problem)
                problems.setdefault(str(found), found)
    raise_all(problems.values())
    return plans


def _unbounded(prediction: Prediction) -> Prediction:
    """The prediction with theories that declare no regime."""
    theories = {
        name: entry.model_copy(update={"regime": {}}) for name, entry in prediction.theories.items()
    }
    return prediction.model_copy(update={"theories": theories})


def _check_over(question: Question) -> None:
    over = question.over
    if not 1 <= len(over) <= MOST_KEYS:
        raise AssayError(
            f"a sweep goes over one key or {MOST_KEYS}, not {len(over)}",
            remedy="Keep the keys that matter and fix the others with --set.",
            path=OPTION,
        )
    count = len(list(question.points()))
    if not 2 <= count <= MOST_POINTS:
        raise AssayError(
            f"a sweep needs between 2 and {MOST_POINTS} points, not {count}",
            remedy="Give other values.",
            path=OPTION,
        )
    for key, values in over.items():
        if len(set(values)) < len(values):
            raise AssayError(
                "a value stands there twice", remedy="Keep each once.", path=f"{OPTION} {key}"
            )
        if key in question.overrides:
            raise AssayError(
                f"'{key}' is swept and set", remedy="Keep one of the two.", path=f"{OPTION} {key}"
            )


def _check_observables(question: Question) -> None:
    known = question.prediction.observables
    for name in question.only:
        if name not in known:
            raise AssayError(
                f"there is no observable '{name}'", remedy=choices(name, known), path="--only"
            )
    needed = {name: question.needs(name) for name in question.only or known}
    blocked = {name: key for name, key in needed.items() if key is not None}
    if blocked and (question.only or len(blocked) == len(known)):
        name, key = next(iter(blocked.items()))
        raise AssayError(
            f"'{name}' is compared over '{key}': one value of it cannot be judged",
            remedy=f"Sweep another key, or pairs of values: {OPTION} '{key}=[[a, b], [b, c]]'.",
            path=f"{OPTION} {key}",
        )


def _of_option(question: Question, problem: Problem) -> Problem:
    """The problem under the option that is to blame, where it is one of the swept keys."""
    parts = problem.path.replace("--set ", "").split(".")
    key = next((key for key in question.over if key in parts), None)
    if key is None:
        return problem
    return replace(problem, file=None, line=None, path=f"{OPTION} {key}")


def _values(key: str, text: str) -> tuple[Any, ...]:
    listed = text if text.startswith("[") else f"[{text}]"
    try:
        found = parse(f"value: {listed}", Path(OPTION)).data["value"]
    except AssayError as error:
        raise AssayError(error.what, remedy=error.remedy, path=f"{OPTION} {key}") from None
    return tuple(tuple(value) if isinstance(value, list) else value for value in found)
