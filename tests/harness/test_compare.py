"""Theories head to head, on records made without training."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.cli import main
from harness.compare import (
    Bout,
    Comparison,
    compare,
    comparison_as_json,
    comparison_lines,
    confidence_set,
    holm,
    sign_test,
)
from harness.compare.confidence import p_values
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


@pytest.mark.parametrize(
    ("given", "adjusted"),
    [
        ([], []),
        ([0.03], [0.03]),
        ([0.01, 0.04, 0.03], [0.03, 0.06, 0.06]),
        ([0.5, 0.6, 0.001], [1.0, 1.0, 0.003]),
        ([0.02, 0.02], [0.04, 0.04]),
    ],
)
def test_holm(given: list[float], adjusted: list[float]) -> None:
    assert holm(given) == pytest.approx(adjusted)


def test_pairs_without_a_match_are_no_test(measured: np.ndarray) -> None:
    def beaten(*names: str) -> list[dict[str, Any]]:
        said = {"a": [1.0, 2.0, 3.0], "b": [1.0, 2.0, 4.0], "c": [1.0, 2.0, 5.0]}
        return [row(name, measured, said[name]) for name in names]

    entries = [entry(f"p{i}", beaten("a", "b")) for i in range(6)]
    two = compare(["a", "b", "c"], board(*entries)).matches
    assert two[0].sign_test == two[0].adjusted == pytest.approx(2**-5)
    three = compare(["a", "b", "c"], board(*entries, entry("q", beaten("a", "b", "c")))).matches
    assert [match.played for match in three] == [7, 1, 1]
    assert three[0].adjusted == pytest.approx(3 * three[0].sign_test)
    assert "after Holm for 3 pairs" in "\n".join(
        comparison_lines(compare(["a", "b", "c"], board(*entries, entry("q", beaten(*"abc")))))
    )


def test_only_the_named_predictions_count(measured: np.ndarray) -> None:
    rows = [row("a", measured, [1.0, 2.0, 3.0]), row("b", measured, [1.0, 2.0, 4.0])]
    both = board(entry("one", rows), entry("two", rows))
    assert {bout.prediction for bout in compare(["a", "b"], both, {"two"}).bouts} == {"two"}
    assert compare(["a", "b"], both, set()).bouts == ()


def test_the_command_keeps_to_what_is_selected(
    suite: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["run", "--publish", "--workers", "1"]) == 0
    capsys.readouterr()
    assert main(["compare", "descent", "frozen", "--on", "strand:solvable_settings"]) == 0
    out = capsys.readouterr().out
    assert "cannot be rejected as best on 1 observable of 1 prediction" in out
    assert "rejected: frozen" in out
    assert main(["compare", "descent", "frozen", "--on", "parabola", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["best"]["members"][0]["theory"] == "descent"
    assert main(["compare", "descent", "frozen", "--on", "strand:universality"]) == 2
    assert "nothing matches" in capsys.readouterr().err


def set_of(comparison: Comparison) -> tuple[set[str], set[str]]:
    """Theories in the model confidence set, and those that are not."""
    members = comparison.best.members
    return {m.theory for m in members if m.kept}, {m.theory for m in members if not m.kept}


def test_the_best_theories_are_a_tie_and_the_others_are_rejected(measured: np.ndarray) -> None:
    said = {"a": [1.0, 2.0, 3.0], "b": [1.0, 2.0, 3.0], "c": [1.0, 2.0, 4.0]}
    rows = [row(name, measured, forecast) for name, forecast in said.items()]
    comparison = compare(["c", "a", "b"], board(entry("one", rows), entry("two", rows)))
    assert set_of(comparison) == ({"a", "b"}, {"c"})
    assert comparison.best.observables == (("one", "overlap"), ("two", "overlap"))
    assert comparison.best.seeds == SEEDS
    text = "\n".join(comparison_lines(comparison))
    assert "on 2 observables of 2 predictions that all forecast, at 95% (a tie): a (" in text
    assert "rejected: c (" in text
    data = json.loads(comparison_as_json(comparison))
    assert [member["theory"] for member in data["best"]["members"]] == ["a", "b", "c"]


def test_a_lead_within_the_noise_rejects_nobody(measured: np.ndarray) -> None:
    noisy = measured + 2 * np.random.default_rng(2).standard_normal((SEEDS, 1))
    rows = [row("a", noisy, [1.0, 2.0, 3.0]), row("b", noisy, [1.05, 2.05, 3.05])]
    assert set_of(compare(["a", "b"], board(entry("one", rows)))) == ({"a", "b"}, set())


def test_only_what_all_forecast_decides_which_is_best(measured: np.ndarray) -> None:
    everyone = [row(name, measured, [1.0, 2.0, 3.0]) for name in "abc"]
    pair = [row("a", measured, [1.0, 2.0, 3.0]), row("b", measured, [1.0, 2.0, 9.0])]
    comparison = compare(["a", "b", "c"], board(entry("one", everyone), entry("two", pair)))
    assert comparison.best.observables == (("one", "overlap"),)
    assert set_of(comparison) == ({"a", "b", "c"}, set())
    none = compare(["a", "b", "c"], board(entry("two", pair)))
    assert none.best.members == ()
    assert none.best.reason is not None
    assert f"best of all: {none.best.reason}" in comparison_lines(none)


def test_a_model_confidence_set_by_hand() -> None:
    # Losses 1, 2, 6 about their mean 3: -2, -1, 3. The four resamples move them, about their own
    # means, by 0, +-1 and -+1 for the first, by +-1, -+1 and 0 for the others:
    observed = np.array([1.0, 2.0, 6.0])
    noise = np.array([[1.0, -1.0, 0.0], [-1.0, 1.0, 0.0], [0.0, 1.0, -1.0], [0.0, -1.0, 1.0]])
    # Mean squares 1/2, 1, 1/2, so standard errors 0.707, 1, 0.707 and statistics -2.83, -1, 4.24;
    # the largest of the resampled statistics are 1.41, 1, 1, 1.41, never 4.24: p = 1 / (1 + 4).
    # Of the two that remain, losses about their mean are -1/2 and 1/2, the noise about its own mean
    # 1, -1, -1/2, 1/2 and the reverse, its mean square 5/8. The worse one's statistic is 0.632, the
    # largest resampled ones are 1.26, 1.26, 0.632, 0.632, all as large: p = 5 / 5.
    found = p_values(observed, observed + noise)
    assert found == pytest.approx([1.0, 1.0, 0.2])


def test_equal_losses_without_noise_are_a_tie_and_others_are_not() -> None:
    observed = np.array([1.0, 1.0, 2.0])
    members = confidence_set(["a", "b", "c"], observed, np.tile(observed, (99, 1)), 32)
    assert [(m.theory, m.kept) for m in members] == [("a", True), ("b", True), ("c", False)]
    assert members[-1].p_value == pytest.approx(0.01)


@pytest.mark.parametrize("seeds", [16, 48])
def test_the_set_holds_all_best_theories_as_often_as_it_says(seeds: int) -> None:
    generator = np.random.default_rng(seeds)
    true, missed, rejected = np.array([0.0, 0.0, 0.0, 1.5]), 0, 0
    for _ in range(200):
        common = generator.standard_normal((seeds, 1))
        loss_NM = true + common + generator.standard_normal((seeds, 4))
        index_RN = generator.integers(seeds, size=(200, seeds))
        members = confidence_set(
            "abcd", loss_NM.mean(axis=0), loss_NM[index_RN].mean(axis=1), seeds
        )
        kept = {member.theory for member in members if member.kept}
        missed += not {"a", "b", "c"} <= kept
        rejected += "d" not in kept
    assert missed <= 20  # 10 are expected at five per cent
    assert rejected >= (190 if seeds > 16 else 150)


def test_equal_theories_that_differ_by_rounding_all_stay() -> None:
    """Their own differences have no scale: what is left of 0.08 after rounding is no loss."""
    observed = np.array([0.08, 0.08 + 2e-16, 0.08 - 1e-16, 12.0])
    noise = 0.01 * np.random.default_rng(0).standard_normal((500, 1))
    found = p_values(observed, observed + noise)
    assert found[:3].min() == 1.0
    assert found[3] < 0.01


def test_a_difference_of_rounding_is_a_tie(measured: np.ndarray) -> None:
    rows = [row("a", measured, [1.0, 2.0, 3.0]), row("b", measured, [1.0, 2.0, 3.0 + 1e-13])]
    assert only(compare(["a", "b"], board(entry("one", rows))).bouts).winner is None
