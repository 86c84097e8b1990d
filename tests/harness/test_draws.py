"""What seeds draw before they train, in as many batches as memory asks for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from harness import draws as module
from harness.draws import sample_draws
from harness.execute import TooLarge
from tests.harness.ensembles import ROOT, TRACED, Setup, ensemble, seeds


def drawn(setup: Setup, key: jax.Array) -> dict[str, Any]:
    return {"start": setup.noise * jax.random.normal(key, (300,))}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_CACHE_DIR", str(tmp_path / "cache"))


def needed(count: int) -> int:
    numbers = {name: np.float32(value) for name, value in TRACED.items()}
    return module._program(ensemble(draw=drawn), drawn, (numbers, ROOT, seeds(count))).peak_bytes


def test_an_experiment_without_a_draw_has_none() -> None:
    assert sample_draws(ensemble(), TRACED, ROOT, seeds(4)) == []


@pytest.mark.parametrize("fitting", [1, 2, 3, 7])
def test_batches_shrink_until_they_fit_and_draw_the_same(
    fitting: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = sample_draws(ensemble(draw=drawn), TRACED, ROOT, seeds(7, 3))
    monkeypatch.setattr(module, "limit_bytes", lambda: needed(fitting))
    parts = sample_draws(ensemble(draw=drawn), TRACED, ROOT, seeds(7, 3))
    assert len(parts) == len(whole) == 7
    for one, other in zip(parts, whole, strict=True):
        np.testing.assert_allclose(one["start"], other["start"], rtol=1e-6)


def test_a_draw_that_never_fits_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    one = needed(1)
    monkeypatch.setattr(module, "limit_bytes", lambda: one - 1)
    with pytest.raises(TooLarge) as large:
        sample_draws(ensemble(draw=drawn), TRACED, ROOT, seeds(4))
    assert (large.value.needed, large.value.limit) == (one, one - 1)
