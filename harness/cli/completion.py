"""`assay completion`: what a shell needs to complete verbs, options, ids and theories.

argcomplete asks the command itself at each TAB, which shtab's static scripts cannot: so ids and
theories are those of the folder that the user stands in. It serves all three shells and needs
nothing else. A TAB reads names of files only and takes a fraction of a second.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from harness.cli.common import FOLDER, RECORDS
from harness.errors import Exit
from harness.read import looks_like_prediction
from harness.schema import STRANDS
from harness.theories import FILE_NAME

SHELLS: Final[Mapping[str, str]] = {
    "bash": 'eval "$(assay completion bash)"  # in ~/.bashrc',
    "zsh": 'eval "$(assay completion zsh)"  # in ~/.zshrc, after compinit',
    "fish": "assay completion fish | source  # in ~/.config/fish/config.fish",
}
"""Shells, and the line that turns completion on."""

Completer = Callable[..., Any]


def add_parser(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb."""
    parser = verbs.add_parser(
        "completion",
        help="completion for a shell",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="\n".join(["turn it on:", *(f"  {line}" for line in SHELLS.values())]),
    )
    parser.add_argument("shell", choices=list(SHELLS))
    parser.set_defaults(action=run)


def run(chosen: argparse.Namespace) -> int:
    """Print the script that makes a shell ask `assay`."""
    from argcomplete.shell_integration import shellcode

    print(shellcode(["assay"], shell=chosen.shell))
    return Exit.OK


def complete(parser: Callable[[str | None], argparse.ArgumentParser], names: list[str]) -> None:
    """Answer a shell that asked, and leave the process.

    `parser` makes the parser of one verb, `names` are all verbs: as long as the verb is not
    written none of their modules is imported.
    """
    from argcomplete import autocomplete

    written = _words(os.environ.get("COMP_LINE", ""), int(os.environ.get("COMP_POINT", "0")))
    verb = written[1] if len(written) > 2 and written[1] in names else None
    asked = _verbs_alone(names) if verb is None else parser(verb)
    for action in _actions(asked):
        completer = _COMPLETERS.get(action.dest)
        if completer is not None and action.choices is None:
            action.completer = completer  # type: ignore[attr-defined]
    autocomplete(asked, always_complete_options=False)


def ids(root: Path | None = None) -> list[str]:
    """Return the ids of the predictions below a folder: the names of their files."""
    folder = root or (FOLDER if FOLDER.is_dir() else Path())
    found = (path for path in folder.rglob("*.y*ml") if looks_like_prediction(path))
    return sorted({path.stem for path in found})


def theories(root: Path | None = None) -> list[str]:
    """Return the ids of the theories that are described below a folder."""
    folder = root or (FOLDER if FOLDER.is_dir() else Path())
    texts = (path.read_text(encoding="utf-8") for path in folder.rglob(FILE_NAME))
    return sorted({name for text in texts for name in re.findall(r"^([a-z0-9-]+):", text, re.M)})


def _ids(parsed_args: argparse.Namespace, **_: Any) -> list[str]:
    return ids(getattr(parsed_args, "predictions", None))


def _theories(parsed_args: argparse.Namespace, **_: Any) -> list[str]:
    return theories(getattr(parsed_args, "predictions", None))


def _selectors(prefix: str, parsed_args: argparse.Namespace, **_: Any) -> list[str]:
    """Ids, strands and theories; a colon and what stands before it is the shell's affair."""
    root = getattr(parsed_args, "predictions", None)
    match prefix.partition(":")[0]:
        case "strand":
            return [f"strand:{name}" for name in STRANDS]
        case "theory":
            return [f"theory:{name}" for name in theories(root)]
    return [*ids(root), "strand:", "theory:"]


def _records(parsed_args: argparse.Namespace, **_: Any) -> list[str]:
    return [*ids(), *map(str, sorted(RECORDS.glob("*.json")))]


def _tiers(**_: Any) -> list[str]:
    return ["smoke", "full"]


def _strands(**_: Any) -> list[str]:
    return list(STRANDS)


def _places(**_: Any) -> list[str]:
    return [f"{strand}/" for strand in STRANDS]


_COMPLETERS: Final[Mapping[str, Completer]] = {
    "id": _ids,
    "selector": _selectors,
    "record": _records,
    "theory": _theories,
    "theories": _theories,
    "on": _selectors,
    "strand": _strands,
    "name": _places,
    "tier": _tiers,
}
"""What completes the value of an argument, by the name under which it is stored."""


def _words(line: str, point: int) -> list[str]:
    """Return the words of a command line as far as the cursor; the last one may be empty."""
    typed = line[:point]
    try:
        words = shlex.split(typed)
    except ValueError:  # a quotation that is not closed
        words = typed.split()
    return [*words, ""] if typed[-1:].isspace() else words


def _verbs_alone(names: list[str]) -> argparse.ArgumentParser:
    root = argparse.ArgumentParser(prog="assay")
    verbs = root.add_subparsers(dest="verb")
    for name in names:
        verbs.add_parser(name)
    return root


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    for action in parser._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                yield from _actions(inner)
