"""One prediction on the page: claim, results by tier, figures, tolerances and their reasons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.leaderboard import wording
from harness.leaderboard.board import Entry, Run
from harness.leaderboard.markup import Markup, element, join
from harness.leaderboard.parts import badge, figure, scrolling_table, verdict
from harness.leaderboard.plots.dots import errors_figure
from harness.leaderboard.plots.pictures import figures
from harness.plan import CLAIM


def article(entries: Sequence[Entry], prefix: str) -> Markup:
    """Return the section of a prediction; its largest tier with a result gets all the figures."""
    first = entries[0]
    ran = [entry for entry in entries if entry.run is not None]
    main = max(ran, key=lambda entry: (entry.current, entry.tier == "full"), default=first)
    others = [entry for entry in entries if entry is not main]
    return element(
        "article",
        element("h2", first.title),
        element("p", first.claim, class_="claim"),
        _about(first, prefix),
        _result(main, in_full=True),
        *(_result(entry, in_full=False) for entry in others),
        id=first.id,
    )


def _about(entry: Entry, prefix: str) -> Markup:
    references = [
        element("a", reference.text, href=reference.link) if reference.link else reference.text
        for reference in entry.references
    ]
    lines: list[Markup] = [
        join(
            "File: ",
            element("a", entry.file, href=f"{prefix}{entry.file}"),
            f". Strand: {entry.strand.replace('_', ' ')}.",
        ),
        *(join("Source: ", reference, ".") for reference in references),
    ]
    if entry.free_parameters:
        lines.append(join(f"Constants fitted to data: {entry.free_parameters}."))
    lines += [
        join(f"Revision {change.number} of {change.date}: {change.reason}")
        for change in entry.changes
    ]
    if entry.finding:
        lines.append(join(element("b", "Finding: "), entry.finding))
    return element("ul", *(element("li", line) for line in lines), class_="about")


def _result(entry: Entry, *, in_full: bool) -> Markup:
    head = element("h3", f"{entry.tier} tier ", badge(entry))
    note = element("p", entry.note, class_="note") if entry.note else ""
    if entry.run is None:
        return join(head, note)
    errors = errors_figure(entry)
    body = join(
        _facts(entry, entry.run),
        "" if errors is None else figure(errors),
        _theories(entry),
        element("div", *(figure(drawn) for drawn in figures(entry)), class_="figures")
        if in_full
        else "",
        _tolerances(entry) if in_full else "",
        _health(entry),
    )
    if in_full:
        return join(head, note, body)
    return join(head, note, element("details", element("summary", "Result at this tier"), body))


def _facts(entry: Entry, run: Run) -> Markup:
    facts = {
        "error in tolerances": wording.error_of(entry),
        "resolving power": wording.number(entry.resolving_power),
        "seeds": str(run.seeds),
        **wording.costs(run.cost),
        "device": run.device,
        "run": run.time.replace("T", " ").replace("+00:00", " UTC"),
        "commit": run.commit or "none",
    }
    pairs = (element("div", element("dt", k), element("dd", v)) for k, v in facts.items())
    return element("dl", *pairs, class_="facts")


def _theories(entry: Entry) -> Markup:
    rows: list[Sequence[str]] = []
    for theory in entry.theories:
        role = "the claim" if theory.is_claim else "rival"
        name = join(theory.theory, element("span", role, class_="sub"))
        error = f"{wording.number(theory.error)} {wording.span(theory.interval)}".strip()
        mark = verdict(theory.verdict, theory.surprising)
        finding = element("span", theory.finding, class_="sub") if theory.finding else ""
        rows.append((name, theory.expect, mark, error, join(theory.reason, finding)))
    for control in entry.controls:
        name = join(control.control, element("span", "control", class_="sub"))
        mark = verdict(control.verdict, control.surprising)
        because = element("span", control.because, class_="sub")
        error = wording.number(control.error)
        rows.append((name, "fail", mark, error, join(control.reason, because)))
    header = ("theory or control", "expected", "verdict", "error in tolerances", "why")
    return scrolling_table(f"Theories and controls of {entry.id}", header, rows, "wordy")


def _tolerances(entry: Entry) -> Markup:
    rows: list[Sequence[str]] = []
    sizes = _sizes(entry)
    for name, spec in entry.observables.items():
        over = f" over {', '.join(spec.over)}" if spec.over else ""
        reasons = "; ".join(f"{reason}: {size:g}" for reason, size in spec.because.items())
        rows.append((name, spec.unit, f"{spec.compare}{over}", sizes.get(name, "–"), reasons))
    header = ("observable", "unit", "compared as", "tolerance", "because")
    return scrolling_table(f"Tolerances of {entry.id}", header, rows, "wordy")


def _sizes(entry: Entry) -> Mapping[str, str]:
    """Return the tolerances that the result was judged with, in words."""
    rows = () if entry.trial is None else entry.trial["rows"]
    return {
        row["observable"]: f"{row['tolerance']:g} {row['tolerance_kind']}"
        for row in rows
        if row["case"] == CLAIM
    }


def _health(entry: Entry) -> Markup:
    lines = []
    for finding in entry.health:
        end = f"accepted: {finding.suppressed}" if finding.suppressed else finding.remedy
        said = f" {wording.sentence(finding.summary)} {wording.sentence(end)}"
        lines.append(element("li", element("b", f"{finding.check}."), said))
    return element("ul", *lines, class_="health") if lines else Markup()
