"""The theories on trial: theories.yaml, the nearest one above a topic folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field, TypeAdapter, ValidationError

from harness.errors import AssayErrors
from harness.explain import Parts, explain
from harness.fields import Kebab, Model, Text
from harness.schema import Source
from harness.strict_yaml import load

FILE_NAME: Final = "theories.yaml"


class TheoryBody(Model):
    """One entry of theories.yaml, below its id."""

    title: Text = Field(description="name in words")
    references: Annotated[tuple[Source, ...], Field(min_length=1, strict=False)] = Field(
        description="publications"
    )
    scope: Text = Field(description="what it speaks about, in one line")
    regime: Text | None = Field(default=None, description="where it claims to hold")


class Theory(TheoryBody):
    """A named body of theory."""

    id: Kebab


_PARTS: Final[Parts] = {("*",): TheoryBody, ("*", "references", "*"): Source}
_FILE: Final = TypeAdapter(dict[Kebab, TheoryBody])


def find_above(folder: Path, name: str) -> Path | None:
    """Return the file `name` in `folder` or in its nearest ancestor that has one."""
    folder = folder.absolute()
    places = (place / name for place in (folder, *folder.parents))
    return next((file for file in places if file.is_file()), None)


def find_theories(folder: Path) -> Path | None:
    """Return the theories.yaml that counts for a topic folder."""
    return find_above(folder, FILE_NAME)


def read_theories(file: Path) -> Mapping[str, Theory]:
    """Read a theories.yaml, by id; raises AssayError."""
    document = load(file)
    try:
        entries = _FILE.validate_python(document.data)
    except ValidationError as error:
        raise AssayErrors(explain(error, document, _PARTS)) from None
    return {name: Theory(id=name, **dict(entry)) for name, entry in entries.items()}
