"""A progress bar on a terminal: which claim, which case, seeds, time; silent elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from harness.measure import Progress

if TYPE_CHECKING:
    from harness.plan import Plan


def units_at_first_look(plan: Plan) -> int:
    """Units of work that a plan certainly runs: one a case and sweep point."""
    return sum(len(list(case.sweep_points())) for case in (plan.claim, *plan.controls))


@contextmanager
def progress_bar(plan: Plan, *, quiet: bool) -> Iterator[Progress | None]:
    """Show a bar on standard error while a plan runs; yields the callback that advances it."""
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
        total = units_at_first_look(plan)
        task = bar.add_task("", total=total, claim=plan.prediction.id, case="compiling")
        done = 0

        def advance(case: str, seeds: int) -> None:
            nonlocal done
            done += 1
            bar.update(task, completed=done, total=max(total, done), case=f"{case}, {seeds} seeds")

        yield advance
