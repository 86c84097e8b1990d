"""The sweeps that this suite ships: every one is a valid question with a reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.cli import main
from harness.read import read_tree
from harness.sweeps.axes import Question, plans_of
from harness.sweeps.shipped import read_shipped

SUITE = Path(__file__).parents[3] / "predictions"


@pytest.fixture(scope="module")
def questions() -> list[Question]:
    return read_shipped(read_tree([SUITE]))


def test_there_are_enough_of_all_kinds(questions: list[Question]) -> None:
    assert len(questions) >= 10
    assert len({question.prediction.strand for question in questions}) >= 4
    assert any(len(question.over) == 2 for question in questions)
    assert sum(bool(question.rates) for question in questions) >= 5


def test_their_points_can_be_planned(questions: list[Question]) -> None:
    for question in questions:
        plans = plans_of(question)
        assert len(plans) == len(list(question.points()))
        for rates in question.rates.values():
            assert set(rates) <= set(question.observables()), question.prediction.id
        assert question.why.endswith("."), question.prediction.id


def test_every_sweep_has_a_file_of_its_own(questions: list[Question]) -> None:
    names = [(q.prediction.id, q.tier, *q.over, *q.overrides) for q in questions]
    assert len(set(names)) == len(names)


def test_the_check_of_a_suite_reads_its_sweeps(
    suite: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = suite.with_name("sweeps.yaml")
    file.write_text("sweeps:\n  - {id: parabole, over: {noise: [0.1, 0.2]}, why: It grows.}\n")
    assert main(["check", str(suite.parent)]) == 2
    said = capsys.readouterr().out
    assert "sweeps.yaml:2" in said
    assert "no prediction 'parabole'" in said
    assert "parabola" in said
    file.write_text(file.read_text().replace("parabole", "parabola"))
    assert main(["check", str(suite.parent)]) == 0
