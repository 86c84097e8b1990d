from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from harness.errors import AssayError
from harness.measure import Measurement, gather, local_trainer, measure, seeds_in_unit
from harness.plan import Plan, make_plan
from harness.read import read_prediction


def run(plan: Plan, *, first: int = 0, count: int = 4, fresh: bool = False) -> Measurement:
    with local_trainer(fresh=fresh) as trainer:
        return gather([measure(plan, plan.claim, first, count, trainer)])


def test_arrays_carry_the_names_and_coordinates_of_their_axes(suite: Path) -> None:
    weight = run(make_plan(read_prediction(suite))).arrays["weight"]
    assert weight.dims == ("seed", "curvature", "step")
    assert weight.sizes == {"seed": 4, "curvature": 2, "step": 4}
    assert weight.step.values.tolist() == [1, 2, 3, 4]
    assert weight.curvature.values.tolist() == [0.5, 1.0]


def test_every_point_of_an_axis_uses_the_same_random_numbers(suite: Path) -> None:
    weight = run(make_plan(read_prediction(suite))).arrays["weight"].values
    starts = weight[:, :, 0] / (1 - 0.5 * np.array([0.5, 1.0]))
    np.testing.assert_allclose(starts[:, 0], starts[:, 1], rtol=1e-5)
    assert np.ptp(starts[:, 0]) > 0


def test_a_grid_and_a_sweep_measure_the_same(suite: Path) -> None:
    swept = run(make_plan(read_prediction(suite))).arrays["weight"]
    suite.write_text(suite.read_text().replace("sweep:", "grid:"))
    gridded = run(make_plan(read_prediction(suite))).arrays["weight"]
    assert gridded.dims == swept.dims
    np.testing.assert_allclose(gridded.values, swept.values, rtol=1e-6)


def test_seeds_are_the_same_however_they_are_batched(suite: Path) -> None:
    plan = make_plan(read_prediction(suite))
    whole = run(plan, count=4).arrays["weight"].values
    parts = [run(plan, first=first, count=2).arrays["weight"].values for first in (0, 2)]
    np.testing.assert_allclose(np.concatenate(parts), whole, rtol=1e-6)


@pytest.mark.parametrize(
    ("seeds", "device", "expected"),
    [
        (8, "cpu", 8),
        (16, "cpu", 16),
        (34, "cpu", 16),
        (40, "cpu", 10),
        (64, "cpu", 16),
        (256, "cpu", 16),
        (384, "cpu", 24),
        (1000, "cpu", 50),
        (1009, "cpu", 64),
        (384, "gpu NVIDIA H100", 384),
    ],
)
def test_a_look_is_cut_by_its_seeds_alone(seeds: int, device: str, expected: int) -> None:
    assert seeds_in_unit(seeds, device) == expected


def test_a_stored_measurement_is_used_again_unless_asked_for_a_fresh_one(suite: Path) -> None:
    plan = make_plan(read_prediction(suite))
    assert run(plan).cost.stored_units == 0
    assert run(plan).cost.stored_units == 2
    assert run(plan, fresh=True).cost.stored_units == 0


def test_changed_code_and_changed_numbers_are_measured_again(suite: Path) -> None:
    prediction = read_prediction(suite)
    run(make_plan(prediction))
    other = make_plan(prediction, overrides={"noise": 0.1})
    assert run(other).cost.stored_units == 0
    experiment = suite.with_name("experiment.py")
    experiment.write_text(experiment.read_text() + "\n# another experiment\n")
    assert run(make_plan(prediction)).cost.stored_units == 0


def test_a_damaged_store_is_measured_again(suite: Path, tmp_path: Path) -> None:
    plan = make_plan(read_prediction(suite))
    run(plan)
    for file in (tmp_path / "cache" / "measurements").glob("*.npz"):
        file.write_bytes(file.read_bytes()[:40])
    assert run(plan).cost.stored_units == 0


def test_float64_is_declared_by_the_prediction_alone(suite: Path) -> None:
    import jax.numpy as jnp

    suite.write_text(suite.read_text() + "precision: float64\n")
    weight = run(make_plan(read_prediction(suite))).arrays["weight"].values
    halved = weight[:, 1, 1] / weight[:, 1, 0]
    assert np.abs(halved - 0.5).max() < 1e-12
    assert jnp.ones(1).dtype == jnp.float32


def test_a_yes_or_no_outcome_stays_boolean_and_is_counted(suite: Path) -> None:
    experiment = suite.with_name("experiment.py")
    experiment.write_text(
        experiment.read_text().replace('"weight": weights', '"weight": weights > 0.3')
    )
    assert run(make_plan(read_prediction(suite))).arrays["weight"].dtype == bool


def test_an_untraced_experiment_is_run_seed_by_seed(suite: Path) -> None:
    experiment = suite.with_name("experiment.py")
    experiment.write_text(
        "import numpy as np\n"
        "from harness.api import untraced\n"
        "from .world import Setup\n\n"
        "@untraced\n"
        "def train(setup: Setup, key):\n"
        '    """Python only."""\n'
        "    return {'weight': (1 - setup.learning_rate * setup.curvature)\n"
        "            ** np.arange(1, setup.steps + 1)}\n"
    )
    weight = run(make_plan(read_prediction(suite))).arrays["weight"]
    np.testing.assert_allclose(weight.sel(curvature=1.0).values, [[0.5, 0.25, 0.125, 0.0625]] * 4)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"weight": weights', '"wait": weights', r"returns no array 'weight' \(it returns: wait\)"),
        ('"weight": weights', '"weight": weights[0]', r"has shape \(\) for one seed"),
        ("jax.random.normal(key)", "float(setup.noise)", "mark it Annotated"),
        ("jax.random.normal(key)", "1 / undefined", "name 'undefined' is not defined"),
    ],
)
def test_a_broken_experiment_is_one_clear_error(suite: Path, old: str, new: str, said: str) -> None:
    experiment = suite.with_name("experiment.py")
    experiment.write_text(experiment.read_text().replace(old, new))
    with pytest.raises(AssayError, match=said) as error:
        run(make_plan(read_prediction(suite)))
    assert error.value.file == suite
    assert error.value.line


def test_an_axis_may_have_names_at_several_sweep_points(suite: Path) -> None:
    suite.write_text(
        suite.read_text()
        .replace("dims: [step]", "dims: [layer]")
        .replace("compare: curve\n    over: step\n", "compare: value\n")
    )
    world = suite.with_name("world.py")
    text = world.read_text()
    axes = '{"layer": np.array([f"layer {n}" for n in range(self.steps)]), "step": '
    world.write_text(text.replace('{"step": ', axes))
    weight = run(make_plan(read_prediction(suite))).arrays["weight"]
    assert weight.layer.values.tolist() == ["layer 0", "layer 1", "layer 2", "layer 3"]


def test_an_axis_of_another_length_than_the_setup_says_is_named(suite: Path) -> None:
    (file,) = [file for file in suite.parent.glob("*.py") if "def axes" in file.read_text()]
    file.write_text(file.read_text().replace("self.steps + 1)", "self.steps + 2)"))
    with pytest.raises(AssayError, match=r"'weight' has 4 entries along 'step', .* 5") as error:
        run(make_plan(read_prediction(suite)))
    assert error.value.file == suite
