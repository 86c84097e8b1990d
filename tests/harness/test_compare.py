"""Theories head to head, on records made without training."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from harness.compare import Bout, compare, comparison_as_json, comparison_lines, sign_test
from harness.errors import AssayError
from harness.leaderboard.board import Board, Entry, Spec, Standing

SEEDS = 32
TIME = [0.0, 1.0, 2.0]


def series(values: Any, **axes: list[float]) -> dict[str, Any]:
    return {"dims": list(axes), "coords": axes, "values": np.asarray(values, float).tolist()}


def row(theory: str, measured: np.ndarray, said: Any, /, **changes: Any) -> dict[str, Any]:
    by_seed = {"seed": list(map(float, range(SEEDS))), "time": TIME}
    summary = {"mean": None, "stderr": None, "per_seed": series(measured, **by_seed)}
    return {
        "case": "claim",
        "theory": theory,
        "observable": "overlap",
        "unit": "1",
        "compare": "curve",
        "reason": "as judged",
        "tolerance": 0.5,
        "tolerance_kind": "absolute",
        "seeds": SEEDS,
        "error_in_tolerances": 1.0,
        "forecast": series(said, time=TIME),
        "spread": None,
        "measured": summary,
        **changes,
    }


def entry(name: str, rows: list[dict[str, Any]], tier: str = "full") -> Entry:
    spec = Spec("1", "curve", ("time",), "overlap", False, {"size": 0.5}, {"norm": "sup"})
    return Entry(
        id=name,
        title="",
        claim="",
        strand="universality",
        tier=tier,
        status="pass",
        file="",
        references=(),
        free_parameters=0,
        run=object(),  # type: ignore[arg-type]
        observables={"overlap": spec},
        trial={"rows": rows},
    )


def board(*entries: Entry) -> Board:
    standings = [
        Standing(name, name, 0, 0, 0, 0, 0, 0, None, None, 0, None) for name in ("a", "b", "c")
    ]
    return Board(entries, tuple(standings))


@pytest.fixture
def measured() -> np.ndarray:
    noise = np.random.default_rng(1).standard_normal((SEEDS, 3))
    return np.array([1.0, 2.0, 3.0]) + 0.05 * noise


def only(found: tuple[Bout, ...]) -> Bout:
    (bout,) = found
    return bout


def test_the_closer_theory_wins_by_the_difference_in_tolerances(measured: np.ndarray) -> None:
    rows = [row("a", measured, [1.0, 2.0, 3.0]), row("b", measured, [1.0, 2.0, 4.0])]
    comparison = compare(["a", "b"], board(entry("one", rows)))
    bout = only(comparison.bouts)
    assert bout.winner == "a"
    assert bout.difference == pytest.approx(-2.0, abs=0.2)
    assert bout.interval is not None and bout.interval[1] < 0
    (match,) = comparison.matches
    assert (match.wins_a, match.wins_b, match.ties) == (1, 0, 0)


def test_equal_forecasts_tie(measured: np.ndarray) -> None:
    rows = [row("a", measured, [1.0, 2.0, 3.0]), row("b", measured, [1.0, 2.0, 3.0])]
    comparison = compare(["a", "b"], board(entry("one", rows)))
    bout = only(comparison.bouts)
    assert (bout.winner, bout.difference) == (None, 0.0)
    assert comparison.matches[0].ties == 1
    assert any(line.endswith("tie") for line in comparison_lines(comparison))


def test_a_gap_within_the_noise_of_the_seeds_is_a_tie(measured: np.ndarray) -> None:
    noisy = measured + 2 * np.random.default_rng(2).standard_normal((SEEDS, 1))
    rows = [row("a", noisy, [1.0, 2.0, 3.0]), row("b", noisy, [1.05, 2.05, 3.05])]
    assert only(compare(["a", "b"], board(entry("one", rows))).bouts).winner is None


def test_all_pairs_meet(measured: np.ndarray) -> None:
    rows = [row(name, measured, [1.0, 2.0, 3.0 + i]) for i, name in enumerate("abc")]
    comparison = compare(["a", "b", "c"], board(entry("one", rows)))
    assert [(bout.a, bout.b) for bout in comparison.bouts] == [("a", "b"), ("a", "c"), ("b", "c")]
    assert [bout.winner for bout in comparison.bouts] == ["a", "a", "b"]


def test_distributions_are_scored_as_well(measured: np.ndarray) -> None:
    narrow, wide = series([0.05] * 3, time=TIME), series([0.5] * 3, time=TIME)
    rows = [
        row("a", measured, [1.0, 2.0, 3.0], spread=narrow),
        row("b", measured, [1.0, 2.0, 3.0], spread=wide),
    ]
    comparison = compare(["a", "b"], board(entry("one", rows)))
    bout = only(comparison.bouts)
    assert bout.winner is None  # the means are the same, only the spreads differ
    assert [(score.name, score.winner) for score in bout.scores] == [
        ("CRPS", "a"),
        ("log score", "a"),
    ]
    assert any("log score" in line for line in comparison_lines(comparison))


def test_one_score_of_a_distribution_is_that_of_its_density(measured: np.ndarray) -> None:
    exact = np.broadcast_to([1.0, 2.0, 3.0], (SEEDS, 3))
    unit, double = series([1.0] * 3, time=TIME), series([2.0] * 3, time=TIME)
    rows = [
        row("a", exact, [1.0, 2.0, 3.0], spread=unit),
        row("b", exact, [1.0, 2.0, 3.0], spread=double),
    ]
    log = only(compare(["a", "b"], board(entry("one", rows))).bouts).scores[1]
    assert log.b - log.a == pytest.approx(np.log(2))


def test_a_conditional_forecast_is_paired_seed_by_seed(measured: np.ndarray) -> None:
    by_seed = {"seed": list(map(float, range(SEEDS))), "time": TIME}
    rows = [
        row("a", measured, measured, forecast=series(measured, **by_seed)),
        row("b", measured, [1.0, 2.0, 3.2]),
    ]
    assert only(compare(["a", "b"], board(entry("one", rows))).bouts).winner == "a"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"forecast": None, "measured": None}, "b: as judged"),
        ({"measured": {"per_seed": None}}, "the record holds no values by seed"),
        ({"forecast": series([1.0, 2.0], time=[0.0, 1.0])}, "`time` has 3 points"),
    ],
)
def test_a_bout_that_cannot_take_place_says_why(
    measured: np.ndarray, changes: dict[str, Any], reason: str
) -> None:
    rows = [row("a", measured, [1.0, 2.0, 3.0]), row("b", measured, [1.0, 2.0, 3.0], **changes)]
    comparison = compare(["a", "b"], board(entry("one", rows)))
    bout = only(comparison.bouts)
    assert bout.reason is not None and reason in bout.reason
    assert comparison.matches[0].ties == 0
    assert "not compared" in "\n".join(comparison_lines(comparison))


def test_only_the_largest_tier_counts(measured: np.ndarray) -> None:
    rows = [row("a", measured, [1.0, 2.0, 3.0]), row("b", measured, [1.0, 2.0, 4.0])]
    both = board(entry("one", rows, "smoke"), entry("one", rows, "full"))
    assert only(compare(["a", "b"], both).bouts).tier == "full"


def test_theories_without_common_ground_are_said_so(measured: np.ndarray) -> None:
    comparison = compare(["a", "b"], board(entry("one", [row("a", measured, [1.0, 2.0, 3.0])])))
    assert comparison_lines(comparison) == [
        "a and b: no result on an observable that both forecast"
    ]


def test_an_unknown_or_lonely_theory_is_an_error() -> None:
    with pytest.raises(AssayError, match="no theory 'mupp'"):
        compare(["a", "mupp"], board())
    with pytest.raises(AssayError, match="needs two"):
        compare(["a", "a"], board())


def test_json_is_complete(measured: np.ndarray) -> None:
    rows = [row("a", measured, [1.0, 2.0, 3.0]), row("b", measured, [1.0, 2.0, 4.0])]
    data = json.loads(comparison_as_json(compare(["a", "b"], board(entry("one", rows)))))
    assert data["theories"] == ["a", "b"]
    assert data["bouts"][0]["winner"] == "a"
    assert data["matches"][0]["wins_a"] == 1


@pytest.mark.parametrize(
    ("wins", "p"), [((0, 0), 1.0), ((1, 0), 1.0), ((5, 0), 0.0625), ((3, 3), 1.0), ((0, 8), 2**-7)]
)
def test_sign_test(wins: tuple[int, int], p: float) -> None:
    assert sign_test(*wins) == pytest.approx(p)
