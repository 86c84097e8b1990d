"""What a page shows of one observable: panels, their legend, and the same in numbers."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from harness.leaderboard.plots.svg import swatch


@dataclass(frozen=True)
class Panel:
    """One plot of several with the same axes, and that of its residuals below."""

    caption: str
    picture: Markup
    residuals: Markup | None = None


@dataclass(frozen=True)
class Key:
    """An entry of a legend; kind is line, band, dot, tick or rule."""

    style: str
    kind: str
    text: str

    @property
    def sample(self) -> Markup:
        """The style as a small picture."""
        return swatch(self.style, self.kind)


@dataclass(frozen=True)
class Table:
    """Numbers in words and rows; `marks` are class names of cells by (row, column)."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    marks: tuple[tuple[int, int, str], ...] = ()


@dataclass(frozen=True)
class Figure:
    """A figure; without panels its table is shown in full, else it folds away."""

    title: str
    panels: tuple[Panel, ...]
    legend: tuple[Key, ...]
    note: str
    table: Table | None = None
