"""Plain text for people: a row in five lines, a trial in a few, a table of trials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

Json = Mapping[str, Any]

_MARK: Final = {
    "pass": "PASS",
    "fail": "FAIL",
    "inconclusive": "UNDECIDED",
    "out-of-scope": "OUT OF SCOPE",
    "error": "ERROR",
    "vacuous": "VACUOUS",
}
_SHOWN_VALUES: Final = 6


def number(value: float | None) -> str:
    """A number with three significant digits."""
    return "-" if value is None else f"{value:.3g}"


def values(nested: Any) -> str:
    """A number, or the first few of an array."""
    flat = _flatten(nested)
    if len(flat) == 1:
        return number(flat[0])
    shown = ", ".join(number(value) for value in flat[:_SHOWN_VALUES])
    return f"[{shown}{', ...' if len(flat) > _SHOWN_VALUES else ''}]"


def row_in_five_lines(row: Json, claim: str) -> list[str]:
    """Claim, forecast, measurement, interval and tolerance of one judged observable."""
    kind = "" if row["tolerance_kind"] == "absolute" else f" ({row['tolerance_kind']})"
    measured = row["measured"]
    forecast = row["forecast"]
    mean = "-" if measured is None else values(measured["mean"]["values"])
    stderr = "-" if measured is None else values(measured["stderr"]["values"])
    low, high = row["interval"] or (None, None)
    return [
        f"claim        {claim}",
        f"forecast     {row['theory']} says {row['observable']} = "
        f"{'-' if forecast is None else values(forecast['values'])} {row['unit']}",
        f"measurement  {mean} +- {stderr} over {row['seeds']} seeds (case: {row['case']})",
        f"interval     discrepancy {number(row['discrepancy'])} in "
        f"[{number(low)}, {number(high)}]{kind}",
        f"tolerance    {number(row['tolerance'])}{kind}: {_MARK[row['verdict']]}, {row['reason']}",
    ]


def trial_lines(trial: Json) -> list[str]:
    """A finished trial: one line a theory and control, then what its health checks found."""
    lines = [
        f"{trial['id']} [{trial['tier']}] {trial['seeds']} seeds, "
        f"resolving power {number(trial['resolving_power'])}, {trial['wall_s']:.1f} s"
    ]
    for outcome in trial["theories"]:
        surprise = "" if as_expected(outcome) else f"  (expected: {outcome['expect']})"
        error = worst_error(trial, outcome["theory"])
        lines.append(
            f"  {_MARK[outcome['verdict']]:<12} {outcome['theory']:<28} "
            f"{number(error):>8} tolerances  {outcome['reason']}{surprise}"
        )
    for control in trial["controls"]:
        mark = {"fail": "fails, as it must", "pass": "PASSES"}.get(
            control["verdict"], _MARK[control["verdict"]]
        )
        lines.append(
            f"  control      {control['control']:<28} "
            f"{number(control['error_in_tolerances']):>8} tolerances  {mark}: {control['reason']}"
        )
    for finding in trial["health"]:
        tail = (
            f"suppressed: {finding['suppressed']}"
            if finding["suppressed"]
            else f"remedy: {finding['remedy']}"
        )
        lines.append(f"  health       {finding['check']}: {finding['summary']} ({tail})")
    return lines


def as_expected(outcome: Json) -> bool:
    """Whether a theory's verdict is the declared one."""
    return outcome["expect"] in ("open", outcome["verdict"])


def worst_error(trial: Json, theory: str, case: str = "claim") -> float | None:
    """The largest error in tolerances of a theory over the observables of a case."""
    errors = [
        row["error_in_tolerances"]
        for row in trial["rows"]
        if row["theory"] == theory
        and row["case"] == case
        and row["error_in_tolerances"] is not None
    ]
    return max(errors, default=None)


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A table in aligned columns."""
    cells = [list(header), *(list(row) for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    ]
    return [lines[0], "  ".join("-" * width for width in widths), *lines[1:]]


def trials_table(trials: Sequence[Json]) -> list[str]:
    """One line a trial: verdict of the claim, error, resolving power, rivals and controls."""
    rows = []
    for trial in trials:
        claim = claim_outcome(trial)
        rivals = [outcome for outcome in trial["theories"] if outcome is not claim]
        surprises = sum(not as_expected(outcome) for outcome in rivals)
        failing = sum(control["verdict"] == "fail" for control in trial["controls"])
        rows.append(
            [
                trial["id"],
                trial["tier"],
                _MARK[claim["verdict"]],
                number(worst_error(trial, claim["theory"])),
                number(trial["resolving_power"]),
                f"{len(rivals) - surprises}/{len(rivals)}",
                f"{failing}/{len(trial['controls'])}",
                str(trial["seeds"]),
                f"{trial['wall_s']:.1f}",
            ]
        )
    header = (
        "prediction",
        "tier",
        "verdict",
        "error/tol",
        "resolving",
        "rivals ok",
        "controls fail",
        "seeds",
        "s",
    )
    return table(header, rows)


def claim_outcome(trial: Json) -> Json:
    """The outcome of the claim's own theory."""
    passing = [outcome for outcome in trial["theories"] if outcome["expect"] == "pass"]
    return (passing or trial["theories"])[0]  # type: ignore[no-any-return]


def _flatten(nested: Any) -> list[float | None]:
    if isinstance(nested, list):
        return [value for item in nested for value in _flatten(item)]
    return [nested]
