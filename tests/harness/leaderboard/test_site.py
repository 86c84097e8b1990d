from __future__ import annotations

import json
import re
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from posixpath import join, normpath
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

from harness.history import Change, Since
from harness.judge import Verdict
from harness.leaderboard.board import Board
from harness.leaderboard.collect import collect
from harness.leaderboard.pages.regimes import regime
from harness.leaderboard.site import LARGEST, site, write_site
from harness.leaderboard.site import Material as Shown
from harness.read import Registry, read_tree
from harness.sweeps import At, Outcome, Point, Slope, Sweep
from tests.harness.leaderboard.building import all_records, compared, write_suite

VOID = {"meta", "br", "link", "hr", "img", "input"}
ROOT = "../../"

Pages = Mapping[str, str]


class Checker(HTMLParser):
    """Collects what is out of balance, ids, links, and what a page loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.loads: list[str] = []
        self.targets: list[str] = []
        self.headings: list[int] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        for name, value in attrs:
            if name == "id":
                self.ids.append(str(value))
            if name == "href" and tag == "a":
                self.targets.append(str(value))
            elif name in ("src", "href", "srcset", "data", "action", "xlink:href"):
                self.loads.append(str(value))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass


def swept(
    keys: Mapping[str, tuple[Any, ...]], points: list[Point], slopes: list[Slope], **more: Any
) -> Sweep:
    return Sweep(
        id="numbers",
        title="Title of numbers",
        tier="smoke",
        revision=1,
        promise="",
        code="",
        claim="good",
        theories=("good", "bad"),
        observables=("ratio",),
        over=keys,
        overrides={"depth": 3},
        points=tuple(points),
        slopes=tuple(slopes),
        provenance={},
        busy_s=1.0,
        wall_s=1.0,
        **more,
    )


def sweeps() -> list[Sweep]:
    """One along a key with a slope, one over two keys with a point that broke."""
    points = []
    for dim, error in ((10, 2.0), (40, 0.5), (160, 0.13)):
        verdict = Verdict.FAIL if error > 1 else Verdict.PASS
        ends = (0.9 * error, 1.1 * error)
        judged = At(
            "good", "ratio", verdict, "", 0.2, "log", 16, 0.1, (0, 1), error, error, ends, "signed"
        )
        outcomes = (
            Outcome("good", verdict, "as measured", error, ends),
            Outcome("bad", Verdict.FAIL, "as measured", 9.0, (8.0, float("inf")), "dim below 100"),
        )
        controls = {} if points else {"broken": Verdict.FAIL}
        points.append(Point({"dim": dim}, 16, outcomes, (judged,), controls))
    slope = Slope("good", "ratio", "dim", 3, 3, {}, -0.98, (-1.1, -0.9), 20.0, 0.0, "", -1.0)
    flat = Slope("good", "ratio", "dim", 3, 1, reason="too few points beyond noise")
    two = [
        Point({"dim": dim, "depth": depth}, 16, points[0].outcomes)
        for dim in (10, 40)
        for depth in (1, 2)
    ]
    two[-1] = Point({"dim": 40, "depth": 2}, problem="it broke")
    return [
        swept({"dim": (10, 40, 160)}, points, [slope, flat], why="where it <breaks>"),
        swept({"dim": (10, 40), "depth": (1, 2)}, two, []),
    ]


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> tuple[Registry, Board]:
    folder = tmp_path_factory.mktemp("suite")
    registry = write_suite(folder / "predictions")
    return registry, collect(registry, all_records(registry), folder)


@pytest.fixture(scope="module")
def pages(suite: tuple[Registry, Board]) -> Pages:
    registry, board = suite
    return dict(site(Shown(registry, board, sweeps(), compared(board)), ROOT))


def html(pages: Pages) -> dict[str, str]:
    return {path: text for path, text in pages.items() if path.endswith(".html")}


def pictures_in(page: str) -> list[str]:
    return re.findall(r'<svg[^>]*class="plot".*?</svg>(?=</div>|<svg)', page, flags=re.DOTALL)


def test_there_is_a_page_for_every_prediction_and_theory(
    pages: Pages, suite: tuple[Registry, Board]
) -> None:
    registry, board = suite
    named = {f"predictions/{name}.html" for name in registry.predictions}
    named |= {f"theories/{standing.theory}.html" for standing in board.standings}
    assert pages.keys() == named | {"index.html", "comparison.html", "style.css", "script.js"}


def test_pages_are_balanced_small_and_load_only_their_own_files(pages: Pages) -> None:
    for path, text in html(pages).items():
        found = Checker(text)
        assert found.open == [], path
        assert len(set(found.ids)) == len(found.ids), path
        assert found.headings.count(1) == 1, path
        assert len(text.encode()) < LARGEST, path
        loaded = [load for load in found.loads if not load.startswith("data:")]
        assert {normpath(join("/", path, "..", load)) for load in loaded} == {
            "/style.css",
            "/script.js",
        }


def test_every_link_inside_the_site_has_a_target(pages: Pages) -> None:
    ids = {path: set(Checker(text).ids) for path, text in html(pages).items()}
    for path, text in html(pages).items():
        for target in Checker(text).targets:
            if target.startswith("http") or target.endswith(".yaml"):
                continue
            place, _, anchor = target.partition("#")
            page = normpath(join(path, "..", place.partition("?")[0])) if place else path
            assert page in ids, (path, target)
            assert not anchor or anchor in ids[page], (path, target)


def test_files_are_linked_from_the_root(pages: Pages) -> None:
    link = "../../../predictions/hyperparameters/locations/locations.yaml"
    assert f'href="{link}"' in pages["predictions/locations.html"]


def test_every_prediction_is_in_the_table_with_its_status(
    pages: Pages, suite: tuple[Registry, Board]
) -> None:
    registry, _ = suite
    page = pages["index.html"]
    for name in registry.predictions:
        assert f'href="predictions/{name}.html"' in page
    for status in ("pass", "inconclusive", "vacuous", "stale", "not run", "retired"):
        assert f'data-verdict="{status}"' in page, status
    rows = re.findall(r"<tr role=\"row\" data-strand", page)
    assert len(rows) == len(registry) + 1, "one with two tiers"
    assert "full: not run" in page


def test_the_tiles_count_each_prediction_once(pages: Pages) -> None:
    tiles = re.findall(r"<li[^>]*><b>(\d+)</b> ([a-z ]+)</li>", pages["index.html"])
    assert tiles[0] == ("9", "predictions")
    assert sum(int(count) for count, _ in tiles[1:]) == 9


def test_the_matrix_counts_verdicts_by_strand(pages: Pages) -> None:
    line = re.search(
        r'<a href="theories/good.html">Theory good.*?</tr>', pages["index.html"], re.DOTALL
    )
    assert line is not None
    assert '<span class="count pass">1<span class="vh"> pass</span></span>' in line[0]
    assert line[0].count("<td>") >= 5


def test_claims_are_escaped(pages: Pages) -> None:
    for path in ("index.html", "predictions/curves.html"):
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in pages[path]
        assert "<script>alert" not in pages[path]
        assert "rises &amp; falls when theta &lt; 4" in pages[path]
    assert "dimension &lt;1&gt; breaks it &amp; all" in pages["predictions/curves.html"].lower()


def test_every_picture_is_well_formed_and_has_words(pages: Pages) -> None:
    drawn = [picture for text in html(pages).values() for picture in pictures_in(text)]
    assert len(drawn) >= 20
    for picture in drawn:
        tree = ElementTree.fromstring(picture)
        assert tree.get("role") == "img"
        title, description = tree.find("title"), tree.find("desc")
        assert title is not None and title.text
        assert description is not None and description.text
        assert not re.search(r"\b(nan|inf)\b", picture)


def test_every_observable_is_drawn(pages: Pages, suite: tuple[Registry, Board]) -> None:
    _, board = suite
    for entry in board.entries:
        captions = re.findall(
            r"<figcaption>(.*?)</figcaption>", pages[f"predictions/{entry.id}.html"]
        )
        if entry.run is not None:
            assert set(entry.observables) <= set(captions)


def test_a_prediction_has_all_its_parts(pages: Pages) -> None:
    page = pages["predictions/curves.html"]
    for part in (
        "Forecast and measurement",
        "Tolerances, line by line",
        "Head to head",
        "assay run curves --tier smoke",
        "@",
        "dimension",
        "Not locked yet.",
        "2026-05-01 12:00:00 UTC",
        "residual",
        "Model confidence set",
    ):
        assert part in page, part


def test_the_larger_tier_comes_first_and_the_other_one_folds_away(pages: Pages) -> None:
    page = pages["predictions/locations.html"]
    assert page.index("Result at the full tier") < page.index("Result at the smoke tier")
    assert "Verdicts at this tier" in page


def test_sweeps_are_drawn_with_slopes_and_maps(pages: Pages) -> None:
    page = pages["predictions/numbers.html"]
    assert "where it &lt;breaks&gt;" in page.lower()
    assert "Fails at dim = 10; passes at dim = 40, 160." in page
    assert "to the power −0.98 [−1.1, −0.9], which agrees with the predicted −1." in page
    assert "no finite-size slope; too few points beyond noise." in page
    assert "assay sweep --shipped numbers" in page
    assert "assay sweep numbers --over dim=10,40 --over depth=1,2 --set depth=3" in page
    assert "fail, beyond its regime" in page
    assert "<li>dim = 40, depth = 2: it broke</li>" in page
    assert "No control was run along it." in page
    assert "Controls were run at 1 of 3 points, and fail." in page
    assert "Fails at (dim, depth) = (10, 1), (10, 2), (40, 1)." in page
    assert "bad along dim, smoke tier" in pages["theories/bad.html"]


def test_lists_are_placed_at_their_geometric_mean() -> None:
    outcomes = (Outcome("good", Verdict.PASS, "as measured", 0.5, (0.4, 0.6)),)
    widths = ((16, 32), (32, 64))
    found = regime(
        swept({"width": widths}, [Point({"width": w}, 16, outcomes) for w in widths], [])
    )
    assert found.holds == "passes at every width that was tried (2)"
    assert found.command == "assay sweep numbers --over width=[16,32],[32,64] --set depth=3"
    assert "width (geometric mean)" in found.figures[0].panels[0].picture


def test_a_theory_has_verdicts_duels_and_calibration(pages: Pages) -> None:
    page = pages["theories/good.html"]
    assert "Where it holds, and where it breaks" in page
    assert "against <b>bad</b>" in page
    assert "It forecasts no spread over seeds" in page
    assert "No prediction forecasts with it yet." in pages["theories/untried.html"]


def test_what_changed_since_the_last_release_is_said(suite: tuple[Registry, Board]) -> None:
    registry, board = suite
    flipped = Change("flipped", "curves", "smoke", "good", "fail", "pass")
    gone = Change("gone", "lost", "", "", "registered", "gone")
    since = Since("v0.1", "2026-04-01T00:00:00+00:00", (flipped, gone))
    pages = dict(site(Shown(registry, board, since=since), ROOT))
    assert "Since v0.1, 2026-04-01" in pages["index.html"]
    assert "(smoke), good: fail → pass" in pages["index.html"]
    assert 'href="predictions/lost.html"' not in pages["index.html"]
    assert "Since v0.1, flipped" in pages["predictions/curves.html"]
    unchanged = dict(site(Shown(registry, board, since=Since("v0.1", since.date, ())), ROOT))
    assert "No verdict has changed." in unchanged["index.html"]


def test_theories_meet_on_the_comparison_page(pages: Pages) -> None:
    page = pages["comparison.html"]
    assert 'href="theories/good.html"' in page
    assert "Holm" in page


def test_without_results_every_page_stands(suite: tuple[Registry, Board]) -> None:
    registry, _ = suite
    pages = dict(site(Shown(registry, collect(registry, [])), ROOT))
    assert "Not run yet." in pages["predictions/curves.html"]
    assert "The measurement was at fault." in pages["predictions/gone.html"]
    assert all(Checker(text).open == [] for text in html(pages).values())


def blank(values: Any) -> Any:
    return [blank(value) for value in values] if isinstance(values, list) else None


def without_numbers(row: dict[str, Any]) -> None:
    row |= {"verdict": "error", "error_in_tolerances": None, "interval": [None, None]}
    for part in ("mean", "stderr", "per_seed"):
        row["measured"][part]["values"] = blank(row["measured"][part]["values"])


def out_of_scope(row: dict[str, Any]) -> None:
    if row["theory"] == "good" and row["case"] == "claim":
        numbers = dict.fromkeys(("error_in_tolerances", "interval", "forecast", "measured"))
        row |= {"verdict": "out-of-scope", **numbers}


def without_seeds(row: dict[str, Any]) -> None:
    row["measured"]["per_seed"] = None


def with_open_ends(row: dict[str, Any]) -> None:
    row["interval"] = [0.0, None]


@pytest.mark.parametrize("change", [without_numbers, out_of_scope, without_seeds, with_open_ends])
def test_unusual_results_render(change: Any, tmp_path: Path) -> None:
    registry = write_suite(tmp_path / "predictions")
    records = all_records(registry)
    for record in records:
        for row in record["trial"]["rows"]:
            change(row)
    for path, text in html(dict(site(Shown(registry, collect(registry, records)), ROOT))).items():
        assert Checker(text).open == [], path
        for picture in pictures_in(text):
            ElementTree.fromstring(picture)
            assert not re.search(r"\b(nan|inf)\b", picture)


def test_a_forecast_spread_is_calibrated(tmp_path: Path) -> None:
    registry = write_suite(tmp_path / "predictions")
    records = all_records(registry)
    for record in records:
        for row in record["trial"]["rows"]:
            if record["id"] == "numbers" and row["observable"] == "ratio":
                row["spread"] = {"dims": [], "coords": {}, "values": 0.03}
    page = dict(site(Shown(registry, collect(registry, records)), ROOT))["theories/good.html"]
    assert "It forecasts a spread over seeds: of 16 measured values" in page
    assert "Ranks in its own distributions" in page


def test_revisions_are_listed_with_those_after_the_first_result(tmp_path: Path) -> None:
    write_suite(tmp_path / "predictions")
    file = tmp_path / "predictions/empirical_laws/exponents/exponents.yaml"
    content = yaml.safe_load(file.read_text())
    content["revision"] = {"number": 2, "reason": "the axis was too short"}
    file.write_text(yaml.safe_dump(content))
    locked = [
        {"number": 1, "reason": "first registration", "sha256": "0" * 64, "date": "2026-01-02"},
        {"number": 2, "reason": "the axis was too short", "sha256": "1" * 64, "date": "2026-03-04"},
    ]
    (tmp_path / "predictions/lock.json").write_text(json.dumps({"exponents": locked}))
    registry = read_tree([tmp_path / "predictions"])
    records = all_records(registry)
    for record in records:
        record["first_result"] = {"revision": 1, "time": "2026-02-01T00:00:00+00:00"}
    page = dict(site(Shown(registry, collect(registry, records)), ROOT))[
        "predictions/exponents.html"
    ]
    assert "The axis was too short." in page
    assert page.count("changed after the first result") == 1


def test_pages_of_what_is_gone_are_removed(tmp_path: Path) -> None:
    assert write_site(tmp_path, iter([("predictions/a.html", "a"), ("index.html", "i")])) == 2
    assert write_site(tmp_path, iter([("index.html", "i")])) == 1
    assert [path.name for path in tmp_path.rglob("*.html")] == ["index.html"]
