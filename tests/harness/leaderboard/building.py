"""A suite with one prediction of every kind, and records of it made without training."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import xarray as xr
import yaml

from harness.compare import Comparison, compare
from harness.judge import Criterion, Verdict, judge
from harness.leaderboard.board import Board
from harness.lock import promise_hash
from harness.outcome import ControlOutcome, Finding, Measured, Row, Series, TheoryOutcome, Trial
from harness.read import Registry, read_tree
from harness.record import plain
from harness.schema import Prediction
from harness.work import Cost

SEEDS = 16
COST: Mapping[str, float] = MappingProxyType(
    {
        "run_s": 12.5,
        "compile_s": 3.0,
        "forecast_s": 0.5,
        "judge_s": 0.25,
        "units": 4,
        "stored_units": 0,
        "steps": 2_100_000,
        "flops": 1_200_000_000_000,
        "peak_bytes": 340_000_000,
    }
)
NO_AXES: Mapping[str, Any] = MappingProxyType({})

WORLD = '''
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field


@dataclass(frozen=True, kw_only=True)
class Setup:
    """A world."""

    dim: Annotated[int, Field(gt=0, description="dimension")]
'''


def prediction(name: str, strand: str, observables: Mapping[str, Any], **more: Any) -> str:
    """The YAML text of a prediction; extra keys replace the defaults."""
    content = {
        "id": name,
        "title": f"Title of {name}",
        "claim": f"The claim of {name}.",
        "strand": strand,
        "sources": [{"title": "A paper", "authors": "A, B", "year": 2020, "arxiv": "2001.00001"}],
        "experiment": "experiment.train",
        "setup": {"dim": 10},
        "tiers": {"smoke": {"seeds": SEEDS}, "full": {"seeds": SEEDS}},
        "observables": observables,
        "theories": {
            "good": {"forecast": {first(observables): 1.0}, "expect": "pass"},
            "bad": {"forecast": {first(observables): 2.0}, "expect": "fail"},
        },
        "controls": {"broken": {"setup": {"dim": 1}, "because": "dimension <1> breaks it & all"}},
    }
    return yaml.safe_dump({**content, **more}, sort_keys=False)


def first(items: Mapping[str, Any]) -> str:
    return next(iter(items))


def observable(compare: str, tolerance: Mapping[str, float], **more: Any) -> dict[str, Any]:
    size = next(iter(tolerance.values()))
    return {
        "unit": "1",
        "compare": compare,
        "tolerance": dict(tolerance),
        "because": {"finite size": size},
        **more,
    }


SUITE: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "curves": (
        "solvable_settings",
        {
            "overlap": observable("curve", {"absolute": 0.1}, over="time", dims=["time"]),
            "height": observable("value", {"relative": 0.1}, of="overlap", reduce="experiment.top"),
        },
        {"claim": "The overlap rises & falls when theta < 4, as <script>alert(1)</script> says."},
    ),
    "locations": (
        "hyperparameters",
        {"loss": observable("argmin", {"absolute": 1.0}, over="log2_lr", dims=["log2_lr"])},
        {"finding": "The optimum *does* drift."},
    ),
    "exponents": (
        "empirical_laws",
        {"risk": observable("exponent", {"absolute": 0.1}, over="width", dims=["width"])},
        {},
    ),
    "phases": (
        "solvable_settings",
        {
            "phase": observable(
                "label", {"absolute": 0.1}, dims=["theta"], labels=["never", "transient", "always"]
            )
        },
        {},
    ),
    "numbers": (
        "tractable_limits",
        {
            "ratio": observable("value", {"log": 0.2}, unit="1/eta"),
            "ceiling": observable("bound", {"absolute": 0.1}, side="upper"),
            "between": observable("window", {"absolute": 0.1}),
        },
        {"free_parameters": 1},
    ),
    "laws": (
        "universality",
        {"spectrum": observable("distribution", {"absolute": 0.2}, distance="ks")},
        {},
    ),
    "orders": (
        "universality",
        {
            "rank": observable("order", {"absolute": 0.1}, over="depth", dims=["depth"]),
            "cost": observable("value", {"absolute": 0.1}, dims=["optimiser"]),
        },
        {},
    ),
    "unrun": ("empirical_laws", {"x": observable("value", {"absolute": 0.1})}, {}),
    "gone": (
        "empirical_laws",
        {"x": observable("value", {"absolute": 0.1})},
        {"retired": "The measurement was at fault."},
    ),
}


@dataclass(frozen=True)
class Said:
    """A theory's or control's measurement and forecast of one observable."""

    observable: str
    measured: xr.DataArray
    forecast: xr.DataArray
    case: str = "claim"
    theory: str = "good"


def noisy(mean: Any, axes: Mapping[str, Any] = NO_AXES, noise: float = 0.03) -> xr.DataArray:
    """A measurement: seeds scatter about a mean; `axes` holds its axes' coordinates by name."""
    mean = np.asarray(mean, dtype=float)
    rng = np.random.default_rng(mean.size)
    values = mean + noise * rng.standard_normal((SEEDS, *mean.shape))
    return xr.DataArray(values, dims=("seed", *axes), coords=dict(axes))


def told(values: Any, axes: Mapping[str, Any] = NO_AXES) -> xr.DataArray:
    """A forecast."""
    return xr.DataArray(np.asarray(values, dtype=float), dims=tuple(axes), coords=dict(axes))


def series(array: xr.DataArray) -> Series:
    coords = {str(dim): array[dim].values.tolist() for dim in array.dims}
    return Series(tuple(map(str, array.dims)), coords, array.values.tolist())


def measured(array: xr.DataArray) -> Measured:
    stderr = array.std("seed", ddof=1) / np.sqrt(array.sizes["seed"])
    return Measured(series(array.mean("seed")), series(stderr), series(array))


def row(declared: Prediction, said: Said) -> Row:
    """Judge one measurement against one forecast, as a run does."""
    spec = declared.observables[said.observable]
    criterion = Criterion(
        observable=said.observable,
        compare=spec.compare,
        over=tuple(spec.axes),
        tolerance_kind=spec.tolerance.kind,
        tolerance=spec.tolerance.size,
        **{key: value for key, value in spec.options.items() if key != "over"},
    )
    found = judge(said.measured, said.forecast, criterion)
    return Row(
        case=said.case,
        theory=said.theory,
        observable=said.observable,
        unit=spec.unit,
        compare=spec.compare,
        verdict=found.verdict,
        reason=found.reason,
        tolerance=found.tolerance,
        tolerance_kind=spec.tolerance.kind,
        seeds=SEEDS,
        discrepancy=found.discrepancy,
        interval=found.interval,
        error_in_tolerances=found.error_in_tolerances,
        minimum_detectable=found.minimum_detectable,
        seeds_to_decide=found.seeds_to_decide,
        resolving_power=5.0,
        forecast=series(said.forecast),
        measured=measured(said.measured),
    )


def record(
    declared: Prediction,
    said: Sequence[Said],
    *,
    tier: str = "smoke",
    raw: Mapping[str, xr.DataArray] | None = None,
    verdicts: Mapping[str, Verdict] | None = None,
    health: Sequence[Finding] = (),
    **changes: Any,
) -> dict[str, Any]:
    """A record as a run writes it; `verdicts` overrides those of theories, `changes` its keys."""
    rows = tuple(row(declared, one) for one in said)
    theories = []
    for name, entry in declared.theories.items():
        mine = [r for r in rows if r.theory == name and r.case == "claim"]
        verdict = worst([r.verdict for r in mine])
        verdict = (verdicts or {}).get(name, verdict)
        theories.append(TheoryOutcome(name, entry.expect, verdict, mine[0].reason if mine else "-"))
    controls = []
    for name in declared.controls:
        mine = [r for r in rows if r.case == name]
        errors = [r.error_in_tolerances for r in mine if r.error_in_tolerances is not None]
        verdict = worst([r.verdict for r in mine])
        controls.append(ControlOutcome(name, verdict, "as measured", max(errors, default=None)))
    trial = Trial(
        id=declared.id,
        tier=tier,
        overrides={},
        seeds=SEEDS,
        rows=rows,
        theories=tuple(theories),
        controls=tuple(controls),
        resolving_power=5.0,
        health=tuple(health),
        raw={name: replace(measured(array), per_seed=None) for name, array in (raw or {}).items()},
        cost=Cost(),
        wall_s=9.0,
    )
    provenance = {
        "time": "2026-05-01T12:00:00+00:00",
        "git": {"commit": "0123456789abcdef", "dirty": False},
        "device": "cpu",
    }
    return {
        "format": 1,
        "id": declared.id,
        "title": declared.title,
        "claim": declared.claim,
        "strand": declared.strand,
        "tier": tier,
        "revision": declared.revision.number,
        "promise": promise_hash(declared),
        "code": "",
        "overrides": {},
        "cases": {},
        "precision": declared.precision,
        "free_parameters": declared.free_parameters,
        "provenance": provenance,
        "trial": {**plain(trial), "cost": dict(COST)},
        **changes,
    }


def worst(verdicts: Sequence[Verdict]) -> Verdict:
    order = (Verdict.FAIL, Verdict.ERROR, Verdict.INCONCLUSIVE, Verdict.PASS)
    return next((verdict for verdict in order if verdict in verdicts), Verdict.OUT_OF_SCOPE)


def write_suite(folder: Path) -> Registry:
    """Write all predictions and read them."""
    for name, (strand, observables, more) in SUITE.items():
        topic = folder / strand / name
        topic.mkdir(parents=True)
        (topic / "world.py").write_text(textwrap.dedent(WORLD))
        (topic / "theory.py").write_text("")
        (topic / "experiment.py").write_text("def top(raw):\n    return raw.max('time')\n")
        (topic / f"{name}.yaml").write_text(prediction(name, strand, observables, **more))
    theories = {
        name: {
            "title": f"Theory {name}",
            "references": [{"title": "A", "authors": "B", "year": 2000}],
            "scope": "all",
        }
        for name in ("good", "bad", "untried")
    }
    (folder / "theories.yaml").write_text(yaml.safe_dump(theories))
    return read_tree([folder])


def curves_record(declared: Prediction, **changes: Any) -> dict[str, Any]:
    time, theta = np.linspace(0, 5, 60), np.array([0.5, 2.0, 6.0, 8.0, 9.0])
    rise = np.tanh(time) * np.exp(-time[None] / theta[:, None])
    axes = {"theta": theta, "time": time}
    found = noisy(rise + 0.02, axes)
    height = noisy(rise.max(1) + 0.02, {"theta": theta}, noise=0.01)
    broken = noisy(0 * rise + 0.9, axes)
    return record(
        declared,
        [
            Said("overlap", found, told(rise, axes)),
            Said("height", height, told(rise.max(1), {"theta": theta})),
            Said("overlap", found, told(0 * rise + 0.3, axes), theory="bad"),
            Said("overlap", broken, told(rise, axes), case="broken"),
        ],
        raw={"overlap": found},
        **changes,
    )


def locations_record(declared: Prediction, **changes: Any) -> dict[str, Any]:
    lr, width = np.arange(-9.0, 0.0), np.array([64.0, 256.0, 1024.0])
    loss = 0.1 * (lr[None] + 5 - np.log2(width[:, None]) / 8) ** 2 + 0.2
    axes = {"width": width, "log2_lr": lr}
    found = noisy(loss, axes, noise=0.05)
    moved = noisy(loss[:, ::-1], axes, noise=0.05)
    return record(
        declared,
        [
            Said("loss", found, told(-4.0)),
            Said("loss", found, told([-7, -6.0, -5], {"width": width}), theory="bad"),
            Said("loss", moved, told(-7.0), case="broken"),
        ],
        **changes,
    )


def exponents_record(declared: Prediction, **changes: Any) -> dict[str, Any]:
    width = 2.0 ** np.arange(4, 11)
    found = noisy(width**-0.5, {"width": width}, noise=0.001)
    return record(
        declared,
        [
            Said("risk", found, told(-0.5)),
            Said("risk", found, told(-1.0), theory="bad"),
            Said("risk", found, told(-0.5), case="broken"),
        ],
        verdicts={"good": Verdict.VACUOUS},
        health=[Finding("vacuous-control", "the control passes: broken", "choose another")],
        **changes,
    )


def phases_record(declared: Prediction, **changes: Any) -> dict[str, Any]:
    theta = np.array([0.5, 1.0, 2.0, 4.0])
    truth = np.array([0, 1, 1, 2])
    values = np.broadcast_to(truth, (SEEDS, 4)).astype(float).copy()
    values[:4, 1] = 0
    found = xr.DataArray(values, dims=("seed", "theta"), coords={"theta": theta})
    here = {"theta": theta}
    return record(
        declared,
        [
            Said("phase", found, told(truth, here)),
            Said("phase", found, told([2, 2, 2, 2], here), theory="bad"),
            Said("phase", found, told([1, 0, 0, 0], here), case="broken"),
        ],
        **changes,
    )


def numbers_record(declared: Prediction, **changes: Any) -> dict[str, Any]:
    edges = told([0.5, 0.8], {"edge": [0, 1]})
    return record(
        declared,
        [
            Said("ratio", noisy(2.1), told(2.0)),
            Said("ceiling", noisy(0.7), told(1.0)),
            Said("between", noisy(0.6), edges),
            Said("ratio", noisy(2.1), told(2.2), theory="bad"),
            Said("ratio", noisy(4.0), told(2.0), case="broken"),
            Said("ceiling", noisy(1.6), told(1.0), case="broken"),
        ],
        **changes,
    )


def laws_record(declared: Prediction, **changes: Any) -> dict[str, Any]:
    rank = (np.arange(200) + 0.5) / 200
    found = noisy(0.0, noise=1.0)
    axes = {"quantile": np.arange(200)}
    law = np.log(rank / (1 - rank)) / 1.7
    return record(
        declared,
        [
            Said("spectrum", found, told(law, axes)),
            Said("spectrum", found, told(law + 2, axes), theory="bad"),
            Said("spectrum", noisy(5.0, noise=1.0), told(law, axes), case="broken"),
        ],
        **changes,
    )


def orders_record(declared: Prediction, **changes: Any) -> dict[str, Any]:
    here = {"depth": [1, 2, 4]}
    names = {"optimiser": ["sgd", "adam", "muon"]}
    return record(
        declared,
        [
            Said("cost", noisy([0.5, 0.6, 0.7], names), told([0.5, 0.6, 0.7], names)),
            Said("rank", noisy([3.0, 2.0, 1.0], here), told([3, 2, 1], here)),
            Said("rank", noisy([3.0, 2.0, 1.0], here), told([1, 2, 3], here), theory="bad"),
            Said("rank", noisy([1.0, 2.0, 3.0], here), told([3, 2, 1], here), case="broken"),
        ],
        **changes,
    )


MAKERS = {
    "curves": curves_record,
    "locations": locations_record,
    "exponents": exponents_record,
    "phases": phases_record,
    "numbers": numbers_record,
    "laws": laws_record,
    "orders": orders_record,
}


def all_records(registry: Registry) -> list[dict[str, Any]]:
    """A record of every prediction that was run; `laws` is stale, `locations` has two tiers."""
    records = [MAKERS[name](registry.predictions[name]) for name in MAKERS if name != "laws"]
    records.append(laws_record(registry.predictions["laws"], promise="0" * 64))
    records.append(locations_record(registry.predictions["locations"], tier="full"))
    return records


def compared(board: Board) -> dict[str, Comparison]:
    """The theories of each prediction with a result head to head."""
    return {
        entry.id: compare([t.theory for t in entry.theories], board, on=[entry.id])
        for entry in board.entries
        if entry.current and len(entry.theories) > 1
    }
