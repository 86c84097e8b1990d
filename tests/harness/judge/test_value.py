import numpy as np
import pytest
import xarray as xr

from harness.judge import Verdict, judge
from tests.harness.judge.builders import criterion, seeded, spread


def test_value_within_and_beyond() -> None:
    measured = seeded(spread(1.0))
    near = judge(measured, xr.DataArray(1.05), criterion("value"))
    far = judge(measured, xr.DataArray(1.5), criterion("value"))
    assert near.verdict is Verdict.PASS
    assert near.discrepancy == pytest.approx(0.05)
    assert near.error_in_tolerances == pytest.approx(0.5)
    assert near.interval[0] < 0.05 < near.interval[1] < 0.1
    assert far.verdict is Verdict.FAIL
    assert far.interval[0] > 0.1


def test_value_straddling_says_how_many_seeds_would_decide() -> None:
    noisy = judge(seeded(spread(1.0, 0.5)), xr.DataArray(1.05), criterion("value"))
    assert noisy.verdict is Verdict.INCONCLUSIVE
    assert noisy.seeds_to_decide is not None
    assert noisy.seeds_to_decide > 16
    assert f"about {noisy.seeds_to_decide} seeds" in noisy.reason


def test_value_at_the_boundary_says_that_seeds_do_not_help() -> None:
    edge = judge(seeded(spread(1.0, 0.5)), xr.DataArray(1.1), criterion("value"))
    assert edge.verdict is Verdict.INCONCLUSIVE
    assert edge.seeds_to_decide is None
    assert "too close" in edge.reason


@pytest.mark.parametrize(("kind", "expected"), [("relative", 0.5), ("log", np.log(1.5))])
def test_value_in_the_unit_of_its_tolerance(kind: str, expected: float) -> None:
    judgement = judge(
        seeded(spread(3.0, 1e-6)), xr.DataArray(2.0), criterion("value", kind=kind, tol=1.0)
    )
    assert judgement.discrepancy == pytest.approx(expected, rel=1e-5)


def test_log_is_taken_seed_by_seed() -> None:
    measured = seeded([1.0, np.e**2] * 8)
    judgement = judge(measured, xr.DataArray(np.e), criterion("value", kind="log", tol=2.0))
    assert judgement.discrepancy == pytest.approx(0, abs=1e-12)


def test_the_worst_point_decides_and_is_named() -> None:
    measured = seeded(spread([1.0, 1.0, 2.0]), "width", width=[8, 16, 32])
    judgement = judge(measured, xr.DataArray(1.0), criterion("value"))
    assert judgement.verdict is Verdict.FAIL
    assert "width=32" in judgement.reason


def test_conditional_forecast_is_paired_with_its_seed() -> None:
    own = np.random.default_rng(0).standard_normal(16) * 100
    measured, forecast = seeded(own + spread(0.05)), seeded(own)
    assert judge(measured, forecast, criterion("value")).verdict is Verdict.PASS
    assert judge(measured, forecast.mean(), criterion("value")).verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(("side", "discrepancy"), [("upper", 0.0), ("lower", 0.5)])
def test_bound_counts_one_side_only(side: str, discrepancy: float) -> None:
    judgement = judge(seeded(spread(1.0)), xr.DataArray(1.5), criterion("bound", side=side))
    assert judgement.discrepancy == pytest.approx(discrepancy)
    assert judgement.verdict is (Verdict.PASS if side == "upper" else Verdict.FAIL)


def test_bound_that_noise_leaves_open_names_the_seeds_it_needs() -> None:
    judgement = judge(seeded(spread(1.0, 2.0)), xr.DataArray(1.2), criterion("bound", tol=0.0))
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert judgement.discrepancy == 0
    assert judgement.seeds_to_decide is not None


@pytest.mark.parametrize(("mean", "discrepancy"), [(0.5, 0.5), (1.5, 0.0), (2.75, 0.75)])
def test_window_measures_the_distance_outside(mean: float, discrepancy: float) -> None:
    edges = xr.DataArray([1.0, 2.0], dims="edge")
    judgement = judge(seeded(spread(mean)), edges, criterion("window"))
    assert judgement.discrepancy == pytest.approx(discrepancy)
    assert judgement.verdict is (Verdict.FAIL if discrepancy else Verdict.PASS)


def test_window_with_swapped_edges_is_an_error() -> None:
    edges = xr.DataArray([2.0, 1.0], dims="edge")
    assert judge(seeded(spread(1.5)), edges, criterion("window")).verdict is Verdict.ERROR


def test_truth_values_are_counted() -> None:
    agreed = np.ones(8, dtype=bool)
    judgement = judge(seeded(agreed), xr.DataArray(1.0), criterion("value"))
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert judgement.interval[1] == pytest.approx(1 - 0.01 ** (1 / 8))


def test_agreement_of_all_seeds_is_mentioned() -> None:
    judgement = judge(seeded(np.ones(8)), xr.DataArray(1.0), criterion("value"))
    assert judgement.verdict is Verdict.PASS
    assert "same value" in judgement.reason
