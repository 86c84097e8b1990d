"""The plug-in is tried as a user tries it: by running pytest on a folder that holds a topic."""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from tests.harness.conftest import write_suite


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ASSAY_CACHE_DIR", str(pytester.path / "cache"))
    return pytester.runpytest_subprocess


def test_items_outcomes_markers_and_reports(pytester: pytest.Pytester, run) -> None:
    write_suite(pytester.path)
    result = run("predictions", "-v", "--junitxml=junit.xml")
    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines(
        [
            "*parabola.yaml::descent PASSED*",
            "*parabola.yaml::frozen PASSED*",
            "*parabola.yaml::control:backwards PASSED*",
            "*parabola.yaml::control:no-curvature PASSED*",
            "*assay leaderboard*",
            "parabola * PASS *",
        ]
    )
    cases = ElementTree.parse(pytester.path / "junit.xml").iter("testcase")
    properties = {
        case.get("name"): {found.get("name"): found.get("value") for found in case.iter("property")}
        for case in cases
    }
    assert properties["descent"]["assay_verdict"] == "pass"
    assert properties["control:backwards"]["assay_verdict"] == "fail"
    chosen = run("predictions", "-m", "control", "-k", "backwards", "-q")
    chosen.assert_outcomes(passed=1, deselected=3)
    run("predictions", "-m", "universality", "-q").assert_outcomes(deselected=4)


def test_two_workers_share_a_file_and_print_one_leaderboard(pytester: pytest.Pytester, run) -> None:
    write_suite(pytester.path)
    result = run("predictions", "-n", "2", "-v")
    result.assert_outcomes(passed=4)
    workers = {line.split("]")[0] for line in result.outlines if line.startswith("[gw")}
    assert len(workers) == 1
    result.stdout.fnmatch_lines(["parabola * PASS *"])


def test_a_copied_topic_folder_is_a_suite_of_its_own(pytester: pytest.Pytester, run) -> None:
    source = write_suite(pytester.path).parent
    source.rename(pytester.path / "my_claims")
    run("my_claims", "-q").assert_outcomes(passed=4)


def test_collecting_reads_and_imports_no_jax(pytester: pytest.Pytester, run) -> None:
    write_suite(pytester.path)
    pytester.makeconftest(
        "import sys\n"
        "def pytest_collection_finish(session):\n"
        "    loaded = {'jax', 'xarray', 'scipy'} & set(sys.modules)\n"
        "    assert not loaded, loaded\n"
    )
    result = run("predictions", "--collect-only", "-q")
    result.stdout.fnmatch_lines(["*descent", "*4 tests collected*"])


def test_a_surprise_is_told_in_a_few_lines_at_its_yaml_line(pytester: pytest.Pytester, run) -> None:
    path = write_suite(pytester.path)
    path.write_text(
        path.read_text()
        .replace("forecast: theory.decay", "forecast: theory.flow")
        .replace("tolerance: {absolute: 0.1}", "tolerance: {absolute: 0.01}")
        .replace("number of steps: 0.1", "number of steps: 0.01")
        .replace("noise: 0.05", "noise: 1.0e-3")
    )
    result = run("predictions", "-k", "descent")
    result.assert_outcomes(failed=1, deselected=3)
    line = (
        path.read_text()
        .splitlines()
        .index(
            "  descent: {forecast: theory.flow, expect: pass, regime: {learning_rate: [0.0, 1.0]}}"
        )
    )
    result.stdout.fnmatch_lines(
        [
            f"*parabola.yaml:{line + 1}: claim 'descent' is fail, the file says pass*",
            "claim        The weight after k steps*",
            "forecast     descent says weight = *",
            "measurement  *",
            "interval     *",
            "tolerance    *",
        ]
    )
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*plugin.py*")


def test_an_undecided_verdict_has_a_letter_of_its_own(pytester: pytest.Pytester, run) -> None:
    path = write_suite(pytester.path)
    path.write_text(path.read_text().replace("noise: 0.05", "noise: 0.3"))
    result = run("predictions", "-k", "descent")
    assert result.ret == pytest.ExitCode.OK
    assert "1 inconclusive" in result.stdout.str()
    strict = run("predictions", "-k", "descent", "--strict-inconclusive")
    assert strict.ret == pytest.ExitCode.TESTS_FAILED


def test_an_invalid_file_is_an_error_without_a_trace(pytester: pytest.Pytester, run) -> None:
    path = write_suite(pytester.path)
    path.write_text(path.read_text().replace("observables:", "observable:"))
    result = run("predictions")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    text = result.stdout.str()
    assert "did you mean 'observables'" in text.lower()
    assert "Traceback" not in text


def test_two_files_with_one_id_are_refused(pytester: pytest.Pytester, run) -> None:
    path = write_suite(pytester.path)
    other = path.parent.with_name("again")
    other.mkdir()
    for file in path.parent.glob("*.*"):
        (other / file.name).write_bytes(file.read_bytes())
    result = run("predictions", "--collect-only")
    assert "is taken by" in result.stdout.str()


def test_nothing_collected_is_said(pytester: pytest.Pytester, run) -> None:
    (pytester.path / "empty").mkdir()
    (pytester.path / "empty" / "compose.yaml").write_text("services: {}\n")
    result = run("empty")
    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED
    assert "no prediction was collected under" in result.stdout.str()


def test_the_plugin_is_installed() -> None:
    from importlib.metadata import entry_points

    assert entry_points(group="pytest11")["assay"].value == "harness.plugin"
    assert Path(sys.executable).with_name("assay").is_file()
