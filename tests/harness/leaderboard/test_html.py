from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from harness.leaderboard.board import Board
from harness.leaderboard.collect import collect
from harness.leaderboard.html import html
from harness.read import Registry

VOID = {"meta", "br", "link", "hr", "img"}


class Checker(HTMLParser):
    """Collects what is out of balance, and the attributes that load something."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.loads: list[str] = []
        self.targets: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(str(value))
            if name == "href" and tag == "a":
                self.targets.append(str(value))
            elif name in ("src", "href", "srcset", "data", "action", "xlink:href"):
                self.loads.append(f"{tag} {name}={value}")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in VOID


def pictures_in(page: str) -> list[str]:
    return re.findall(r'<svg[^>]*class="plot".*?</svg>(?=</div>)', page, flags=re.DOTALL)


@pytest.fixture
def page(board: Board) -> str:
    return html(board)


def test_the_page_is_balanced_and_loads_nothing(page: str) -> None:
    checker = Checker()
    checker.feed(page)
    assert checker.open == []
    assert checker.loads == []
    assert "<script" not in page
    assert not re.search(r"url\(|@import", page)


def test_ids_are_unique_and_anchors_have_targets(page: str) -> None:
    checker = Checker()
    checker.feed(page)
    assert len(set(checker.ids)) == len(checker.ids)
    anchors = {target[1:] for target in checker.targets if target.startswith("#")}
    assert anchors <= set(checker.ids)


def test_claims_are_escaped(page: str) -> None:
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "rises &amp; falls when theta &lt; 4" in page
    assert "dimension &lt;1&gt; breaks it &amp; all" in page


def test_every_prediction_and_status_is_on_the_page(page: str, board: Board) -> None:
    for entry in board.entries:
        assert f'id="{entry.id}"' in page
        assert f'class="status {entry.status.replace(" ", "-")}"' in page


def test_every_picture_is_well_formed_and_has_words(page: str) -> None:
    assert len(pictures_in(page)) >= 12
    for picture in pictures_in(page):
        tree = ElementTree.fromstring(picture)
        assert tree.get("role") == "img"
        title, description = tree.find("title"), tree.find("desc")
        assert title is not None and title.text
        assert description is not None and description.text
        assert not re.search(r"\b(nan|inf)\b", picture)


def test_every_kind_of_comparison_is_drawn(page: str, board: Board) -> None:
    captions = set(re.findall(r"<figcaption>(.*?)</figcaption>", page))
    observables = {n for e in board.entries if e.run is not None for n in e.observables}
    assert observables <= captions
    assert "overlap, from which height is computed" in captions


def test_costs_have_a_table_with_a_total(page: str, board: Board) -> None:
    section = re.findall(r'<section id="costs">.*?</section>', page, flags=re.DOTALL)[0]
    ran = sum(entry.run is not None for entry in board.entries)
    assert section.count("<tr>") == ran + 2
    assert "<td>1.2 TFLOP</td>" in section
    assert '<a href="#numbers">numbers</a>' in section
    assert "<b>100 s</b>" in section


def test_the_page_stays_small(page: str) -> None:
    assert len(page.encode()) < 300_000


def test_an_empty_board_renders() -> None:
    checker = Checker()
    checker.feed(html(Board((), ())))
    assert checker.open == []


def test_results_without_numbers_render(
    registry: Registry, records: list[dict[str, Any]], tmp_path: Path
) -> None:
    for record in records:
        for row in record["trial"]["rows"]:
            row |= {"verdict": "error", "error_in_tolerances": None, "interval": [None, None]}
            for part in ("mean", "stderr", "per_seed"):
                row["measured"][part]["values"] = _blank(row["measured"][part]["values"])
    check(html(collect(registry, records, tmp_path)))


def test_theories_out_of_scope_render(
    registry: Registry, records: list[dict[str, Any]], tmp_path: Path
) -> None:
    for record in records:
        for row in record["trial"]["rows"]:
            if row["theory"] == "good" and row["case"] == "claim":
                numbers = dict.fromkeys(("error_in_tolerances", "interval", "forecast", "measured"))
                row |= {"verdict": "out-of-scope", **numbers}
    check(html(collect(registry, records, tmp_path)))


def test_records_without_values_by_seed_render(
    registry: Registry, records: list[dict[str, Any]], tmp_path: Path
) -> None:
    for record in records:
        for row in record["trial"]["rows"]:
            row["measured"]["per_seed"] = None
    check(html(collect(registry, records, tmp_path)))


def check(page: str) -> None:
    checker = Checker()
    checker.feed(page)
    assert checker.open == []
    for picture in pictures_in(page):
        ElementTree.fromstring(picture)
        assert not re.search(r"\b(nan|inf)\b", picture)


def _blank(values: Any) -> Any:
    return [_blank(value) for value in values] if isinstance(values, list) else None
