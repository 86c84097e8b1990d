"""Loading a topic's functions and its Setup class."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from harness.errors import AssayError
from harness.read import read_prediction
from harness.topic import (
    build_setup,
    load_function,
    setup_class,
    static_fields,
    takes_draw,
    traced_fields,
)

WORLD = """
from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from harness.api import STATIC

Share = Annotated[float, Field(ge=0, le=1)]


@dataclass(frozen=True, kw_only=True)
class Setup:
    size: Annotated[int, Field(gt=0, description="size")]
    rate: Annotated[float, Field(gt=0, description="rate")]
    share: Annotated[Share, STATIC, Field(description="share")]
    nested: Annotated[bool, Field(description="nested")]
    kind: Annotated[Literal["a", "b"], Field(description="kind")]
    widths: Annotated[tuple[float, ...], Field(description="widths")]
"""
FUNCTIONS = """
from __future__ import annotations

import functools

from . import helper
from .world import Setup


def train(setup: Setup, key):
    return {"loss": helper.VALUE}


def law(setup: Setup):
    return {"loss": helper.VALUE}


def paired(setup: Setup, draw):
    return {"loss": draw["loss"]}


def tuned(setup: Setup, *, order: int = 2):
    return {"loss": float(order)}


def wrapper(function):
    @functools.wraps(function)
    def inner(*arguments):
        return function(*arguments)

    return inner


wrapped = wrapper(law)
"""
YAML = """\
id: {name}
title: T
claim: C
strand: solvable_settings
sources: [{{title: T, authors: A, year: 2020}}]
experiment: code.train
draw: code.train
setup: {{size: 3, rate: 1, share: 0.5, nested: true, kind: a, widths: [1, 2.5]}}
tiers: {{smoke: {{seeds: 2}}}}
observables:
  loss: {{unit: "1", compare: value, tolerance: {{absolute: 1}}, because: {{a: 1}}}}
theories:
  law: {{forecast: code.law, expect: pass}}
  paired: {{forecast: code.paired, expect: fail}}
controls:
  smaller: {{setup: {{size: 1}}, because: too small}}
"""


def topic(folder: Path, name: str, value: int) -> Path:
    """Write a topic whose modules are named like any other topic's."""
    folder = folder / name
    folder.mkdir()
    (folder / "world.py").write_text(WORLD)
    (folder / "helper.py").write_text(f"VALUE = {value}\n")
    (folder / "code.py").write_text(FUNCTIONS)
    path = folder / f"{name}.yaml"
    path.write_text(YAML.format(name=name))
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return topic(tmp_path, "first", 1)


VALUES = {"size": 3, "rate": 1, "share": 0.5, "nested": True, "kind": "a", "widths": (1, 2.5)}


def test_topics_with_equal_module_names_do_not_collide(path: Path, tmp_path: Path) -> None:
    predictions = [read_prediction(path), read_prediction(topic(tmp_path, "second", 2))]
    laws = [load_function(prediction, "code.law", "forecast") for prediction in predictions]
    assert [law(None)["loss"] for law in laws] == [1, 2]
    assert "code" not in sys.modules or not sys.modules["code"].__file__.startswith(str(tmp_path))


def test_a_module_is_loaded_once(path: Path) -> None:
    prediction = read_prediction(path)
    assert load_function(prediction, "code.law", "forecast") is load_function(
        prediction, "code.law", "forecast"
    )


def test_threads_may_load_together(path: Path) -> None:
    prediction = read_prediction(path)
    with ThreadPoolExecutor(8) as pool:
        found = set(
            pool.map(lambda _: load_function(prediction, "code.law", "forecast"), range(64))
        )
    assert len(found) == 1


def test_conditional_forecasts(path: Path) -> None:
    prediction = read_prediction(path)
    conditional = {
        name: takes_draw(load_function(prediction, f"code.{name}", "forecast"))
        for name in ("law", "paired", "tuned", "wrapped")
    }
    assert conditional == {"law": False, "paired": True, "tuned": False, "wrapped": False}


def test_the_line_of_an_error_is_that_of_the_reference(path: Path) -> None:
    prediction = read_prediction(path)
    for reference, role, at, line in (
        ("code.law", "experiment", None, prediction.line("theories", "law")),
        ("code.none", "forecast", ("controls", "smaller"), prediction.line("controls", "smaller")),
        ("code.none", "forecast", None, 1),
    ):
        with pytest.raises(AssayError) as caught:
            load_function(prediction, reference, role, at)
        assert (caught.value.file, caught.value.line) == (path, line)


def test_setup_class(path: Path) -> None:
    prediction = read_prediction(path)
    found = {
        setup_class(load_function(prediction, f"code.{name}", "forecast"))
        for name in ("law", "wrapped")
    }
    assert len(found) == 1
    (cls,) = found
    assert traced_fields(cls) == ("rate",)
    assert static_fields(cls) == ("size", "share", "nested", "kind", "widths")


def test_build_setup(path: Path) -> None:
    prediction = read_prediction(path)
    cls = setup_class(load_function(prediction, "code.law", "forecast"))
    setup = build_setup(cls, VALUES, prediction)
    assert (setup.size, setup.rate, setup.widths) == (3, 1.0, (1.0, 2.5))
    assert type(setup.rate) is float
    assert build_setup(cls, {**VALUES, "widths": [1, 2.5]}) == setup


@pytest.mark.parametrize(
    ("changed", "path_", "what"),
    [
        ({"size": 3.0}, "setup.size", "must be a whole number, got 3.0"),
        ({"size": True}, "setup.size", "must be a whole number, got true"),
        ({"size": "3"}, "setup.size", "must be a whole number, got text '3'"),
        ({"rate": True}, "setup.rate", "must be a number, got true"),
        ({"rate": float("nan")}, "setup.rate", "must be a finite number, got nan"),
        ({"share": 1.5}, "setup.share", "must be <= 1, got 1.5"),
        ({"nested": 1}, "setup.nested", "must be true or false, got 1"),
        ({"kind": "c"}, "setup.kind", "must be one of a, b, got text 'c'"),
        ({"widths": 2.5}, "setup.widths", "must be a list, got 2.5"),
        ({"widths": (1, "x")}, "setup.widths", "must be a number, got text 'x'"),
        ({"with": 1}, "setup.with", "Setup has no field 'with'"),
    ],
)
def test_values_that_do_not_fit(
    path: Path, changed: dict[str, object], path_: str, what: str
) -> None:
    prediction = read_prediction(path)
    cls = setup_class(load_function(prediction, "code.law", "forecast"))
    with pytest.raises(AssayError) as caught:
        build_setup(cls, {**VALUES, **changed}, prediction)
    (problem,) = caught.value.problems
    assert (problem.file, problem.line) == (path, prediction.line("setup"))
    assert (problem.path, problem.what) == (path_, what)


def test_all_values_are_checked_at_once_and_where_they_come_from(path: Path) -> None:
    prediction = read_prediction(path)
    cls = setup_class(load_function(prediction, "code.law", "forecast"))
    origins = {"size": ("controls", "smaller", "setup", "size")}
    with pytest.raises(AssayError) as caught:
        build_setup(cls, {"size": 0, "rate": -1}, prediction, origins)
    found = {problem.path: problem.line for problem in caught.value.problems}
    assert found["controls.smaller.setup.size"] == prediction.line("controls", "smaller")
    assert {"setup.rate", "setup.share", "setup.kind", "setup.nested", "setup.widths"} < set(found)
