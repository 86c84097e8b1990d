"""Strict reading of YAML: one mapping a file, plain data only, and the line of every key.

Built on the parser's events, not on PyYAML's constructors: nothing in a file can run code or grow.
Plain scalars follow YAML 1.2 (`1e-3` is a number; `no`, `12:30:45` and `2026-01-31` are text).
Refused: duplicate keys, keys without a value, tags, aliases, several documents, tabs, other
encodings than UTF-8.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NoReturn

import yaml

from harness.errors import AssayError

KeyPath = tuple[str | int, ...]

_LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MAX_BYTES: Final = 1 << 20
_MAX_DEPTH: Final = 32
_MAX_DIGITS: Final = 300

_NULL: Final = frozenset({"", "~", "null", "Null", "NULL"})
_BOOL: Final = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INT: Final = re.compile(r"[-+]?(0|[1-9][0-9]*)\Z")
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_NON_FINITE: Final = re.compile(r"([-+]?)\.(inf|Inf|INF)\Z|\.(nan|NaN|NAN)\Z")
_LEADING_ZERO: Final = re.compile(r"[-+]?0[0-9]+\Z")


@dataclass(frozen=True)
class Document:
    """What a YAML file says, and where: plain dicts, lists and scalars."""

    file: Path
    data: dict[str, Any]
    lines: dict[KeyPath, int] = field(repr=False)

    def line_of(self, path: KeyPath) -> int:
        """Return the line (from 1) of a key, or of its nearest ancestor that the file has."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def load(file: Path) -> Document:
    """Read one YAML file; raise AssayError with file, line, key and remedy for anything unclean."""
    return parse(read_text(file), file)


def parse(text: str, file: Path) -> Document:
    """Read YAML text that came from `file` (see load)."""
    reader = _Reader(text, file)
    return Document(file, reader.document(), reader.lines)


def read_text(file: Path) -> str:
    """Return the text of a UTF-8 file of at most one MiB; raise AssayError otherwise."""
    try:
        raw = _head(file)
    except OSError as error:
        raise AssayError(
            f"the file cannot be read ({error.strerror})", file=file, remedy="Check the path."
        ) from None
    if len(raw) > _MAX_BYTES:
        raise AssayError(
            f"the file is larger than {_MAX_BYTES} bytes",
            file=file,
            remedy="Keep data out of YAML files.",
        )
    if raw.startswith(b"\xef\xbb\xbf"):
        raise AssayError(
            "the file starts with a byte order mark",
            file=file,
            line=1,
            remedy="Save it as plain UTF-8.",
        )
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise AssayError(
            f"the file is not UTF-8 (byte 0x{raw[error.start]:02x})",
            file=file,
            line=raw[: error.start].count(b"\n") + 1,
            remedy="Save it as UTF-8.",
        ) from None


def _head(file: Path) -> bytes:
    """Return the bytes of a file, of a large one no more than it takes to see that it is."""
    with file.open("rb") as stream:
        return stream.read(_MAX_BYTES + 1)


def dotted(path: KeyPath) -> str:
    """Return a key path as a user writes it: `observables.loss.tolerance`, `sources[0].year`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return " ".join(text.removeprefix(".").split())


class _Reader:
    """Turns the events of one document into plain data, remembering lines."""

    def __init__(self, text: str, file: Path) -> None:
        self.file = file
        self.text = text
        self.lines: dict[KeyPath, int] = {}
        self._events = self._parse()

    def document(self) -> dict[str, Any]:
        events = self._events
        next(events)  # stream start
        start = next(events)
        if isinstance(start, yaml.StreamEndEvent):
            self._fail(
                "the file is empty", remedy="Write one prediction; `assay new` gives a skeleton."
            )
        root = next(events)
        if not isinstance(root, yaml.MappingStartEvent):
            self._fail(
                "the file must be a mapping of keys to values", root, remedy="Write `key: value`."
            )
        data = self._value(root, ())
        next(events)  # document end
        after = next(events)
        if not isinstance(after, yaml.StreamEndEvent):
            self._fail("the file holds several documents", after, remedy="Write one file for each.")
        assert isinstance(data, dict)
        return data

    def _parse(self) -> Iterator[Any]:
        try:
            yield from yaml.parse(self.text, Loader=_LOADER)
        except yaml.MarkedYAMLError as error:
            raise self._syntax_error(error) from None
        except yaml.reader.ReaderError as error:
            raise AssayError(
                "the file contains a character that YAML does not allow",
                file=self.file,
                line=self.text[: error.position].count("\n") + 1,
                remedy="Delete the control character.",
            ) from None

    def _syntax_error(self, error: yaml.MarkedYAMLError) -> AssayError:
        unclosed = error.context_mark is not None and "end of stream" in str(error.problem)
        mark = error.context_mark if unclosed else error.problem_mark or error.context_mark
        number = mark.line + 1 if mark is not None else 1
        lines = self.text.splitlines()
        line = lines[number - 1] if number <= len(lines) else ""
        if "\t" in line[: len(line) - len(line.lstrip())] or "'\\t'" in str(error.problem):
            what, remedy = "a tab where only spaces may stand", "Indent with spaces."
        else:
            context = f" {error.context}" if unclosed else ""
            what = f"is not valid YAML: {error.problem or error.context}{context}"
            remedy = "Check indentation, brackets and quotes here and on the line above."
        return AssayError(what, file=self.file, line=number, remedy=remedy)

    def _value(self, event: Any, path: KeyPath) -> Any:
        if isinstance(event, yaml.AliasEvent):
            self._fail(
                f"uses the alias *{event.anchor}", event, path, "Write the value out in full."
            )
        if event.tag is not None:
            self._fail(f"uses the tag {event.tag}", event, path, "Write a plain value; quote text.")
        if len(path) > _MAX_DEPTH:
            self._fail(f"is nested deeper than {_MAX_DEPTH} levels", event, remedy="Flatten it.")
        if isinstance(event, yaml.ScalarEvent):
            return self._plain(event, path) if event.implicit[0] else event.value
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(path)
        return self._mapping(path)

    def _sequence(self, path: KeyPath) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            here = (*path, len(items))
            self.lines[here] = event.start_mark.line + 1
            items.append(self._value(event, here))
        return items

    def _mapping(self, path: KeyPath) -> dict[str, Any]:
        items: dict[str, Any] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._key(event, path)
            here = (*path, key)
            if key in items:
                first = self.lines[here]
                self._fail(
                    f"is given twice (first on line {first})", event, here, "Delete one of them."
                )
            self.lines[here] = event.start_mark.line + 1
            items[key] = self._value(next(self._events), here)
        return items

    def _key(self, event: Any, path: KeyPath) -> str:
        if not isinstance(event, yaml.ScalarEvent) or event.tag is not None:
            self._fail("has a key that is not plain text", event, path, "Use a word as the key.")
        if not event.value or (event.implicit[0] and event.value in _NULL):
            self._fail("has an empty key", event, path, "Write a word before the colon.")
        return str(event.value)

    def _plain(self, event: Any, path: KeyPath) -> bool | int | float | str:
        text: str = event.value
        if text in _NULL:
            self._fail("has no value", event, path, "Write one, or delete the key.")
        if text in _BOOL:
            return _BOOL[text]
        if _LEADING_ZERO.match(text):
            self._fail(
                f"{text} starts with a zero: decimal, octal or text?",
                event,
                path,
                "Drop the zero, or put text in quotes.",
            )
        if len(text) > _MAX_DIGITS and _FLOAT.match(text):
            self._fail(f"has a number of {len(text)} digits", event, path, "Round it.")
        if _INT.match(text):
            return int(text)
        if _FLOAT.match(text):
            return float(text)
        if _NON_FINITE.match(text):
            return float(text.replace(".", ""))
        return text

    def _fail(self, what: str, event: Any = None, path: KeyPath = (), remedy: str = "") -> NoReturn:
        line = 1 if event is None else event.start_mark.line + 1
        raise AssayError(what, file=self.file, line=line, path=dotted(path), remedy=remedy)
