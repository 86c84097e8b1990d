"""Several predictions one after the other, the next ones training while one is judged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from harness.measure import Trainer
from harness.outcome import Trial
from harness.plan import Plan
from harness.trial import try_prediction

# Predictions under way at once: while one is judged the others keep the workers busy.
AHEAD: Final = 3


@dataclass(frozen=True)
class Suite:
    """Trials under way, by the position of their plan."""

    trials: tuple[Future[Trial], ...]

    def result(self, position: int) -> Trial:
        """Wait for one trial; raises AssayError when it broke."""
        return self.trials[position].result()


@contextmanager
def try_all(plans: Sequence[Plan], trainer: Trainer) -> Iterator[Suite]:
    """Begin to try predictions in their order; what has not begun at the end is cancelled.

    In a pool with a single worker only one is under way, so that its times are its own.
    """
    ahead = AHEAD if trainer.pool.workers > 1 else 1
    executor = ThreadPoolExecutor(ahead, thread_name_prefix="assay-trial")
    try:
        yield Suite(tuple(executor.submit(try_prediction, plan, trainer) for plan in plans))
    finally:
        executor.shutdown(wait=False, cancel_futures=True)
