"""A claim to start from: it is complete, small and right, and `filled` gives it another name.

The files beside this one are a topic folder like any other, linted, typed and run by the tests.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

from harness.errors import AssayError
from harness.schema import STRANDS
from harness.suggest import choices

MODULES: Final = ("world.py", "theory.py", "experiment.py")
THEORIES: Final = "theories.yaml"

_NAME: Final = re.compile(r"[a-z][a-z0-9]*([_-][a-z0-9]+)*")
_OWN: Final = "harness.skeleton"
_SCHEMA: Final = "# yaml-language-server: $schema=../prediction.schema.json\n"
_TEST_IMPORTS: Final = f"from {_OWN} import theory\nfrom {_OWN}.world import Setup\n"
_LOADED: Final = """\
from harness.topic import load_module

theory = load_module(Path(__file__).parent, "theory")
Setup = load_module(Path(__file__).parent, "world").Setup
"""


@dataclass(frozen=True)
class Name:
    """Where a claim belongs and what it is called: the folder in snake case, the id in kebab."""

    strand: str
    topic: str

    @property
    def id(self) -> str:
        """The id of the prediction."""
        return self.topic.replace("_", "-")

    @property
    def test_file(self) -> str:
        """The file of the theory's tests."""
        return f"test_{self.topic}_theory.py"


def parse_name(text: str) -> Name:
    """Read `STRAND/TOPIC`, either part in snake or kebab case; raises AssayError."""
    strand, slash, topic = text.strip("/").partition("/")
    strand = strand.replace("-", "_")
    if not slash:
        raise AssayError(
            f"'{text}' is not a strand and a topic",
            remedy=f"Write, say, {STRANDS[0]}/my_topic; strands are {', '.join(STRANDS)}.",
            path="STRAND/TOPIC",
        )
    if strand not in STRANDS:
        raise AssayError(
            f"there is no strand '{strand}'", remedy=choices(strand, STRANDS), path="STRAND/TOPIC"
        )
    folder = topic.replace("-", "_")
    if not _NAME.fullmatch(topic) or keyword.iskeyword(folder):
        raise AssayError(
            f"'{topic}' cannot name a folder of Python code",
            remedy="Use small letters, digits and underscores, such as my_topic.",
            path="STRAND/TOPIC",
        )
    return Name(strand, folder)


def filled(name: Name, *, schema: str | None, package: bool) -> Mapping[str, str]:
    """Return the files of a new claim, text by file name.

    `schema` leads from the topic folder to the JSON Schema, if there is one. With `package` the
    tests import `predictions.STRAND.TOPIC`, else they lie in the topic folder and load their
    neighbours.
    """
    line = "" if schema is None else _SCHEMA.replace("../prediction.schema.json", schema)
    yaml = _text("skeleton.yaml").replace(_SCHEMA, line)
    yaml = yaml.replace("id: skeleton\n", f"id: {name.id}\n")
    yaml = yaml.replace("strand: tractable_limits\n", f"strand: {name.strand}\n")
    test = _text("test_theory.py")
    if package:
        test = test.replace(_OWN, f"predictions.{name.strand}.{name.topic}")
    else:
        test = test.replace(_TEST_IMPORTS, _LOADED)
        test = test.replace("import replace\n", "import replace\nfrom pathlib import Path\n")
    modules = {module: _text(module) for module in MODULES}
    return {f"{name.id}.yaml": yaml, **modules, name.test_file: test}


def theory_entries() -> Mapping[str, str]:
    """Return what theories.yaml says about the skeleton's theories, by id."""
    entries = re.split(r"^(?=\S)", _text(THEORIES), flags=re.M)[1:]
    return {entry.partition(":")[0]: entry.rstrip() + "\n" for entry in entries}


def _text(name: str) -> str:
    return (files(_OWN) / name).read_text(encoding="utf-8")
