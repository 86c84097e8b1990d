"""The phase diagram's theory against the Dyson equation, closed forms and untrained matrices."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import xarray as xr

from harness.api import OutOfScope
from harness.theory.wigner import dyson, dyson_edge, spiked_wigner
from predictions.solvable_settings.bbp_phase_diagram import readout, theory
from predictions.solvable_settings.bbp_phase_diagram.outlier import Spike
from predictions.solvable_settings.bbp_phase_diagram.world import LEVEL, Setup

SETUP = Setup(
    dim=100,
    samples_per_dim=20.0,
    slow_fraction=0.2,
    anisotropy=10.0,
    inputs="blocks",
    theta=2.0,
    left_slow=0.2,
    kappa=0.3,
    init_std=0.7,
    learning_rate=0.4,
    first_time=0.8,
    slow_times=3.0,
    records=8,
)
BLOCKS = Spike(
    weights=np.array([0.8, 0.2]),
    variances=np.array([0.3, 3.0]),
    left=np.array([0.7, 0.3]),
    right=np.array([0.9, 0.1]),
)


def at(**changes: object) -> Setup:
    return dataclasses.replace(SETUP, **changes)  # type: ignore[arg-type]


# --- the outlier ---


def position(spike: Spike, x: float) -> float:
    m = float(spike.weights @ (1 / (x - spike.variances)))
    return x * math.sqrt(m) - 1 / (2 * math.sqrt(m))


@pytest.mark.parametrize("factor", [1.0001, 1.3, 4.0])
def test_the_parametrisation_solves_the_dyson_equation(factor: float) -> None:
    profile = (BLOCKS.variances[:, None] + BLOCKS.variances) / 4
    x = factor * BLOCKS.edge()
    g = dyson(position(BLOCKS, x), BLOCKS.weights, profile)
    expected = 2 / math.sqrt((g @ BLOCKS.left) * (g @ BLOCKS.right))
    assert BLOCKS.threshold(x) == pytest.approx(expected, rel=1e-5)
    assert position(BLOCKS, BLOCKS.edge()) == pytest.approx(
        dyson_edge(BLOCKS.weights, profile), rel=1e-8
    )


def test_the_overlap_is_the_residue_of_the_resolvent() -> None:
    """|<vector, u>|^2 = -P(z) / (dQ/dz) for u G u / (1 - theta^2 A C / 4) = P / Q near the pole."""
    x, step = 1.4 * BLOCKS.edge(), 1e-5
    theta = BLOCKS.threshold(x)

    def quotient(x: float) -> float:
        return 1 - (theta / BLOCKS.threshold(x)) ** 2

    slope = (quotient(x + step) - quotient(x - step)) / (
        position(BLOCKS, x + step) - position(BLOCKS, x - step)
    )
    e = 1 / (x - BLOCKS.variances)
    u_g_u = float(2 * e / math.sqrt(BLOCKS.weights @ e) @ BLOCKS.left)
    assert BLOCKS.overlap(theta) == pytest.approx(u_g_u / slope, rel=1e-6)


def test_one_variance_is_a_wigner_matrix() -> None:
    """(u w^T + w u^T)/2 has the eigenvalue |w|/2, of whose vector half lies along u."""
    one = np.ones(1)
    spike = Spike(weights=one, variances=2 * 0.3**2 * one, left=one, right=one)
    for theta in (0.5, 0.7, 1.5, 4.0):
        expected = spiked_wigner(theta / 2, 0.3).overlap / 2
        assert spike.overlap(theta) == pytest.approx(max(expected, 0.0), abs=1e-6)


def test_the_overlap_grows_from_zero_at_the_edge_to_a_half() -> None:
    threshold = BLOCKS.threshold(BLOCKS.edge())
    overlaps = [BLOCKS.overlap(threshold * factor) for factor in (0.5, 1.0, 1.01, 1.5, 5.0, 1e3)]
    assert overlaps[:2] == [0, 0]
    assert 0 < overlaps[2] < 0.05
    assert np.all(np.diff(overlaps[1:]) > 0)
    assert overlaps[-1] == pytest.approx(0.5, abs=1e-4)


def test_a_contour_has_its_level() -> None:
    for level in (0.05, 0.25, 0.45):
        assert BLOCKS.overlap(BLOCKS.contour(level)) == pytest.approx(level, rel=1e-6)
    assert BLOCKS.contour(0.6) == math.inf


def test_the_overlap_of_large_matrices() -> None:
    dim, theta, draws = 300, 3.6, 12
    rng = np.random.default_rng(0)
    size_B = (BLOCKS.weights * dim).astype(int)
    variance_D = np.repeat(BLOCKS.variances, size_B)
    seen = []
    for _ in range(draws):
        pairs = [np.linalg.qr(rng.standard_normal((n, 2)))[0] for n in size_B]
        u_D, w_D = (
            np.concatenate([pair[:, k] * s for pair, s in zip(pairs, np.sqrt(part), strict=True)])
            for k, part in enumerate((BLOCKS.left, BLOCKS.right))
        )
        w_DD = rng.standard_normal((dim, dim)) * np.sqrt(variance_D / dim)
        h_DD = w_DD + theta * np.outer(u_D, w_D)
        seen.append((np.linalg.eigh(h_DD + h_DD.T)[1][:, -1] @ u_D) ** 2)
    error = np.std(seen) / math.sqrt(draws)
    assert abs(np.mean(seen) - BLOCKS.overlap(theta)) < 3.5 * error + 0.01


# --- the diagram ---


def test_isotropic_inputs_have_one_boundary() -> None:
    transient, persistent = theory.boundaries(at(anisotropy=1.0))
    assert transient == pytest.approx(persistent)


def test_the_wedge_opens_as_the_square_root_of_the_anisotropy() -> None:
    transient, persistent = np.transpose(
        [theory.boundaries(at(anisotropy=a)) for a in (10.0, 20.0, 40.0, 80.0)]
    )
    np.testing.assert_allclose(persistent[1:] / persistent[:-1], math.sqrt(2), rtol=2e-3)
    assert np.ptp(np.log(transient)) < 0.01


@pytest.mark.parametrize(("theta", "expected"), [(0.6, 0.0), (1.75, 1.0), (3.5, 2.0), (7.0, 2.0)])
def test_boundaries_and_phases_agree(theta: float, expected: float) -> None:
    transient, persistent = theory.boundaries(SETUP)
    assert expected == float(theta > transient) + float(theta > persistent)
    overlap = xr.DataArray(theory.diagram(at(theta=theta))["overlap"], dims="record")
    assert float(readout.phase(overlap)) == expected


def test_strengths_close_to_a_boundary_are_out_of_scope() -> None:
    transient, persistent = theory.boundaries(SETUP)
    for boundary, name in ((transient, "transient"), (persistent, "persistent")):
        with pytest.raises(OutOfScope, match=name):
            theory.diagram(at(theta=0.9 * boundary))
    assert theory.diagram(at(theta=0.8 * persistent, dim=4000))


def test_rivals_in_their_limits() -> None:
    isotropic = at(anisotropy=1.0)
    exact = theory.population(isotropic)["overlap"]
    for rival in (theory.averaged_variance, theory.isotropic):
        np.testing.assert_allclose(rival(isotropic)["overlap"], exact, atol=1e-6)
    late = at(slow_times=30.0, theta=6.0)
    assert theory.static_bbp(late)["overlap"][0] == pytest.approx(
        theory.population(late)["overlap"][-1], rel=1e-6
    )


# --- readouts and the experiment's arithmetic ---


def test_boundaries_of_a_surface() -> None:
    theta = np.array([1.0, 2.0, 4.0])
    overlap = xr.DataArray(
        np.array([[[0.0, 0.1], [0.4, 0.15], [0.5, 0.45]]]),
        dims=("seed", "theta", "record"),
        coords={"theta": theta},
    )
    assert LEVEL == 0.25
    peak, end = readout.transient_boundary(overlap), readout.persistent_boundary(overlap)
    assert float(peak) == pytest.approx(0.5 * math.log(2))
    assert float(end) == pytest.approx((1 + 1 / 3) * math.log(2))
    np.testing.assert_array_equal(readout.phase(overlap), [[0, 1, 2]])
    assert float(readout.persistent_boundary(0 * overlap)) == pytest.approx(math.log(4))
    assert float(readout.persistent_boundary(1 + overlap)) == 0


@pytest.mark.parametrize("anisotropy", [1.0, 2.0, 40.0])
def test_records_keep_their_number(anisotropy: float) -> None:
    setup = at(anisotropy=anisotropy, slow_times=0.5)
    assert len(setup.record_steps()) == setup.records == len(setup.axes()["record"])
    assert np.all(np.diff(setup.record_steps()) >= 0)


def test_a_strong_teacher_is_seen_and_a_weak_one_is_not() -> None:
    import jax

    from predictions.solvable_settings.bbp_phase_diagram.experiment import train

    run = jax.jit(lambda theta, key: train(at(theta=theta, dim=60, anisotropy=2.0, records=4), key))
    for theta in (0.05, 8.0):
        overlap = np.asarray(run(theta, jax.random.key(10_000))["overlap"])
        expected = theory.population(at(theta=theta, anisotropy=2.0, records=4))["overlap"]
        np.testing.assert_allclose(overlap, expected, atol=0.15)
