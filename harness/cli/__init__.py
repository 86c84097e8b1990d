"""The command line: `assay VERB ...`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from harness.cli import check, doctor, forecast, listing, lock, run, show
from harness.errors import AssayError, Exit
from harness.runtime import limit_blas_threads

VERBS = (listing, show, check, forecast, run, lock, doctor)


def parser() -> argparse.ArgumentParser:
    """The parser of all verbs."""
    root = argparse.ArgumentParser(
        prog="assay",
        description="Puts the theories of deep learning on trial.",
        epilog="Start with `assay list`, then `assay run ID`. Every verb has --help.",
    )
    verbs = root.add_subparsers(dest="verb", metavar="VERB", required=True)
    for module in VERBS:
        module.add_parser(verbs)
    return root


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    limit_blas_threads()
    chosen = parser().parse_args(arguments)
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
