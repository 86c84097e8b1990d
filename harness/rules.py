"""Rules between the parts of a prediction: names that must exist, what a tier may override."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Final, TypeAlias

from harness.errors import Problem
from harness.schema import STRANDS, Control, Prediction, Tier
from harness.strict_yaml import KeyPath, dotted
from harness.suggest import choices

Finding: TypeAlias = tuple[KeyPath, str, str]
"""Key path, what is wrong, remedy."""


def broken_rules(prediction: Prediction, theories: Collection[str] | None) -> list[Problem]:
    """Return everything that contradicts itself; `theories` are the registered ones, if known."""
    findings = [finding for rule in _RULES for finding in rule(prediction)]
    if theories is not None:
        findings += _unregistered_theories(prediction, theories)
    return [
        Problem(
            what=what,
            remedy=remedy,
            file=prediction.source,
            line=prediction.line(*path),
            path=dotted(path),
        )
        for path, what, remedy in findings
    ]


def _file_name(prediction: Prediction) -> Iterator[Finding]:
    stem = prediction.source.stem
    if prediction.id != stem:
        yield (
            ("id",),
            f"is '{prediction.id}', but the file is named '{stem}'",
            "Make the two equal.",
        )


def _strand_folder(prediction: Prediction) -> Iterator[Finding]:
    strand = _strand_of(prediction.folder)
    if strand is not None and strand != prediction.strand:
        if strand in STRANDS:
            yield (
                ("strand",),
                f"is '{prediction.strand}', but the folder is predictions/{strand}",
                "Move the folder, or correct the strand.",
            )
        else:
            yield (
                ("strand",),
                f"lies under predictions/{strand}, which is no strand",
                f"Move it to predictions/{prediction.strand}/.",
            )


def _strand_of(folder: Path) -> str | None:
    """Return the folder that stands between `predictions` and the topic, if there is one."""
    above = folder.parent
    return above.name if above.parent.name == "predictions" else None


def _disjoint_keys(prediction: Prediction) -> Iterator[Finding]:
    for axes in ("sweep", "grid"):
        for key in getattr(prediction, axes):
            elsewhere = [
                other
                for other in ("setup", "sweep")
                if other != axes and key in getattr(prediction, other)
            ]
            if elsewhere:
                yield (
                    (axes, key),
                    f"is given in {elsewhere[0]} as well",
                    "Keep each key in one place: setup, sweep or grid.",
                )


def _overrides(prediction: Prediction) -> Iterator[Finding]:
    """Tiers and controls may only override keys that the prediction has."""
    parts: list[tuple[KeyPath, Tier | Control]] = [
        *((("tiers", name), tier) for name, tier in prediction.tiers.items()),
        *((("controls", name), control) for name, control in prediction.controls.items()),
    ]
    for path, part in parts:
        for place in ("setup", "sweep", "grid"):
            known = getattr(prediction, place)
            for key in getattr(part, place):
                if key not in known:
                    yield (*path, place, key), *_no_such_key(prediction, key, place)


def _no_such_key(prediction: Prediction, key: str, place: str) -> tuple[str, str]:
    for other in ("setup", "sweep", "grid"):
        if key in getattr(prediction, other):
            return f"'{key}' is a {other} key, not a {place} key", f"Override it under {other}:."
    return f"{place} has no key '{key}' to override", choices(key, getattr(prediction, place))


def _tightened(prediction: Prediction) -> Iterator[Finding]:
    for name, tier in prediction.tiers.items():
        for observable, tighten in tier.tighten.items():
            path = ("tiers", name, "tighten", observable)
            if observable not in prediction.observables:
                yield (
                    path,
                    f"there is no observable '{observable}'",
                    choices(observable, prediction.observables),
                )
                continue
            base = prediction.observables[observable].tolerance
            if tighten.tolerance.kind != base.kind:
                yield (
                    (*path, "tolerance"),
                    f"is {tighten.tolerance.kind}, but the observable's tolerance is {base.kind}",
                    "A tier keeps the kind of tolerance.",
                )
            elif tighten.tolerance.size >= base.size:
                yield (
                    (*path, "tolerance"),
                    f"{tighten.tolerance.size:g} is not smaller than {base.size:g}",
                    "A tier may only tighten a tolerance.",
                )


def _axes(prediction: Prediction) -> Iterator[Finding]:
    """What is compared along must be an axis; own axes must not be named like varied keys."""
    varied = {**prediction.sweep, **prediction.grid}
    for name, observable in prediction.observables.items():
        for dim in observable.dims:
            if dim in varied or dim in ("seed", *prediction.setup):
                yield (
                    ("observables", name, "dims"),
                    f"'{dim}' is a setup, sweep or grid key, or seed",
                    "dims names the raw array's own axes only.",
                )
        if observable.reduce is None:
            known = [*observable.dims, *varied]
            for axis in observable.axes:
                if axis not in known:
                    yield (
                        ("observables", name, "over"),
                        f"there is no axis '{axis}'",
                        choices(axis, known),
                    )


def _control_observables(prediction: Prediction) -> Iterator[Finding]:
    for name, control in prediction.controls.items():
        for observable in control.observables:
            if observable not in prediction.observables:
                yield (
                    ("controls", name, "observables"),
                    f"there is no observable '{observable}'",
                    choices(observable, prediction.observables),
                )


def _control_names(prediction: Prediction) -> Iterator[Finding]:
    if "claim" in prediction.controls:
        yield (
            ("controls", "claim"),
            "'claim' is the name of the claim itself",
            "Rename the control.",
        )


def _known_answer(prediction: Prediction) -> Iterator[Finding]:
    entries = prediction.theories.values()
    refuted = any(
        entry.expect == "fail" and (entry.finding or prediction.finding) for entry in entries
    )
    if not refuted and all(entry.expect != "pass" for entry in entries):
        yield (
            ("theories",),
            "no theory is expected to pass, and no failure is documented",
            "Give one `expect: pass`, or `expect: fail` with a `finding:`.",
        )


def _regimes(prediction: Prediction) -> Iterator[Finding]:
    known = {**prediction.setup, **prediction.sweep, **prediction.grid}
    for name, entry in prediction.theories.items():
        for key in entry.regime:
            if key not in known:
                yield (
                    ("theories", name, "regime", key),
                    f"there is no setup key '{key}'",
                    choices(key, known),
                )


def _tables(prediction: Prediction) -> Iterator[Finding]:
    """A table of forecasts names observables."""
    known = prediction.observables
    for place in ("theories", "controls"):
        for name, entry in getattr(prediction, place).items():
            if isinstance(entry.forecast, dict):
                for key in entry.forecast:
                    if key not in known:
                        yield (
                            (place, name, "forecast", key),
                            f"there is no observable '{key}'",
                            choices(key, known),
                        )


def _unregistered_theories(prediction: Prediction, theories: Collection[str]) -> Iterator[Finding]:
    for name in prediction.theories:
        if name not in theories:
            yield (
                ("theories", name),
                f"theories.yaml has no theory '{name}'",
                choices(name, theories),
            )


_RULES: Final[tuple[Callable[[Prediction], Iterator[Finding]], ...]] = (
    _file_name,
    _strand_folder,
    _disjoint_keys,
    _overrides,
    _tightened,
    _axes,
    _control_observables,
    _control_names,
    _known_answer,
    _regimes,
    _tables,
)
