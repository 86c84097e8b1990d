"""Settings of the whole test run: one BLAS thread, and pytest's own plug-in tester."""

from __future__ import annotations

from harness.runtime import limit_blas_threads

limit_blas_threads()

pytest_plugins = ["pytester"]
