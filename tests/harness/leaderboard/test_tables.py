from __future__ import annotations

import csv
import io
import json

from harness.leaderboard.board import STATUSES, Board
from harness.leaderboard.markdown import markdown
from harness.leaderboard.tables import COLUMNS, as_csv, as_json


def test_json_has_every_entry_and_finite_numbers(board: Board) -> None:
    data = json.loads(as_json(board))
    assert [(e["id"], e["tier"]) for e in data["entries"]] == [
        (e.id, e.tier) for e in board.entries
    ]
    assert [s["theory"] for s in data["standings"]] == [s.theory for s in board.standings]
    assert "trial" not in data["entries"][0]


def test_csv_has_one_line_an_entry(board: Board) -> None:
    rows = list(csv.DictReader(io.StringIO(as_csv(board))))
    assert tuple(rows[0]) == COLUMNS
    assert len(rows) == len(board.entries)
    numbers = next(row for row in rows if row["id"] == "numbers" and row["tier"] == "smoke")
    assert numbers["theories"] == "good: pass; bad: pass"
    assert numbers["surprises"] == "bad"
    assert float(numbers["error_low"]) <= float(numbers["error"]) <= float(numbers["error_high"])
    unrun = next(row for row in rows if row["id"] == "unrun")
    assert (unrun["status"], unrun["error"], unrun["seeds"]) == ("not run", "", "")


def test_markdown_lists_everything_with_links_and_legend(board: Board) -> None:
    text = markdown(board)
    for entry in board.entries:
        assert f"[{entry.id}](../{entry.file})" in text
    for status in STATUSES:
        assert f"- **{status}**: " in text
    assert "**stale (was inconclusive)**" in text
    assert "| cpu, 2026-05-01 |" in text


def test_markdown_shows_findings_health_and_reasons_as_plain_text(board: Board) -> None:
    text = markdown(board)
    assert "The optimum \\*does\\* drift." in text
    assert "vacuous-control: the control passes: broken; choose another" in text
    assert "retired: The measurement was at fault." in text


def test_markdown_tables_have_equally_many_cells(board: Board) -> None:
    for block in markdown(board).split("\n\n"):
        if block.startswith("|"):
            assert len({line.count("|") for line in block.splitlines()}) == 1


def test_an_empty_board_renders() -> None:
    board = Board((), ())
    assert "no predictions" in markdown(board)
    assert json.loads(as_json(board))["entries"] == []
