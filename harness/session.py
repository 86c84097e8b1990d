"""The trials of a pytest session: begun together at the first item, shared by a file's items."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import AssayError

if TYPE_CHECKING:
    from harness.outcome import Trial
    from harness.plan import Plan
    from harness.schema import Prediction
    from harness.suite import Suite


@dataclass
class Trials:
    """Trials by the file of their prediction.

    `workers` as in `harness.pools.local.local_pool`; `together` begins all predictions at the
    first question (a worker of pytest-xdist does not know which of them are its own).
    """

    tier: str
    fresh: bool
    workers: int | None
    together: bool
    _stack: ExitStack = field(default_factory=ExitStack)
    _begun: dict[Path, tuple[Suite, int] | AssayError] = field(default_factory=dict)

    def of(self, prediction: Prediction, others: Sequence[Prediction]) -> Trial:
        """A prediction's trial; `others` are all of the session, in their order.

        Raises AssayError when the prediction cannot be tried.
        """
        if prediction.source not in self._begun:
            self._begin(others if self.together else [prediction])
        begun = self._begun[prediction.source]
        if isinstance(begun, AssayError):
            raise begun
        suite, position = begun
        return suite.result(position)

    def close(self) -> None:
        """End the workers; trials that are not finished are given up."""
        self._stack.close()

    def _begin(self, predictions: Sequence[Prediction]) -> None:
        from harness.measure import local_trainer
        from harness.suite import try_all

        valid = self._plans(predictions)
        trainer = self._stack.enter_context(local_trainer(self.workers, fresh=self.fresh))
        suite = self._stack.enter_context(try_all(list(valid.values()), trainer))
        for position, source in enumerate(valid):
            self._begun[source] = (suite, position)

    def _plans(self, predictions: Sequence[Prediction]) -> Mapping[Path, Plan]:
        """The plans that are valid; the others' errors are kept for their items."""
        from harness.plan import make_plan
        from harness.validate import validate

        valid = {}
        for prediction in predictions:
            try:
                plan = make_plan(prediction, self.tier)
                validate(plan)
                valid[prediction.source] = plan
            except AssayError as error:
                self._begun[prediction.source] = error
        return valid
