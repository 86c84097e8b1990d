"""Ensembles: a single-seed experiment, and what is static in the programs that run it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Ensemble:
    """What defines a compiled program: everything in it is static.

    `world` is a Setup instance whose traced float fields are placeholders; `code` is a hash of
    the code that the experiment can reach.
    """

    experiment: Callable[..., Any]
    draw: Callable[..., Any] | None
    world: Any
    traced: tuple[str, ...]
    grid: tuple[str, ...]
    outputs: tuple[str, ...]
    precision: str
    matmul: str
    code: str

    @property
    def dtype(self) -> Any:
        """NumPy's type of the numbers that go into the program."""
        return np.float64 if self.precision == "float64" else np.float32

    def static(self) -> dict[str, Any]:
        """Identity of the program, the number of lanes apart, as JSON values."""
        # A draw sees the first grid point, as constants of the program.
        varied = (*self.traced, *(self.grid if self.draw is None else ()))
        return {
            "experiment": _named(self.experiment),
            "draw": None if self.draw is None else _named(self.draw),
            "world": {
                field.name: repr(getattr(self.world, field.name))
                for field in fields(self.world)
                if field.name not in varied
            },
            "traced": self.traced,
            "grid": self.grid,
            "outputs": self.outputs,
            "precision": self.precision,
            "matmul": self.matmul,
            "code": self.code,
        }


def typed(ensemble: Ensemble, traced: Mapping[str, float]) -> dict[str, Any]:
    """Traced numbers in the precision that the prediction declares."""
    return {name: ensemble.dtype(value) for name, value in traced.items()}


class MissingOutput(Exception):  # noqa: N818 - turned into an AssayError where the YAML line is known
    """The experiment does not return an array that an observable asks for."""

    def __init__(self, name: str, returned: tuple[str, ...]) -> None:
        super().__init__(name, returned)
        self.name = name
        self.returned = returned


def with_values(world: Any, values: Mapping[str, Any]) -> Any:
    """A copy of a Setup with fields replaced, tracers allowed (no validation runs)."""
    changed = copy.copy(world)
    for name, value in values.items():
        object.__setattr__(changed, name, value)
    return changed


def single_run(ensemble: Ensemble) -> Callable[..., dict[str, Any]]:
    """The experiment of one seed at one grid point: (traced, grid values, key) -> arrays.

    The result raises MissingOutput when the experiment lacks one of the outputs.
    """
    import jax

    def run(traced: Mapping[str, Any], point: Mapping[str, Any], key: Any) -> dict[str, Any]:
        world = with_values(ensemble.world, traced)
        arguments: tuple[Any, ...] = ()
        if ensemble.draw is not None:
            draw_key, key = jax.random.split(key)
            arguments = (ensemble.draw(world, draw_key),)
        result = ensemble.experiment(with_values(world, point), key, *arguments)
        for name in ensemble.outputs:
            if name not in result:
                raise MissingOutput(name, tuple(result))
        return {name: result[name] for name in ensemble.outputs}

    return run


def _named(function: Callable[..., Any]) -> str:
    return f"{function.__module__}.{function.__qualname__}"
