from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.errors import AssayError
from harness.measure import local_trainer
from harness.plan import make_plan
from harness.read import read_prediction
from harness.record import plain, read_records, record_of, rows_as_json, write_record
from harness.store import write_atomically
from harness.trial import try_prediction


def test_a_record_holds_what_is_needed_to_repeat_the_run(suite: Path, tmp_path: Path) -> None:
    plan = make_plan(read_prediction(suite))
    with local_trainer() as trainer:
        record = record_of(plan, try_prediction(plan, trainer), trainer.pool)
    path = write_record(tmp_path / "records", record, published=True)
    assert path.name == "parabola.smoke.json"
    (read,) = read_records(tmp_path / "records")
    assert {key: read[key] for key in record} == json.loads(json.dumps(record))
    assert {"promise", "code", "provenance", "cases", "overrides"} <= read.keys()
    assert {"device", "versions", "time", "git", "cpus"} <= read["provenance"].keys()
    row = rows_as_json(read)[0]
    assert list(row) == [
        "id",
        "tier",
        "case",
        "theory",
        "observable",
        "verdict",
        "reason",
        "discrepancy",
        "interval",
        "tolerance",
        "error_in_tolerances",
        "resolving_power",
        "forecast",
        "measured",
        "seeds",
        "wall_s",
    ]
    assert len(row["measured"]["per_seed"]) == row["seeds"]


def test_a_published_record_remembers_the_first_result(tmp_path: Path) -> None:
    record = {"id": "a", "tier": "smoke", "revision": 1, "provenance": {"time": "then"}}
    write_record(tmp_path, record, published=True)
    later = {**record, "revision": 2, "provenance": {"time": "now"}}
    path = write_record(tmp_path, later, published=True)
    stored = json.loads(path.read_text())
    assert stored["revision"] == 2
    assert stored["first_result"] == {"revision": 1, "time": "then"}


def test_local_records_are_all_kept(suite: Path, tmp_path: Path) -> None:
    record = {"id": "a", "tier": "smoke", "n": 1}
    write_record(tmp_path, record)
    write_record(tmp_path, {**record, "n": 2})
    assert len(list(tmp_path.glob("a.smoke.*.json"))) == 2


def test_numbers_are_rounded_and_never_non_finite() -> None:
    assert plain((1 / 3, float("nan"), float("inf"), 2)) == [0.3333333, None, None, 2]


def test_a_file_that_is_no_record_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{}")
    with pytest.raises(AssayError, match="no record of a run") as error:
        read_records(tmp_path)
    assert error.value.file == tmp_path / "x.json"


def test_a_failed_write_leaves_the_old_file_and_no_rest(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_atomically(path, b"old")
    with pytest.raises(TypeError):
        write_atomically(path, "not bytes")  # type: ignore[arg-type]
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_record_of_another_format_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"format": 1}')
    with pytest.raises(AssayError, match="format 1, this version reads 2"):
        read_records(tmp_path)


def test_a_record_with_a_part_missing_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"format": 2, "trial": {"rows": []}}')
    with pytest.raises(AssayError, match="no record of a run"):
        read_records(tmp_path)
