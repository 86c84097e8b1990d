"""theories.yaml: the committed one, and which one counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import AssayError
from harness.read import read_prediction
from harness.theories import find_theories, read_theories

COMMITTED = Path(__file__).parents[2] / "predictions" / "theories.yaml"
ENTRY = """\
{name}:
  title: T
  references: [{{title: R, authors: A, year: 2020}}]
  scope: S.
"""


def test_the_committed_file_is_valid() -> None:
    theories = read_theories(COMMITTED)
    assert theories["mup"].id == "mup"
    assert theories["mup"].references[0].arxiv == "2203.03466"
    for theory in theories.values():
        assert "\n" not in theory.scope
        for source in theory.references:  # a reader can find it
            assert source.arxiv or source.doi or source.url or source.where, theory.id


def test_the_nearest_file_counts(tmp_path: Path) -> None:
    topic = tmp_path / "suite" / "strand" / "topic"
    topic.mkdir(parents=True)
    assert find_theories(topic) is None
    (tmp_path / "theories.yaml").write_text(ENTRY.format(name="far"))
    assert find_theories(topic) == tmp_path / "theories.yaml"
    (topic / "theories.yaml").write_text(ENTRY.format(name="near"))
    assert find_theories(topic) == topic / "theories.yaml"


def test_names_count_only_where_theories_are_listed(suite: Path) -> None:
    assert set(read_prediction(suite).theories) == {"descent", "frozen"}
    (suite.parents[2] / "theories.yaml").write_text(ENTRY.format(name="decent"))
    with pytest.raises(AssayError) as caught:
        read_prediction(suite)
    problem = caught.value.problems[0]
    assert problem.path == "theories.descent"
    assert problem.remedy == "Did you mean 'decent'?"


@pytest.mark.parametrize(
    ("text", "path", "what"),
    [
        ("Mu_P: {title: T}\n", "Mu_P", "kebab-case"),
        (ENTRY.format(name="a").replace("2020", "20"), "a.references[0].year", ">= 1600"),
        (ENTRY.format(name="a").replace("scope", "scop"), "a.scop", "unknown key"),
        ("a: text\n", "a", "must be a mapping"),
    ],
)
def test_broken_entries(tmp_path: Path, text: str, path: str, what: str) -> None:
    file = tmp_path / "theories.yaml"
    file.write_text(text)
    with pytest.raises(AssayError) as caught:
        read_theories(file)
    assert any(p.path == path and what in p.what for p in caught.value.problems)
