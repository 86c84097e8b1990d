"""Reading trees of predictions and choosing among them; the errors that come out."""

from __future__ import annotations

import pickle
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.errors import AssayError, AssayErrors, Exit, Problem, raise_all
from harness.read import Registry, looks_like_prediction, read_prediction, read_tree, select
from harness.suggest import choices, did_you_mean


def add(
    suite: Path, name: str, *, topic: str = "copies", strand: str = "solvable_settings"
) -> Path:
    """Add a copy of the suite's prediction under another name."""
    folder = suite.parents[2] / strand / topic
    if not folder.is_dir():
        shutil.copytree(suite.parent, folder, ignore=shutil.ignore_patterns("*.yaml"))
    text = suite.read_text().replace("id: parabola", f"id: {name}")
    path = folder / f"{name}.yaml"
    path.write_text(text.replace("strand: solvable_settings", f"strand: {strand}"))
    return path


@pytest.fixture
def registry(suite: Path) -> Registry:
    """Three predictions in three topics and two strands."""
    add(suite, "parabola-wide")
    third = add(suite, "cubic", topic="cubes", strand="universality")
    third.write_text(third.read_text().replace("  frozen:", "  stuck:"))
    return read_tree([suite.parents[2]])


def ids(predictions: list[object]) -> list[str]:
    return [prediction.id for prediction in predictions]  # type: ignore[attr-defined]


def test_what_looks_like_a_prediction(suite: Path, tmp_path: Path) -> None:
    assert looks_like_prediction(suite)
    assert not looks_like_prediction(suite.with_name("theory.py"))
    assert not looks_like_prediction(suite.with_name("theories.yaml"))
    elsewhere = tmp_path / "other.yml"
    assert not looks_like_prediction(elsewhere)
    elsewhere.write_text("on: push\njobs:\n  experiment: {}\n")
    assert not looks_like_prediction(elsewhere)
    elsewhere.write_text("title: x\nobservables:\n")
    assert looks_like_prediction(elsewhere)


def test_a_tree(registry: Registry) -> None:
    assert set(registry.predictions) == {"parabola", "parabola-wide", "cubic"}
    assert len(registry) == 3
    assert registry.theories == {}


def test_hidden_folders_and_other_files_are_left_alone(suite: Path) -> None:
    for name in (".venv", "__pycache__", "data"):
        (suite.parents[2] / name).mkdir()
        (suite.parents[2] / name / "file.yaml").write_text("broken: [")
    hidden = suite.parents[2] / ".venv" / "copy.yaml"
    hidden.write_text(suite.read_text())
    assert ids(list(read_tree([suite.parents[2]]))) == ["parabola"]


def test_a_file_is_read_once(suite: Path) -> None:
    assert len(read_tree([suite, suite.parent, suite.parents[2]])) == 1


def test_a_copied_topic_works_anywhere(suite: Path, tmp_path: Path) -> None:
    copy = tmp_path / "my claims" / "any-name"
    shutil.copytree(suite.parent, copy)
    assert read_prediction(copy / "parabola.yaml").id == "parabola"


def test_relative_paths(suite: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(suite.parents[3])
    assert read_prediction(suite.relative_to(suite.parents[3])).source == suite
    suite.write_text(suite.read_text().replace("title:", "titel:"))
    with pytest.raises(AssayError) as caught:
        read_prediction(suite)
    shown = suite.relative_to(Path.cwd())
    assert str(caught.value).startswith(f"{shown}:1: title: is missing.")


def test_a_missing_path() -> None:
    with pytest.raises(AssayError, match="does not exist"):
        read_tree([Path("nowhere")])


@pytest.mark.parametrize(
    ("selector", "chosen"),
    [
        ("parabola", ["parabola"]),
        ("parabola*", ["parabola", "parabola-wide"]),
        ("*", ["parabola", "parabola-wide", "cubic"]),
        ("strand:universality", ["cubic"]),
        ("theory:stuck", ["cubic"]),
        ("theory:descent", ["parabola", "parabola-wide", "cubic"]),
        ("predictions/universality", ["cubic"]),
        ("predictions/solvable_settings/copies/parabola-wide.yaml", ["parabola-wide"]),
    ],
)
def test_selectors(
    registry: Registry,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    selector: str,
    chosen: list[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert sorted(ids(select(registry, [selector]))) == sorted(chosen)


def test_several_selectors_keep_the_order_of_the_tree(registry: Registry) -> None:
    assert ids(select(registry, ["cubic", "parabola", "par*a"])) == ["parabola", "cubic"]
    assert len(select(registry, [])) == 3


@pytest.mark.parametrize(
    ("selector", "remedy"),
    [
        ("parabla", "Did you mean 'parabola'?"),
        ("strand:universal", "Did you mean 'universality'?"),
        ("theory:dessent", "Did you mean 'descent'?"),
        ("xyz", "Known: cubic, parabola, parabola-wide."),
        ("", "Known: cubic, parabola, parabola-wide."),
    ],
)
def test_a_selector_that_matches_nothing(registry: Registry, selector: str, remedy: str) -> None:
    with pytest.raises(AssayError, match="nothing matches") as caught:
        select(registry, ["parabola", selector])
    assert caught.value.remedy == remedy


def test_reading_is_quick_and_imports_no_numerics(suite: Path) -> None:
    for number in range(79):
        add(suite, f"parabola-{number}", topic=f"topic_{number % 8}")
    began = time.perf_counter()
    assert len(read_tree([suite.parents[2]])) == 80
    assert time.perf_counter() - began < 1

    program = (
        "import sys; from pathlib import Path; from harness.read import read_tree;"
        f"read_tree([Path({str(suite.parents[2])!r})]);"
        "print([m for m in ('jax', 'numpy', 'scipy', 'xarray', 'flax') if m in sys.modules])"
    )
    root = Path(__file__).parents[2]
    printed = subprocess.run(
        [sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True
    )
    assert printed.stdout.strip() == "[]"


def test_errors_say_where_what_and_what_to_do() -> None:
    error = AssayError("is odd", remedy="make it even", file=Path("a.yaml"), line=3, path="b.c")
    assert str(error) == "a.yaml:3: b.c: is odd. Make it even."
    assert (error.file, error.line, error.path) == (Path("a.yaml"), 3, "b.c")
    assert (error.what, error.remedy) == ("is odd", "make it even")
    assert str(AssayError("is odd")) == "is odd."
    assert str(AssayError("is odd", file=Path("a.yaml"))) == "a.yaml: is odd."


def test_errors_travel_between_processes() -> None:
    one = AssayError("is odd", line=3, file=Path("a.yaml"))
    several = AssayErrors([Problem(what="first"), Problem(what="second")])
    for error in (one, several):
        copy = pickle.loads(pickle.dumps(error))
        assert type(copy) is type(error)
        assert copy.problems == error.problems
        assert str(copy) == str(error)


def test_several_errors() -> None:
    raise_all([])
    with pytest.raises(AssayErrors) as caught:
        raise_all([Problem(what="first"), Problem(what="second")])
    assert str(caught.value) == "first.\nsecond."
    assert caught.value.what == "first"
    with pytest.raises(ValueError, match="at least one"):
        AssayErrors([])


def test_exit_codes() -> None:
    assert [code.value for code in Exit] == [0, 1, 2, 3, 4]


def test_suggestions() -> None:
    assert did_you_mean("tolerence", ["tolerance", "title"]) == "; did you mean 'tolerance'?"
    assert did_you_mean("xyz", ["tolerance"]) == ""
    assert choices("Learning-Rate", ["learning_rate"]) == "Did you mean 'learning_rate'?"
    assert choices("xyz", []) == "There is none to choose from."
    assert choices("xyz", map(str, range(20))).endswith("and 8 more.")
