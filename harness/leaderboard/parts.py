"""Pieces of the page that several parts share: status badges, tables, figures."""

from __future__ import annotations

from collections.abc import Sequence

from harness.leaderboard.board import Entry
from harness.leaderboard.markup import Markup, element, join
from harness.leaderboard.plots.figure import Figure, Table


def badge(entry: Entry) -> Markup:
    """Return the status of an entry, and what a stale or retired result was."""
    was = "" if entry.verdict in (None, entry.status) else f"was {entry.verdict}"
    return join(verdict(entry.status), element("span", was, class_="sub") if was else "")


def verdict(name: str, surprising: bool = False) -> Markup:
    """Return a verdict or status as a badge; a surprising one is marked."""
    mark = element("b", " !", title="not as expected") if surprising else ""
    return element("span", name, mark, class_=f"status {name.replace(' ', '-')}")


def scrolling_table(
    name: str,
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    class_: str | None = None,
    spans: Sequence[int] = (),
) -> Markup:
    """Return a table that scrolls sideways on a narrow screen, its first column a header.

    `spans` says how many rows a first cell stands for; 0 where the one above stands for it too.
    """
    heads = (element("th", cell, scope="col") for cell in header)
    body = (
        element(
            "tr",
            _row_header(row[0], span),
            *(element("td", cell) for cell in row[1:]),
        )
        for row, span in zip(rows, spans or [1] * len(rows), strict=True)
    )
    table = element(
        "table",
        element("thead", element("tr", *heads)),
        element("tbody", *body),
        class_=class_,
    )
    return element("div", table, class_="scroll", role="region", aria_label=name, tabindex=0)


def _row_header(cell: str, span: int) -> Markup:
    if span == 0:
        return Markup()
    if span == 1:
        return element("th", cell, scope="row")
    return element("th", cell, scope="rowgroup", rowspan=span)


def figure(drawn: Figure) -> Markup:
    """Return a figure with its legend, and its numbers folded away where there is a picture."""
    panels = (
        element("div", element("p", panel.caption) if panel.caption else "", panel.picture)
        for panel in drawn.panels
    )
    keys = (element("li", key.sample, key.text) for key in drawn.legend)
    parts = [element("figcaption", drawn.title)]
    if drawn.legend:
        parts.append(element("ul", *keys, class_="legend"))
    if drawn.panels:
        many = " many" if len(drawn.panels) > 1 else ""
        parts.append(element("div", *panels, class_=f"panels{many}"))
    if drawn.note:
        parts.append(element("p", drawn.note, class_="note"))
    if drawn.table is not None:
        parts.append(_numbers(drawn, drawn.table))
    wide = len(drawn.panels) != 1
    return element("figure", *parts, class_="wide" if wide else None)


def _numbers(drawn: Figure, table: Table) -> Markup:
    marked = {(row, column): name for row, column, name in table.marks}
    rows = [
        [
            element("span", cell, class_=marked[i, j]) if (i, j) in marked else cell
            for j, cell in enumerate(row)
        ]
        for i, row in enumerate(table.rows)
    ]
    numbers = scrolling_table(f"{drawn.title} in numbers", table.header, rows, "numbers")
    if not drawn.panels:
        return numbers
    return element("details", element("summary", "In numbers"), numbers)
