"""The flow at infinite width against closed forms, wide networks and the training code."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr
from scipy.linalg import eigh

from harness.ensemble import with_values
from harness.theory.random_matrices import semicircle
from predictions.hyperparameters.spectral_outlier import (
    experiment,
    flow,
    readout,
    theory,
    theory_edge,
)
from predictions.hyperparameters.spectral_outlier.world import Descent, Probe

SHARED = {
    "model": "models.mlp:MLP",
    "activation": "linear",
    "width": 24,
    "base_width": 24,
    "parametrisation": "mean-field",
    "dim": 1,
    "target": 16.0,
    "learning_rate": 0.001,
}
DESCENT = Descent(**SHARED, parts=(0.3, 0.6, 0.99), bulk="own")
PROBE = Probe(**SHARED, distance=0.0005, probe_steps=5, momentum=0.0, log2_probe_rate=-6.0)


def _riccati(tau, nodes=60):
    """Q and u at time tau, from X'' = A X with Q = -X' X^-1, A = Q(0)^2 - u(0) u(0)^T."""
    law = semicircle(nodes)
    q0, u0 = np.diag(law.points), np.sqrt(law.weights)
    values, basis = eigh(q0 @ q0 - np.outer(u0, u0))
    root = np.sqrt(values.astype(complex))
    cosh = (basis * np.cosh(root * tau).real) @ basis.T
    sinh = (basis * (np.sinh(root * tau) / root).real) @ basis.T
    slope = (basis * (root * np.sinh(root * tau)).real) @ basis.T
    x, x_slope = cosh - sinh @ q0, slope - cosh @ q0
    return -x_slope @ np.linalg.inv(x), np.linalg.solve(x.T, u0)


def _output(q, u):
    return u @ q @ u


def test_the_flow_is_the_closed_form_of_its_riccati_equation():
    for tau in (0.2, 0.6, 0.8, 0.9):
        q, u = _riccati(tau)
        course = flow.course([_output(q, u)], nodes=60)
        top = max(np.linalg.eigvalsh((q + q.T) / 2)[-1], flow.EDGE)
        assert course.outlier[0] == pytest.approx(top, abs=1e-7)
        assert course.kernel[0] == pytest.approx(2 * q @ u @ q @ u + (u @ u) ** 2, rel=1e-7)


def test_output_and_kernel_are_derivatives_of_the_memory_kernel():
    h = 1e-4
    for tau in (0.3, 0.7):
        (q0, u0), (q1, u1), (q2, u2) = (_riccati(t) for t in (tau - h, tau, tau + h))
        assert _output(q1, u1) == pytest.approx((u2 @ u2 - u0 @ u0) / (4 * h), rel=1e-6)
        slope = (_output(q2, u2) - _output(q0, u0)) / (2 * h)
        assert flow.course([_output(q1, u1)]).kernel[0] == pytest.approx(slope, rel=1e-6)


def test_the_kernel_has_the_series_of_short_times():
    # Theta' = 4 u Q^3 u + 8 |u|^2 u Q u and its derivative at zero, 4 (2 m4 + 2 m2) + 8 (1 + 2 m2),
    # with the semicircle's moments m2 = 1, m4 = 2: Theta = 3 + 24 tau^2, K = 3 tau + 8 tau^3.
    output = np.array([0.0, 0.01, 0.02])
    np.testing.assert_allclose(flow.course(output).kernel, 3 + 8 / 3 * output**2, rtol=1e-6)


def test_the_memory_equation_on_a_grid_of_times():
    # u' = s u + int C(t, t') u(t') dt', stepped with its history instead of Q.
    law, dt = semicircle(40), 1e-3
    past = np.sqrt(law.weights)[None]
    for _ in range(750):
        now = past[-1]
        past = np.vstack([past, now + dt * (law.points * now + dt * (past[:-1] @ now) @ past[:-1])])
    q = np.diag(law.points) + dt * past[:-1].T @ past[:-1]
    course = flow.course([_output(q, past[-1])], nodes=40)
    assert np.linalg.eigvalsh(q)[-1] == pytest.approx(course.outlier[0], abs=0.003)
    # The same outlier from the two-time kernel <u(t) u(t') / (z - s)>, whose top eigenvalue is one.
    z = np.linalg.eigvalsh(q)[-1]
    kernel_tt = dt * (past[:-1] / (z - law.points)) @ past[:-1].T
    assert np.linalg.eigvalsh(kernel_tt)[-1] == pytest.approx(1.0, abs=1e-9)


def test_a_wide_network_follows_the_flow():
    rng = np.random.default_rng(1)
    n, parts = 300, np.array([4.0, 10.0, 20.0])
    a, w, m = rng.normal(size=n), rng.normal(size=n), rng.normal(size=(n, n)) / np.sqrt(n)
    measured = []
    while len(measured) < len(parts):
        forward, backward = m @ w, m.T @ a
        output = a @ forward / n
        if output > parts[len(measured)]:
            kernel = (forward @ forward + backward @ backward + (a @ a) * (w @ w) / n) / n
            measured.append((output, np.linalg.svd(m, compute_uv=False)[0], kernel))
        dt = 0.004 / max(output, 1)
        a, w, m = a + dt * forward, w + dt * backward, m + dt * np.outer(a, w) / n
    output, outlier, kernel = np.array(measured).T
    course = flow.course(output)
    np.testing.assert_allclose(outlier, course.outlier, atol=0.05)
    np.testing.assert_allclose(kernel, course.kernel, rtol=0.015)


def test_the_outlier_leaves_the_edge_late_and_ends_in_balance():
    weak, strong = flow.course([0.0, 1.0, 2.0]), flow.course([300.0, 1000.0])
    np.testing.assert_array_equal(weak.outlier, flow.EDGE)
    assert weak.kernel[0] == pytest.approx(3.0)
    # Strong spikes leave the bulk behind: three layers of one strength.
    near_one = strong.outlier / np.cbrt([300.0, 1000.0])
    assert 1 < near_one[1] < near_one[0] < 1.03
    assert strong.kernel == pytest.approx(
        theory.aligned_kernel(np.array([300.0, 1000.0])), rel=1e-2
    )


def test_nodes_are_enough():
    output = [3.0, 5.0, 30.0]
    few, many = flow.course(output, nodes=60), flow.course(output, nodes=120)
    np.testing.assert_allclose(few.outlier, many.outlier, atol=2e-4)
    np.testing.assert_allclose(few.kernel, many.kernel, rtol=1e-8)
    np.testing.assert_allclose(few.spike, many.spike, rtol=1e-6)


def test_rivals_in_their_own_limits():
    ntk = replace(DESCENT, parametrisation="ntk", width=4 * DESCENT.base_width)
    for forecast in (theory.wide_limit, theory.independent_spike, theory.aligned_layers):
        half = forecast(replace(DESCENT, target=DESCENT.target / 2))["top_singular_value"]
        np.testing.assert_allclose(forecast(ntk)["top_singular_value"], half, rtol=1e-9)
    blind = theory.width_blind(ntk)["kernel"]
    np.testing.assert_allclose(blind, theory.wide_limit(DESCENT)["kernel"], rtol=1e-9)
    wide = replace(ntk, width=10**9)
    np.testing.assert_allclose(
        theory.wide_limit(wide)["kernel"], theory.lazy(wide)["kernel"], rtol=1e-5
    )
    spike = theory.independent_spike(DESCENT)["top_singular_value"]
    assert (spike < theory.wide_limit(DESCENT)["top_singular_value"]).all()


def test_edges():
    probe = replace(PROBE, parametrisation="ntk", width=10**9)
    assert theory_edge.wide_limit(probe)["edge"] == pytest.approx(2 / 3, rel=1e-4)
    assert theory_edge.initial_kernel(PROBE)["edge"] == pytest.approx(2 / 3)
    assert theory_edge.wide_limit(PROBE)["edge"] == pytest.approx(
        2 / flow.course([PROBE.target]).kernel[0]
    )
    assert theory_edge.one_over_curvature(PROBE)["edge"] < theory_edge.width_blind(PROBE)["edge"]


def _facts(key):
    """What training says of one network at its start and close to its minimum, in one program."""
    task, start = experiment.build(DESCENT, key)
    other, weights = experiment.build(replace(DESCENT, parametrisation="ntk"), key)
    near = (1 - PROBE.distance) * task.targets[0]
    after, arrived, there = experiment.descend(PROBE, task, start, near)
    kernel = task.kernel(there)

    def growth(share):
        rate = jnp.log2(share / kernel)
        return experiment.probe(with_values(PROBE, {"log2_probe_rate": rate}), key)["growth"]

    layers = task.merge(start).layers
    return {
        "layers": [layer.multiplier * layer.kernel[...] for layer in layers],
        "start": (task.first(start), task.kernel(start)),
        "start_ntk": (other.first(weights), other.kernel(weights)),
        "top": experiment.top_singular_value(experiment.hidden(task.merge(start))),
        "arrived": (arrived, task.first(after) >= near, task.first(there) / near),
        "growth": jax.vmap(growth)(jnp.array([1.8, 2.2])),
    }


@pytest.fixture(scope="module")
def facts():
    return jax.jit(_facts)(jax.random.key(5))


def test_training_knows_the_network_of_the_theory(facts):
    w, m, a = (np.asarray(layer, dtype=float) for layer in facts["layers"])
    n = DESCENT.width
    w, a = w[0], a[:, 0] * np.sqrt(n)
    kernel = ((w @ m) @ (w @ m) + (m @ a) @ (m @ a) + (a @ a) * (w @ w) / n) / n
    output = w @ m @ a / np.sqrt(n)
    np.testing.assert_allclose(facts["start"], [output, kernel], rtol=1e-3, atol=1e-4)
    assert facts["top"] == pytest.approx(np.linalg.svd(m, compute_uv=False)[0], rel=1e-4)


def test_both_parametrisations_are_one_network_at_base_width(facts):
    np.testing.assert_allclose(facts["start"], facts["start_ntk"], rtol=1e-4, atol=1e-4)


def test_descent_stops_at_its_level_and_errors_grow_by_the_kernel_there(facts):
    arrived, beyond, share = facts["arrived"]
    assert bool(arrived)
    assert bool(beyond)
    assert share == pytest.approx(1, rel=1e-4)
    np.testing.assert_allclose(facts["growth"], [0.8, 1.2], atol=0.01)


def test_edge_is_the_first_crossing():
    rate = np.log2([0.25, 0.5, 0.8, 1.2, 2.0])
    growth = xr.DataArray(
        [[0.5, 0.01, 0.6, 1.4, 1e3], [0.5, 0.4, 0.3, 0.2, 0.1]],
        dims=["seed", "log2_probe_rate"],
        coords={"log2_probe_rate": rate},
    )
    found = readout.edge(growth)
    assert float(found[0]) == pytest.approx(1.0)
    assert np.isnan(found[1])
