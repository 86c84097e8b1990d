"""The board as one HTML page that needs nothing else: no script, font or picture from outside."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib.resources import files
from itertools import groupby

from harness.leaderboard import wording
from harness.leaderboard.article import article
from harness.leaderboard.board import STATUSES, Board, Entry
from harness.leaderboard.markup import Markup, element, join
from harness.leaderboard.parts import badge, scrolling_table, verdict


def html(board: Board, prefix: str = "../") -> str:
    """Return the board as an HTML page; `prefix` leads from the page to the repository's root."""
    style = files("harness.leaderboard").joinpath("style.css").read_text(encoding="utf-8")
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", wording.TITLE),
        element("style", Markup(style)),
    )
    main = element(
        "main",
        element("h1", wording.TITLE),
        element("p", f"{wording.summary(board)}.", class_="lead"),
        element(
            "p",
            "Every registered prediction is listed, whatever its result. A verdict compares what a "
            "theory forecasts with what was measured on trained networks.",
        ),
        _predictions(board),
        _theories(board),
        _costs(board),
        *(article(group, prefix) for group in _grouped(board)),
        _unregistered(board),
        _legend(),
    )
    page = element("html", head, element("body", main), lang="en")
    return f"<!DOCTYPE html>\n{page}\n"


def _predictions(board: Board) -> Markup:
    header = (
        "prediction",
        "tier",
        "status",
        "error in tolerances",
        "resolving power",
        "controls failing",
        "surprises",
        "run",
    )
    rows: list[Sequence[str]] = []
    spans: list[int] = []
    for group in _grouped(board):
        link = element("a", group[0].id, href=f"#{group[0].id}")
        title = element("span", group[0].title, class_="sub")
        rows += [(join(link, title), e.tier, badge(e), *_result(e)) for e in group]
        spans += [len(group), *[0] * (len(group) - 1)]
    table = scrolling_table("Predictions", header, rows, spans=spans)
    return _section("predictions", "Predictions", table)


def _grouped(board: Board) -> list[list[Entry]]:
    """Return the entries by prediction."""
    return [list(group) for _, group in groupby(board.entries, key=lambda entry: entry.id)]


def _result(entry: Entry) -> Sequence[str]:
    run = entry.run
    if run is None:
        return ("",) * 5
    failing = sum(control.verdict == "fail" for control in entry.controls)
    return (
        join(
            element("b", wording.number(entry.error)),
            element("span", wording.span(entry.interval), class_="sub"),
        ),
        wording.number(entry.resolving_power),
        f"{failing} of {len(entry.controls)}",
        wording.surprises_of(entry),
        join(
            f"{run.seeds} seeds, {wording.core_time(run)}",
            element("span", f"{run.device}, {wording.day(run.time)}", class_="sub"),
        ),
    )


def _theories(board: Board) -> Markup:
    named, others = wording.tried(board)
    rows: list[Sequence[str]] = [
        (
            join(standing.theory, element("span", standing.title, class_="sub")),
            "–" if standing.rank is None else str(standing.rank),
            join(
                element("b", wording.number(standing.score)),
                element("span", wording.span(standing.interval), class_="sub"),
            ),
            *(str(count) if count else "·" for count in wording.tally(standing)),
        )
        for standing in named
    ]
    table = scrolling_table("Theories", ("theory", "rank", "score", *wording.TALLY), rows)
    return _section("theories", "Theories", table, element("p", others, class_="note"))


def _costs(board: Board) -> Markup:
    *rows, totals = wording.bill(board) or [()]
    if not totals:
        return Markup()
    linked: list[Sequence[str]] = [
        (element("a", name, href=f"#{name}"), *others) for name, *others in rows
    ]
    strong = [element("b", cell) if cell else "" for cell in totals]
    table = scrolling_table("What it costs", wording.BILL, [*linked, strong])
    return _section("costs", "What it costs", table)


def _unregistered(board: Board) -> Markup:
    if not board.unregistered:
        return Markup()
    names = ", ".join(board.unregistered)
    return element("p", f"Records without a registered prediction: {names}.", class_="warning")


def _legend() -> Markup:
    terms: Iterable[Markup] = (
        join(element("dt", verdict(status)), element("dd", meaning))
        for status, meaning in STATUSES.items()
    )
    lines = (element("li", line) for line in wording.LINES)
    return _section("legend", "Legend", element("dl", *terms), element("ul", *lines))


def _section(name: str, title: str, *content: Markup) -> Markup:
    return element("section", element("h2", title), *content, id=name)
