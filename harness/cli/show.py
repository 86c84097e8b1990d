"""`assay show`: one prediction in full."""

from __future__ import annotations

import argparse
import textwrap

from harness.cli.common import (
    LOCAL_RECORDS,
    RECORDS,
    add_json_option,
    add_tree_option,
    one,
    print_json,
    registry,
)
from harness.errors import Exit
from harness.record import local_records, plain, read_records
from harness.schema import Prediction
from harness.text import trial_lines


def add_parser(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb."""
    parser = verbs.add_parser("show", help="claim, theories, tolerances and why, last verdict")
    parser.add_argument("id", help="id of a prediction")
    add_tree_option(parser)
    add_json_option(parser)
    parser.set_defaults(action=run)


def run(chosen: argparse.Namespace) -> int:
    """Show a prediction and the last records of it."""
    prediction = one(registry(chosen), chosen.id)
    records = [
        record
        for record in (*read_records(RECORDS), *local_records(LOCAL_RECORDS))
        if record["id"] == prediction.id
    ]
    records.sort(key=lambda record: str(record["provenance"]["time"]))
    if chosen.json:
        declared = prediction.model_dump(mode="json", exclude_none=True)
        last = records[-1] if records else None
        print_json({"prediction": plain(declared), "last_record": last})
        return Exit.OK
    print("\n".join(describe(prediction)))
    if records:
        last = records[-1]
        print(f"\nlast verdict ({last['provenance']['time']}, {last['provenance']['device']})")
        print("\n".join(f"  {line}" for line in trial_lines(last["trial"])))
    else:
        print(f"\nno record yet: assay run {prediction.id}")
    return Exit.OK


def describe(prediction: Prediction) -> list[str]:
    """A prediction in words."""

    def wrapped(text: str, indent: int = 2) -> list[str]:
        return textwrap.wrap(
            " ".join(text.split()), 96, initial_indent=" " * indent, subsequent_indent=" " * indent
        )

    lines = [f"{prediction.id}: {prediction.title}", *wrapped(prediction.claim)]
    if prediction.finding:
        lines += ["finding", *wrapped(prediction.finding)]
    if prediction.retired:
        lines += ["retired", *wrapped(prediction.retired)]
    lines.append("observables")
    for name, spec in prediction.observables.items():
        over = f" over {', '.join(spec.axes)}" if spec.axes else ""
        lines.append(
            f"  {name} [{spec.unit}]: {spec.compare}{over}, "
            f"{spec.tolerance.kind} tolerance {spec.tolerance.size:g}"
        )
        lines += [f"    {share:<8g} {reason}" for reason, share in spec.because.items()]
    lines.append("theories")
    for name, entry in prediction.theories.items():
        lines.append(
            f"  {name}: expected to {entry.expect}" if entry.expect != "open" else f"  {name}: open"
        )
        lines += wrapped(entry.finding or "", 4)
    lines.append("controls (must fail)")
    for name, control in prediction.controls.items():
        lines += wrapped(f"{name}: {control.because}")
    lines.append("setup")
    varied = {**prediction.sweep, **prediction.grid}
    for key, value in {**prediction.setup, **varied}.items():
        lines.append(f"  {key} = {list(value) if isinstance(value, tuple) else value}")
    lines.append("tiers")
    for name, tier in prediction.tiers.items():
        changed = {**tier.setup, **tier.sweep, **tier.grid}
        sizes = ", ".join(f"{key} = {value}" for key, value in changed.items())
        lines.append(
            f"  {name}: {tier.seeds} to {tier.max_seeds} seeds{'; ' if sizes else ''}{sizes}"
        )
    lines.append("sources")
    for source in prediction.sources:
        where = f", {source.where}" if source.where else ""
        arxiv = f", arXiv:{source.arxiv}" if source.arxiv else ""
        lines += wrapped(f"{source.authors} ({source.year}): {source.title}{arxiv}{where}")
    lines.append(f"file {prediction.source}, revision {prediction.revision.number}")
    return lines
