"""Which figures an entry gets: by comparison and by the shape of what was measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from harness.leaderboard.board import Entry
from harness.leaderboard.plots.curves import curve_figure
from harness.leaderboard.plots.dots import number_figure
from harness.leaderboard.plots.figure import Figure
from harness.leaderboard.plots.laws import law_figure
from harness.leaderboard.plots.phases import phase_figure
from harness.leaderboard.plots.raws import raw_figure
from harness.leaderboard.plots.scene import Scene, scenes

_BY_COMPARISON: Final[Mapping[str, Callable[[Scene], Figure]]] = {
    "distribution": law_figure,
    "label": phase_figure,
}


def figures(entry: Entry) -> Iterator[Figure]:
    """Return the figures of every observable; what several are computed from is drawn once."""
    plain = (name for name, spec in entry.observables.items() if not spec.reduced)
    drawn = {entry.observables[name].raw for name in plain}
    for scene in scenes(entry):
        if (
            scene.spec.reduced
            and scene.spec.compare != "distribution"
            and scene.spec.raw not in drawn
        ):
            drawn.add(scene.spec.raw)
            raw = raw_figure(scene)
            if raw is not None:
                yield raw
        along_an_axis = curve_figure if scene.measured.mean.dims else number_figure
        yield _BY_COMPARISON.get(scene.spec.compare, along_an_axis)(scene)
