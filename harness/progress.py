"""A progress bar on a terminal: which claim, which case, seeds, time; silent elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING

from harness.measure import Progress, seeds_in_unit

if TYPE_CHECKING:
    from harness.plan import Plan


def units_at_first_look(plan: Plan, device: str) -> int:
    """Units of work that a plan certainly runs: one a case, sweep point and block of seeds."""
    blocks = -(-plan.seeds // seeds_in_unit(plan.seeds, device))
    points = sum(len(list(case.sweep_points())) for case in (plan.claim, *plan.controls))
    return points * blocks


@contextmanager
def progress_bar(plans: Sequence[Plan], device: str, *, quiet: bool) -> Iterator[Progress | None]:
    """Show a bar on standard error while plans run; yields the callback that advances it."""
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield None
        return
    columns = (
        TextColumn("{task.fields[claim]}"),
        BarColumn(bar_width=24),
        TextColumn("{task.completed}/{task.total} units"),
        TextColumn("{task.fields[case]}"),
        TimeElapsedColumn(),
    )
    with Bar(*columns, console=console, transient=True) as bar:
        total = sum(units_at_first_look(plan, device) for plan in plans)
        task = bar.add_task("", total=total, claim=plans[0].prediction.id, case="compiling")
        done, lock = 0, Lock()

        def advance(claim: str, case: str, seeds: int) -> None:
            nonlocal done
            with lock:
                done += 1
            bar.update(
                task,
                completed=done,
                total=max(total, done),
                claim=claim,
                case=f"{case}, {seeds} seeds",
            )

        yield advance
