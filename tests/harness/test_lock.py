"""The lock: what is promised, and that it changes only with a new revision and a reason."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import pytest

from harness import promise
from harness.errors import AssayError, Problem
from harness.lock import lock_problems, promise_hash, read_lock, revisions, write_lock
from harness.promise import reachable
from harness.read import read_prediction, read_tree

DAY = datetime.date(2026, 1, 31)


@pytest.fixture
def tree(suite: Path) -> Path:
    """The suite with an empty lock above it; the folder of the lock."""
    folder = suite.parents[2]
    (folder / "lock.json").write_text("{}")
    return folder


def lock(folder: Path) -> tuple[str, ...]:
    return write_lock(read_tree([folder]), DAY)


def found(folder: Path) -> list[Problem]:
    return lock_problems(read_tree([folder]))


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def hash_of(path: Path) -> str:
    return promise_hash(read_prediction(path))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("claim: >-\n", "claim: >-\n  Perhaps.\n"),
        (
            "absolute: 0.1}\n    because: {finite number of steps: 0.1}",
            "log: 0.1}\n    because: {finite number of steps: 0.1}",
        ),
        ("finite number of steps", "a guess"),
        ("noise: 0.05", "noise: 0.06"),
        ("[0.5, 1.0]", "[0.5, 1.5]"),
        ("seeds: 8", "seeds: 9"),
        ("max_seeds: 64", "max_seeds: 65"),
        ("over: step", "over: step\n    norm: sup"),
        ("forecast: theory.decay", "forecast: theory.flow"),
        ("regime: {learning_rate: [0.0", "regime: {learning_rate: [0.1"),
        ("because: a frozen", "because: no frozen"),
        ("theories:\n", "free_parameters: 1\ntheories:\n"),
        ("expect: pass", "expect: fail, finding: no"),
    ],
)
def test_what_is_promised(suite: Path, old: str, new: str) -> None:
    before = hash_of(suite)
    edit(suite, old, new)
    assert hash_of(suite) != before


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("title: Gradient", "title: Stochastic gradient"),
        ("year: 2004", "year: 2005"),
        ("budget_s: 5", "budget_s: 50"),
        ("theories:\n", "suppress: {single-point: it is one point}\ntheories:\n"),
        ("theories:\n", "retired: it is dull\ntheories:\n"),
        ("theories:\n", "finding: it holds\ntheories:\n"),
        ("theories:\n", "revision: {number: 2, reason: new}\ntheories:\n"),
        ("theories:\n", "free_parameters: 0\ntheories:\n"),
        ("expect: fail", "expect: open"),
        ("over: step", "over: [step]\n    norm: l2"),
        ("noise: 0.05", "noise: 5e-2"),
        ("full: {seeds: 64, max_seeds: 64}", "full: {seeds: 64}"),
    ],
)
def test_what_is_not_promised(suite: Path, old: str, new: str) -> None:
    before = hash_of(suite)
    edit(suite, old, new)
    assert hash_of(suite) == before


def test_wrapping_a_claim_differently_is_no_change(suite: Path) -> None:
    before = hash_of(suite)
    edit(suite, "The weight after k steps", "The weight\n  after   k steps")
    assert hash_of(suite) == before


def test_the_code_of_forecasts_is_promised(suite: Path) -> None:
    before = hash_of(suite)
    theory, world, experiment = (
        suite.with_name(name) for name in ("theory.py", "world.py", "experiment.py")
    )
    edit(theory, "\n\n\ndef ", "\n\n# a comment\n\n\n\ndef ")
    edit(theory, "from .world import Setup", "from .world import Setup   # the setup")
    edit(experiment, "start = ", "begin = start = ")
    (suite.parent / "unused.py").write_text("x = 1\n")
    assert hash_of(suite) == before

    edit(world, "steps", "steps_")
    changed = hash_of(suite)
    assert changed != before
    edit(theory, "np.exp(-", "np.exp(-2 * ")
    assert hash_of(suite) not in {before, changed}


def test_a_hash_mark_inside_a_string_is_no_comment(suite: Path) -> None:
    theory = suite.with_name("theory.py")
    theory.write_text(theory.read_text() + '\nNAME = "a # b"\n')
    before = hash_of(suite)
    edit(theory, "a # b", "a # c")
    assert hash_of(suite) != before


def test_reductions_and_what_they_use_are_promised(suite: Path) -> None:
    experiment = suite.with_name("experiment.py")
    experiment.write_text(
        experiment.read_text()
        + "\n\nFACTOR = 2\nOTHER = 3\n\n\ndef scaled(raw):\n    return FACTOR * raw\n\n\n"
        "def twice(raw):\n    return scaled(raw)\n"
    )
    edit(suite, "over: step", "over: step\n    reduce: experiment.twice")
    before = hash_of(suite)
    edit(experiment, "OTHER = 3", "OTHER = 4")
    edit(experiment, "start = ", "begin = start = ")
    assert hash_of(suite) == before
    edit(experiment, "FACTOR = 2", "FACTOR = 3")
    assert hash_of(suite) != before


def test_shared_theory_that_forecasts_use_is_promised(
    suite: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    spectra, tools = shared / "random_matrices.py", shared / "tools.py"
    spectra.write_text(
        "from .tools import half, third\n\n\ndef edge():\n    return half(4)\n\n\n"
        "def other():\n    return third(4)\n"
    )
    tools.write_text("def half(x):\n    return x / 2\n\n\ndef third(x):\n    return x / 3\n")
    monkeypatch.setattr(promise, "_SHARED_FOLDER", shared)
    unused = hash_of(suite)
    edit(
        suite.with_name("theory.py"),
        "import numpy as np",
        "import numpy as np\nfrom harness.theory.random_matrices import edge",
    )
    before = hash_of(suite)
    assert before != unused
    edit(tools, "x / 3", "x / 4")
    edit(spectra, "third(4)", "third(5)")
    assert hash_of(suite) == before
    edit(tools, "x / 2", "x / 2.5")
    assert hash_of(suite) != before


def test_reachable_files(tmp_path: Path) -> None:
    for name, text in {
        "a": "from . import b\nfrom .sub import x\nimport numpy\nfrom os import path\n",
        "b": "from .a import y\nfrom .c import z\n",
        "c": "",
        "d": "",
    }.items():
        (tmp_path / f"{name}.py").write_text(text)
    assert [file.stem for file in reachable(tmp_path, ["a"])] == ["a", "b", "c"]
    assert [file.stem for file in reachable(tmp_path, ["c", "missing"])] == ["c"]


def test_code_that_is_no_python(suite: Path) -> None:
    suite.with_name("theory.py").write_text("def broken(:\n")
    with pytest.raises(AssayError, match=r"theory\.py:1: cannot be read as Python"):
        hash_of(suite)


def test_registering(tree: Path) -> None:
    (problem,) = found(tree)
    assert problem.path == "id"
    assert problem.remedy == "Run `assay lock parabola`."

    assert lock(tree) == ("parabola",)

    assert found(tree) == []
    assert lock(tree) == ()
    (entry,) = read_lock(tree / "lock.json")["parabola"]
    assert (entry.number, entry.reason, entry.date) == (1, "first registration", "2026-01-31")
    assert len(entry.sha256) == 64
    assert [path.name for path in tree.iterdir() if path.is_file()] == ["lock.json"]


def test_a_silent_change(suite: Path, tree: Path) -> None:
    lock(tree)
    before = (tree / "lock.json").read_text()
    edit(suite, "noise: 0.05", "noise: 0.5")
    (problem,) = found(tree)
    assert problem.file == suite
    assert "has changed since revision 1 of 2026-01-31" in problem.what
    assert "revision: {number: 2, reason: ...}" in problem.remedy
    with pytest.raises(AssayError, match="has changed"):
        lock(tree)
    assert (tree / "lock.json").read_text() == before


def test_a_new_revision(suite: Path, tree: Path) -> None:
    lock(tree)
    edit(suite, "noise: 0.05", "noise: 0.5")
    edit(suite, "theories:\n", "revision: {number: 2, reason: more noise}\ntheories:\n")
    (problem,) = found(tree)
    assert problem.what == "revision 2 is not registered in lock.json"

    assert lock(tree) == ("parabola",)

    assert found(tree) == []
    assert [entry.number for entry in revisions(read_prediction(suite))] == [1, 2]


def test_a_revision_needs_a_reason_of_its_own(suite: Path, tree: Path) -> None:
    lock(tree)
    edit(suite, "theories:\n", "revision: {number: 2, reason: first registration}\ntheories:\n")
    (problem,) = found(tree)
    assert "repeats the reason" in problem.what
    with pytest.raises(AssayError, match="repeats the reason"):
        lock(tree)


def test_a_revision_is_not_taken_back(suite: Path, tree: Path) -> None:
    edit(suite, "theories:\n", "revision: {number: 2, reason: again}\ntheories:\n")
    lock(tree)
    edit(suite, "number: 2", "number: 1")
    (problem,) = found(tree)
    assert problem.what == "is number 1, but number 2 is registered"


def test_a_prediction_may_not_vanish(suite: Path, tree: Path) -> None:
    lock(tree)
    other = suite.with_name("other.yaml")
    other.write_text(suite.read_text().replace("id: parabola", "id: other"))
    lock(tree)
    suite.unlink()
    (problem,) = found(tree)
    assert problem.what == "'parabola' is registered, but parabola.yaml is gone"
    assert "retired" in problem.remedy
    assert problem.file == tree / "lock.json"
    assert problem.line is not None
    assert "parabola" in (tree / "lock.json").read_text().splitlines()[problem.line - 1]


def test_reading_a_part_of_the_tree_makes_nothing_vanish(suite: Path, tree: Path) -> None:
    suite.with_name("other.yaml").write_text(suite.read_text().replace("id: parabola", "id: other"))
    lock(tree)
    assert lock_problems(read_tree([suite])) == []


def test_a_tree_without_a_lock_is_not_locked(suite: Path) -> None:
    assert found(suite.parents[2]) == []
    assert revisions(read_prediction(suite)) == ()


def test_a_lock_is_made_beside_the_theories(suite: Path) -> None:
    folder = suite.parents[2]
    with pytest.raises(AssayError, match=r"there is no lock\.json"):
        lock(folder)
    entry = "  title: T\n  references: [{title: R, authors: A, year: 2020}]\n  scope: S\n"
    names = read_prediction(suite).theories
    (folder / "theories.yaml").write_text("".join(f"{name}:\n{entry}" for name in names))
    assert lock(folder) == ("parabola",)
    assert list(json.loads((folder / "lock.json").read_text())) == ["parabola"]


@pytest.mark.parametrize("text", ["{", "[]", '{"parabola": []}', '{"parabola": [{"number": 0}]}'])
def test_a_broken_lock(tree: Path, text: str) -> None:
    (tree / "lock.json").write_text(text)
    (problem,) = found(tree)
    assert problem.file == tree / "lock.json"
    assert "is not a lock file" in problem.what
    assert "version control" in problem.remedy
