"""How a program is vectorised: a first guess from its size, then short measured trials.

A guess costs nothing, a trial costs a compilation. So another strategy is tried only when the
program has already run for much longer than the trial will take to compile (ski rental), on seeds
that are needed anyway; what was measured is remembered beside the compiled programs.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from harness.identity import digest
from harness.programs import Strategy
from harness.runtime import cache_dir, compile_cache_enabled
from harness.store import write_atomically

# Measured with one thread: networks whose lanes together keep more than this between two steps
# run slower the more of them are vectorised, down to two seeds.
CPU_STATE_BYTES: Final = 1 << 20
CPU_SEEDS: Final = (2, 16)
PATIENCE: Final = 7.0
_LEAST_COMPILE_S: Final = 0.5
_EFFORT_FACTOR: Final = 2.0
_FIRST_CALL: Final = 1.25


@dataclass(frozen=True)
class Arm:
    """What is known of a strategy: best seconds a seed, seeds run, slowest compilation."""

    seconds_per_seed: float
    seeds: int
    compile_s: float


Arms = Mapping[Strategy, Arm]


def guess(state_bytes: int, seeds: int, points: int, *, accelerator: bool) -> Strategy:
    """The strategy to begin with, for a unit of so many seeds and grid points.

    `state_bytes` is what one lane keeps between two steps. An accelerator takes all lanes at
    once (memory shrinks that later); a CPU as many seeds as stay near its cache.
    """
    if accelerator:
        return Strategy(seeds, points)
    low, high = CPU_SEEDS
    fitting = CPU_STATE_BYTES // max(1, state_bytes * points)
    wanted = min(max(fitting, low), high, seeds)
    return Strategy(max(size for size in _divisors(seeds) if size <= wanted), points)


def choose(arms: Arms, seeds: int, devices: int = 1, rest: int | None = None) -> Strategy:
    """The fastest strategy known, or a neighbour of it whose trial has become cheap.

    `seeds` are those of one unit of work, `rest` those of them that are still to be run: a trial
    takes no more. `arms` holds at least one strategy.
    """
    best = min(arms, key=lambda strategy: arms[strategy].seconds_per_seed)
    spent = sum(
        arm.seconds_per_seed * arm.seeds
        for arm in arms.values()
        if math.isfinite(arm.seconds_per_seed)
    )
    slowest = max(_LEAST_COMPILE_S, *(arm.compile_s for arm in arms.values()))
    most = seeds if rest is None else rest
    for neighbour in _neighbours(best, seeds, devices):
        if neighbour.seeds > most:
            continue
        tried = arms.get(neighbour)
        if tried is None and spent > PATIENCE * _EFFORT_FACTOR * slowest:
            return neighbour
        if tried is not None and _deserves_another_call(neighbour, tried, arms[best]):
            return neighbour
    return best


def learnt(arms: Arms, strategy: Strategy, seeds: int, run_s: float, compile_s: float) -> Arms:
    """The arms after one more call of a strategy over some seeds."""
    known = arms.get(strategy, Arm(float("inf"), 0, 0.0))
    fits = math.isfinite(run_s)
    best = min(known.seconds_per_seed, run_s / seeds) if fits else run_s
    arm = Arm(best, known.seeds + seeds, max(known.compile_s, compile_s))
    return {**arms, strategy: arm}


def recall(program: Mapping[str, Any]) -> Arms:
    """What earlier runs on this machine measured of a program; empty if nothing."""
    if not compile_cache_enabled():
        return {}
    try:
        stored = json.loads(_file(program).read_text(encoding="utf-8"))
        return {Strategy(**entry["strategy"]): Arm(**entry["arm"]) for entry in stored}
    except (OSError, ValueError, TypeError, KeyError):
        return {}


def remember(program: Mapping[str, Any], arms: Arms) -> None:
    """Keep what was measured, together with what other processes kept meanwhile."""
    if not compile_cache_enabled():
        return
    kept = recall(program)
    both = {strategy: _both(kept[strategy], arms[strategy]) for strategy in kept.keys() & arms}
    merged = {**kept, **arms, **both}
    entries = [{"strategy": vars(strategy), "arm": vars(arm)} for strategy, arm in merged.items()]
    write_atomically(_file(program), json.dumps(entries).encode(), durable=False)


def smaller(strategy: Strategy, least: int = 1) -> Strategy | None:
    """Half the seeds (not below `least`), then half the grid points; None if nothing is left."""
    if strategy.seeds > least:
        return replace(strategy, seeds=max(1, strategy.seeds // 2 // least) * least)
    return replace(strategy, points=strategy.points // 2) if strategy.points > 1 else None


def _deserves_another_call(strategy: Strategy, arm: Arm, best: Arm) -> bool:
    """Whether a strategy was called once and was near the best, which has had its first call.

    A program's first call is the slowest: its memory is not there yet.
    """
    once = arm.seeds < 2 * strategy.seeds
    return once and arm.seconds_per_seed < _FIRST_CALL * best.seconds_per_seed


def _neighbours(strategy: Strategy, seeds: int, devices: int) -> list[Strategy]:
    """What to try next, in this order.

    A harder compilation; grid points one by one, because matrix products of shared data with the
    weights of many points transpose those weights; more seeds at once; fewer.
    """
    sizes = [size * devices for size in _divisors(seeds // devices)]
    larger = [size for size in sizes if size >= 2 * strategy.seeds][:1]
    fewer = [size for size in sizes if size <= strategy.seeds // 2][-1:]
    found = [replace(strategy, effort="thorough")]
    found += [replace(strategy, points=1)] if strategy.points > 1 else []
    return found + [replace(strategy, seeds=size) for size in larger + fewer]


def _both(one: Arm, other: Arm) -> Arm:
    """What two processes know of a strategy; one that did not fit in either does not fit."""
    times = (one.seconds_per_seed, other.seconds_per_seed)
    return Arm(
        min(times) if all(map(math.isfinite, times)) else math.inf,
        max(one.seeds, other.seeds),
        max(one.compile_s, other.compile_s),
    )


def _divisors(number: int) -> list[int]:
    return [size for size in range(1, number + 1) if number % size == 0]


def _file(program: Mapping[str, Any]) -> Any:
    return cache_dir() / "programs" / f"{digest(program)}.speed.json"
