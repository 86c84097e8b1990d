from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from harness.badge import badges, svg
from harness.cli import main
from harness.cost import Spent
from harness.leaderboard.board import Board, Entry, Run, TheoryResult

RUN = Run(seeds=8, cost=Spent(), device="cpu", time="2026-01-01", commit=None)
PASS = TheoryResult("t", True, "pass", "pass", "", 0.5, None)


def entry(name: str, status: str = "pass", strand: str = "universality", **more: object) -> Entry:
    ran = status not in ("not run", "retired")
    plain = Entry(
        id=name,
        title="T",
        claim="C",
        strand=strand,
        tier="smoke",
        status=status,
        file="a.yaml",
        references=(),
        free_parameters=0,
        theories=(replace(PASS, verdict=status),) if ran else (),
        run=RUN if ran else None,
    )
    return replace(plain, **more)  # type: ignore[arg-type]


def said(text: str) -> str:
    root = ElementTree.fromstring(text)
    title = root.find("{http://www.w3.org/2000/svg}title")
    assert title is not None
    assert root.attrib["aria-label"] == title.text
    assert root.attrib["role"] == "img"
    return str(title.text)


def test_one_for_all_and_one_for_each_strand() -> None:
    board = Board(
        (
            entry("a"),
            entry("a", "not run", tier="full"),
            entry("b", "not run", strand="solvable_settings"),
            entry("b", "inconclusive", strand="solvable_settings", tier="full"),
        ),
        (),
    )
    made = badges(board)
    assert {name: said(text) for name, text in made.items()} == {
        "predictions.svg": "predictions: 1 pass, 1 inconclusive",
        "universality.svg": "universality: 1 pass",
        "solvable-settings.svg": "solvable settings: 1 inconclusive",
    }
    each = badges(board, each=True)
    assert said(each["predictions/b.svg"]) == "b: inconclusive"
    assert made.items() <= each.items()


def colour(*entries: Entry) -> str:
    text = badges(Board(entries, ()))["predictions.svg"]
    return {"#1b6e3c": "green", "#6b5900": "ochre", "#a3231c": "red"}[
        next(part for part in text.split('"') if part.startswith("#") and len(part) == 7)
    ]


@pytest.mark.parametrize(
    ("status", "expect", "seen"),
    [
        ("pass", "pass", "green"),
        ("fail", "fail", "green"),
        ("fail", "pass", "red"),
        ("inconclusive", "pass", "ochre"),
        ("stale", "pass", "ochre"),
        ("not run", "pass", "ochre"),
        ("retired", "pass", "green"),
    ],
)
def test_the_colour_says_whether_all_is_as_expected(status: str, expect: str, seen: str) -> None:
    changed = entry("b", status)
    theories = tuple(replace(theory, expect=expect) for theory in changed.theories)
    assert colour(entry("a"), replace(changed, theories=theories)) == seen


def test_text_is_escaped_and_white_on_dark_enough() -> None:
    assert said(svg("a & b", "<1>", "#000")) == "a & b: <1>"
    for shade in ("#444444", "#1b6e3c", "#6b5900", "#a3231c"):
        channels = [int(shade[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
        assert 1.05 / (luminance + 0.05) > 5


def test_an_empty_board_has_a_badge() -> None:
    assert said(badges(Board((), ()))["predictions.svg"]) == "predictions: none"


def test_the_leaderboard_writes_them(
    suite: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["leaderboard", "--badge", "badges"]) == 0
    assert capsys.readouterr().out == ""
    written = sorted(path.name for path in Path("badges").iterdir())
    assert written == ["predictions.svg", "solvable-settings.svg"]
    assert main(["leaderboard", "--badge", "badges", "--badge-each", "-o", "board.md"]) == 0
    assert said(Path("badges/predictions/parabola.svg").read_text()) == "parabola: not run"
    assert Path("board.md").is_file()
    assert main(["leaderboard", "--badge-each"]) == 2
    assert "Add --badge DIR." in capsys.readouterr().err
