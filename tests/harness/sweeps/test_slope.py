"""The finite-size slope, on deviations whose power is known."""

from __future__ import annotations

import numpy as np
import pytest

from harness.sweeps.deviation import Deviation, mean_square
from harness.sweeps.slope import fit_power

SIZES = [50.0, 100.0, 200.0, 400.0, 800.0]


def deviations(
    power: float, noise: float, *, seeds: int = 32, sign: float = 1.0, common: float = 0.0
) -> list[Deviation]:
    """Signed deviations (size / 50)^power, with seeds that share a part `common` of their noise."""
    generator = np.random.default_rng(7)
    shared = generator.standard_normal(seeds)
    return [
        Deviation(
            "signed",
            sign * (size / SIZES[0]) ** power
            + noise
            * (np.sqrt(common) * shared + np.sqrt(1 - common) * generator.standard_normal(seeds)),
        )
        for size in SIZES
    ]


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("power", [-1.0, -0.5, 0.0, 0.7])
def test_a_power_is_found_with_its_amplitude(power: float, sign: float) -> None:
    fit = fit_power(SIZES, deviations(power, 0.02, sign=sign))
    assert fit.power is not None
    low, high = fit.power.interval
    assert low < power < high
    assert high - low < 0.2
    assert fit.power.slope == pytest.approx(power, abs=0.03)
    assert fit.power.amplitude * 50**fit.power.slope == pytest.approx(sign, rel=0.03)
    assert (fit.points, fit.resolved) == (5, 5)


def test_points_within_the_noise_count_for_what_they_are_worth() -> None:
    found = deviations(-1.0, 0.15)
    fit = fit_power(SIZES, found)
    assert fit.resolved < 5
    assert fit.power is not None
    low, high = fit.power.interval
    assert low < -1 < high
    assert high - low > 0.2


def test_noise_that_the_points_share_is_taken_as_shared() -> None:
    alone, shared = (
        fit_power(SIZES, deviations(0.0, 0.1, common=common)).power for common in (0.0, 0.99)
    )
    assert alone is not None
    assert shared is not None
    width_alone, width_shared = (p.interval[1] - p.interval[0] for p in (alone, shared))
    assert width_shared < 0.3 * width_alone


def test_a_bend_is_scatter_and_widens_the_interval() -> None:
    bent = [
        Deviation("signed", one.by_seed + 0.5 * (size / 50) ** -2.5)
        for size, one in zip(SIZES, deviations(-0.5, 1e-4), strict=True)
    ]
    fit = fit_power(SIZES, bent).power
    assert fit is not None
    assert fit.scatter > 0.05
    assert fit.interval[1] - fit.interval[0] > 0.3


def test_noise_that_moves_all_points_alike_does_not_hide_a_bend() -> None:
    common = 1 + 0.5 * np.random.default_rng(4).standard_normal(32)
    bent = [Deviation("signed", (50 / size + (50 / size) ** 2) * common) for size in SIZES]
    straight = [Deviation("signed", 50 / size * common) for size in SIZES]
    of_bent, of_straight = (fit_power(SIZES, found).power for found in (bent, straight))
    assert of_bent is not None
    assert of_straight is not None
    assert of_bent.scatter > 0.02
    assert of_bent.interval[1] - of_bent.interval[0] > 0.1
    assert of_straight.scatter < 1e-3
    assert of_straight.slope == pytest.approx(-1, abs=1e-4)


def test_a_mean_square_gives_the_power_of_its_root() -> None:
    generator = np.random.default_rng(3)
    shape_J = generator.standard_normal(12)
    found = [
        Deviation(
            "rms",
            mean_square(shape_J * 50 / size + 0.1 * generator.standard_normal((32, 12))),
        )
        for size in SIZES
    ]
    fit = fit_power(SIZES, found).power
    assert fit is not None
    assert fit.slope == pytest.approx(-1, abs=0.05)
    assert fit.interval[0] < -1 < fit.interval[1]
    size = np.sqrt((shape_J**2).mean())
    assert fit.amplitude * 50**fit.slope == pytest.approx(size, rel=0.05)


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (deviations(-1.0, 0.02)[:2], "needs 3 points"),
        (deviations(-1.0, 20.0), "beyond the seeds' noise at 0 of 5"),
        ([*deviations(0, 0.02)[:3], *deviations(0, 0.02, sign=-1)[3:]], "changes its sign"),
    ],
)
def test_what_cannot_be_resolved_is_said(found: list[Deviation], reason: str) -> None:
    fit = fit_power(SIZES[: len(found)], found)
    assert fit.power is None
    assert reason in fit.reason


def test_the_interval_holds_its_level() -> None:
    generator = np.random.default_rng(11)
    missed = 0
    for _ in range(200):
        found = [
            Deviation("signed", 50 / size + 0.08 * generator.standard_normal(16)) for size in SIZES
        ]
        power = fit_power(SIZES, found).power
        missed += power is not None and not power.interval[0] < -1 < power.interval[1]
    assert missed <= 8  # 4 are expected at one per cent a side


def test_deviations_without_noise_are_fitted_exactly() -> None:
    found = [Deviation("signed", np.full(8, 3.0 * size**-0.5)) for size in SIZES]
    fit = fit_power(SIZES, found).power
    assert fit is not None
    assert fit.slope == pytest.approx(-0.5, abs=1e-5)
    assert fit.amplitude == pytest.approx(3.0, rel=1e-4)
