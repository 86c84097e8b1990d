"""Strict YAML: what plain scalars mean, and where every key stands."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness import strict_yaml
from harness.errors import AssayError
from harness.strict_yaml import dotted, load, parse

FILE = Path("some.yaml")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("-12", -12),
        ("+3", 3),
        ("0", 0),
        ("1e-3", 0.001),
        ("1e5", 100000.0),
        ("-2.5E+1", -25.0),
        (".5", 0.5),
        ("3.", 3.0),
        ("0.5", 0.5),
        (".inf", math.inf),
        ("-.Inf", -math.inf),
        ("true", True),
        ("False", False),
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("12:30:45", "12:30:45"),
        ("2026-01-31", "2026-01-31"),
        ("1_000", "1_000"),
        ("0x1F", "0x1F"),
        ("0o17", "0o17"),
        ("١", "١"),
        ("1e", "1e"),
        ("e3", "e3"),
        ("'1'", "1"),
        ('"true"', "true"),
        ("'null'", "null"),
        ("''", ""),
        ("[1, a, 1e0]", [1, "a", 1.0]),
        ("{no: 1}", {"no": 1}),
        (">-\n  two\n  lines", "two lines"),
        ("|\n  kept\n", "kept\n"),
    ],
)
def test_values(text: str, value: Any) -> None:
    read = parse(f"key: {text}", FILE).data["key"]
    assert read == value
    assert type(read) is type(value)


def test_nan_is_a_number_here_and_refused_later() -> None:
    assert math.isnan(parse("key: .nan", FILE).data["key"])


def test_keys_are_text() -> None:
    data = parse("1: a\nno: b\n2026-01-31: c\n'': d".replace("'': d", "'~': d"), FILE).data
    assert list(data) == ["1", "no", "2026-01-31", "~"]


def test_lines() -> None:
    document = parse("a: 1\nb:\n  c: [1,\n    2]\n  d:\n    - x: 1\n      y: 2\n", FILE)
    assert document.line_of(("a",)) == 1
    assert document.line_of(("b", "c")) == 3
    assert document.line_of(("b", "c", 1)) == 4
    assert document.line_of(("b", "d", 0, "y")) == 7
    assert document.line_of(("b", "missing", "deeper")) == 2
    assert document.line_of(("missing",)) == 1
    assert document.line_of(()) == 1


def test_dotted_paths() -> None:
    assert dotted(("sources", 0, "year")) == "sources[0].year"
    assert dotted(("because", "two\nlines")) == "because.two lines"
    assert dotted(()) == ""


def test_line_ends_of_other_systems(tmp_path: Path) -> None:
    file = tmp_path / "crlf.yaml"
    file.write_bytes(b"a: 1\r\nb: 2\r\n")
    document = load(file)
    assert document.data == {"a": 1, "b": 2}
    assert document.line_of(("b",)) == 2


@pytest.mark.parametrize("name", ["missing.yaml", "."])
def test_files_that_cannot_be_read(tmp_path: Path, name: str) -> None:
    with pytest.raises(AssayError, match="cannot be read") as caught:
        load(tmp_path / name)
    assert caught.value.remedy == "Check the path."


def test_devices_are_not_read_to_the_end() -> None:
    with pytest.raises(AssayError, match="larger than"):
        load(Path("/dev/zero"))


def test_billion_laughs_fail_at_once() -> None:
    text = "a0: &a0 [ha, ha]\n" + "".join(
        f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 3000)
    )
    began = time.perf_counter()
    with pytest.raises(AssayError, match="alias"):
        parse(text, FILE)
    assert time.perf_counter() - began < 1


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? "])
def test_deep_nesting_fails_at_once(opening: str) -> None:
    with pytest.raises(AssayError):
        parse(f"a:\n {opening * 20000}", FILE)


def test_same_without_libyaml(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "a: 1e-3\nb: [no, {c: '1'}]\nd: >-\n  two\n  lines\n"
    fast = parse(text, FILE)
    monkeypatch.setattr(strict_yaml, "_LOADER", yaml.SafeLoader)
    slow = parse(text, FILE)
    assert (slow.data, slow.lines) == (fast.data, fast.lines)
    for broken in ("a: [1", "a: *b", "a: !!int 1", "a: \x00", "\ta: 1", "a: 1\n---\nb: 1"):
        with pytest.raises(AssayError):
            parse(broken, FILE)
