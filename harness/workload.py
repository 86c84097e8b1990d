"""What a tier computes, from tracing its experiments: nothing is compiled or run."""

from __future__ import annotations

from dataclasses import dataclass

from harness.plan import Plan
from harness.work import Unit, trace_unit


@dataclass(frozen=True)
class Workload:
    """Programs to compile, networks to train, and over all of them steps and operations.

    Of the seeds of the first look. A unit that two cases share counts once. `steps` and `flops` are
    None where a loop's length is known only once it ran, or an experiment is not traced.
    """

    programs: int
    networks: int
    steps: int | None
    flops: float | None


def workload(plan: Plan) -> Workload:
    """Trace every case of a plan, and add up.

    Raises AssayError when an experiment breaks while it is traced, or lacks what an observable
    needs.
    """
    units = [
        Unit(plan.prediction, case, point, 0, plan.seeds, "")
        for case in (plan.claim, *plan.controls)
        for point in case.sweep_points()
    ]
    distinct = {unit.key("any"): unit for unit in units}.values()
    of_program = {unit.program(): unit for unit in distinct}
    counts = {program: trace_unit(unit) for program, unit in of_program.items()}
    every = [(_networks(unit), counts[unit.program()]) for unit in distinct]
    networks = sum(number for number, _ in every)
    if not all(lane is not None and lane.exact for lane in counts.values()):
        return Workload(len(counts), networks, None, None)
    return Workload(
        len(counts),
        networks,
        sum(number * lane.steps for number, lane in every if lane),
        sum(number * lane.flops for number, lane in every if lane),
    )


def _networks(unit: Unit) -> int:
    return unit.count * len(list(unit.case.grid_points()))
