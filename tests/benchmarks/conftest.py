"""Ratios measured in one run, printed as a table at the end.

`pytest tests/benchmarks --benchmark-only` measures; in a plain `pytest tests/` every benchmark
runs once at tiny sizes, so that it cannot rot.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from harness.pools import Pool
from harness.pools.processes import ProcessPool


@pytest.fixture(scope="session")
def measuring(request: pytest.FixtureRequest) -> bool:
    """Whether to measure, or only to see that the benchmark works."""
    return bool(request.config.getoption("benchmark_only"))


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    """Two single-threaded worker processes."""
    made = ProcessPool(2)
    yield made
    made.close()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print what the benchmarks noted in `extra_info`."""
    if not terminalreporter.config.getoption("benchmark_only"):
        return
    session = getattr(terminalreporter.config, "_benchmarksession", None)
    noted = [(bench.name, bench.extra_info) for bench in getattr(session, "benchmarks", [])]
    if any(extra for _, extra in noted):
        terminalreporter.section("ratios in this run")
        for name, extra in noted:
            facts = ", ".join(f"{key} {value}" for key, value in extra.items() if key != "lines")
            terminalreporter.write_line(f"{name}: {facts}")
            for line in extra.get("lines", []):
                terminalreporter.write_line(f"  {line}")
