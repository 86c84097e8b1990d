"""The templates, and the words that they write numbers with."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final

from jinja2 import Environment, FunctionLoader, StrictUndefined

from harness.leaderboard import wording
from harness.leaderboard.board import STATUSES
from harness.leaderboard.plots.bars import error_bar
from harness.leaderboard.series import short

ASSETS: Final = ("style.css", "script.js")
"""Files that are copied as they are."""

_MOST_VALUES: Final = 8


def asset(name: str) -> str:
    """Return the text of a file beside the templates."""
    folder = files("harness.leaderboard").joinpath("templates")
    return folder.joinpath(name).read_text(encoding="utf-8")


@cache
def environment() -> Environment:
    """Return the environment of the templates; every text is escaped unless it is markup."""
    made = Environment(
        loader=FunctionLoader(asset),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "number": wording.number,
        "span": wording.span,
        "day": wording.day,
        "moment": moment,
        "sentence": wording.sentence,
        "words": words,
        "css": css,
        "setting": setting,
        "sortable": sortable,
    }
    made.globals |= {"errorbar": error_bar, "STATUSES": STATUSES, "title_of_site": wording.TITLE}
    return made


def render(template: str, **context: Any) -> str:
    """Return a page."""
    text = environment().get_template(template).render(**context)
    return "\n".join(line.rstrip() for line in text.splitlines() if line.strip()) + "\n"


def words(name: str) -> str:
    """Return a name from a file as words."""
    return name.replace("_", " ").replace("-", " ")


def css(status: str) -> str:
    """Return the class of a status or verdict."""
    return status.replace(" ", "-")


def moment(time: str) -> str:
    """Return an ISO time as date and time."""
    return time.replace("T", " ").replace("+00:00", " UTC")


def setting(value: Any) -> str:
    """Return a value of a setup or an axis."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {setting(one)}" for key, one in value.items())
    if isinstance(value, list | tuple):
        values = list(value)
        if len(values) > _MOST_VALUES:
            return (
                f"{', '.join(map(setting, values[:2]))}, …, {setting(values[-1])} ({len(values)})"
            )
        return ", ".join(map(setting, values))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return short(value)


def sortable(value: float | None) -> str:
    """Return what a column is sorted by; a missing number comes last."""
    if value is None or math.isnan(value):
        return ""
    return "1e99" if math.isinf(value) else f"{value:.6g}"
