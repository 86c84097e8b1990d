from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from harness.leaderboard.board import Board
from harness.leaderboard.plots.scene import Scene, band, scenes


@pytest.fixture
def scene(board: Board) -> Scene:
    entry = board.best("curves")
    assert entry is not None
    return next(scenes(entry))


def test_a_scene_holds_all_that_was_said(scene: Scene) -> None:
    assert scene.claim is not None and scene.claim.name == "good"
    assert [told.name for told in scene.rivals] == ["bad"]
    assert [told.name for told in scene.controls] == ["broken"]
    assert scene.raw is not None


def test_the_band_is_the_tolerance(scene: Scene) -> None:
    curve = np.array([[1.0, 2.0, -3.0]])
    low, high = band(replace(scene, kind="absolute", tolerance=0.5), curve, (1,))
    assert np.allclose(high - low, 1.0)
    low, high = band(replace(scene, kind="log", tolerance=math.log(2)), curve, (1,))
    assert np.allclose(low, [[0.5, 1.0, -6.0]]) and np.allclose(high, [[2.0, 4.0, -1.5]])


def test_a_relative_band_of_a_curve_is_relative_to_its_norm(scene: Scene) -> None:
    curve = np.array([[3.0, 4.0], [0.0, 1.0]])
    relative = replace(scene, kind="relative", tolerance=0.1)
    low, high = band(relative, curve, (1,))
    norms = np.sqrt((curve**2).mean(axis=1, keepdims=True))
    assert np.allclose((high - low) / 2, 0.1 * norms)
    value = replace(relative, spec=replace(scene.spec, compare="value"))
    low, high = band(value, curve)
    assert np.allclose((high - low) / 2, 0.1 * np.abs(curve))
