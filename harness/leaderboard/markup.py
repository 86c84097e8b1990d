"""HTML and SVG elements as strings that escape what they are given."""

from __future__ import annotations

from html import escape
from typing import Final, TypeAlias

Attribute: TypeAlias = "str | int | float | bool | None"
_VOID: Final = frozenset({"meta", "br", "img", "link", "hr"})


class Markup(str):
    """Text that is markup already; any other string is escaped when it becomes a child."""

    __slots__ = ()


def element(name: str, /, *children: str, **attributes: Attribute) -> Markup:
    """Return `<name attributes>children</name>`.

    Attribute names lose a trailing underscore and write `-` for `_`; None and False leave one
    out, True repeats its name, so that the result is well-formed XML too.
    """
    opening = f"<{name}{''.join(_attribute(key, value) for key, value in attributes.items())}"
    if name in _VOID:
        return Markup(f"{opening}/>")
    return Markup(f"{opening}>{join(*children)}</{name}>")


def join(*children: str) -> Markup:
    """Return the children one after the other, those that are plain text escaped."""
    return Markup(
        "".join(
            child if isinstance(child, Markup) else escape(child, quote=False) for child in children
        )
    )


def _attribute(key: str, value: Attribute) -> str:
    if value is None or value is False:
        return ""
    name = key.rstrip("_").replace("_", "-")
    text = name if value is True else number(value) if isinstance(value, float) else str(value)
    return f' {name}="{escape(text)}"'


def number(value: float) -> str:
    """Return a coordinate with at most two decimals and no trailing zeros."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
