from __future__ import annotations

import csv
import io
import json
from typing import Any

from harness.leaderboard.board import STATUSES, Board
from harness.leaderboard.collect import collect
from harness.leaderboard.markdown import markdown
from harness.leaderboard.tables import COLUMNS, as_csv, as_json
from harness.read import Registry


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


def test_costs_are_in_json_and_csv(board: Board) -> None:
    run = next(e["run"] for e in json.loads(as_json(board))["entries"] if e["id"] == "numbers")
    assert run["cost"]["flops"] == 1_200_000_000_000
    rows = csv.DictReader(io.StringIO(as_csv(board)))
    numbers = next(row for row in rows if row["id"] == "numbers")
    assert (numbers["core_seconds"], numbers["compile_s"]) == ("12.5", "3.0")
    assert (numbers["steps"], numbers["peak_bytes"]) == ("2100000", "340000000")


def test_markdown_shows_costs_with_a_total(
    registry: Registry, records: list[dict[str, Any]]
) -> None:
    dear = next(record for record in records if record["id"] == "numbers")
    dear["trial"]["cost"]["run_s"] = 300.0
    text = markdown(collect(registry, records)).partition("## What it costs")[2].split("\n\n")[1]
    _, _, *rows, last = text.splitlines()
    assert len(rows) == len(records)
    assert rows[0] == (
        "| numbers | smoke | 5 min | 3.0 s | 9.0 s | 2.1 M | 1.2 TFLOP | 340 MB | cpu |"
    )
    assert last.startswith("| **total** |  | **6 min** | **24 s** | **72 s** | **16.8 M** |")
    assert "**9.6 TFLOP** | **340 MB**" in last


def test_records_that_lack_costs_show_a_dash(
    registry: Registry, records: list[dict[str, Any]]
) -> None:
    for record in records:
        record["trial"]["cost"] = {}
    board = collect(registry, records)
    assert "| numbers | smoke | – | – | 9.0 s | – | – | – | cpu |" in markdown(board)
    assert "numbers" in as_csv(board)
    assert "numbers" in as_json(board)


def test_an_empty_board_renders() -> None:
    board = Board((), ())
    assert "no predictions" in markdown(board)
    assert json.loads(as_json(board))["entries"] == []
