"""What the documentation says is tried: the worked example passes, and CI runs the README."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.judge import Verdict
from harness.measure import local_trainer
from harness.plan import make_plan
from harness.read import read_prediction
from harness.trial import try_prediction

ROOT = Path(__file__).parents[1]


def test_the_worked_example_passes_and_its_control_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSAY_CACHE_DIR", str(tmp_path / "cache"))
    text = (ROOT / "docs" / "adding-a-claim.md").read_text(encoding="utf-8")
    files = re.findall(r"^## \d\. [^`\n]*`([a-z.]+)`.*?^```\w+\n(.*?)^```", text, re.M | re.S)
    assert [name for name, _ in files] == [
        "world.py",
        "theory.py",
        "experiment.py",
        "parabola.yaml",
    ]
    topic = tmp_path / "predictions" / "solvable_settings" / "parabola"
    topic.mkdir(parents=True)
    for name, content in files:
        (topic / name).write_text(content, encoding="utf-8")
    with local_trainer() as trainer:
        trial = try_prediction(make_plan(read_prediction(topic / "parabola.yaml")), trainer)
    assert trial.claim.verdict is Verdict.PASS
    assert all(outcome.as_expected for outcome in trial.theories)
    assert [control.verdict for control in trial.controls] == [Verdict.FAIL]


def test_ci_runs_the_two_commands_of_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    commands = [line.strip() for line in readme.splitlines() if "venv .venv &&" in line]
    assert len(commands) == 2
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8").replace("install -q", "install")
    for command in commands:
        assert command in script


@pytest.mark.parametrize("page", [*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md"])
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target
