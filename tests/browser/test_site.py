"""The site in a real browser: search, filters, sorting, links, the console, the network."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.leaderboard.collect import collect
from harness.leaderboard.site import Material, site, write_site
from tests.browser.chromium import Browser, find
from tests.harness.leaderboard.building import all_records, compared, write_suite

PROGRAM = find()

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="there is no Chromium on this machine")

SHOWN = "[...document.querySelectorAll('#table tbody tr')].filter(row => !row.hidden)"
NAMES = f"{SHOWN}.map(row => row.querySelector('code').textContent)"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("site")
    registry = write_suite(place / "predictions")
    board = collect(registry, all_records(registry), place)
    material = Material(registry, board, (), compared(board))
    write_site(place / "results" / "site", site(material, "../../"))
    return place / "results" / "site"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    assert PROGRAM is not None
    opened = Browser(PROGRAM, tmp_path_factory.mktemp("profile"))
    yield opened
    opened.close()


@pytest.fixture
def front(browser: Browser, folder: Path) -> Browser:
    browser.open((folder / "index.html").as_uri())
    return browser


def type_in(browser: Browser, control: str, value: str) -> Any:
    """Set a control as a user does, and return the ids of the rows that are left."""
    return browser.run(
        f"(() => {{ const box = document.getElementById('{control}'); box.value = '{value}';"
        "for (const kind of ['input', 'change']) box.dispatchEvent(new Event(kind));"
        f"return {NAMES}; }})()"
    )


def said(browser: Browser) -> Any:
    return browser.run("document.getElementById('found').textContent")


def test_search_finds_words_anywhere_in_a_claim(front: Browser) -> None:
    everything = front.run(NAMES)
    assert len(everything) == 10
    assert said(front) == "10 results"
    assert type_in(front, "search", "theta OVERLAP") == ["curves"]
    assert said(front) == "1 of 10 results"
    assert type_in(front, "search", "no such thing") == []
    assert front.run("document.getElementById('nothing').hidden") is False
    front.run("document.getElementById('clear').click()")
    assert front.run(NAMES) == everything


def test_filters_narrow_the_table_together(front: Browser) -> None:
    assert set(type_in(front, "verdict", "retired")) == {"gone"}
    type_in(front, "verdict", "")
    assert set(type_in(front, "strand", "universality")) == {"laws", "orders"}
    assert type_in(front, "verdict", "stale") == ["laws"]
    front.run("document.getElementById('reset').click()")
    assert type_in(front, "tier", "full") == ["locations"]
    type_in(front, "tier", "")
    assert "unrun" not in type_in(front, "theory", "good")


def test_filters_are_in_the_address(front: Browser, folder: Path) -> None:
    type_in(front, "strand", "hyperparameters")
    address = front.run("location.href")
    assert "strand=hyperparameters" in address
    front.open(address)
    assert set(front.run(NAMES)) == {"locations"}
    front.open((folder / "index.html").as_uri() + "?theory=no-such-theory")
    assert len(front.run(NAMES)) == 10


def test_columns_sort_both_ways_and_say_so(front: Browser) -> None:
    column = "document.querySelector('#table th[data-column=\"2\"]')"
    errors = f"{SHOWN}.map(row => row.cells[2].dataset.sort)"
    front.run(f"{column}.querySelector('button').click()")
    assert front.run(f"{column}.getAttribute('aria-sort')") == "ascending"
    rising = front.run(errors)
    known = [float(error) for error in rising if error]
    assert known == sorted(known)
    assert rising[: len(known)] == [error for error in rising if error], "missing ones come last"
    front.run(f"{column}.querySelector('button').click()")
    assert front.run(f"{column}.getAttribute('aria-sort')") == "descending"
    assert [float(e) for e in front.run(errors) if e] == known[::-1]
    assert front.run("document.querySelectorAll('[aria-sort]').length") == 1
    type_in(front, "sort", "0")
    assert front.run(f"{column}.hasAttribute('aria-sort')") is False
    assert front.run(NAMES) == sorted(front.run(NAMES))


def test_the_keyboard_reaches_the_content_and_the_headings(front: Browser) -> None:
    for _ in range(1):
        for kind in ("keyDown", "keyUp"):
            front.call("Input.dispatchKeyEvent", type=kind, key="Tab", windowsVirtualKeyCode=9)
    assert front.run("document.activeElement.className") == "skip"
    assert front.run("document.querySelectorAll('#table thead button').length") == 7


def test_no_page_complains_or_asks_for_anything_else(browser: Browser, folder: Path) -> None:
    home = folder.as_uri()
    for page in sorted(folder.rglob("*.html")):
        browser.open(page.as_uri())
        assert browser.complaints() == [], page
        outside = [u for u in browser.requested() if not u.startswith((home, "data:"))]
        assert outside == [], page


def test_every_link_leads_somewhere(browser: Browser, folder: Path) -> None:
    links = "[...document.links].map(link => link.href)"
    for page in sorted(folder.rglob("*.html")):
        browser.open(page.as_uri())
        for link in set(browser.run(links)):
            if link.startswith("https://"):
                continue
            path = link.removeprefix("file://").partition("#")[0].partition("?")[0]
            assert Path(path).is_file(), (page, link)


@pytest.mark.parametrize("width", [390, 1280])
def test_no_page_scrolls_sideways(browser: Browser, folder: Path, width: int) -> None:
    browser.call(
        "Emulation.setDeviceMetricsOverride",
        **{"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False},
    )
    for name in ("index", "comparison", "predictions/curves", "theories/good"):
        browser.open((folder / f"{name}.html").as_uri())
        assert browser.run("document.documentElement.scrollWidth") <= width, name
    browser.call("Emulation.clearDeviceMetricsOverride")


def test_the_table_is_whole_without_javascript(browser: Browser, folder: Path) -> None:
    browser.call("Emulation.setScriptExecutionDisabled", value=True)
    browser.open((folder / "index.html").as_uri())
    tree = browser.call("DOM.getDocument", depth=-1)
    found = browser.call(
        "DOM.querySelectorAll", nodeId=tree["root"]["nodeId"], selector="#table tbody tr"
    )
    controls = browser.call(
        "DOM.querySelectorAll", nodeId=tree["root"]["nodeId"], selector="#controls:not([hidden])"
    )
    browser.call("Emulation.setScriptExecutionDisabled", value=False)
    assert len(found["nodeIds"]) == 10
    assert controls["nodeIds"] == []
