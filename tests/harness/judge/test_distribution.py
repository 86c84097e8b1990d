import numpy as np
import pytest
import xarray as xr

from harness.judge import LEVEL, Criterion, Verdict, judge
from harness.judge.case import Levels
from harness.judge.distribution import ks, wasserstein
from tests.harness.judge.builders import criterion, seeded

LAW = (np.arange(100) + 0.5) / 100
UNIFORM = xr.DataArray(LAW, dims="quantile")
LEVELS = Levels(LEVEL, LEVEL)


def uniform(shift: float = 0.0, seeds: int = 32, own: int = 200) -> xr.DataArray:
    values = np.random.default_rng(0).random((seeds, own))
    return seeded(values + shift, "eigenvalue")


@pytest.mark.parametrize("distance", ["ks", "wasserstein"])
def test_its_own_law_passes_and_a_shifted_one_fails(distance: str) -> None:
    asked = criterion("distribution", distance=distance)
    assert judge(uniform(), UNIFORM, asked).verdict is Verdict.PASS
    assert judge(uniform(0.3), UNIFORM, asked).verdict is Verdict.FAIL


def test_exact_distances_of_a_shift() -> None:
    sample = np.tile(LAW + 0.25, (4, 1))
    assert wasserstein(sample, LAW, LEVELS).discrepancy == pytest.approx(0.25, abs=1e-3)
    assert ks(sample, LAW, LEVELS).discrepancy == pytest.approx(0.25, abs=0.01)


def test_exact_distance_of_a_stretch() -> None:
    # W1 of the uniform laws on [0, 1] and [0, 2] is 1/2.
    sample = np.tile(2 * LAW, (4, 1))
    assert wasserstein(sample, LAW, LEVELS).discrepancy == pytest.approx(0.5, abs=5e-3)


def test_a_law_with_an_atom() -> None:
    law = np.r_[np.zeros(50), LAW[:50] + 1]
    sample = np.tile(law, (4, 1))
    assert ks(sample, law, LEVELS).discrepancy == pytest.approx(0, abs=1e-12)
    assert wasserstein(sample, law, LEVELS).discrepancy == pytest.approx(0, abs=0.01)


def test_relative_and_logarithmic_wasserstein() -> None:
    doubled = 2 * uniform()
    relative = judge(doubled, UNIFORM, _asked("relative")).discrepancy
    assert relative == pytest.approx(1.0, abs=0.03)
    logarithmic = judge(doubled, UNIFORM, _asked("log")).discrepancy
    assert logarithmic == pytest.approx(np.log(2), abs=0.03)


def _asked(kind: str) -> Criterion:
    return criterion("distribution", kind=kind, distance="wasserstein")


def test_one_value_a_seed_leaves_the_tails_open() -> None:
    judgement = judge(uniform(own=1, seeds=8), UNIFORM, criterion("distribution", tol=0.3))
    assert judgement.verdict is Verdict.INCONCLUSIVE


def test_seeds_that_agree_within_but_not_among_each_other_do_not_decide() -> None:
    centres = np.random.default_rng(1).random((8, 1))
    clustered = seeded(np.tile(centres, (1, 500)), "eigenvalue")
    judgement = judge(clustered, UNIFORM, criterion("distribution", tol=0.3))
    assert judgement.verdict is Verdict.INCONCLUSIVE


def test_each_point_has_its_own_law() -> None:
    both = xr.concat([uniform(), uniform(1.0)], dim="width")
    laws = xr.concat([UNIFORM, UNIFORM + 1], dim="width")
    asked = criterion("distribution", "eigenvalue")
    assert judge(both, laws, asked).verdict is Verdict.PASS
    assert judge(both, UNIFORM, asked).verdict is Verdict.FAIL


def test_kolmogorov_smirnov_has_no_relative_tolerance() -> None:
    judgement = judge(uniform(), UNIFORM, criterion("distribution", kind="relative"))
    assert judgement.verdict is Verdict.ERROR
