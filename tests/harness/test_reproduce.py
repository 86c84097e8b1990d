from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.cli import main
from harness.plan import make_plan
from harness.read import read_prediction
from harness.record import read_record, read_records, write_record
from harness.reproduce import (
    OTHER_SEEDS,
    Verdicts,
    changes_between,
    compare_runs,
    plan_again,
)

ROOT = Path(__file__).parents[2]
LOCAL = Path(".assay") / "records"


def record(values: np.ndarray, verdict: str = "pass", case: str = "claim") -> dict[str, Any]:
    """A record of one observable with `values` [seed, x] and a control."""

    def series(array: np.ndarray, *dims: str) -> dict[str, Any]:
        coords = {"x": list(range(array.shape[-1]))} if array.ndim else {}
        plain = array.astype(object)
        plain[~np.isfinite(array)] = None
        return {"dims": list(dims), "coords": coords, "values": plain.tolist()}

    measured = {
        "mean": series(values.mean(0), "x"),
        "stderr": series(values.std(0, ddof=1) / np.sqrt(len(values)), "x"),
        "per_seed": series(values, "seed", "x"),
    }
    row = {"case": case, "theory": "t", "observable": "o", "measured": measured}
    return {
        "cases": {case: {}},
        "trial": {
            "seeds": len(values),
            "rows": [row, {**row, "theory": "rival"}],
            "theories": [{"theory": "t", "verdict": verdict}],
            "controls": [{"control": "c", "verdict": "fail"}],
        },
    }


def draw(seed: int, shift: float = 0.0, shape: tuple[int, int] = (32, 20)) -> np.ndarray:
    return shift + np.random.default_rng(seed).normal(size=shape)


def test_the_same_values_are_reproduced_to_the_last_digit() -> None:
    result = compare_runs(record(draw(0)), record(draw(0)), same_seeds=True)
    assert result.reproduced
    assert (result.coordinates, result.p) == (20, 1.0)
    assert result.difference is not None
    assert result.difference.difference == 0


def test_rounding_is_seen_and_is_no_failure() -> None:
    result = compare_runs(record(draw(0)), record(draw(0) * (1 + 3e-6)), same_seeds=True)
    assert result.reproduced
    assert result.difference is not None
    assert result.difference.difference == pytest.approx(3e-6, rel=1e-2)


def test_other_seeds_are_refused_about_as_seldom_as_promised() -> None:
    trials = 1000
    refused = sum(
        not compare_runs(
            record(draw(2 * trial)), record(draw(2 * trial + 1)), same_seeds=False
        ).reproduced
        for trial in range(trials)
    )
    assert refused <= 24  # 1 % of 1000, and four standard deviations


def test_a_mean_that_moved_is_refused_and_named() -> None:
    moved = draw(1)
    moved[:, 7] += 2
    result = compare_runs(record(draw(0)), record(moved), same_seeds=False)
    assert not result.reproduced
    assert result.worst is not None
    assert result.worst.at == "x=7"
    assert result.difference is None
    assert result.flips == ()


@pytest.mark.parametrize(
    ("former", "now", "same_seeds", "reproduced"),
    [
        ("pass", "pass", True, True),
        ("pass", "inconclusive", True, False),
        ("pass", "inconclusive", False, True),
        ("pass", "fail", False, False),
        ("pass", "vacuous", False, False),
        ("error", "inconclusive", False, False),
    ],
)
def test_verdicts_count(former: str, now: str, same_seeds: bool, reproduced: bool) -> None:
    stored, again = record(draw(0), former), record(draw(0), now)
    assert compare_runs(stored, again, same_seeds=same_seeds).reproduced == reproduced


def test_a_theory_that_came_or_went_does_not_count() -> None:
    for pair in (Verdicts("theory t", None, "fail"), Verdicts("theory t", "pass", None)):
        assert not pair.contradicts
        assert not pair.differs


def test_certain_and_missing_values_are_compared_as_they_are() -> None:
    values = draw(0)
    values[:, 0], values[:, 1] = 3.0, np.nan
    stored = record(values)
    again = values.copy()
    again[:, 0] = 3.00001
    assert compare_runs(stored, record(again), same_seeds=True).reproduced
    again[:, 0] = 4
    assert not compare_runs(stored, record(again), same_seeds=True).reproduced
    again[:, 0], again[:, 1] = 3, 0
    result = compare_runs(stored, record(again), same_seeds=True)
    assert not result.reproduced
    assert result.difference is not None
    assert result.difference.difference == np.inf


def test_what_cannot_be_compared_is_said() -> None:
    shorter = record(draw(0)[:, :5])
    result = compare_runs(record(draw(0)), shorter, same_seeds=True)
    assert result.lost == ("o of claim has another shape",)
    assert not result.reproduced
    gone = copy.deepcopy(record(draw(0)))
    gone["trial"]["rows"] = []
    assert compare_runs(record(draw(0)), gone, same_seeds=True).lost == (
        "o of claim was not measured",
    )
    without_control = compare_runs(
        record(draw(0), case="control"), record(draw(0)), same_seeds=True
    )
    assert without_control.lost == ()
    assert not without_control.reproduced


@pytest.fixture
def ran(
    suite: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Path:
    monkeypatch.chdir(tmp_path)
    assert main(["run", "--publish", "--workers", "1"]) == 0
    capsys.readouterr()
    return suite


def reproduced(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(["reproduce", *arguments, "--workers", "1"])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def test_a_run_reproduces_itself(ran: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = reproduced(capsys, "parabola")
    assert code == 0
    assert out.splitlines()[0].startswith("record    results/records/parabola.smoke.json: revision")
    assert "differs" not in out
    assert "the same 16: largest relative difference 0 (float noise" in out
    assert "verdicts  4 of 4 as before\nREPRODUCED" in out
    (local,) = LOCAL.glob("*.json")
    code, out, _ = reproduced(capsys, str(local), "--fresh-seeds", "--json")
    assert code == 0
    said = json.loads(out)
    assert said["reproduced"]
    assert said["largest_relative_difference"] is None
    assert 0 < abs(said["observables"][0]["z"]) < 6
    assert {verdict["now"] for verdict in said["verdicts"]} == {"pass", "fail"}
    assert len(list(LOCAL.glob("*.json"))) == 1  # a repetition is no record


def test_a_changed_experiment_is_found_out(ran: Path) -> None:
    experiment = ran.with_name("experiment.py")
    experiment.write_text(experiment.read_text().replace("start = 1", "start = 1.4"))
    called = "import sys; from harness.cli import main; sys.exit(main())"
    done = subprocess.run(  # a process imports an experiment once
        [sys.executable, "-c", called, "reproduce", "parabola", "--workers", "1"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    out = done.stdout
    assert done.returncode == 1
    assert "differs   the code of the experiment has changed" in out
    assert "more than rounding" in out
    assert "theory descent: pass -> fail" in out
    assert out.endswith("NOT REPRODUCED\n")


def test_a_changed_promise_is_named_and_the_stored_numbers_are_run(
    ran: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = ran.read_text().replace("noise: 0.05", "noise: 0.5").replace("0.1}", "0.2}")
    ran.write_text(text + "revision: {number: 2, reason: more noise}\n")
    code, out, _ = reproduced(capsys, "parabola")
    assert code == 0
    for said in (
        "revision: 1 -> 2 in the file",
        "what is promised has changed",
        "tolerance of weight: ('absolute', 0.1) -> ('absolute', 0.2)",
        "largest relative difference 0 ",
    ):
        assert said in out


def test_the_plan_is_the_records(ran: Path) -> None:
    stored = read_record(Path("results/records/parabola.smoke.json"))
    text = ran.read_text()
    ran.write_text(
        text.replace("curvature: [0.5, 1.0]", "curvature: [0.25]").replace(
            "noise: 0.05", "noise: 0"
        )
    )
    prediction = read_prediction(ran)
    plan = plan_again(prediction, stored)
    assert plan.claim.sweep == {"curvature": (0.5, 1.0)}
    assert plan.claim.setup["noise"] == 0.05
    assert plan.controls[1].setup["learning_rate"] == 1e-6
    assert plan.looks() == (8, 16, 32)
    assert plan_again(prediction, stored, other_seeds=2).prediction.revision.number == (
        1 + 2 * OTHER_SEEDS
    )
    stored["trial"]["seeds"] = 12
    assert plan_again(prediction, stored).looks() == (12,)
    ran.write_text(text.replace("noise: 0.05", f"noise: {1 / 3!r}"))
    exact = make_plan(read_prediction(ran)).claim.setup["noise"]
    stored["cases"]["claim"]["setup"]["noise"] = 0.3333333
    assert plan_again(read_prediction(ran), stored).claim.setup["noise"] == exact


def test_what_differs_is_said_in_words(ran: Path) -> None:
    (stored,) = read_records(LOCAL)
    assert changes_between(stored, stored) == []
    again = copy.deepcopy(stored)
    again["provenance"]["device"] = "gpu H"
    again["provenance"]["versions"]["jax"] = "99"
    again["precision"] = "float64"
    jax = stored["provenance"]["versions"]["jax"]
    assert changes_between(stored, again) == [
        "precision: float32 -> float64",
        "device: cpu -> gpu H",
        f"jax: {jax} -> 99",
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["parabol"], "Did you mean 'parabola'?"),
        (["parabola", "--tier", "full"], "assay run parabola --tier full"),
        (["nowhere.json"], "nowhere.json: there is no such record"),
        (["predictions/solvable_settings/decay/parabola.yaml"], "no record of a run"),
        (["parabola", "--fresh-seeds", "-1"], "Count from 1."),
    ],
)
def test_a_wrong_command_is_one_clear_error(
    ran: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    code, out, err = reproduced(capsys, *arguments)
    assert (code, out) == (2, "")
    assert said in err
    assert "Traceback" not in err


def test_of_local_records_the_last_one_counts(
    ran: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    published = Path("results/records/parabola.smoke.json")
    stored = read_record(published)
    published.unlink()
    stored["provenance"]["time"] = "2999-01-01T00:00:00+00:00"
    write_record(LOCAL, stored)
    assert "2999-01-01" in reproduced(capsys, "parabola")[1]
