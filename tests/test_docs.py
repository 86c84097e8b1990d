"""What the documentation says is tried: commands are run, code is that of the files it is about."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from harness.cli import main, parser
from harness.record import read_records
from harness.skeleton import filled, parse_name

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
COLD_START_S = 60


def commands(page: str) -> list[list[str]]:
    """The `assay` and `pytest` commands of a page's indented blocks, in their order."""
    text = (DOCS / page).read_text(encoding="utf-8")
    lines = re.findall(r"^    ((?:assay|pytest) .*)$", text, re.M)
    return [shlex.split(line, comments=True) for line in lines]


def try_command(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Run a command as a reader would, and return what it prints; it must succeed."""
    if words[0] == "assay":
        code = main(words[1:])
        printed = capsys.readouterr()
        assert code == 0, f"{shlex.join(words)}: {printed.err}"
        return printed.out
    done = subprocess.run(
        [sys.executable, "-m", *words, "-p", "no:cacheprovider"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def work_s() -> float:
    """Seconds that processors spent on this process and its children so far.

    On an idle machine no less than the time that a reader waits, and the same on a busy one.
    """
    return sum(os.times()[:4])


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder, and a cache that knows nothing."""
    monkeypatch.setenv("ASSAY_CACHE_DIR", str(tmp_path / "cache"))
    folder = tmp_path / "repository"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def test_a_new_claim_is_green_within_a_minute(
    empty: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    began = work_s()
    walked = commands("adding-a-claim.md")
    verbs = [words[1] if words[0] == "assay" else words[0] for words in walked]
    assert verbs[:6] == ["new", "check", "forecast", "lock", "run", "pytest"]
    said = try_command(walked[0], capsys)
    follow = [shlex.split(line) for line in said.partition("\nnext\n")[2].splitlines()]
    assert follow == walked[1:6]
    printed = [try_command(words, capsys) for words in walked[1:6]]
    assert work_s() - began < COLD_START_S
    assert "fails, as it must" in printed[3]
    assert "6 passed" in printed[4]
    for words in walked[6:]:
        try_command(words, capsys)
    verdicts = [record["trial"]["theories"] for record in read_records(Path(".assay/records"))]
    assert len(verdicts) == 3
    assert {(t["expect"], t["verdict"]) for trial in verdicts for t in trial} <= {
        ("pass", "pass"),
        ("fail", "fail"),
        ("pass", "inconclusive"),
    }


def test_the_code_of_a_new_claim_is_shown_as_it_is() -> None:
    page = (DOCS / "adding-a-claim.md").read_text(encoding="utf-8")
    shown = re.findall(r"^## \d\. [^`\n]*`([a-z.-]+)`.*?^```\w+\n(.*?)^```", page, re.M | re.S)
    files = filled(parse_name("tractable_limits/one_example"), schema=None, package=False)
    assert [name for name, _ in shown] == [
        "world.py",
        "theory.py",
        "experiment.py",
        "one-example.yaml",
    ]
    for name, part in shown:
        assert part in files[name], name


@pytest.fixture
def checkout(empty: Path) -> Path:
    """A working folder with the suite and its published results."""
    for name in ("predictions", "results"):
        (empty / name).symlink_to(ROOT / name)
    return empty


def test_the_first_steps_lead_to_a_verdict(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = {
        shlex.join(words): try_command(words, capsys) for words in commands("getting-started.md")
    }
    assert "PASS         neural-tangent-kernel" in said["assay run ntk-flow"]
    assert said["assay run ntk-flow"].count("fails, as it must") == 2
    assert "OUT OF SCOPE" in said["assay run ntk-flow --set width=64 --seeds 16"]
    assert said["assay reproduce ntk-flow --fresh-seeds"].endswith("\nREPRODUCED\n")
    assert "ntk-flow" in (checkout / "leaderboard.md").read_text(encoding="utf-8")
    page = (DOCS / "getting-started.md").read_text(encoding="utf-8")
    verdicts = [
        line.split()[:4]
        for line in said["assay run ntk-flow"].splitlines()
        if line.startswith("  ") and line.split()[0] in ("PASS", "FAIL", "control")
    ]
    for words in verdicts:  # what the page shows is what comes
        assert re.search(r"\s+".join(map(re.escape, words)), page), words


@pytest.mark.parametrize("page", ["getting-started.md", "continuous-integration.md"])
def test_every_command_is_understood(page: str, pytestconfig: pytest.Config) -> None:
    walked = commands(page)
    assert walked
    for words in walked:
        if words[0] == "assay":
            assert parser(words[1]).parse_args(words[1:]).verb == words[1]
    text = (DOCS / page).read_text(encoding="utf-8")
    for option in re.findall(r"--(?:assay-[a-z]+|strict-inconclusive)", text):
        pytestconfig.getoption(option)


def test_the_workflow_is_one_that_github_runs(pytestconfig: pytest.Config) -> None:
    workflow = yaml.safe_load((DOCS / "github-workflow.yml").read_text(encoding="utf-8"))
    assert {"push", "pull_request", "schedule"} <= workflow[True].keys()  # YAML 1.1 reads `on` so
    (job,) = workflow["jobs"].values()
    steps = job["steps"]
    actions = [step["uses"] for step in steps if "uses" in step]
    assert all(re.fullmatch(r"actions/[a-z-]+@v\d+", action) for action in actions)
    assert all(("uses" in step) != ("run" in step) for step in steps)
    cache = next(step["with"] for step in steps if step.get("uses", "").startswith("actions/cache"))
    assert job["env"]["ASSAY_CACHE_DIR"].endswith(f"/{Path(cache['path']).parent}")
    assert Path(cache["path"]).name == "programs"
    assert cache["key"].startswith(cache["restore-keys"].strip())
    lines = [shlex.split(step["run"]) for step in steps if "run" in step]
    checked, tried = lines[-2:]
    assert parser(checked[1]).parse_args(checked[1:]).verb == "check"
    assert "-c constraints.txt" in " ".join(lines[0])
    assert (ROOT / "constraints.txt").is_file()
    for option in tried[2:]:
        pytestconfig.getoption(option.partition("=")[0])
    report = steps[-1]
    assert report["if"] == "always()"
    assert f"--junitxml={report['with']['path']}" in tried


def test_ci_runs_the_two_commands_of_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    commands = [line.strip() for line in readme.splitlines() if "venv .venv &&" in line]
    assert len(commands) == 2
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8").replace("install -q", "install")
    for command in commands:
        assert command in script


@pytest.mark.parametrize("page", [*sorted(DOCS.glob("*.md")), ROOT / "README.md"])
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target
