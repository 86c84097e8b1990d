import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr
from scipy.special import ndtr

from harness.api import Normal
from harness.judge import LEVEL, Criterion, UnjudgeableError
from harness.scores import compare_paired, crps, log_score

Score = Callable[..., Any]

VALUE = Criterion("x", "value", (), "absolute", 0.1)


def sample(seeds: int, start: int = 0, shift: float = 0.0) -> xr.DataArray:
    return xr.DataArray(np.random.default_rng(start).standard_normal(seeds) + shift, dims="seed")


def test_crps_of_the_forecast_mean() -> None:
    # sd (sqrt(2) - 1) / sqrt(pi)
    expected = 2 * (math.sqrt(2) - 1) / math.sqrt(math.pi)
    assert crps(Normal(3.0, 2.0), [3.0]) == pytest.approx(expected)


def test_crps_is_the_area_between_distribution_functions() -> None:
    x = np.linspace(-12, 12, 400_001)
    area = np.sum((ndtr((x - 0.5) / 1.5) - (x >= 1.7)) ** 2) * (x[1] - x[0])
    assert crps(Normal(0.5, 1.5), 1.7) == pytest.approx(area, abs=1e-4)


def test_a_sharp_forecast_scores_the_distance() -> None:
    assert crps(Normal(0.0, 1e-9), [2.0, -3.0]) == pytest.approx([2.0, 3.0])


def test_log_score_is_minus_the_log_density() -> None:
    expected = 0.5 * math.log(2 * math.pi * 4) + 0.5
    assert log_score(Normal(1.0, 2.0), 3.0) == pytest.approx(expected)


@pytest.mark.parametrize("score", [crps, log_score])
def test_the_true_law_scores_best(score: Score) -> None:
    values = np.random.default_rng(0).standard_normal(20_000)
    best = score(Normal(0, 1), values).mean()
    for rival in (Normal(0.2, 1), Normal(0, 0.8), Normal(0, 1.3)):
        assert best < score(rival, values).mean()


@pytest.mark.parametrize("score", [crps, log_score])
def test_a_law_without_spread_is_refused(score: Score) -> None:
    with pytest.raises(ValueError, match="positive standard deviation"):
        score(Normal(0.0, 0.0), [1.0])


def test_the_closer_theory_wins() -> None:
    paired = compare_paired(sample(32), xr.DataArray(0.2), xr.DataArray(5.0), VALUE)
    assert paired.winner == "a"
    assert paired.interval[0] <= paired.difference <= paired.interval[1] < 0
    swapped = compare_paired(sample(32), xr.DataArray(5.0), xr.DataArray(0.2), VALUE)
    assert swapped.winner == "b"
    assert swapped.difference == pytest.approx(-paired.difference)


def test_equal_theories_tie() -> None:
    same = compare_paired(sample(32), xr.DataArray(0.2), xr.DataArray(0.2), VALUE)
    assert (same.difference, same.interval, same.winner) == (0.0, (0.0, 0.0), "tie")


def test_the_comparison_is_deterministic() -> None:
    first, second = (
        compare_paired(sample(16), xr.DataArray(0.2), xr.DataArray(0.4), VALUE) for _ in range(2)
    )
    assert first == second


def test_curves_and_their_worst_point() -> None:
    rng = np.random.default_rng(0)
    measured = xr.DataArray(rng.standard_normal((16, 2, 5)), dims=("seed", "width", "time"))
    asked = Criterion("x", "curve", ("time",), "absolute", 0.1)
    paired = compare_paired(measured, xr.DataArray(0.0), xr.DataArray(3.0), asked)
    assert paired.winner == "a"
    assert paired.difference == pytest.approx(-2.5, abs=0.8)


def test_conditional_forecasts_are_resampled_with_their_seeds() -> None:
    own = 10 * sample(16, start=1)
    measured = own + 0.1 * sample(16, start=2)
    paired = compare_paired(measured, own, own.mean(), VALUE)
    assert paired.winner == "tie"
    assert compare_paired(measured, own, own + 1, VALUE).winner == "a"


def test_what_cannot_be_judged_raises() -> None:
    with pytest.raises(UnjudgeableError):
        compare_paired(sample(1), xr.DataArray(0.0), xr.DataArray(1.0), VALUE)


@pytest.mark.parametrize("seeds", [8, 16, 64])
@pytest.mark.parametrize("sign", [0, 1, -1])
def test_equally_wrong_theories_rarely_have_a_winner(seeds: int, sign: int) -> None:
    runs, wins = 300, {"a": 0, "b": 0, "tie": 0}
    for start in range(runs):
        measured = sample(seeds, start)
        if sign:
            measured = measured.copy(data=sign * (np.exp(measured.values) - math.exp(0.5)) / 2.16)
        paired = compare_paired(
            measured, xr.DataArray(1.5), xr.DataArray(-1.5), VALUE, resamples=200
        )
        wins[paired.winner] += 1
    limit = runs * LEVEL + 4 * math.sqrt(runs * LEVEL)
    assert wins["a"] <= limit
    assert wins["b"] <= limit
