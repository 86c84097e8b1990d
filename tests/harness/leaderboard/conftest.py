from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.leaderboard.board import Board
from harness.leaderboard.collect import collect
from harness.read import Registry
from tests.harness.leaderboard.building import all_records, write_suite


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return write_suite(tmp_path / "predictions")


@pytest.fixture
def records(registry: Registry) -> list[dict[str, Any]]:
    return all_records(registry)


@pytest.fixture
def board(registry: Registry, records: list[dict[str, Any]], tmp_path: Path) -> Board:
    return collect(registry, records, tmp_path)
