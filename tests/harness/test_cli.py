from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.cli import main


@pytest.fixture
def here(suite: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return suite


def called(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(arguments)
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def test_list_and_show(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = called(capsys, "list", "--json")
    assert code == 0
    assert [entry["id"] for entry in json.loads(out)] == ["parabola"]
    assert called(capsys, "list", "--theory", "frozen")[1].count("\nparabola ") == 1
    code, out, _ = called(capsys, "show", "parabola")
    assert code == 0
    for part in ("observables", "0.1", "finite number of steps", "Boyd", "no record yet"):
        assert part in out
    code, out, _ = called(capsys, "show", "parabola", "--json")
    assert json.loads(out)["prediction"]["id"] == "parabola"


def test_list_shows_costs(here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = called(capsys, "list", "--cost")
    assert code == 0
    assert [line.split()[:4] for line in out.splitlines()[2:4]] == [
        ["parabola", "smoke", "not", "run"],
        ["parabola", "full", "not", "run"],
    ]
    assert called(capsys, "run", "parabola", "--publish", "--tier", "full")[0] == 0
    path = tmp_path / "results" / "records" / "parabola.full.json"
    record = json.loads(path.read_text())
    record["trial"]["cost"] = {"run_s": 7.25, "compile_s": 3.5}
    path.write_text(json.dumps(record))
    here.write_text(here.read_text().replace("max_seeds: 64}", "max_seeds: 64, budget_s: 7}"))
    out = called(capsys, "list", "--cost")[1]
    first, second, last = (line.split() for line in out.splitlines()[2:])
    assert first[:5] == ["parabola", "full", "pass", "7.2", "s"]
    assert first[-3:] == ["7.0", "s", "(over)"]
    assert second[:4] == ["parabola", "smoke", "not", "run"]
    assert second[-2:] == ["5.0", "s"]
    assert last[:4] == ["total", "recorded", "7.2", "s"]
    said = json.loads(called(capsys, "list", "--cost", "--json")[1])
    assert said["total"]["run_s"] == 7.25
    assert [(tier["tier"], tier["budget_s"]) for tier in said["tiers"]] == [
        ("full", 7),
        ("smoke", 5),
    ]
    assert said["tiers"][0]["cost"]["flops"] is None
    assert said["tiers"][1]["cost"] is None
    empty = called(capsys, "list", "--cost", "--records", "nowhere")[1]
    assert empty.count("not run") == 2
    assert empty.count("traced") == 0


def test_a_local_record_of_another_version_is_in_nobodys_way(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = Path(".assay/records/parabola.smoke.000000000000.json")
    old.parent.mkdir(parents=True)
    old.write_text('{"format": 1}')
    assert "no record yet" in called(capsys, "show", "parabola")[1]
    assert "the record has format 1" in called(capsys, "reproduce", "parabola")[2]
    assert called(capsys, "run", "parabola")[0] == 0
    assert "last verdict" in called(capsys, "show", "parabola")[1]
    assert called(capsys, "reproduce", "parabola")[0] == 0
    assert old.is_file()


def test_list_traces_what_was_never_run(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = called(capsys, "list", "--cost", "--trace")[1]
    assert [line.split()[:5] for line in out.splitlines()[2:4]] == [
        ["parabola", "smoke", "not", "run,", "traced"],
        ["parabola", "full", "not", "run,", "traced"],
    ]
    here.write_text(here.read_text().replace("seeds: 8, max_seeds: 32", "seeds: 32, max_seeds: 32"))
    said = json.loads(called(capsys, "list", "--cost", "--trace", "--json")[1])["tiers"]
    assert called(capsys, "run", "parabola", "--publish")[0] == 0
    run = json.loads(called(capsys, "list", "--cost", "--trace", "--json")[1])["tiers"]
    (cost,) = (tier["cost"] for tier in run if tier["tier"] == "smoke")
    (traced,) = (tier["traced"] for tier in said if tier["tier"] == "smoke")
    assert (traced["steps"], traced["flops"]) == (cost["steps"], cost["flops"])
    assert [tier["traced"] is None for tier in run] == [tier["tier"] == "smoke" for tier in run]
    assert "Add --cost" in called(capsys, "list", "--trace")[2]


def test_a_plain_list_imports_nothing_heavy(here: Path) -> None:
    code = "import sys; from harness.cli import main; main(['list']); print(*sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    assert not {"jax", "numpy", "harness.cost", "harness.leaderboard"} & set(done.stdout.split())


def test_check_counts_and_reports(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert called(capsys, "check")[0] == 0
    here.write_text(here.read_text().replace("theory.decay", "theory.decai"))
    code, out, _ = called(capsys, "check", "--json")
    assert code == 2
    problem = json.loads(out)["problems"][0]
    assert problem["file"].endswith("parabola.yaml")
    assert problem["line"]
    assert "decay" in problem["remedy"]


def test_forecast_follows_overrides(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = called(
        capsys, "forecast", "parabola", "--json", "--set", "curvature=[1.0]", "--set", "steps=2"
    )
    assert code == 0
    said = json.loads(out)
    assert {"id", "tier", "setup", "theories"} <= said.keys()
    assert said["setup"]["steps"] == 2
    assert said["theories"]["descent"]["weight"] == [[0.5, 0.25]]
    assert called(capsys, "forecast", "parabola")[1].startswith("theory")


def test_run_prints_rows_and_writes_a_record(
    here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = called(capsys, "run", "parabola", "--json")
    assert code == 0
    rows = json.loads(out)
    assert {(row["case"], row["theory"], row["verdict"]) for row in rows} == {
        ("claim", "descent", "pass"),
        ("claim", "frozen", "fail"),
        ("backwards", "descent", "fail"),
        ("no-curvature", "descent", "fail"),
    }
    assert len(list((tmp_path / ".assay" / "records").glob("parabola.smoke.*.json"))) == 1
    assert not (tmp_path / "results").exists()
    assert "last verdict" in called(capsys, "show", "parabola")[1]
    code, out, _ = called(capsys, "run", "--publish")
    assert code == 0
    assert "PASS" in out
    assert (tmp_path / "results" / "records" / "parabola.smoke.json").is_file()


def test_exit_codes(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = here.read_text()
    here.write_text(
        text.replace(
            "{forecast: theory.frozen, expect: fail}", "{forecast: theory.frozen, expect: pass}"
        )
    )
    assert called(capsys, "run", "--seeds", "8")[0] == 1
    here.write_text(text.replace("noise: 0.05", "noise: 0.3"))
    assert called(capsys, "run", "--seeds", "8")[0] == 0
    assert called(capsys, "run", "--seeds", "8", "--strict")[0] == 3


def test_a_broken_experiment_is_an_error_while_running(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    experiment = here.with_name("experiment.py")
    experiment.write_text(experiment.read_text().replace("jax.random.normal(key)", "1 / nothing"))
    code, _, err = called(capsys, "run")
    assert code == 4
    assert "nothing" in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("run", "parabol"), "Did you mean 'parabola'?"),
        (("run", "strand:solvable"), "solvable_settings"),
        (("run", "--set", "learning_rat=1"), "Did you mean 'learning_rate'?"),
        (("run", "--set", "learning_rate=fast"), "--set learning_rate"),
        (("run", "--set", "learning_rate=-1"), "--set learning_rate"),
        (("run", "--set", "steps=1.5"), "--set steps"),
        (("run", "--set", "steps"), "--set key=value"),
        (("run", "--set", "steps=1", "--set", "steps=2"), "set twice"),
        (("run", "--tier", "huge"), "smoke"),
        (("run", "--seeds", "1"), "2 seeds"),
        (("run", "--publish", "--set", "steps=2"), "without --set"),
        (("forecast", "parabola", "--set", "curvature=[]"), "curvature"),
        (("list", "--strand", "universal"), "Did you mean 'universality'?"),
        (("list", "--theory", "frosen"), "Did you mean 'frozen'?"),
        (("list", "--predictions", "nowhere"), "nowhere"),
    ],
)
def test_a_wrong_command_is_one_clear_error(
    here: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    code, out, err = called(capsys, *arguments)
    assert code == 2
    assert said in err
    assert "Traceback" not in err
    assert out == ""


def test_a_folder_without_predictions_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, err = called(capsys, "list")
    assert code == 2
    assert "--predictions" in err


def test_lock_registers_and_check_refuses_a_silent_change(
    here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "predictions" / "lock.json").write_text("{}\n")
    code, out, _ = called(capsys, "check")
    assert code == 2
    assert "assay lock parabola" in out
    assert called(capsys, "lock")[0] == 0
    assert called(capsys, "check")[0] == 0
    here.write_text(here.read_text().replace("noise: 0.05", "noise: 0.06"))
    code, out, _ = called(capsys, "check")
    assert code == 2
    assert "revision" in out
    assert called(capsys, "lock")[0] == 2
    with here.open("a") as file:
        file.write("revision: {number: 2, reason: more noise shows the spread}\n")
    assert called(capsys, "lock")[0] == 0
    assert called(capsys, "check")[0] == 0


def test_doctor_reports_the_machine(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = called(capsys, "doctor", "--json")
    assert code == 0
    assert {"device", "versions", "cache", "findings"} <= json.loads(out).keys()


def test_leaderboard_and_compare_read_the_published_records(
    here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = called(capsys, "leaderboard")
    assert code == 0
    assert "not run" in out
    assert called(capsys, "run", "--publish")[0] == 0
    for kind, sign in (("md", "parabola"), ("csv", "parabola,")):
        path = tmp_path / "results" / f"board.{kind}"
        assert called(capsys, "leaderboard", "--format", kind, "-o", str(path))[0] == 0
        assert sign in path.read_text(encoding="utf-8")
    folder = tmp_path / "results" / "site"
    code, _, err = called(capsys, "leaderboard", "--format", "html", "-o", str(folder))
    assert code == 0, err
    assert "<svg" in (folder / "predictions/parabola.html").read_text(encoding="utf-8")
    code, _, err = called(capsys, "leaderboard", "--format", "html")
    assert code == 2
    assert "-o results/site" in err
    code, out, _ = called(capsys, "leaderboard", "--json")
    assert json.loads(out)
    code, out, _ = called(capsys, "compare", "descent", "frozen")
    assert code == 0
    assert "weight: descent - frozen" in out
    assert json.loads(called(capsys, "compare", "descent", "frozen", "--json")[1])
    code, _, err = called(capsys, "compare", "descent", "frosen")
    assert code == 2
    assert "frozen" in err
