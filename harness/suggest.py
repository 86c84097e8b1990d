"""Did you mean: the nearest known name to a mistyped one."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

_LISTED: Final = 12


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name most like `name`, or None when none is alike."""
    spelled = {_folded(candidate): candidate for candidate in known}
    found = get_close_matches(_folded(name), spelled, n=1, cutoff=0.6)
    return spelled[found[0]] if found else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return the tail of a sentence, `; did you mean 'x'?`, or nothing when no name is alike."""
    close = nearest(name, known)
    return "" if close is None else f"; did you mean '{close}'?"


def choices(name: str, known: Iterable[str]) -> str:
    """Return a remedy of its own: the nearest name, else the names there are."""
    names = sorted(set(known))
    close = nearest(name, names)
    if close is not None:
        return f"Did you mean '{close}'?"
    if not names:
        return "There is none to choose from."
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return f"Known: {', '.join(names[:_LISTED])}{more}."


def _folded(name: str) -> str:
    return name.lower().replace("_", "-")
