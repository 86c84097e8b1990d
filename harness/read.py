"""Reading prediction files: one, or all below some folders; choosing among them."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from harness.errors import AssayError, AssayErrors, Problem, raise_all
from harness.explain import explain
from harness.rules import broken_rules
from harness.schema import STRANDS, Prediction
from harness.strict_yaml import load
from harness.suggest import choices
from harness.theories import FILE_NAME, Theory, find_theories, read_theories

_SUFFIXES: Final = (".yaml", ".yml")
_OTHERS: Final = frozenset({FILE_NAME, "sweeps.yaml"})
_TOPIC_MODULES: Final = ("experiment.py", "theory.py")
_TELLING_KEYS: Final = (b"experiment:", b"observables:")
_SKIPPED: Final = frozenset({"__pycache__", "node_modules"})


@dataclass(frozen=True)
class Registry:
    """All predictions that were read, by id in the order of their files, and their theories."""

    predictions: Mapping[str, Prediction] = field(default_factory=dict)
    theories: Mapping[str, Theory] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Prediction]:
        return iter(self.predictions.values())

    def __len__(self) -> int:
        return len(self.predictions)


def looks_like_prediction(path: Path) -> bool:
    """Say cheaply whether a file is a prediction: YAML beside topic code, or with its keys."""
    if path.suffix not in _SUFFIXES or path.name in _OTHERS:
        return False
    if any((path.parent / module).is_file() for module in _TOPIC_MODULES):
        return True
    try:
        return any(line.startswith(_TELLING_KEYS) for line in path.read_bytes().splitlines())
    except OSError:
        return False


def read_prediction(path: Path) -> Prediction:
    """Read one prediction file; raises AssayError(s) with everything that is wrong in it."""
    path = Path(path).absolute()
    theories = find_theories(path.parent)
    return _read(path, None if theories is None else read_theories(theories))


def read_tree(paths: Sequence[Path]) -> Registry:
    """Read every prediction file at or below `paths`; raises all errors of all files at once."""
    problems: list[Problem] = []
    shelves: dict[Path, Mapping[str, Theory] | None] = {}
    found: dict[str, Prediction] = {}
    for path in _files(paths, problems):
        shelf = find_theories(path.parent)
        if shelf is not None and shelf not in shelves:
            shelves[shelf] = _tried_theories(shelf, problems)
        try:
            prediction = _read(path, None if shelf is None else shelves[shelf])
        except AssayError as error:
            problems += error.problems
            continue
        first = found.setdefault(prediction.id, prediction)
        if first is not prediction:
            problems.append(_taken(prediction, first))
    raise_all(problems)
    known = {name: theory for shelf in shelves.values() for name, theory in (shelf or {}).items()}
    return Registry(found, known)


def select(registry: Registry, selectors: Sequence[str]) -> list[Prediction]:
    """Return the predictions that any selector names, in order; all when there is no selector.

    A selector is an id, a glob over ids, a path, `strand:NAME` or `theory:NAME`. One that matches
    nothing raises AssayError.
    """
    if not selectors:
        return list(registry)
    chosen: set[str] = set()
    for selector in selectors:
        matched = [p.id for p in registry if _matches(p, selector)]
        if not matched:
            raise AssayError(f"nothing matches '{selector}'", remedy=_hint(registry, selector))
        chosen.update(matched)
    return [prediction for prediction in registry if prediction.id in chosen]


def _read(path: Path, theories: Mapping[str, Theory] | None) -> Prediction:
    document = load(path)
    try:
        prediction = Prediction.of(document)
    except ValidationError as error:
        raise AssayErrors(explain(error, document)) from None
    raise_all(broken_rules(prediction, theories))
    return prediction


def _tried_theories(file: Path, problems: list[Problem]) -> Mapping[str, Theory] | None:
    try:
        return read_theories(file)
    except AssayError as error:
        problems += error.problems
        return None


def _files(paths: Sequence[Path], problems: list[Problem]) -> list[Path]:
    """Return the prediction files at or below `paths`, each once, sorted within a path."""
    found: dict[Path, None] = {}
    for path in (Path(path).absolute() for path in paths):
        if path.is_dir():
            found.update(dict.fromkeys(sorted(_below(path))))
        elif path.exists():
            found[path] = None
        else:
            problems.append(Problem(what="does not exist", file=path, remedy="Check the path."))
    return list(found)


def _below(folder: Path) -> Iterator[Path]:
    for here, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in _SKIPPED and name[0] != "."]
        for name in names:
            if name.endswith(_SUFFIXES) and looks_like_prediction(Path(here, name)):
                yield Path(here, name)


def _taken(prediction: Prediction, first: Prediction) -> Problem:
    return Problem(
        what=f"the id '{prediction.id}' is taken by {first.source}",
        remedy="Rename one of the two files and its id.",
        file=prediction.source,
        line=prediction.line("id"),
        path="id",
    )


def _matches(prediction: Prediction, selector: str) -> bool:
    kind, colon, name = selector.partition(":")
    if colon and kind == "strand":
        return prediction.strand == name
    if colon and kind == "theory":
        return name in prediction.theories
    if fnmatch.fnmatchcase(prediction.id, selector):
        return True
    path = Path(selector).absolute()
    return path == prediction.source or path in prediction.source.parents


def _hint(registry: Registry, selector: str) -> str:
    kind, colon, name = selector.partition(":")
    if colon and kind == "strand":
        return choices(name, STRANDS)
    if colon and kind == "theory":
        return choices(name, {theory for p in registry for theory in p.theories})
    return choices(selector, registry.predictions)
