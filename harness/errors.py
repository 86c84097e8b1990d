"""Errors that a user can act on: where it is, what is wrong, what to do; and the exit codes."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


class Exit(enum.IntEnum):
    """Exit codes of the command line."""

    OK = 0
    """Every verdict is the expected one and every control failed."""
    UNEXPECTED = 1
    """A verdict differs from its `expect`, or a control passed."""
    USAGE = 2
    """A wrong command or an invalid file."""
    INCONCLUSIVE = 3
    """Something stayed undecided (only with `--strict`)."""
    RUN_ERROR = 4
    """An experiment or a forecast broke while running."""


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing that is wrong, where it is, and its remedy."""

    what: str
    remedy: str = ""
    file: Path | None = None
    line: int | None = None
    path: str = ""

    def __str__(self) -> str:
        where = [] if self.file is None else [_shown(self.file), self.line]
        place = "".join(f"{part}:" for part in where if part is not None)
        key = f"{self.path}:" if self.path else ""
        said = (place, key, _sentence(self.what), _advice(self.remedy))
        return " ".join(part for part in said if part)


class AssayError(Exception):
    """A mistake in a file or a command; its text is all that the user needs to see.

    Attributes: `file`, `line` (1-based), `path` (dotted key), `what`, `remedy`.
    """

    def __init__(
        self,
        what: str,
        *,
        remedy: str = "",
        file: Path | None = None,
        line: int | None = None,
        path: str = "",
    ) -> None:
        self._problems: tuple[Problem, ...] = (
            Problem(what=what, remedy=remedy, file=file, line=line, path=path),
        )
        super().__init__(str(self._problems[0]))

    @classmethod
    def of(cls, problem: Problem) -> AssayError:
        """Return the error that carries one problem."""
        return AssayError(
            problem.what,
            remedy=problem.remedy,
            file=problem.file,
            line=problem.line,
            path=problem.path,
        )

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Everything that is wrong (one problem, unless this is an AssayErrors)."""
        return self._problems

    @property
    def file(self) -> Path | None:
        """The file at fault."""
        return self._problems[0].file

    @property
    def line(self) -> int | None:
        """Its line, from 1."""
        return self._problems[0].line

    @property
    def path(self) -> str:
        """The dotted key inside the file."""
        return self._problems[0].path

    @property
    def what(self) -> str:
        """What is wrong."""
        return self._problems[0].what

    @property
    def remedy(self) -> str:
        """What to do about it."""
        return self._problems[0].remedy

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self._problems)

    def __reduce__(self) -> tuple[object, ...]:
        return _restore, (self._problems,)


class AssayErrors(AssayError):  # noqa: N818 - several of them
    """Several problems at once; the attributes of AssayError are those of the first."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self._problems = tuple(problems)
        if not self._problems:
            raise ValueError("AssayErrors needs at least one problem")
        Exception.__init__(self, str(self))


def _restore(problems: tuple[Problem, ...]) -> AssayError:
    """Rebuild an error from its problems (errors travel between processes)."""
    return AssayError.of(problems[0]) if len(problems) == 1 else AssayErrors(problems)


def raise_all(problems: Iterable[Problem]) -> None:
    """Raise one error with all `problems`; do nothing when there is none."""
    found = tuple(problems)
    if found:
        raise _restore(found)


def _sentence(text: str) -> str:
    return text if text.endswith((".", "?", "!")) else f"{text}."


def _advice(text: str) -> str:
    return _sentence(text[:1].upper() + text[1:]) if text else ""


def _shown(file: Path) -> Path:
    """Return the file relative to the working folder where it lies inside."""
    try:
        return file.relative_to(Path.cwd())
    except ValueError:
        return file
