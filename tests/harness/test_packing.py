from __future__ import annotations

import json

import pytest

from harness.packing import as_text, packed, unpacked

FIRST = {"mean": {"values": [1.0, 2.0]}}
SECOND = {"mean": {"values": [3.0]}}
RECORD = {
    "id": "a",
    "trial": {
        "seeds": 2,
        "rows": [
            {"theory": "claim", "measured": FIRST},
            {"theory": "rival", "measured": dict(FIRST)},
            {"theory": "broken", "measured": None},
            {"theory": "claim", "measured": SECOND},
        ],
    },
}


def test_a_shared_measurement_is_stored_once() -> None:
    trial = packed(RECORD)["trial"]
    assert trial["measurements"] == [FIRST, SECOND]
    assert [row["measured"] for row in trial["rows"]] == [0, 0, None, 1]


def test_packing_loses_nothing_and_leaves_its_argument_alone() -> None:
    before = json.dumps(RECORD)
    assert unpacked(json.loads(as_text(packed(RECORD)))) == RECORD
    assert json.dumps(RECORD) == before


def test_rows_that_are_read_share_their_measurement() -> None:
    rows = unpacked(packed(RECORD))["trial"]["rows"]
    assert rows[0]["measured"] is rows[1]["measured"]


def test_a_record_without_a_trial_is_left_as_it_is() -> None:
    assert packed({"id": "a"}) == {"id": "a"}


@pytest.mark.parametrize(
    "value",
    [
        {},
        [],
        [[]],
        {"a": []},
        [1, 2.5, None, True, "é"],
        {"a": [[1, 2], [3]], "b": {"c": [{}, []]}},
    ],
)
def test_the_text_is_json(value: object) -> None:
    assert json.loads(as_text(value)) == value


def test_an_innermost_list_is_one_line() -> None:
    assert as_text({"a": [[1, 2], [3, 4]], "b": 5}) == (
        '{\n "a": [\n  [1, 2],\n  [3, 4]\n ],\n "b": 5\n}\n'
    )


def test_a_number_that_is_not_finite_is_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        as_text([float("nan")])
