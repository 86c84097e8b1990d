from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.cost import Spent
from harness.leaderboard.board import STATUSES, Board, Entry
from harness.leaderboard.collect import collect
from harness.lock import write_lock
from harness.read import Registry, read_tree

Records = list[dict[str, Any]]


def entry(board: Board, name: str, tier: str = "smoke") -> Entry:
    (found,) = [e for e in board.entries if (e.id, e.tier) == (name, tier)]
    return found


def test_every_registered_prediction_appears_once_a_tier(registry: Registry, board: Board) -> None:
    listed = [(e.id, e.tier) for e in board.entries]
    assert listed == [(p.id, tier) for p in registry for tier in p.tiers]


def test_a_board_without_records_still_lists_everything(registry: Registry) -> None:
    statuses = {e.id: e.status for e in collect(registry, []).entries}
    assert statuses.pop("gone") == "retired"
    assert set(statuses.values()) == {"not run"}
    assert len(statuses) == len(registry) - 1


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("exponents", "vacuous"),
        ("phases", "inconclusive"),
        ("numbers", "pass"),
        ("laws", "stale"),
        ("unrun", "not run"),
        ("gone", "retired"),
    ],
)
def test_status(board: Board, name: str, status: str) -> None:
    assert entry(board, name).status == status


def test_every_status_is_explained(board: Board) -> None:
    assert {e.status for e in board.entries} <= STATUSES.keys()


def test_a_stale_entry_keeps_its_verdict_and_says_why(board: Board) -> None:
    stale = entry(board, "laws")
    assert stale.verdict == "inconclusive"
    assert stale.note is not None and "has changed" in stale.note
    assert not stale.current and stale.as_expected is None


def test_a_new_revision_makes_a_result_stale(
    registry: Registry, records: Records, tmp_path: Path
) -> None:
    file = registry.predictions["numbers"].source
    content = yaml.safe_load(file.read_text())
    content["revision"] = {"number": 2, "reason": "a wider tolerance"}
    file.write_text(yaml.safe_dump(content))
    renewed = read_tree([tmp_path / "predictions"])
    stale = entry(collect(renewed, records), "numbers")
    assert stale.status == "stale"
    assert stale.note == "the result is about revision 1; revision 2: a wider tolerance"


def test_changes_come_from_the_lock(registry: Registry, tmp_path: Path) -> None:
    write_lock(registry)
    file = registry.predictions["numbers"].source
    content = yaml.safe_load(file.read_text())
    content["claim"] = "Another claim."
    content["revision"] = {"number": 2, "reason": "the claim was vague"}
    file.write_text(yaml.safe_dump(content))
    renewed = read_tree([tmp_path / "predictions"])
    write_lock(renewed)
    (change,) = entry(collect(renewed, []), "numbers").changes
    assert (change.number, change.reason) == (2, "the claim was vague")


def test_the_worst_observable_gives_the_error(board: Board) -> None:
    curves = entry(board, "curves")
    assert curves.trial is not None
    errors = [
        row["error_in_tolerances"]
        for row in curves.trial["rows"]
        if row["case"] == "claim" and row["theory"] == "good"
    ]
    assert curves.error == max(errors)
    assert curves.interval is not None and curves.error is not None
    assert curves.interval[0] <= curves.error <= curves.interval[1]


def test_an_open_end_of_an_interval_is_infinite(registry: Registry, records: Records) -> None:
    for record in records:
        for row in record["trial"]["rows"]:
            row["interval"] = [row["interval"][0], None]
    interval = entry(collect(registry, records), "numbers").interval
    assert interval is not None and interval[1] == float("inf")


def test_surprises_are_other_verdicts_and_passing_controls(board: Board) -> None:
    assert entry(board, "numbers").surprises == ("bad",)
    assert entry(board, "exponents").surprises == ("broken",)
    assert entry(board, "orders").surprises == ()
    assert entry(board, "orders").as_expected is True
    assert entry(board, "numbers").as_expected is False


def test_overridden_runs_do_not_count(registry: Registry, records: Records) -> None:
    overridden = [{**record, "overrides": {"dim": 3}} for record in records]
    board = collect(registry, overridden)
    assert {e.status for e in board.entries} == {"not run", "retired"}


def test_the_newest_record_about_the_present_promise_counts(
    registry: Registry, records: Records
) -> None:
    current = next(record for record in records if record["id"] == "numbers")
    later = {**current["provenance"], "time": "2027-01-01T00:00:00+00:00", "device": "gpu H"}
    newer = {**current, "provenance": later}
    stale = {**newer, "promise": "0" * 64}
    found = entry(collect(registry, [newer, current, stale]), "numbers")
    assert found.status == "pass"
    assert found.run is not None and found.run.device == "gpu H"


def test_records_of_unknown_predictions_are_named(registry: Registry, records: Records) -> None:
    vanished = {**records[0], "id": "vanished"}
    assert collect(registry, [*records, vanished]).unregistered == ("vanished",)


def test_files_are_named_from_the_root(board: Board) -> None:
    assert entry(board, "laws").file == "predictions/universality/laws/laws.yaml"


def test_a_run_has_the_cost_of_its_record(registry: Registry, records: Records) -> None:
    for record in records:
        record["trial"]["cost"] = {"run_s": 12.5, "compile_s": 3.0}
    run = entry(collect(registry, records), "numbers").run
    assert run is not None
    assert run.cost == Spent(run_s=12.5, compile_s=3.0, wall_s=9.0)


def test_references_link_to_the_publication(board: Board) -> None:
    (reference,) = entry(board, "laws").references
    assert reference.link == "https://arxiv.org/abs/2001.00001"
    assert reference.text == "A, B (2020), A paper"


def test_the_largest_tier_run_is_the_best(board: Board) -> None:
    best = board.best("locations")
    assert best is not None and best.tier == "full"
    assert board.best("unrun") is None
