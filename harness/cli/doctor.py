"""`assay doctor`: is this machine ready, and what would be different elsewhere."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from harness.cli.common import add_json_option, print_json
from harness.errors import Exit
from harness.provenance import provenance
from harness.runtime import cache_dir

MINIMUM_PYTHON = (3, 11)


def add_parser(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb."""
    parser = verbs.add_parser("doctor", help="is this machine ready")
    add_json_option(parser)
    parser.set_defaults(action=run)


def run(chosen: argparse.Namespace) -> int:
    """Report versions, device, threads and cache; exit 4 when a run could not work."""
    facts = {**provenance(Path.cwd()), "cache": str(cache_dir()), "load": os.getloadavg()[0]}
    findings = _findings(facts)
    if chosen.json:
        print_json({**facts, "findings": findings})
    else:
        for key, value in facts.items():
            shown = (
                ", ".join(f"{name} {version}" for name, version in value.items())
                if isinstance(value, dict)
                else value
            )
            print(f"{key:<18}{shown}")
        for finding in findings:
            print(f"{finding['severity']}: {finding['summary']} ({finding['remedy']})")
        if not findings:
            print("no findings")
    return Exit.RUN_ERROR if any(f["severity"] == "error" for f in findings) else Exit.OK


def _findings(facts: dict[str, object]) -> list[dict[str, str]]:
    found = []
    if sys.version_info < MINIMUM_PYTHON:
        found.append(("error", "Python is older than 3.11", "install a newer one"))
    if not _writable(cache_dir()):
        found.append(
            ("warning", "the cache folder is not writable", "set ASSAY_CACHE_DIR to one that is")
        )
    if facts["device"] == "cpu":
        found.append(("note", "no accelerator: the full tier will be slow", "use --tier smoke"))
    load, cpus = facts["load"], facts["cpus"]
    if isinstance(load, float) and isinstance(cpus, int) and load > cpus:
        found.append(
            ("warning", f"load {load:.1f} on {cpus} cores", "timings will be too long; wait")
        )
    return [
        {"severity": severity, "summary": summary, "remedy": remedy}
        for severity, summary, remedy in found
    ]


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK)
