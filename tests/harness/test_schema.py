"""The prediction file's classes, and the JSON Schema made of them."""

from __future__ import annotations

import json
import pickle
import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from harness import schema
from harness.judge.comparisons import COMPARISONS
from harness.observables import OBSERVABLES, Observable
from harness.read import read_prediction
from harness.schema import Prediction, json_schema, json_schema_text
from harness.strict_yaml import load, parse

COMMITTED = Path(schema.__file__).with_name("prediction.schema.json")


def test_a_prediction_knows_where_it_stands(suite: Path) -> None:
    prediction = read_prediction(suite)
    assert prediction.source == suite
    assert prediction.folder == suite.parent
    lines = ["", *suite.read_text().splitlines()]
    assert lines[prediction.line("setup", "noise")].startswith("setup:")
    assert "absolute: 0.1" in lines[prediction.line("observables", "weight", "tolerance")]
    assert "descent:" in lines[prediction.line("theories", "descent", "not there")]


def test_values_are_resolved(suite: Path) -> None:
    prediction = read_prediction(suite)
    assert prediction.sweep == {"curvature": (0.5, 1.0)}
    assert prediction.observables["weight"].axes == ("step",)
    assert prediction.observables["weight"].options == {"over": ("step",), "norm": "l2"}
    assert prediction.claims_theory == "descent"
    assert prediction.revision.number == 1
    assert prediction.tiers["full"].max_seeds == 64
    assert prediction.tolerance("weight", "full").size == 0.1


def test_a_tier_may_tighten(suite: Path) -> None:
    tighter = (
        "full: {seeds: 64, tighten: {weight: {tolerance: {absolute: 0.05}, because: {n: 0.05}}}}"
    )
    suite.write_text(suite.read_text().replace("full: {seeds: 64, max_seeds: 64}", tighter))
    prediction = read_prediction(suite)
    assert prediction.tolerance("weight", "smoke").size == 0.1
    assert prediction.tolerance("weight", "full").size == 0.05
    assert prediction.tiers["full"].max_seeds == 64


def test_a_prediction_is_frozen_and_travels(suite: Path) -> None:
    prediction = read_prediction(suite)
    with pytest.raises(ValidationError):
        prediction.title = "other"  # type: ignore[misc]
    copy = pickle.loads(pickle.dumps(prediction))
    assert copy == prediction
    assert copy.line("setup") == prediction.line("setup")


def test_a_dumped_prediction_reads_the_same(suite: Path) -> None:
    dumped = read_prediction(suite).model_dump_json()
    assert Prediction.model_validate_json(dumped).model_dump_json() == dumped


@pytest.mark.parametrize(
    ("axis", "values"),
    [
        ("{from: -1, to: 1, step: 0.5}", (-1.0, -0.5, 0.0, 0.5, 1.0)),
        ("{from: 0, to: 0.3, step: 0.1}", (0.0, 0.1, 0.2, 0.3)),
        ("{from: 2, to: 2, step: 1}", (2.0,)),
        ("[3, 1, 2]", (3.0, 1.0, 2.0)),
    ],
)
def test_grids(suite: Path, axis: str, values: tuple[float, ...]) -> None:
    suite.write_text(
        suite.read_text()
        .replace("noise: 0.05, ", "")
        .replace("sweep:", f"grid: {{noise: {axis}}}\nsweep:")
    )
    assert read_prediction(suite).grid == {"noise": values}


def test_because_may_be_rounded(suite: Path) -> None:
    suite.write_text(
        suite.read_text()
        .replace("{absolute: 0.1}", "{absolute: 0.3}")
        .replace("{finite number of steps: 0.1}", "{a: 0.1, b: 0.2}")
    )
    assert read_prediction(suite).observables["weight"].because == {"a": 0.1, "b": 0.2}


def test_a_refuted_claim_needs_its_finding(suite: Path) -> None:
    refuted = suite.read_text().replace("expect: pass", "expect: fail")
    suite.write_text(refuted + "finding: It decays faster.\n")
    assert read_prediction(suite).claims_theory == "descent"


@pytest.mark.parametrize(
    ("compare", "extra"),
    [
        ("value", ""),
        ("exponent", "over: step"),
        ("argmin", "over: step, scale: log2, refine: parabola"),
        ("argmax", "over: [step]"),
        ("order", "over: [curvature]"),
        ("bound", "side: upper"),
        ("window", ""),
        ("distribution", "distance: ks"),
        ("label", "labels: [never, always]"),
    ],
)
def test_every_comparison_reads_and_fits_the_json_schema(
    suite: Path, compare: str, extra: str
) -> None:
    added = (
        f"  other: {{unit: '1', dims: [step], compare: {compare}, {extra + ',' if extra else ''}"
        " tolerance: {absolute: 0.2}, because: {a: 0.2}}\n"
    )
    suite.write_text(suite.read_text().replace("theories:\n", f"{added}theories:\n"))
    assert type(read_prediction(suite).observables["other"]) is OBSERVABLES[compare]
    assert list(mismatches(json_schema(), load(suite).data)) == []


def test_the_committed_json_schema_is_current() -> None:
    assert COMMITTED.read_text() == json_schema_text(), (
        "write harness.schema.json_schema_text() to harness/prediction.schema.json"
    )


def test_the_json_schema_accepts_a_valid_file(suite: Path) -> None:
    assert list(mismatches(json_schema(), load(suite).data)) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("title: ", "titel: "),
        ("seeds: 8", "seeds: 1"),
        ("{absolute: 0.1}", "{absolute: -1}"),
        ("compare: curve", "compare: value"),
        ("expect: pass", "expect: passes"),
        ("experiment.train", "train"),
        ("  smoke:", "  smok:"),
        ("{curvature: [0.5, 1.0]}", "{'bad key': [0.5, 1.0]}"),
    ],
)
def test_the_json_schema_refuses_what_the_reader_refuses(suite: Path, old: str, new: str) -> None:
    data = parse(suite.read_text().replace(old, new, 1), suite).data
    assert list(mismatches(json_schema(), data))


def test_every_key_is_described_for_editors() -> None:
    described = json_schema()
    for name, part in (("", described), *described["$defs"].items()):
        assert part["additionalProperties"] is False
        for key, value in part["properties"].items():
            assert value.get("description"), f"{name}.{key} has no description"


def test_the_classes_agree_with_the_judge() -> None:
    assert set(OBSERVABLES) == set(COMPARISONS)
    for name, comparison in COMPARISONS.items():
        cls = OBSERVABLES[name]
        assert issubclass(cls, Observable)
        assert cls.tolerance_kinds == comparison.tolerances
        rules = str(cls.model_fields["over"].metadata) if "over" in cls.model_fields else ""
        assert ("max_length=1" in rules) == (comparison.consumes == "one")
        assert ("min_length=1" in rules) == (comparison.consumes in ("one", "some"))


TYPES = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "number": (int, float),
    "integer": int,
}


def mismatches(part: dict[str, Any], value: Any, path: str = "$") -> Any:
    """Where a value does not fit a JSON Schema: the keywords that ours uses."""
    root = json_schema()

    def walk(part: dict[str, Any], value: Any, path: str) -> Any:
        if "$ref" in part:
            yield from walk(root["$defs"][part["$ref"].rpartition("/")[2]], value, path)
        for keyword, count in (("anyOf", None), ("oneOf", 1)):
            if keyword in part:
                fitting = [not list(walk(option, value, path)) for option in part[keyword]]
                if not any(fitting) or (count and sum(fitting) != count):
                    yield f"{path}: {keyword}"
        kinds = part.get("type", [])
        kinds = [kinds] if isinstance(kinds, str) else kinds
        if kinds and not any(is_a(value, kind) for kind in kinds):
            yield f"{path}: type"
            return
        if "enum" in part and value not in part["enum"]:
            yield f"{path}: enum"
        if "const" in part and value != part["const"]:
            yield f"{path}: const"
        if isinstance(value, str):
            if not re.search(part.get("pattern", ""), value):
                yield f"{path}: pattern"
            if len(value) < part.get("minLength", 0):
                yield f"{path}: minLength"
        elif is_a(value, "number"):
            if value < part.get("minimum", value) or value > part.get("maximum", value):
                yield f"{path}: bounds"
            if "exclusiveMinimum" in part and value <= part["exclusiveMinimum"]:
                yield f"{path}: exclusiveMinimum"
        elif isinstance(value, list):
            if len(value) < part.get("minItems", 0):
                yield f"{path}: minItems"
            for index, item in enumerate(value):
                yield from walk(part.get("items", {}), item, f"{path}[{index}]")
        elif isinstance(value, dict):
            yield from in_object(part, value, path)

    def in_object(part: dict[str, Any], value: dict[str, Any], path: str) -> Any:
        yield from (
            f"{path}.{key}: missing" for key in part.get("required", ()) if key not in value
        )
        if len(value) < part.get("minProperties", 0):
            yield f"{path}: minProperties"
        patterns = part.get("patternProperties", {})
        for key, item in value.items():
            yield from walk(part.get("propertyNames", {}), key, f"{path}.{key}")
            found = [rule for pattern, rule in patterns.items() if re.search(pattern, key)]
            found += [part["properties"][key]] if key in part.get("properties", {}) else []
            for rule in found:
                yield from walk(rule, item, f"{path}.{key}")
            if not found:
                extra = part.get("additionalProperties", {})
                if extra is False:
                    yield f"{path}.{key}: unknown"
                else:
                    yield from walk(extra, item, f"{path}.{key}")

    return walk(part, json.loads(json.dumps(value)), path)


def is_a(value: Any, kind: str) -> bool:
    """Whether a value has a JSON type; true and false are no numbers."""
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, TYPES[kind])
