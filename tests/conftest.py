"""Settings of the whole test run: one thread for BLAS and XLA, and pytest's own plug-in tester."""

from __future__ import annotations

import sys

from harness.runtime import limit_threads

# Benchmarks compare with what a user writes by hand, who has all threads.
if "--benchmark-only" not in sys.argv:
    limit_threads()

pytest_plugins = ["pytester"]
