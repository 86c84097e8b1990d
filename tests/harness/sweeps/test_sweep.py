"""`assay sweep` on a suite that trains in milliseconds."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from harness.cli import main
from harness.judge import Verdict
from harness.read import read_tree
from harness.sweeps import Sweep, read_sweeps

SHIPPED = """\
sweeps:
  - id: parabola
    over: {learning_rate: [0.1, 0.2, 0.4]}
    set: {noise: 0.0001}
    rates: {flow: {weight: 2}}
    why: how fast gradient flow becomes descent
"""


@pytest.fixture
def here(suite: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    text = suite.read_text()
    flow = "  flow: {forecast: theory.flow, expect: open}\n"
    suite.write_text(text.replace("controls:\n", f"{flow}controls:\n"))
    return suite


def called(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(["sweep", *arguments, *(["--workers", "1"] if arguments else [])])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def stored(folder: Path) -> Sweep:
    (sweep,) = read_sweeps(folder)
    return sweep


def test_a_sweep_prints_its_points_and_stores_them(
    here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = called(
        capsys, "parabola", "--over", "learning_rate=0.05,0.1,0.2", "--set", "noise=0.0001"
    )
    assert code == 0, err
    assert "learning_rate = 0.05" in out
    assert "frozen fail" in out
    assert "flow, weight: error grows as learning_rate^1." in out
    assert "no control was run" in out
    sweep = stored(tmp_path / ".assay" / "sweeps")
    assert sweep.over == {"learning_rate": (0.05, 0.1, 0.2)}
    assert sweep.overrides == {"noise": 0.0001}
    assert [point.keys for point in sweep.points] == [
        {"learning_rate": value} for value in (0.05, 0.1, 0.2)
    ]
    for point in sweep.points:
        claim = point.outcome(sweep.claim)
        assert claim is not None
        assert claim.verdict is Verdict.PASS
        assert not point.controlled
    # (1 - x)^k - exp(-k x) = -k x^2 / 2 + ..., of which the root mean square over k is taken.
    slope = next(sweep.slopes_of("flow"))
    assert slope.slope == pytest.approx(1.7, abs=0.3)
    assert not (tmp_path / "results").exists()


def test_two_keys_make_a_map(
    here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = called(
        capsys, "parabola", "--over", "curvature=0.5,1,2", "--over", "steps=2,4", "--json"
    )
    assert code == 0
    (printed,) = json.loads(out)
    sweep = stored(tmp_path / ".assay" / "sweeps")
    assert sweep.keys == ("curvature", "steps")
    assert len(printed["points"]) == len(sweep.points) == 6
    assert sweep.points[1].keys == {"curvature": 0.5, "steps": 4}
    assert {slope.at["steps"] for slope in sweep.slopes} == {2, 4}


def test_a_point_beyond_a_regime_is_out_of_scope_or_says_so(
    here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    over = ("parabola", "--over", "learning_rate=0.5,1.5")
    called(capsys, *over)
    outcome = stored(tmp_path / ".assay" / "sweeps").points[1].outcome("descent")
    assert outcome is not None
    assert outcome.verdict is Verdict.OUT_OF_SCOPE
    assert outcome.beyond is None
    assert "beyond its regime" in called(capsys, *over, "--beyond")[1]
    sweep = stored(tmp_path / ".assay" / "sweeps")
    beyond = [point.outcome("descent").beyond for point in sweep.points]  # type: ignore[union-attr]
    assert beyond[0] is None
    assert beyond[1] is not None
    assert "1.5" in beyond[1]


def test_controls_are_run_when_asked_for(
    here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = called(capsys, "parabola", "--over", "learning_rate=0.25,0.5", "--controls")[1]
    assert "no control" not in out
    for point in stored(tmp_path / ".assay" / "sweeps").points:
        assert point.controls.keys() == {"backwards", "no-curvature"}
        assert point.controlled


def test_a_point_that_breaks_is_kept_with_its_reason(
    here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    theory = here.with_name("theory.py")
    theory.write_text(
        theory.read_text().replace(
            '    return {"weight": np.ones(setup.steps)}',
            '    return {"weight": np.ones(setup.steps) / (setup.steps != 3)}',
        )
    )
    code, out, err = called(capsys, "parabola", "--over", "steps=2,3,4")
    assert code == 4, err
    assert "steps = 3" in out
    first, second, third = stored(tmp_path / ".assay" / "sweeps").points
    assert second.problem is not None
    assert second.outcomes == ()
    assert first.problem is third.problem is None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["parabola"], "one prediction and the keys"),
        (["--over", "steps=1,2"], "one prediction and the keys"),
        (["parabola", "--over", "stebs=1,2"], "Did you mean 'steps'"),
        (["parabola", "--over", "steps=1,0"], "--over steps: must be"),
        (["parabola", "--over", "steps=1,1"], "stands there twice"),
        (["parabola", "--over", "steps=1"], "between 2 and 100 points"),
        (["parabola", "--over", "steps"], "names no values"),
        (["parabola", "--over", "steps=1,2", "--over", "steps=3,4"], "swept twice"),
        (["parabola", "--over", "steps=1,2", "--set", "steps=3"], "swept and set"),
        (["parabola", "--over", "steps=[1,"], "--over steps"),
        (["parabola", "--over", "steps=1,2", "--only", "wait"], "no observable 'wait'"),
        (["parabola", "--over", "steps=1,2", "--tier", "ful"], "Did you mean 'full'"),
        (
            ["parabola", *(f"--over={key}=1,2" for key in ("steps", "noise", "curvature"))],
            "one key or 2",
        ),
        (["--shipped"], "no sweeps.yaml"),
        (["--shipped", "--over", "steps=1,2"], "Leave out --over"),
    ],
)
def test_a_wrong_command_is_one_clear_error(
    here: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    code, _, err = called(capsys, *arguments)
    assert code == 2
    assert said in err


def test_an_observable_compared_over_the_key_is_set_aside(
    here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    exponent = (
        "  power: {unit: '1', of: weight, dims: [step], compare: exponent, over: curvature, "
        "tolerance: {absolute: 9}, because: {x: 9}}\n"
    )
    here.write_text(here.read_text().replace("theories:\n", f"{exponent}theories:\n"))
    assert called(capsys, "parabola", "--over", "curvature=0.25,0.5")[0] == 0
    sweep = stored(tmp_path / ".assay" / "sweeps")
    assert sweep.observables == ("weight",)
    assert {at.observable for point in sweep.points for at in point.results} == {"weight"}
    assert {point.seeds for point in sweep.points} == {32}
    code, _, err = called(capsys, "parabola", "--over", "curvature=0.25,0.5", "--only", "power")
    assert code == 2
    assert "compared over 'curvature'" in err
    pairs = called(
        capsys, "parabola", "--over", "curvature=[[0.25, 0.5], [0.5, 0.75]]", "--only", "power"
    )
    assert pairs[0] == 0
    assert stored(tmp_path / ".assay" / "sweeps").observables == ("power",)


def test_shipped_sweeps_are_read_and_run(
    here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "predictions" / "sweeps.yaml").write_text(SHIPPED)
    code, out, err = called(capsys, "--shipped", "--seeds", "8")
    assert code == 0, err
    assert "predicted for the limit: 2, " in out
    sweep = stored(tmp_path / ".assay" / "sweeps")
    assert sweep.why == "how fast gradient flow becomes descent"
    assert [slope.rate for slope in sweep.slopes_of("flow")] == [2]
    assert {point.seeds for point in sweep.points} == {8}


def test_a_list_of_sweeps_is_no_prediction(here: Path) -> None:
    here.with_name("sweeps.yaml").write_text(SHIPPED)
    assert list(read_tree([here.parent]).predictions) == ["parabola"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("id: parabola", "id: parabole", "Did you mean 'parabola'"),
        ("why:", "whi:", "Did you mean 'why'"),
        ("flow: {weight", "floe: {weight", "there is no theory 'floe'"),
        ("{weight: 2}", "{wait: 2}", "there is no observable 'wait'"),
        ("[0.1, 0.2, 0.4]", "0.1", "a list of two values"),
        ("learning_rate:", "rate:", "no key 'rate'"),
    ],
)
def test_a_wrong_list_is_one_clear_error(
    here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, said: str
) -> None:
    (tmp_path / "predictions" / "sweeps.yaml").write_text(SHIPPED.replace(old, new))
    code, _, err = called(capsys, "--shipped")
    assert code == 2
    assert said in err


def test_changed_code_is_not_published(
    here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if shutil.which("git") is None:
        pytest.skip("needs git")
    who = ["-c", "user.name=a", "-c", "user.email=a@b"]
    for words in (["init", "-q"], ["add", "predictions"], [*who, "commit", "-qm", "first"]):
        subprocess.run(["git", *words], check=True, cwd=tmp_path)
    over = ("parabola", "--over", "learning_rate=0.25,0.5", "--publish")
    assert called(capsys, *over)[0] == 0
    assert stored(tmp_path / "results" / "sweeps").id == "parabola"
    here.write_text(here.read_text() + "\n")
    code, _, err = called(capsys, *over)
    assert code == 2
    assert "--publish" in err
