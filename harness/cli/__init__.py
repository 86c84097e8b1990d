"""The command line: `assay VERB ...`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Final

from harness.errors import AssayError, Exit
from harness.runtime import limit_threads

VERBS: Final = {
    "list": "listing",
    "show": "show",
    "check": "check",
    "forecast": "forecast",
    "run": "run",
    "sweep": "sweep",
    "reproduce": "reproduce",
    "leaderboard": "leaderboard",
    "release": "release",
    "compare": "compare",
    "cite": "cite",
    "new": "new",
    "lock": "lock",
    "doctor": "doctor",
    "completion": "completion",
}
"""Module of each verb; only the one that is called is imported, so that `list` starts fast."""

COMPLETION_ASKED: Final = "_ARGCOMPLETE"
"""The environment variable with which a shell asks for completion."""


def parser(verb: str | None = None) -> argparse.ArgumentParser:
    """The parser of one verb, or of all."""
    root = argparse.ArgumentParser(
        prog="assay",
        description="Puts the theories of deep learning on trial.",
        epilog="Start with `assay list`, then `assay run ID`. Every verb has --help.",
    )
    verbs = root.add_subparsers(dest="verb", metavar="VERB", required=True)
    for name in [verb] if verb in VERBS else VERBS:
        import_module(f"harness.cli.{VERBS[name]}").add_parser(verbs)
    return root


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    limit_threads()
    sys.path.append(str(Path.cwd()))  # networks that a setup names may lie here
    if COMPLETION_ASKED in os.environ:
        import_module("harness.cli.completion").complete(parser, list(VERBS))
    given = list(sys.argv[1:] if arguments is None else arguments)
    chosen = parser(given[0] if given else None).parse_args(given)
    try:
        code = int(chosen.action(chosen))
        sys.stdout.flush()
    except AssayError as error:
        print(error, file=sys.stderr)
        return int(Exit.USAGE)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return int(Exit.OK)
    except KeyboardInterrupt:
        print("interrupted; finished units are kept and will not be run again", file=sys.stderr)
        return 130
    return code
