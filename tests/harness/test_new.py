from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness import skeleton
from harness.check import check
from harness.cli import main
from harness.errors import AssayError
from harness.judge import Verdict
from harness.measure import local_trainer
from harness.plan import make_plan
from harness.read import read_prediction, read_tree
from harness.skeleton import Name, filled, parse_name, theory_entries
from harness.trial import try_prediction

HERE = Path(skeleton.__file__).parent
ROOT = Path(__file__).parents[2]
TOPIC = Path("predictions", "universality", "first_step")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ASSAY_CACHE_DIR", str(tmp_path / "cache"))
    folder = tmp_path / "repository"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def new(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(["new", *arguments])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def test_the_skeleton_passes_and_its_control_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSAY_CACHE_DIR", str(tmp_path))
    prediction = read_prediction(HERE / "skeleton.yaml")
    assert check([prediction]) == []
    with local_trainer() as trainer:
        trial = try_prediction(make_plan(prediction), trainer)
    assert trial.claim.verdict is Verdict.PASS
    assert all(outcome.as_expected for outcome in trial.theories)
    assert [control.verdict for control in trial.controls] == [Verdict.FAIL]
    assert trial.health == ()
    assert trial.rows[0].error_in_tolerances < 0.8  # whatever the id, and so the seeds


@pytest.mark.parametrize("text", ["hyperparameters/my_claim", "hyper-parameters/my-claim"])
def test_a_name_may_be_written_in_either_case(text: str) -> None:
    name = parse_name(text.replace("hyper-", "hyper"))
    assert (name.strand, name.topic, name.id) == ("hyperparameters", "my_claim", "my-claim")
    assert parse_name("solvable-settings/a").strand == "solvable_settings"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("my_claim", "strands are solvable_settings"),
        ("universalty/x", "Did you mean 'universality'?"),
        ("universality/My-Claim", "small letters"),
        ("universality/a/b", "small letters"),
        ("universality/2nd", "small letters"),
        ("universality/a__b", "small letters"),
        ("universality/lambda", "small letters"),
        ("universality/", "strands are"),
    ],
)
def test_a_bad_name_is_one_clear_error(text: str, said: str) -> None:
    with pytest.raises(AssayError, match=r"STRAND/TOPIC: ") as error:
        parse_name(text)
    assert said in str(error.value)


def test_nothing_of_the_skeletons_own_name_is_left() -> None:
    for package in (True, False):
        texts = filled(Name("universality", "first_step"), schema=None, package=package)
        together = "\n".join(texts.values())
        assert "skeleton" not in together
        assert "tractable_limits" not in together
        assert "$schema" not in together
    texts = filled(Name("universality", "first_step"), schema="../../s.json", package=True)
    assert texts["first-step.yaml"].startswith("# yaml-language-server: $schema=../../s.json\nid: ")
    assert "from predictions.universality.first_step import theory\n" in "".join(texts.values())


def test_a_foreign_repository_gets_all_it_needs(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = new(capsys, "universality/first-step")
    assert code == 0
    assert "assay run first-step" in out
    written = sorted(str(path.relative_to(here)) for path in here.rglob("*") if path.is_file())
    assert written == [
        "predictions/theories.yaml",
        *(
            str(TOPIC / name)
            for name in (
                "experiment.py",
                "first-step.yaml",
                "test_first_step_theory.py",
                "theory.py",
                "world.py",
            )
        ),
    ]
    found = read_tree([Path("predictions")])
    assert check(list(found)) == []
    assert {*found.theories} == {*theory_entries()}
    if importlib.util.find_spec("ruff"):
        ruff, config = [sys.executable, "-m", "ruff"], f"--config={ROOT / 'pyproject.toml'}"
        # Which imports are the project's own depends on where it lies.
        subprocess.run([*ruff, "check", config, "--extend-ignore=I", here], check=True)
        subprocess.run([*ruff, "format", config, "--check", here], check=True)


def test_the_suite_gets_its_test_where_tests_are(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "tests" / "predictions").mkdir(parents=True)
    theories = here / "predictions" / "theories.yaml"
    theories.parent.mkdir()
    theories.write_text("# Ours.\n\n" + theory_entries()["linear-kernel"] + "\n")
    code, out, _ = new(capsys, "universality/first_step", "--json")
    assert code == 0
    test = "tests/predictions/test_first_step_theory.py"
    assert test in json.loads(out)["files"]
    assert json.loads(out)["next"][-1] == f"pytest {TOPIC} {test}"
    assert not list((here / TOPIC).glob("test_*"))
    text = theories.read_text()
    assert text.startswith("# Ours.\n\nlinear-kernel:")
    assert {*read_tree([Path("predictions")]).theories} == {*theory_entries()}
    assert text.count("linear-kernel:") == 1
    environment = {**os.environ, "PYTHONPATH": "."}
    subprocess.run([sys.executable, "-m", "pytest", "-q", test], check=True, env=environment)


def test_entries_for_others_are_not_demanded(
    here: Path, suite: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tree = suite.parents[2]
    assert new(capsys, "universality/first_step", "--predictions", str(tree))[0] == 0
    assert (tree / "universality" / "first_step" / "theories.yaml").is_file()
    assert not (tree / "theories.yaml").exists()
    assert len(read_tree([tree])) == 2


def test_what_is_there_is_not_overwritten(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert new(capsys, "universality/first-step")[0] == 0
    before = {path: path.read_bytes() for path in here.rglob("*") if path.is_file()}
    for name in (
        "universality/first-step",
        "universality/first_step",
        "hyperparameters/first-step",
    ):
        code, _, err = new(capsys, name)
        assert code == 2
        assert "Choose another name." in err
    assert {path: path.read_bytes() for path in here.rglob("*") if path.is_file()} == before
    assert new(capsys, "universality/second")[0] == 0
    assert len(read_tree([Path("predictions")])) == 2


def test_a_tree_without_the_usual_name_is_recognised(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "universality").mkdir()
    assert new(capsys, "universality/first-step")[0] == 0
    assert (here / "universality" / "first_step" / "first-step.yaml").is_file()
    code, out, _ = new(capsys, "universality/a", "--predictions", "mine")
    assert code == 0
    assert "assay run a --predictions mine" in out
