"""The pytest front door: `pytest predictions/` puts every prediction file on trial.

One item a theory that is expected to pass or fail, and one a control. Items of one file share
their training run. Collecting reads YAML only; JAX is imported when the first item runs.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from harness.errors import AssayError
from harness.runtime import limit_threads, worker_environment
from harness.session import Trials

if TYPE_CHECKING:
    from harness.outcome import Trial
    from harness.schema import Prediction

INCONCLUSIVE: Final = "inconclusive"
_TRIALS: Final = pytest.StashKey[Trials]()
_COLLECTED: Final = pytest.StashKey[dict[str, Path]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add Assay's options."""
    group = parser.getgroup("assay", "predictions on trial")
    group.addoption("--assay-tier", default="smoke", help="tier to run: smoke (default) or full")
    group.addoption("--assay-fresh", action="store_true", help="ignore measurements already stored")
    group.addoption(
        "--assay-workers",
        type=int,
        metavar="N",
        help="units trained at once, each in a process of its own (default: one a core)",
    )
    group.addoption(
        "--strict-inconclusive", action="store_true", help="an undecided verdict fails the test"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers: one a strand, and what an item stands for."""
    from harness.schema import STRANDS

    for strand in STRANDS:
        config.addinivalue_line("markers", f"{strand}: predictions of the strand '{strand}'")
    for marker, what in (
        ("claim", "the claim's own theory"),
        ("rival", "another theory of the same observable"),
        ("control", "a broken set-up that must fail"),
    ):
        config.addinivalue_line("markers", f"{marker}: {what}")
    shared = os.environ.get("PYTEST_XDIST_WORKER_COUNT")
    if shared is not None:
        os.environ.update(worker_environment(int(shared)))
    config.stash[_TRIALS] = Trials(
        tier=config.getoption("--assay-tier"),
        fresh=config.getoption("--assay-fresh"),
        workers=config.getoption("--assay-workers"),
        together=shared is None,
    )
    config.stash[_COLLECTED] = {}
    config.pluginmanager.register(Summary(), "assay-summary")


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the workers."""
    trials = config.stash.get(_TRIALS, None)
    if trials is not None:
        trials.close()


def pytest_cmdline_main(config: pytest.Config) -> None:
    """Let `-n` keep items that share a training run on one worker."""
    if getattr(config.option, "dist", "no") == "load":
        config.option.dist = "loadfile"


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> PredictionFile | None:
    """Collect a YAML file that is a prediction."""
    if file_path.suffix not in (".yaml", ".yml"):
        return None
    from harness.read import looks_like_prediction

    if not looks_like_prediction(file_path):
        return None
    limit_threads()
    file: PredictionFile = PredictionFile.from_parent(parent, path=file_path)
    return file


class PredictionFile(pytest.File):
    """One prediction file; an invalid one is a collection error that says what to correct."""

    def collect(self) -> Iterator[pytest.Item]:
        """Yield one item a theory with a known answer and one a control."""
        from harness.read import read_prediction

        prediction = read_prediction(self.path)
        known = self.config.stash[_COLLECTED]
        first = known.setdefault(prediction.id, self.path)
        if first != self.path:
            raise AssayError(
                f"the id '{prediction.id}' is taken by {first}",
                remedy="Rename one of the two.",
                file=self.path,
                line=prediction.line("id"),
                path="id",
            )
        if prediction.retired is not None:
            return
        mine = prediction.claims_theory
        for name, theory in prediction.theories.items():
            if theory.expect != "open":
                role = "claim" if name == mine else "rival"
                yield self._item(prediction, name, role, ("theories", name))
        for name in prediction.controls:
            yield self._item(prediction, name, "control", ("controls", name))

    def _item(
        self, prediction: Prediction, name: str, role: str, where: tuple[str, ...]
    ) -> PredictionItem:
        label = f"control:{name}" if role == "control" else name
        item: PredictionItem = PredictionItem.from_parent(
            self, name=label, prediction=prediction, about=name, role=role
        )
        item.line = prediction.line(*where)
        item.add_marker(getattr(pytest.mark, prediction.strand))
        item.add_marker(getattr(pytest.mark, role))
        return item

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException]) -> Any:  # type: ignore[override]
        """Show an invalid file as its errors, not as a trace."""
        if isinstance(excinfo.value, AssayError):
            return str(excinfo.value)
        return super().repr_failure(excinfo)


class UnexpectedVerdict(Exception):  # noqa: N818 - a verdict, not a malfunction
    """The verdict is not the one that the file declares."""


class PredictionItem(pytest.Item):
    """One theory or control of a prediction."""

    line: int = 1
    summary: dict[str, Any] | None = None

    def __init__(self, *, prediction: Prediction, about: str, role: str, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.prediction = prediction
        self.about = about
        self.role = role

    def runtest(self) -> None:
        """Judge; raise UnexpectedVerdict unless the verdict is the declared one."""
        from harness.record import plain

        trial = self._trial()
        plain_trial = plain(trial)
        verdict, reason, expected = self._outcome(trial)
        self.user_properties += [
            ("assay_id", trial.id),
            ("assay_verdict", verdict),
            ("assay_seeds", trial.seeds),
        ]
        row = _telling_row(plain_trial, self.about, self.role)
        if row is not None:
            self.user_properties += [
                ("assay_observable", row["observable"]),
                ("assay_discrepancy", row["discrepancy"]),
                ("assay_error_in_tolerances", row["error_in_tolerances"]),
            ]
        self.summary = _without_arrays(plain_trial)
        undecided_is_fine = not self.config.getoption("--strict-inconclusive")
        if verdict == expected or (verdict == INCONCLUSIVE and undecided_is_fine):
            return
        raise UnexpectedVerdict("\n".join(self._explain(verdict, reason, expected, row)))

    def _trial(self) -> Trial:
        """The file's trial, shared by its items."""
        items = (item for item in self.session.items if isinstance(item, PredictionItem))
        others = {item.prediction.source: item.prediction for item in items}
        return self.config.stash[_TRIALS].of(self.prediction, list(others.values()))

    def _outcome(self, trial: Trial) -> tuple[str, str, str]:
        if self.role == "control":
            control = next(found for found in trial.controls if found.control == self.about)
            return control.verdict.value, control.reason, "fail"
        theory = next(found for found in trial.theories if found.theory == self.about)
        return theory.verdict.value, theory.reason, theory.expect

    def _explain(
        self, verdict: str, reason: str, expected: str, row: dict[str, Any] | None
    ) -> list[str]:
        from harness.text import row_in_five_lines

        head = f"{self.prediction.source}:{self.line}: {self.role} '{self.about}' "
        lines = [f"{head}is {verdict}, the file says {expected} ({reason})"]
        claim = " ".join(self.prediction.claim.split())
        return lines if row is None else lines + row_in_five_lines(row, claim)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException]) -> Any:  # type: ignore[override]
        """Show a verdict, or an error of a file, as text for its author."""
        if isinstance(excinfo.value, UnexpectedVerdict | AssayError):
            return str(excinfo.value)
        return super().repr_failure(excinfo)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Point to the line of the YAML file."""
        return self.path, self.line - 1, f"{self.prediction.id}::{self.name}"


def _telling_row(trial: dict[str, Any], about: str, role: str) -> dict[str, Any] | None:
    """The row that an outcome hangs on: the one farthest off, an undecided one first."""
    key = "case" if role == "control" else "theory"
    rows = [
        row
        for row in trial["rows"]
        if row[key] == about and (role == "control" or row["case"] == "claim")
    ]
    return max(
        rows,
        key=lambda row: (row["verdict"] == INCONCLUSIVE, row["error_in_tolerances"] or 0.0),
        default=None,
    )


def _without_arrays(trial: dict[str, Any]) -> dict[str, Any]:
    """A trial small enough to travel with every report."""
    arrays = ("forecast", "spread", "measured")
    rows = [
        {key: value for key, value in row.items() if key not in arrays} for row in trial["rows"]
    ]
    return {**trial, "rows": rows, "raw": {}}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, Any, Any]:
    """Attach what the controller needs to the report: it travels between processes as JSON."""
    report: Any = yield
    if isinstance(item, PredictionItem) and report.when == "call":
        report.assay_verdict = dict(item.user_properties).get("assay_verdict")
        report.assay_trial = item.summary
    return report


def pytest_report_teststatus(
    report: pytest.TestReport | pytest.CollectReport, config: pytest.Config
) -> tuple[str, str, str] | None:
    """Give an undecided verdict its own letter."""
    undecided = getattr(report, "assay_verdict", None) == INCONCLUSIVE
    if undecided and report.when == "call" and report.passed:
        return INCONCLUSIVE, "?", "INCONCLUSIVE"
    return None


class Summary:
    """Collects the trials of a session (with xdist, on the controller) and prints them."""

    def __init__(self) -> None:
        self.trials: dict[str, dict[str, Any]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the trial that a report carries."""
        trial = getattr(report, "assay_trial", None)
        if trial is not None:
            self.trials[trial["id"]] = trial

    def pytest_terminal_summary(
        self, terminalreporter: Any, exitstatus: int, config: pytest.Config
    ) -> None:
        """Print the leaderboard of this session, or say that nothing was collected."""
        if self.trials:
            from harness.text import trials_table

            terminalreporter.section("assay leaderboard")
            for line in trials_table([self.trials[name] for name in sorted(self.trials)]):
                terminalreporter.write_line(line)
        elif exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:
            where = ", ".join(str(argument) for argument in config.args)
            terminalreporter.write_line(
                f"assay: no prediction was collected under {where}. A prediction is a YAML file "
                "beside an experiment.py or theory.py; `assay list` shows those that are found."
            )
