"""Counts: the training steps, arithmetic and state of a traced single-seed experiment.

XLA's own cost analysis counts the body of a loop once, whatever its length; here loops multiply.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, Literal, Var

from harness.flops import ELEMENTWISE, FLOPS, size

# Operations after which the state of a training is still the state of a training.
_KEEPS_STATE: Final = ELEMENTWISE | {
    *("broadcast_in_dim", "convert_element_type", "copy", "reshape", "select_n", "squeeze"),
}


@dataclass(frozen=True)
class Counts:
    """What one seed at one grid point does; a batch of lanes does a multiple, in as many steps.

    steps: iterations of the training loops. A loop trains if it carries floating-point state to
        its end; loops one after the other add up, and a loop without such state (a map) repeats
        the trainings inside it. Inside a training loop only those loops count, and multiply,
        that go on with the training: they start from the outer loop's state, at most changed
        elementwise, hold at least half of its bytes, and what they return reaches the outer
        state. So epochs or record points times steps multiply; layers, micro-batches and
        read-outs inside a step do not. A solver outside of all training does count, and a loop
        that accumulates over trainings begun afresh counts as one step each.
    flops: a multiply-add is 2, an elementwise operation 1, linear algebra its leading terms.
    exact: False when a loop of unknown length is inside, whose body is then counted once.
    state_bytes: bytes of the largest loop carry, and at least those of the outputs.
    """

    steps: int
    flops: float
    exact: bool
    state_bytes: int


def count(jaxpr: ClosedJaxpr) -> Counts:
    """Counts of a traced function; the branches of a conditional count as the dearest one."""
    inputs = [_Value()] * len(jaxpr.jaxpr.invars)
    alive = [True] * len(jaxpr.jaxpr.outvars)
    tally, _ = _walk(jaxpr, inputs, _Scope(alive=alive))
    outputs = sum(_bytes(variable.aval) for variable in jaxpr.jaxpr.outvars)
    return Counts(
        steps=round(tally.steps),
        flops=tally.flops,
        exact=tally.exact,
        state_bytes=max(tally.state_bytes, outputs),
    )


@dataclass(frozen=True)
class _Tally:
    flops: float = 0.0
    steps: float = 0.0
    exact: bool = True
    state_bytes: int = 0

    def __add__(self, other: _Tally) -> _Tally:
        return _Tally(
            self.flops + other.flops,
            self.steps + other.steps,
            self.exact and other.exact,
            max(self.state_bytes, other.state_bytes),
        )


@dataclass(frozen=True)
class _Value:
    """What is known of a variable.

    number: its integers, where they do not depend on the inputs; inside a loop over them their
        mean, which is enough because everything counted is affine in the length of a loop.
    state: it is the state of the training loop around, at most changed elementwise.
    """

    number: np.ndarray | None = None
    state: bool = False


@dataclass(frozen=True)
class _Scope:
    """Where an equation stands.

    alive: which outputs reach the state of the training loop around (without one: the results).
    training_bytes: bytes of that state; 0 outside of training; infinite where nothing can go on
        with the training.
    """

    alive: Sequence[bool]
    training_bytes: float = 0.0


_Result: TypeAlias = tuple[_Tally, list[_Value]]
_Rule: TypeAlias = Callable[[JaxprEqn, list[_Value], _Scope], _Result]


def _walk(code: Jaxpr | ClosedJaxpr, inputs: Sequence[_Value], scope: _Scope) -> _Result:
    jaxpr, constants = _opened(code)
    known: dict[Var, _Value] = dict(zip(jaxpr.invars, inputs, strict=True))
    known |= {
        variable: _Value(_integers(constant))
        for variable, constant in zip(jaxpr.constvars, constants, strict=False)
    }

    def value(atom: Var | Literal) -> _Value:
        if isinstance(atom, Literal):
            return _Value(_integers(atom.val))
        return known.get(atom, _Value())

    alive = _alive(jaxpr, scope.alive)
    total = _Tally()
    for equation in jaxpr.eqns:
        reaches = [variable in alive for variable in equation.outvars]
        if scope.training_bytes == 0 and not any(reaches):
            continue  # no result needs it: the compiler leaves it out
        tally, outputs = _equation(
            equation,
            [value(atom) for atom in equation.invars],
            _Scope(reaches, scope.training_bytes),
        )
        total += tally
        known |= zip(equation.outvars, outputs, strict=True)
    return total, [value(atom) for atom in jaxpr.outvars]


def _equation(equation: JaxprEqn, inputs: list[_Value], scope: _Scope) -> _Result:
    name = equation.primitive.name
    if name in FLOPS:
        return _Tally(FLOPS[name](equation)), _through(equation, inputs)
    if name in _RULES:
        return _RULES[name](equation, inputs, scope)
    inner = list(_inner(equation.params))
    if not inner:
        return _Tally(), _through(equation, inputs)
    if len(inner) == 1 and _fits(inner[0], equation):
        return _walk(inner[0], inputs, scope)
    blind = [_walk(code, *_blind(code, scope))[0] for code in inner]
    return sum(blind, _Tally()), [_Value()] * len(equation.outvars)


def _through(equation: JaxprEqn, inputs: list[_Value]) -> list[_Value]:
    """Values after an operation without inner code."""
    name = equation.primitive.name
    number = None
    if name in _AFFINE and all(value.number is not None for value in inputs):
        number = _AFFINE[name]([value.number for value in inputs], equation.params)
    state = False
    if name in _KEEPS_STATE:
        elements = size(equation.outvars[0])
        state = any(
            value.state and size(atom) == elements
            for value, atom in zip(inputs, equation.invars, strict=True)
        )
    return [_Value(number, state)] * len(equation.outvars)


def _scan(equation: JaxprEqn, inputs: list[_Value], scope: _Scope) -> _Result:
    constants, carried = equation.params["num_consts"], equation.params["num_carry"]
    begins = constants + carried
    rows = [
        _Value(None if value.number is None else value.number.mean(axis=0))
        for value in inputs[begins:]
    ]
    loop = _Loop(
        body=equation.params["jaxpr"],
        constants=inputs[:constants],
        start=inputs[constants:begins],
        carry=[variable.aval for variable in equation.outvars[:carried]],
        rows=rows,
    )
    tally, outputs = _repeated(loop, float(equation.params["length"]), scope)
    return tally, outputs + [_Value()] * (len(equation.outvars) - carried)


def _while(equation: JaxprEqn, inputs: list[_Value], scope: _Scope) -> _Result:
    test, body = equation.params["cond_jaxpr"], equation.params["body_jaxpr"]
    in_test, in_body = equation.params["cond_nconsts"], equation.params["body_nconsts"]
    loop = _Loop(
        body=body,
        constants=inputs[in_test : in_test + in_body],
        start=inputs[in_test + in_body :],
        carry=[variable.aval for variable in equation.outvars],
    )
    trips = _trips(test, loop, inputs[:in_test])
    times = 1.0 if trips is None else trips
    tally, outputs = _repeated(loop, times, scope)
    tested, _ = _walk(test, *_blind(test, _Scope((), math.inf)))
    return tally + _Tally(times * tested.flops, exact=trips is not None), outputs


def _cond(equation: JaxprEqn, inputs: list[_Value], scope: _Scope) -> _Result:
    results = [_walk(branch, inputs[1:], scope) for branch in equation.params["branches"]]
    tallies = [tally for tally, _ in results]
    dearest = _Tally(
        max(tally.flops for tally in tallies),
        max(tally.steps for tally in tallies),
        all(tally.exact for tally in tallies),
        max(tally.state_bytes for tally in tallies),
    )
    per_output = zip(*(outputs for _, outputs in results), strict=True)
    return dearest, [_Value(state=any(value.state for value in values)) for values in per_output]


def _linear_solve(equation: JaxprEqn, _: list[_Value], scope: _Scope) -> _Result:
    solve = equation.params["jaxprs"].solve
    tally, _outputs = _walk(solve, *_blind(solve, scope))
    return tally, [_Value()] * len(equation.outvars)


_RULES: Final[Mapping[str, _Rule]] = {
    "scan": _scan,
    "while": _while,
    "cond": _cond,
    "custom_linear_solve": _linear_solve,
}


@dataclass(frozen=True)
class _Loop:
    """A loop: its body takes constants, the carry and a row of what is scanned over."""

    body: ClosedJaxpr
    constants: list[_Value]
    start: list[_Value]
    carry: list[Any]
    rows: Sequence[_Value] = ()


def _repeated(loop: _Loop, times: float, scope: _Scope) -> _Result:
    floating = [bool(jnp.issubdtype(shape.dtype, jnp.inexact)) for shape in loop.carry]
    sizes = [_bytes(shape) * is_float for shape, is_float in zip(loop.carry, floating, strict=True)]
    handed = sum(size for size, value in zip(sizes, loop.start, strict=True) if value.state)
    # Outside of training what a loop records is a result too; inside, only state goes on.
    ends = floating if scope.training_bytes else [True] * len(scope.alive)
    reached = any(a and b for a, b in zip(scope.alive, ends, strict=False))
    trains = sum(sizes) > 0 and reached and 2 * handed >= scope.training_bytes
    others = len(loop.body.jaxpr.outvars) - len(loop.carry)
    if trains:
        inside = _Scope([*floating, *[False] * others], sum(sizes))
    elif scope.training_bytes == 0:
        inside = _Scope([True] * (len(loop.carry) + others))
    else:
        inside = _Scope([False] * (len(loop.carry) + others), math.inf)
    carried = [_Value(state=trains and is_float) for is_float in floating]
    once, _ = _walk(loop.body, [*loop.constants, *carried, *loop.rows], inside)
    tally = _Tally(
        flops=times * once.flops,
        steps=times * max(once.steps, float(trains)),
        exact=once.exact,
        state_bytes=max(once.state_bytes, sum(map(_bytes, loop.carry))),
    )
    return tally, [_Value(state=value.state) for value in loop.start]


def _trips(test: ClosedJaxpr, loop: _Loop, constants: list[_Value]) -> float | None:
    """Iterations of `while i < n: i += 1` with known start and end, otherwise None."""
    jaxpr, body = test.jaxpr, loop.body.jaxpr
    if jaxpr.constvars or len(jaxpr.eqns) != 1 or jaxpr.eqns[0].primitive.name != "lt":
        return None
    known = dict(zip(jaxpr.invars, [*constants, *loop.start], strict=True))
    counter, end = jaxpr.eqns[0].invars
    if isinstance(counter, Literal) or jaxpr.outvars != jaxpr.eqns[0].outvars:
        return None

    def change(atom: Var | Literal) -> Any:
        """By how much the body changes what the test reads; None if it is unknown."""
        place = -1 if isinstance(atom, Literal) else jaxpr.invars.index(atom) - len(constants)
        if place < 0:
            return 0
        before, after = body.invars[len(loop.constants) + place], body.outvars[place]
        if before is after:
            return 0
        for equation in body.eqns:
            if equation.outvars == [after] and equation.primitive.name == "add":
                first, second = equation.invars
                if first is before and isinstance(second, Literal):
                    return int(second.val)
        return None

    start = known[counter].number
    last = _integers(end.val) if isinstance(end, Literal) else known[end].number
    if start is None or last is None or (change(counter), change(end)) != (1, 0):
        return None
    return max(0.0, float(last - start))


def _alive(jaxpr: Jaxpr, outputs: Sequence[bool]) -> set[Any]:
    """The variables that the outputs marked True depend on."""
    alive = {
        atom
        for atom, wanted in zip(jaxpr.outvars, outputs, strict=True)
        if wanted and not isinstance(atom, Literal)
    }
    for equation in reversed(jaxpr.eqns):
        if not alive.isdisjoint(equation.outvars):
            alive.update(atom for atom in equation.invars if not isinstance(atom, Literal))
    return alive


def _opened(code: Jaxpr | ClosedJaxpr) -> tuple[Jaxpr, Sequence[Any]]:
    return (code.jaxpr, code.consts) if isinstance(code, ClosedJaxpr) else (code, ())


def _inner(params: Mapping[str, Any]) -> Iterator[Jaxpr | ClosedJaxpr]:
    for param in params.values():
        for item in param if isinstance(param, tuple) else (param,):
            if isinstance(item, Jaxpr | ClosedJaxpr):
                yield item


def _fits(code: Jaxpr | ClosedJaxpr, equation: JaxprEqn) -> bool:
    """Whether the equation calls this code with its own inputs and outputs."""
    jaxpr, _ = _opened(code)
    return (len(jaxpr.invars), len(jaxpr.outvars)) == (
        len(equation.invars),
        len(equation.outvars),
    )


def _blind(code: Jaxpr | ClosedJaxpr, scope: _Scope) -> tuple[list[_Value], _Scope]:
    """Arguments of `_walk` for code whose inputs and outputs are not matched to a caller's."""
    jaxpr, _ = _opened(code)
    alive = [any(scope.alive)] * len(jaxpr.outvars)
    return [_Value()] * len(jaxpr.invars), _Scope(alive, scope.training_bytes)


def _bytes(shape: Any) -> int:
    return int(shape.size) * int(shape.dtype.itemsize)


def _integers(constant: Any) -> np.ndarray | None:
    """A small integer constant as float64, otherwise None."""
    dtype = constant.dtype if hasattr(constant, "dtype") else np.asarray(constant).dtype
    if not jnp.issubdtype(dtype, jnp.integer) or np.size(constant) > _MOST_INTEGERS:
        return None
    return np.asarray(constant, np.float64)


_MOST_INTEGERS: Final = 65536

_Affine: TypeAlias = Callable[[list[Any], Mapping[str, Any]], np.ndarray]


def _slice(values: list[Any], params: Mapping[str, Any]) -> np.ndarray:
    strides = params["strides"] or (1,) * values[0].ndim
    bounds = zip(params["start_indices"], params["limit_indices"], strides, strict=True)
    sliced: np.ndarray = values[0][tuple(slice(*bound) for bound in bounds)]
    return sliced


def _broadcast(values: list[Any], params: Mapping[str, Any]) -> np.ndarray:
    lengths = [1] * len(params["shape"])
    for axis, length in zip(params["broadcast_dimensions"], values[0].shape, strict=True):
        lengths[axis] = length
    return np.broadcast_to(values[0].reshape(lengths), params["shape"])


# Affine, so that they may be applied to a mean; enough for differences of record points.
_AFFINE: Final[Mapping[str, _Affine]] = {
    "add": lambda values, _: np.add(*values),
    "sub": lambda values, _: np.subtract(*values),
    "neg": lambda values, _: np.negative(*values),
    "convert_element_type": lambda values, _: values[0],
    "broadcast_in_dim": _broadcast,
    "reshape": lambda values, params: values[0].reshape(params["new_sizes"]),
    "squeeze": lambda values, params: values[0].squeeze(params["dimensions"]),
    "slice": _slice,
    "concatenate": lambda values, params: np.concatenate(values, params["dimension"]),
}
