"""The network of docs/your-network.md: right, wrong in one role, and measured as it is."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from harness.plan import make_plan
from harness.read import read_prediction
from harness.topic import build_setup, setup_class
from models.parametrisation import lr_scales
from predictions.hyperparameters.mup_transfer import experiment

ROOT = Path(__file__).parents[1]
SIZES = {"d_in": 5, "depth": 2, "base_width": 16}


@pytest.fixture(scope="module")
def nets() -> Iterator[Any]:
    sys.path.append(str(ROOT / "docs"))
    import your_network

    yield your_network
    sys.path.remove(str(ROOT / "docs"))


def factors(model: nnx.Module) -> dict[str, float]:
    flat = nnx.to_flat_state(lr_scales(model, "adam"))
    return {".".join(map(str, path)): float(leaf.get_value()) for path, leaf in flat}


def test_at_the_base_width_the_mistake_cannot_be_seen(nets: Any) -> None:
    right, wrong = (
        make(jax.random.key(0), width=16, **SIZES) for make in (nets.Gated, nets.Forgetful)
    )
    x_BD = jnp.ones((3, 5))
    np.testing.assert_allclose(right(x_BD), wrong(x_BD))
    assert factors(right) == factors(wrong)


def test_at_another_width_only_the_gates_learn_too_fast(nets: Any) -> None:
    right, wrong = (
        factors(make(jax.random.key(0), width=64, **SIZES)) for make in (nets.Gated, nets.Forgetful)
    )
    differ = {path for path in right if right[path] != wrong[path]}
    assert differ == {"gates.0.kernel", "gates.1.kernel"}
    assert {right[path] for path in differ} == {0.25}
    assert {wrong[path] for path in differ} == {1.0}


def test_a_zero_readout_leaves_the_features(nets: Any) -> None:
    model = nets.Gated(jax.random.key(0), width=16, **SIZES)
    model.zero_readout()
    x_BD = jnp.ones((3, 5))
    assert not np.any(model(x_BD))
    assert [feature.shape for feature in model.features(x_BD)] == [(3, 16)] * 2


def test_the_experiment_trains_it(nets: Any) -> None:
    prediction = read_prediction(
        ROOT / "predictions/hyperparameters/mup_transfer/mup-lr-transfer-adam.yaml"
    )
    assert nets.Gated
    overrides = {"model": "your_network:Gated", "steps": 20, "base_width": 8, "width": [8]}
    case = make_plan(prediction, overrides=overrides).claim
    setup = build_setup(setup_class(experiment.train), {**case.first_point(), "width": 8})
    found = experiment.train(setup, jax.random.key(1))
    assert np.isfinite(found["log_loss"])
    assert found["feature_change"] > 0
