"""Badges: what became of the predictions, in a line of SVG that a README shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from html import escape
from string import Template
from typing import Final

from harness.leaderboard.board import STATUSES, Board, Entry

LABEL: Final = "predictions"

_GOOD, _OPEN, _BAD = "#1b6e3c", "#6b5900", "#a3231c"
"""Colours on which white text has a contrast of at least five to one."""

_HEIGHT: Final = 20
_PADDING: Final = 7
_NARROW: Final = frozenset("fijlrt.,:;'|!()[] -")
_WIDE: Final = frozenset("mwMW@%")

_SVG: Final = Template(
    '<svg xmlns="http://www.w3.org/2000/svg" width="$width" height="$height" role="img" '
    'aria-label="$alternative">\n'
    "<title>$alternative</title>\n"
    '<rect width="$width" height="$height" rx="3" fill="$colour"/>\n'
    '<path d="M3 0H${left}v${height}H3a3 3 0 0 1-3-3V3a3 3 0 0 1 3-3z" fill="#444"/>\n'
    '<g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" '
    'font-size="11" aria-hidden="true">\n'
    '<text x="$label_at" y="14" textLength="$label_width">$label</text>\n'
    '<text x="$message_at" y="14" textLength="$message_width">$message</text>\n'
    "</g>\n</svg>\n"
)


def badges(board: Board, *, each: bool = False) -> dict[str, str]:
    """Return SVG texts by file name: of all predictions, of each strand, and of each prediction.

    A prediction counts with its result at the largest tier that was run. A badge is green where
    everything is as expected, red where something surprises, and ochre where something is open.
    """
    entries = _counted(board)
    made = {f"{LABEL}.svg": _badge(LABEL, entries)}
    for strand in dict.fromkeys(entry.strand for entry in entries):
        mine = [entry for entry in entries if entry.strand == strand]
        made[f"{strand.replace('_', '-')}.svg"] = _badge(strand.replace("_", " "), mine)
    if each:
        made |= {
            f"{LABEL}/{entry.id}.svg": svg(entry.id, entry.status, _colour([entry]))
            for entry in entries
        }
    return made


def svg(label: str, message: str, colour: str) -> str:
    """Return a badge of two texts; its text alternative is `label: message`."""
    widths = [_width(text) for text in (label, message)]
    left, right = (width + 2 * _PADDING for width in widths)
    values: Mapping[str, object] = {
        "width": left + right,
        "height": _HEIGHT,
        "left": left,
        "colour": colour,
        "alternative": escape(f"{label}: {message}"),
        "label": escape(label),
        "label_at": left / 2,
        "label_width": widths[0],
        "message": escape(message),
        "message_at": left + right / 2,
        "message_width": widths[1],
    }
    return _SVG.substitute(values)


def _counted(board: Board) -> list[Entry]:
    """Return one entry a prediction: the best result, else the first entry with any."""
    first: dict[str, Entry] = {}
    for entry in board.entries:
        if entry.id not in first or (first[entry.id].run is None and entry.run is not None):
            first[entry.id] = entry
    return [board.best(name) or entry for name, entry in first.items()]


def _badge(label: str, entries: list[Entry]) -> str:
    counts = Counter(entry.status for entry in entries)
    parts = [f"{counts[status]} {status}" for status in STATUSES if counts[status]]
    return svg(label, ", ".join(parts) or "none", _colour(entries))


def _colour(entries: Iterable[Entry]) -> str:
    outcomes = {entry.as_expected for entry in entries if entry.status != "retired"}
    if False in outcomes:
        return _BAD
    return _GOOD if outcomes == {True} else _OPEN


def _width(text: str) -> int:
    """Return about how many pixels a text takes in Verdana at 11 pixels; the browser fits it."""
    return round(sum(4.0 if c in _NARROW else 10.0 if c in _WIDE else 6.6 for c in text))
