"""From pydantic's errors to sentences for the author of a file: where, what, remedy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from pydantic import ValidationError

from harness.errors import Problem
from harness.fields import IDENTIFIER, KEBAB, Model, Range, shown
from harness.observables import OBSERVABLES, Observable, Tolerance
from harness.schema import Control, Prediction, Revision, Source, TheoryEntry, Tier, Tighten
from harness.strict_yaml import Document, KeyPath, dotted
from harness.suggest import choices, did_you_mean

Sentence: TypeAlias = tuple[str, str]
Details: TypeAlias = Mapping[str, Any]

Parts: TypeAlias = Mapping[KeyPath, type[Model]]
"""Which class describes the mapping at a key path; `*` stands for any name or number."""

PREDICTION: Final[Parts] = {
    (): Prediction,
    ("sources", "*"): Source,
    ("tiers", "*"): Tier,
    ("tiers", "*", "grid", "*"): Range,
    ("tiers", "*", "tighten", "*"): Tighten,
    ("tiers", "*", "tighten", "*", "tolerance"): Tolerance,
    ("grid", "*"): Range,
    ("observables", "*"): Observable,
    ("observables", "*", "tolerance"): Tolerance,
    ("theories", "*"): TheoryEntry,
    ("controls", "*"): Control,
    ("controls", "*", "grid", "*"): Range,
    ("revision",): Revision,
}

_PATTERNS: Final = {
    KEBAB: ("must be kebab-case", "Use small letters, digits and single hyphens."),
    IDENTIFIER: ("must be an identifier", "Use letters, digits and underscores."),
}


@dataclass(frozen=True)
class Content:
    """What stands in a file, and the classes that describe it."""

    data: dict[str, Any] = field(default_factory=dict)
    parts: Parts = field(default_factory=dict)

    def part_at(self, path: KeyPath) -> type[Model] | None:
        """Return the class of the mapping at a key path, if it has one."""
        for pattern, cls in self.parts.items():
            if len(pattern) == len(path) and all(
                want in ("*", have) for want, have in zip(pattern, path, strict=True)
            ):
                return cls
        return None

    def at(self, path: KeyPath) -> dict[str, Any]:
        """Return the mapping at a key path; {} if something else stands there."""
        data: Any = self.data
        for part in path:
            data = data[part]
        return data if isinstance(data, dict) else {}

    def meanings(self, path: KeyPath) -> dict[str, str]:
        """Return the keys that may stand at a key path, with what they mean."""
        cls = self.part_at(path)
        if cls is Observable:
            cls = OBSERVABLES.get(str(self.at(path).get("compare")), Observable)
        return {} if cls is None else _keys(cls)


def explain(error: ValidationError, document: Document, parts: Parts = PREDICTION) -> list[Problem]:
    """Return one problem for each key path at which `document` is wrong."""
    content = Content(document.data, parts)
    found: dict[KeyPath, Problem] = {}
    for details in error.errors(include_url=False):
        path = key_path(details["loc"], document.data, details["type"])
        what, remedy = sentence(details, path, content)
        found.setdefault(
            path,
            Problem(
                what=what,
                remedy=remedy,
                file=document.file,
                line=document.line_of(path),
                path=dotted(path),
            ),
        )
    return list(found.values())


def key_path(loc: KeyPath, data: Any, kind: str) -> KeyPath:
    """Return the part of pydantic's location that names keys of the file.

    Tags of unions and of validators, which pydantic puts in between, are dropped. An observable
    without a known comparison is located at its `compare`.
    """
    path: list[str | int] = []
    for depth, part in enumerate(loc):
        in_list = isinstance(data, list) and isinstance(part, int) and part < len(data)
        if in_list or (isinstance(data, dict) and part in data):
            data = data[part]
        elif not (kind == "missing" and depth == len(loc) - 1):
            continue
        path.append(part)
    return (*path, "compare") if kind.startswith("union_tag") else tuple(path)


def sentence(details: Details, path: KeyPath, content: Content) -> Sentence:
    """Return what is wrong and the remedy for one of pydantic's errors."""
    kind, given = details["type"], details["input"]
    if kind in _SENTENCES:
        return _SENTENCES[kind](details, path, content)
    return f"{details['msg']}, got {shown(given)}", "Correct the value."


def _own(details: Details, path: KeyPath, content: Content) -> Sentence:
    return details["ctx"]["what"], details["ctx"]["remedy"]


def _missing(details: Details, path: KeyPath, content: Content) -> Sentence:
    key = str(path[-1])
    return "is missing", f"Add `{key}:` ({content.meanings(path[:-1]).get(key, '')})."


def _unknown(details: Details, path: KeyPath, content: Content) -> Sentence:
    *parent, key = path
    here = tuple(parent)
    known = content.meanings(here)
    part = content.part_at(here)
    if part is Tier and key in Prediction.model_fields.keys() | _observable_keys():
        return (
            f"a tier never changes the question, so it has no `{key}`",
            "A tier sets seeds, max_seeds, budget_s, setup, sweep, grid and tighten only.",
        )
    if part is Observable and key in _observable_keys():
        having = [name for name, cls in OBSERVABLES.items() if key in _keys(cls)]
        compare = content.at(here).get("compare")
        return (
            f"compare: {compare} has no `{key}`; it belongs to compare: {', '.join(having)}",
            "Delete it, or change compare.",
        )
    return f"unknown key '{key}'", choices(str(key), known)


def _unknown_comparison(details: Details, path: KeyPath, content: Content) -> Sentence:
    tag = details["ctx"]["tag"]
    return f"there is no comparison '{tag}'", choices(tag, OBSERVABLES)


def _no_comparison(details: Details, path: KeyPath, content: Content) -> Sentence:
    return "is missing or not text", f"Write one of: {', '.join(OBSERVABLES)}"


def _literal(details: Details, path: KeyPath, content: Content) -> Sentence:
    expected, given = details["ctx"]["expected"], details["input"]
    names = [name.strip("' ") for name in expected.replace(" or ", ", ").split(",")]
    hint = did_you_mean(given, names) if isinstance(given, str) else ""
    remedy = hint.removeprefix("; ") or "Choose one of them."
    return f"must be one of {', '.join(names)}, got {shown(given)}", remedy


def _pattern(details: Details, path: KeyPath, content: Content) -> Sentence:
    what, remedy = _PATTERNS.get(
        details["ctx"]["pattern"],
        ("is not a valid identifier of its kind", f"It must match {details['ctx']['pattern']}"),
    )
    return f"{what}, got {shown(details['input'])}", remedy


def _typed(wanted: str, remedy: str) -> Callable[[Details, KeyPath, Content], Sentence]:
    def say(details: Details, path: KeyPath, content: Content) -> Sentence:
        return f"must be {wanted}, got {shown(details['input'])}", remedy

    return say


def _beyond(sign: str, limit: str) -> Callable[[Details, KeyPath, Content], Sentence]:
    def say(details: Details, path: KeyPath, content: Content) -> Sentence:
        bound = details["ctx"][limit]
        return f"must be {sign} {bound:g}, got {shown(details['input'])}", "Correct the number."

    return say


def _too_few(details: Details, path: KeyPath, content: Content) -> Sentence:
    meaning = content.meanings(path[:-1]).get(str(path[-1]), "") if path else ""
    fewest = details["ctx"]["min_length"]
    return f"needs at least {fewest}, has {details['ctx']['actual_length']}", (
        f"Add one ({meaning})" if meaning else "Add one."
    )


def _too_many(details: Details, path: KeyPath, content: Content) -> Sentence:
    most, has = details["ctx"]["max_length"], details["ctx"]["actual_length"]
    return f"takes at most {most}, has {has}", "Delete what is too much."


_SENTENCES: Final[dict[str, Callable[[Details, KeyPath, Content], Sentence]]] = {
    "assay": _own,
    "missing": _missing,
    "extra_forbidden": _unknown,
    "union_tag_invalid": _unknown_comparison,
    "union_tag_not_found": _no_comparison,
    "literal_error": _literal,
    "string_pattern_mismatch": _pattern,
    "string_type": _typed("text", "Put it in quotes."),
    "string_too_short": _typed("text that says something", "Write a sentence."),
    "int_type": _typed("a whole number", "Write it without point, exponent or quotes."),
    "bool_type": _typed("true or false", "Write it without quotes."),
    "float_type": _typed("a number", "Write it without quotes."),
    "finite_number": _typed("a finite number", "Correct the number."),
    "dict_type": _typed("a mapping", "Write `key: value` below it."),
    "model_type": _typed("a mapping", "Write `key: value` below it."),
    "model_attributes_type": _typed("a mapping", "Write `key: value` below it."),
    "tuple_type": _typed("a list", "Write [a, b, c]."),
    "greater_than": _beyond(">", "gt"),
    "greater_than_equal": _beyond(">=", "ge"),
    "less_than": _beyond("<", "lt"),
    "less_than_equal": _beyond("<=", "le"),
    "too_short": _too_few,
    "too_long": _too_many,
}


def _keys(cls: type[Model]) -> dict[str, str]:
    return {
        field.alias or name: field.description or "" for name, field in cls.model_fields.items()
    }


def _observable_keys() -> set[str]:
    return {key for cls in OBSERVABLES.values() for key in _keys(cls)}
