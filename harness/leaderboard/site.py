"""The site: a folder of pages that need nothing else, linked by relative addresses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from harness.compare import Comparison
from harness.history import Since
from harness.leaderboard.board import Board, Entry
from harness.leaderboard.pages.environment import ASSETS, asset, render
from harness.leaderboard.pages.front import front
from harness.leaderboard.pages.prediction import prediction_page
from harness.leaderboard.pages.regimes import regime
from harness.leaderboard.pages.theory import theory_page
from harness.leaderboard.pages.versus import Duels
from harness.read import Registry
from harness.store import write_atomically
from harness.sweeps import Sweep

LARGEST: Final = 300_000
"""Bytes that no page should exceed."""


@dataclass(frozen=True)
class Material:
    """Everything that the site shows; `comparisons` are of all theories of a prediction, by id."""

    registry: Registry
    board: Board
    sweeps: Sequence[Sweep] = ()
    comparisons: Mapping[str, Comparison] = field(default_factory=dict)
    since: Since | None = None


def site(material: Material, prefix: str = "../../") -> Iterator[tuple[str, str]]:
    """Return the pages, as pairs of a path inside the folder and the text.

    `prefix` leads from the folder to the root that the files of predictions are named from.
    """
    for name in ASSETS:
        yield name, asset(name)
    board, duels = material.board, Duels.of(material.comparisons)
    shared = {"has_duels": bool(duels.matches), "since": material.since}
    yield "index.html", _render("index", "", prefix, {**front(board), **shared})
    yield "comparison.html", _render("comparison", "", prefix, {"duels": duels})
    by_id = groups(board)
    around = _neighbours(list(by_id))
    for name, entries in by_id.items():
        declared = material.registry.predictions[name]
        context = {
            **prediction_page(declared, entries),
            "sweeps": [regime(sweep) for sweep in material.sweeps if sweep.id == name],
            "versus": material.comparisons.get(name),
            "since": material.since,
            "before": around[name][0],
            "after": around[name][1],
        }
        yield f"predictions/{name}.html", _render("prediction", "../", prefix, context)
    for standing in board.standings:
        name = standing.theory
        context = theory_page(name, material.registry, board, material.sweeps, duels)
        context["regimes"] = [regime(sweep, name) for sweep in context.pop("sweeps")]
        yield f"theories/{name}.html", _render("theory", "../", prefix, context)


def write_site(folder: Path, pages: Iterator[tuple[str, str]]) -> int:
    """Write the pages, remove those of things that are gone, and return how many there are."""
    written = set()
    for path, text in pages:
        write_atomically(folder / path, text.encode())
        written.add(folder / path)
    for kind in ("predictions", "theories"):
        for page in (folder / kind).glob("*.html"):
            if page not in written:
                page.unlink()
    return len(written)


def groups(board: Board) -> dict[str, list[Entry]]:
    """Return the entries by prediction."""
    return {name: list(found) for name, found in groupby(board.entries, key=lambda e: e.id)}


def _neighbours(names: list[str]) -> dict[str, tuple[str | None, str | None]]:
    padded = [None, *names, None]
    return {name: (padded[i], padded[i + 2]) for i, name in enumerate(names)}


def _render(template: str, up: str, prefix: str, context: dict[str, Any]) -> str:
    return render(f"{template}.html", up=up, root=f"{up}{prefix}", **context)
