"""Units of work: what they are keyed by, what they cost, and how they are kept and shared."""

from __future__ import annotations

import pickle
from concurrent.futures import CancelledError, Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness import measure as module
from harness.errors import AssayError
from harness.measure import Measurement, Trainer, gather, measure
from harness.plan import Plan, make_plan
from harness.promise import promise_hash
from harness.read import read_prediction
from harness.work import Cost, Finished, Unit, run_unit


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def unit(suite: Path, **changes: Any) -> Unit:
    plan = make_plan(read_prediction(suite))
    return replace(
        Unit(plan.prediction, plan.claim, {"curvature": 0.5}, 0, 4, "as it is"), **changes
    )


class Inline:
    """A pool that runs a unit when it is told to."""

    name = "inline"
    workers = 1
    device = "cpu"

    def __init__(self) -> None:
        self.submitted: list[tuple[str, Future[Any], Any]] = []

    def submit(self, program: str, function: Any, /, *arguments: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.submitted.append((program, future, lambda: function(*arguments)))
        return future

    def run(self, most: int | None = None) -> int:
        """Run what was submitted and not cancelled; returns how many units that were."""
        ran = 0
        for _, future, call in self.submitted[:most]:
            if future.done() or not future.set_running_or_notify_cancel():
                continue
            ran += 1
            try:
                future.set_result(call())
            except AssayError as error:
                future.set_exception(error)
        return ran

    def close(self) -> None:
        for _, future, _ in self.submitted:
            future.cancel()


def trainer(**changes: Any) -> tuple[Inline, Trainer]:
    pool = Inline()
    return pool, Trainer(pool=pool, **changes)


def results(plan: Plan, **changes: Any) -> Measurement:
    pool, here = trainer(**changes)
    pending = measure(plan, plan.claim, 0, 4, here)
    pool.run()
    return gather([pending])


def test_costs_add_up_and_memory_is_the_largest() -> None:
    one = Cost(1.0, 2.0, 1, 0, 10, 100.0, 5, 0.5, 0.25)
    other = Cost(2.0, 3.0, 1, 1, 20, 200.0, 3, 0.5, 0.25)
    assert one + other == Cost(3.0, 5.0, 2, 1, 30, 300.0, 5, 1.0, 0.5)
    assert sum((one, other), Cost()) == one + other


def test_a_cost_that_nobody_knows_stays_unknown() -> None:
    one = Cost(1.0, 2.0, 1, 0, 10, 100.0, 5)
    unknown = Cost(units=1, steps=None, flops=None, peak_bytes=None)
    for both in (one + unknown, unknown + one):
        assert (both.steps, both.flops, both.peak_bytes) == (None, None, None)
        assert (both.run_s, both.units) == (1.0, 2)


def test_a_key_names_all_that_the_arrays_depend_on(suite: Path) -> None:
    plain = unit(suite)
    case = plain.case
    others = [
        replace(plain, case=replace(case, setup={**case.setup, "noise": 0.06})),
        replace(plain, case=replace(case, setup={**case.setup, "steps": 5})),
        replace(plain, point={"curvature": 0.6}),
        replace(plain, case=replace(case, grid={"noise": (0.1, 0.2)})),
        replace(plain, case=replace(case, grid={"noise": (0.1, 0.3)})),
        replace(plain, first=4),
        replace(plain, count=5),
        replace(plain, code="rewritten"),
    ]
    for line in ("precision: float64\n", "matmul_precision: default\n"):
        text = suite.read_text()
        suite.write_text(text + line)
        others.append(unit(suite))
        suite.write_text(text)
    keys = [one.key("cpu") for one in (plain, *others)] + [plain.key("gpu")]
    assert len(set(keys)) == len(keys)
    assert unit(suite).key("cpu") == plain.key("cpu")


def test_a_case_of_another_name_has_the_same_key(suite: Path) -> None:
    plain = unit(suite)
    control = replace(plain, case=replace(plain.case, name="backwards"))
    assert control.key("cpu") == plain.key("cpu")


def test_a_field_may_be_called_like_the_grid(suite: Path) -> None:
    plain = unit(suite)
    found = {
        replace(plain, case=replace(plain.case, setup={**plain.case.setup, "grid": size})).key("")
        for size in (8, 16)
    }
    assert len(found) == 2


def test_a_program_is_the_same_for_other_numbers_and_seeds(suite: Path) -> None:
    plain = unit(suite)
    setup = plain.case.setup
    same = [
        replace(plain, case=replace(plain.case, setup={**setup, "noise": 0.06})),
        replace(plain, point={"curvature": 0.6}),
        replace(plain, first=16),
    ]
    others = [
        replace(plain, case=replace(plain.case, setup={**setup, "steps": 5})),
        replace(plain, case=replace(plain.case, grid={"noise": (0.1, 0.2)})),
        replace(plain, count=5),
        replace(plain, code="rewritten"),
    ]
    assert {one.program() for one in same} == {plain.program()}
    assert len({one.program() for one in (plain, *others)}) == 5


def test_a_float_that_is_static_decides_the_program(suite: Path) -> None:
    world = suite.with_name("world.py")
    edit(world, "noise: Annotated[float, ", "noise: Annotated[float, STATIC, ")
    edit(world, "from pydantic", "from harness.api import STATIC\nfrom pydantic")
    plain = unit(suite)
    setup = {**plain.case.setup, "noise": 0.06}
    assert replace(plain, case=replace(plain.case, setup=setup)).program() != plain.program()


def test_a_unit_and_its_result_pickle(suite: Path) -> None:
    plain = unit(suite)
    again = pickle.loads(pickle.dumps(plain))
    assert again.key("cpu") == plain.key("cpu")
    finished = run_unit(again)
    copied = pickle.loads(pickle.dumps(finished))
    assert copied.cost == finished.cost
    np.testing.assert_allclose(copied.arrays["weight"], finished.arrays["weight"])


def test_a_unit_counts_its_work(suite: Path) -> None:
    cost = run_unit(unit(suite)).cost
    assert (cost.units, cost.stored_units, cost.steps) == (1, 0, 4 * 4)
    assert cost.flops is not None
    assert cost.flops >= 3 * 4 * 4
    assert cost.peak_bytes is not None
    assert cost.peak_bytes > 4 * 4 * 4
    assert min(cost.run_s, cost.compile_s) > 0


def test_a_grid_of_floats_may_be_overridden_with_whole_numbers(suite: Path) -> None:
    edit(suite, "sweep: {curvature: [0.5, 1.0]}", "grid: {curvature: [0.5, 1.5]}")
    claim = unit(suite, point={})
    plan = make_plan(claim.prediction, overrides={"curvature": [1, 2]})
    units = (claim, replace(claim, case=plan.claim))
    measured = [run_unit(one).arrays["weight"] for one in units]
    starts = [
        weight[:, :, 0] / (1 - 0.5 * np.array(axis, float))
        for weight, axis in zip(measured, [(0.5, 1.5), (1, 2.5)], strict=True)
    ]
    np.testing.assert_allclose(starts[0][:, 0], starts[1][:, 0], rtol=1e-5)


def test_the_precision_of_matrix_products_is_declared_and_not_promised(suite: Path) -> None:
    plain = unit(suite)
    assert plain.prediction.matmul_precision == "highest"
    with suite.open("a") as file:
        file.write("matmul_precision: highest\n")
    written = unit(suite)
    assert promise_hash(written.prediction) == promise_hash(plain.prediction)
    assert written.key("cpu") == plain.key("cpu")
    edit(suite, "matmul_precision: highest", "matmul_precision: default")
    changed = unit(suite)
    assert promise_hash(changed.prediction) != promise_hash(plain.prediction)
    assert changed.key("cpu") != plain.key("cpu")
    assert changed.program() != plain.program()
    edit(suite, "matmul_precision: default", "matmul_precision: exact")
    with pytest.raises(AssayError, match="matmul_precision"):
        read_prediction(suite)


def test_what_is_stored_comes_back_with_its_cost(suite: Path) -> None:
    plan = make_plan(read_prediction(suite))
    trained = results(plan)
    stored = results(plan)
    assert trained.cost.stored_units == 0
    assert stored.cost == replace(trained.cost, stored_units=2)
    assert (stored.cost.units, stored.cost.steps) == (2, 2 * 4 * 4)
    np.testing.assert_allclose(stored.arrays["weight"], trained.arrays["weight"])
    assert results(plan, fresh=True).cost.stored_units == 0


def test_a_note_of_another_version_is_measured_again(
    suite: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = make_plan(read_prediction(suite))
    save = module.save_arrays
    with monkeypatch.context() as patch:
        patch.setattr(
            module,
            "save_arrays",
            lambda folder, key, arrays, note: save(folder, key, arrays, {"joules": 1.0}),
        )
        results(plan)
    assert results(plan).cost.stored_units == 0


def test_identical_units_run_once_and_cost_once(suite: Path) -> None:
    plan = make_plan(read_prediction(suite))
    control = next(case for case in plan.controls if case.name == "backwards")
    pool, here = trainer()
    first = measure(plan, plan.claim, 0, 4, here)
    second = measure(plan, control, 0, 4, here)
    assert pool.run() == 2
    third = measure(plan, control, 0, 4, here)
    assert pool.run() == 0
    assert gather([first]).cost.units == 2
    assert gather([second]).cost == gather([third]).cost == Cost()
    np.testing.assert_allclose(
        gather([second]).arrays["weight"].values, gather([first]).arrays["weight"].values
    )


def test_progress_counts_every_unit_once_stored_or_not(suite: Path) -> None:
    plan = make_plan(read_prediction(suite))
    for _ in range(2):
        told: list[tuple[str, str, int]] = []
        results(plan, progress=lambda *what, told=told: told.append(what))
        assert told == [("parabola", "claim", 4)] * 2


def test_a_failing_unit_is_an_error_and_cancels_the_rest(suite: Path) -> None:
    edit(suite.with_name("experiment.py"), "jax.random.normal(key)", "1 / undefined")
    plan = make_plan(read_prediction(suite))
    pool, here = trainer()
    pending = measure(plan, plan.claim, 0, 4, here)
    pool.run(most=1)
    with pytest.raises(AssayError, match=r"broke in case 'claim' at curvature=1\.0"):
        gather([pending])
    assert pool.run() == 0
    assert pool.submitted[1][1].cancelled()
    with pytest.raises(CancelledError):
        pending.futures[0].result()


def test_the_last_sweep_point_begins_first(suite: Path) -> None:
    """Sweeps grow: a large unit at the end would leave workers idle."""
    plan = make_plan(read_prediction(suite))
    pool, here = trainer()
    pending = measure(plan, plan.claim, 0, 4, here)
    assert pool.run(most=1) == 1
    assert [future.done() for future in pending.futures] == [False, True]


def test_a_broken_prediction_leaves_no_work_behind(suite: Path) -> None:
    """The other batches and the controls are cancelled as well."""
    from harness.trial import try_prediction

    edit(suite, "smoke: {seeds: 8, max_seeds: 32", "smoke: {seeds: 32, max_seeds: 32")
    edit(suite.with_name("experiment.py"), "jax.random.normal(key)", "1 / undefined")
    pool, here = trainer()
    submit = pool.submit

    def breaks_first(program: str, function: Any, /, *arguments: Any) -> Future[Any]:
        future = submit(program, function, *arguments)
        if len(pool.submitted) == 1:
            pool.run()
        return future

    pool.submit = breaks_first  # type: ignore[method-assign]
    with pytest.raises(AssayError, match="broke in case 'claim'"):
        try_prediction(make_plan(read_prediction(suite)), here)
    assert len(pool.submitted) > 2
    assert pool.run() == 0


def test_a_measurement_asked_for_again_after_a_failure_is_no_cancelled_one(suite: Path) -> None:
    plan = make_plan(read_prediction(suite))
    pool, here = trainer()
    pending = measure(plan, plan.claim, 0, 4, here)
    for future in pending.futures:
        future.cancel()
    again = measure(plan, plan.claim, 0, 4, here)
    pool.run()
    assert gather([again]).cost.units == 2


def test_as_stored_marks_every_unit() -> None:
    assert Finished({}, Cost(units=1, steps=7)).as_stored().cost == Cost(
        units=1, stored_units=1, steps=7
    )
