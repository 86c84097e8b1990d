import numpy as np
import pytest
import xarray as xr

from harness.judge import Criterion, Verdict, judge
from tests.harness.judge.builders import criterion, seeded

NAMES = ("never", "transient", "persistent")
FORECAST = xr.DataArray([0, 1, 2], dims="theta", coords={"theta": [0.5, 2.0, 6.0]})


def labels(seeds: int, wrong: int = 0) -> xr.DataArray:
    values = np.tile([0, 1, 2], (seeds, 1))
    values[:wrong, 0] = 1
    return seeded(values, "theta", theta=[0.5, 2.0, 6.0])


def test_no_error_in_few_seeds_does_not_pass() -> None:
    judgement = judge(labels(8), FORECAST, criterion("label", labels=NAMES))
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert judgement.discrepancy == 0
    assert judgement.interval[1] == pytest.approx(1 - 0.01 ** (1 / 8))
    assert judgement.seeds_to_decide == 44


def test_no_error_in_the_seeds_it_asked_for_passes() -> None:
    judgement = judge(labels(44), FORECAST, criterion("label", labels=NAMES))
    assert judgement.verdict is Verdict.PASS


def test_errors_count_as_a_share_of_the_cases() -> None:
    judgement = judge(labels(30, wrong=15), FORECAST, criterion("label", labels=NAMES))
    assert judgement.discrepancy == pytest.approx(1 / 6)


def test_a_wrong_phase_diagram_fails() -> None:
    judgement = judge(labels(16), FORECAST[::-1].assign_coords(theta=FORECAST.theta), _asked())
    assert judgement.discrepancy == pytest.approx(2 / 3)
    assert judgement.verdict is Verdict.FAIL


@pytest.mark.parametrize("strange", [0.5, 3, -1])
def test_what_is_no_label_is_an_error(strange: float) -> None:
    judgement = judge(labels(8) * 0 + strange, FORECAST, _asked())
    assert judgement.verdict is Verdict.ERROR


def _asked() -> Criterion:
    return criterion("label", labels=NAMES)
