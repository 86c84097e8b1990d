from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness.cli import COMPLETION_ASKED, VERBS, main
from harness.cli.completion import SHELLS, ids, theories

ROOT = Path(__file__).parents[2]
THEORIES = """\
# A comment: not a theory.
descent: {title: D, scope: S, references: [{title: R, authors: A, year: 2000}]}
frozen: {title: F, scope: S, references: [{title: R, authors: A, year: 2000}]}
"""
CALL = "import sys; from harness.cli import main; sys.exit(main())"


@pytest.fixture
def here(suite: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "predictions" / "theories.yaml").write_text(THEORIES)
    return suite


def asked(line: str) -> list[str]:
    """What a shell is told at a TAB behind `line`; answers come through file descriptor 8."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        COMPLETION_ASKED: "1",
        "_ARGCOMPLETE_COMP_WORDBREAKS": " \t\n\"'><=;|&(:",
        "_ARGCOMPLETE_IFS": "\n",
        "_ARGCOMPLETE_SHELL": "bash",
        "COMP_LINE": line,
        "COMP_POINT": str(len(line)),
    }
    done = subprocess.run(
        ["bash", "-c", 'exec "$@" 8>&1 9>&2 >/dev/null', "bash", sys.executable, "-c", CALL],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return [word.strip() for word in done.stdout.split("\n") if word]


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash here")
def test_a_tab_completes_verbs_options_ids_and_theories(here: Path) -> None:
    for line, answers in {
        "assay ": list(VERBS),
        "assay leader": ["leaderboard"],
        "assay run par": ["parabola"],
        "assay show ": ["parabola"],
        "assay run strand:univ": ["universality"],
        "assay cite theory:f": ["frozen"],
        "assay compare d": ["descent"],
        "assay run --tie": ["--tier"],
        "assay run --tier f": ["full"],
        "assay new empi": ["empirical_laws/"],
        "assay run 'unclosed": [],
    }.items():
        assert asked(line) == answers, line


def test_what_completes_is_read_from_names_alone(here: Path) -> None:
    (here.parent / "broken.yaml").write_text("{")
    assert ids() == ["broken", "parabola"]
    assert ids(Path("nowhere")) == []
    assert theories() == ["descent", "frozen"]


@pytest.mark.parametrize("shell", SHELLS)
def test_a_script_for_each_shell(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert "assay" in script
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=script, text=True, check=True)
    with pytest.raises(SystemExit):
        main(["completion", "--help"])
    assert SHELLS[shell].partition("  #")[0] in capsys.readouterr().out
