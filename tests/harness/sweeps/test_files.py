"""Sweeps on disk come back as they were."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from harness.errors import AssayError
from harness.judge import Verdict
from harness.sweeps import At, Outcome, Point, Slope, Sweep, read_sweeps, size_of, write_sweep

AT = At(
    theory="t",
    observable="o",
    verdict=Verdict.INCONCLUSIVE,
    reason="as judged",
    tolerance=0.5,
    tolerance_kind="absolute",
    seeds=16,
    discrepancy=0.25,
    interval=(0.0, math.inf),
    error_in_tolerances=0.5,
    deviation=0.0,
    deviation_interval=(-0.1, 0.1),
    deviation_kind="signed",
)
OUTCOME = Outcome("t", Verdict.INCONCLUSIVE, "o: as judged", 0.5, (0.0, math.inf), "width = 8")
SWEEP = Sweep(
    id="one",
    title="One",
    tier="smoke",
    revision=1,
    promise="p",
    code="c",
    claim="t",
    theories=("t",),
    observables=("o",),
    over={"width": (8, 16), "sizes": ((1, 2),)},
    overrides={},
    points=(
        Point({"width": 8, "sizes": (1, 2)}, 16, (OUTCOME,), (AT,), {"c": Verdict.FAIL}, None, 2.0),
        Point({"width": 16, "sizes": (1, 2)}, problem="it broke"),
    ),
    slopes=(Slope("t", "o", "width", 2, 1, {"sizes": (1, 2)}, reason="too few"),),
    provenance={"time": "2026-01-01"},
    busy_s=2.0,
    wall_s=3.0,
    why="because",
)


def test_a_sweep_comes_back_as_it_was(tmp_path: Path) -> None:
    path = write_sweep(tmp_path, SWEEP)
    assert path.name == "one.smoke.width.sizes.json"
    assert read_sweeps(tmp_path) == [SWEEP]
    text = path.read_text()
    assert write_sweep(tmp_path, SWEEP).read_text() == text
    assert text.count('\n  {"keys"') == 2
    assert "NaN" not in text


def test_other_overrides_have_another_file(tmp_path: Path) -> None:
    write_sweep(tmp_path, SWEEP)
    write_sweep(tmp_path, replace(SWEEP, overrides={"dim": 3}))
    assert len(read_sweeps(tmp_path)) == 2
    assert read_sweeps(tmp_path / "nowhere") == []


def test_what_a_point_holds_is_found() -> None:
    point = SWEEP.point(width=8, sizes=(1, 2))
    assert point is not None
    assert point.controlled
    assert point.at("t", "o") is AT
    assert point.outcome("t") is OUTCOME
    assert AT.error_interval == (0.0, math.inf)
    assert point.outcome("x") is None
    assert SWEEP.point(width=9, sizes=(1, 2)) is None
    assert [slope.agrees for slope in SWEEP.slopes_of("t")] == [None]
    fitted = replace(SWEEP.slopes[0], slope=-1.0, interval=(-1.2, -0.8), rate=-0.5)
    assert fitted.agrees is False


@pytest.mark.parametrize(
    ("value", "size"),
    [
        (4, 4.0),
        ((4, 16), 8.0),
        (0.5, 0.5),
        (0, None),
        (True, None),
        ("relu", None),
        ((1, -1), None),
    ],
)
def test_sizes(value: object, size: float | None) -> None:
    assert size_of(value) == (None if size is None else pytest.approx(size))


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("{", "no stored sweep"),
        ("[]", "no stored sweep"),
        ('{"format": 1}', "no stored sweep"),
        ('{"format": 9}', "format 9"),
    ],
)
def test_another_file_is_an_error(tmp_path: Path, content: str, what: str) -> None:
    (tmp_path / "x.json").write_text(content)
    with pytest.raises(AssayError, match=what):
        read_sweeps(tmp_path)


def test_an_unknown_field_is_an_error(tmp_path: Path) -> None:
    path = write_sweep(tmp_path, SWEEP)
    path.write_text(json.dumps({**json.loads(path.read_text()), "surprise": 1}))
    with pytest.raises(AssayError, match="no stored sweep"):
        read_sweeps(tmp_path)
