"""The sweeps that a suite ships: sweeps.yaml beside its theories, read strictly."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Final, TypeAlias

from pydantic import Field, PlainValidator, ValidationError

from harness.errors import AssayError, AssayErrors, Problem, raise_all
from harness.explain import Parts, explain
from harness.fields import Identifier, Kebab, Model, Names, SetupValue, Text, broken
from harness.read import Registry
from harness.schema import Prediction, TierName
from harness.strict_yaml import Document, KeyPath, load
from harness.suggest import choices
from harness.sweeps.axes import MOST_KEYS, Question
from harness.theories import find_above

FILE_NAME: Final = "sweeps.yaml"


def _values(raw: object) -> tuple[object, ...]:
    if not isinstance(raw, list) or len(raw) < 2:
        raise broken("must be a list of two values or more", "Write [a, b, c].")
    return tuple(tuple(value) if isinstance(value, list) else value for value in raw)


Values: TypeAlias = Annotated[tuple[Any, ...], PlainValidator(_values)]


class Shipped(Model):
    """One entry of sweeps.yaml."""

    id: Kebab = Field(description="prediction")
    over: Annotated[dict[Identifier, Values], Field(min_length=1, max_length=MOST_KEYS)] = Field(
        description="one setup key or two, with their values; the size first"
    )
    why: Text = Field(description="what the sweep shows, in a sentence")
    tier: TierName = Field(default="smoke", description="sizes and seeds")
    set: dict[Identifier, SetupValue] = Field(
        default_factory=dict, description="other setup keys, changed at every point"
    )
    seeds: int | None = Field(default=None, ge=2, description="seeds of the first look")
    max_seeds: int | None = Field(default=None, ge=2, description="most seeds drawn")
    only: Names = Field(
        default=(), description="observables that are judged; all that can be if left out"
    )
    beyond: bool = Field(
        default=False, description="whether theories are judged outside their regimes too"
    )
    size: bool = Field(
        default=True, description="whether the first key is a size, along which slopes are fitted"
    )
    rates: dict[Kebab, dict[Identifier, float]] = Field(
        default_factory=dict,
        description="theory: {observable: power of the first key that it predicts for its error}",
    )


class _File(Model):
    sweeps: Annotated[tuple[Shipped, ...], Field(min_length=1, strict=False)] = Field(
        description="all sweeps"
    )


_PARTS: Final[Parts] = {(): _File, ("sweeps", "*"): Shipped}


def read_shipped(registry: Registry) -> list[Question]:
    """The sweeps of the suite that a registry was read from, in the order of the file.

    Raises AssayError(s) where there is no file, and for entries about unknown predictions, tiers,
    theories or observables.
    """
    document = load(_find(registry))
    try:
        entries = _File.model_validate(document.data).sweeps
    except ValidationError as error:
        raise AssayErrors(explain(error, document, _PARTS)) from None
    raise_all(
        problem
        for position, entry in enumerate(entries)
        for problem in _problems(entry, ("sweeps", position), registry, document)
    )
    return [_question(entry, registry.predictions[entry.id]) for entry in entries]


def _find(registry: Registry) -> Path:
    for prediction in registry:
        found = find_above(prediction.folder, FILE_NAME)
        if found is not None:
            return found
    raise AssayError(
        f"the suite has no {FILE_NAME}", remedy="Name a prediction and --over key=values."
    )


def _question(entry: Shipped, prediction: Prediction) -> Question:
    return Question(
        prediction=prediction,
        tier=entry.tier,
        over=entry.over,
        overrides=entry.set,
        seeds=entry.seeds,
        max_seeds=entry.max_seeds,
        only=entry.only,
        beyond=entry.beyond,
        size=entry.size,
        why=" ".join(entry.why.split()),
        rates=entry.rates,
    )


def _problems(
    entry: Shipped, here: KeyPath, registry: Registry, document: Document
) -> Iterator[Problem]:
    def unknown(what: str, name: str, known: Iterable[str], *path: str) -> Iterator[Problem]:
        if name not in set(known):
            where = (*here, *path)
            yield Problem(
                what=f"there is no {what} '{name}'",
                remedy=choices(name, known),
                file=document.file,
                line=document.line_of(where),
                path=".".join(map(str, where)),
            )

    yield from unknown("prediction", entry.id, registry.predictions, "id")
    prediction = registry.predictions.get(entry.id)
    if prediction is None:
        return
    yield from unknown("tier", entry.tier, prediction.tiers, "tier")
    for theory, by_observable in entry.rates.items():
        yield from unknown("theory", theory, prediction.theories, "rates", theory)
        for name in by_observable:
            yield from unknown("observable", name, prediction.observables, "rates", theory, name)
