"""SVG elements as strings that escape what they are given."""

from __future__ import annotations

from html import escape
from typing import TypeAlias

from markupsafe import Markup

Attribute: TypeAlias = "str | int | float | bool | None"


def element(name: str, /, *children: str, **attributes: Attribute) -> Markup:
    """Return `<name attributes>children</name>`.

    Attribute names lose a trailing underscore and write `-` for `_`; None and False leave one
    out, True repeats its name, so that the result is well-formed XML too.
    """
    opening = f"<{name}{''.join(_attribute(key, value) for key, value in attributes.items())}"
    inner = join(*children)
    return Markup(f"{opening}>{inner}</{name}>" if inner else f"{opening}/>")


def join(*children: str) -> Markup:
    """Return the children one after the other, those that are plain text escaped."""
    return Markup(
        "".join(
            child if isinstance(child, Markup) else escape(child, quote=False) for child in children
        )
    )


def number(value: float) -> str:
    """Return a coordinate with one decimal at most."""
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def _attribute(key: str, value: Attribute) -> str:
    if value is None or value is False:
        return ""
    name = key if key == "viewBox" else key.rstrip("_").replace("_", "-")
    text = name if value is True else number(value) if isinstance(value, float) else str(value)
    return f' {name}="{escape(text)}"'
