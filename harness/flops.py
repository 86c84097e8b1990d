"""Floating-point operations of one traced operation; a multiply-add is two.

Linear algebra has its leading terms: Golub and Van Loan, Matrix Computations.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

import jax.numpy as jnp
from jax.extend.core import JaxprEqn, Literal, Var


def _elementwise(equation: JaxprEqn) -> float:
    return size(equation.outvars[0]) if _is_float(equation.invars[0]) else 0.0


def _reduction(equation: JaxprEqn) -> float:
    return size(equation.invars[0]) if _is_float(equation.invars[0]) else 0.0


def _scatter(equation: JaxprEqn) -> float:
    return size(equation.invars[2]) if _is_float(equation.invars[2]) else 0.0


def _dot(equation: JaxprEqn) -> float:
    (contracted, _), _batch = equation.params["dimension_numbers"]
    shape = _shape(equation.invars[0])
    return 2.0 * size(equation.outvars[0]) * int(math.prod(shape[axis] for axis in contracted))


def _convolution(equation: JaxprEqn) -> float:
    kernel = equation.invars[1]
    features = _shape(kernel)[int(equation.params["dimension_numbers"].rhs_spec[0])]
    return 2.0 * size(equation.outvars[0]) * size(kernel) / features


def _fft(equation: JaxprEqn) -> float:
    points = int(math.prod(equation.params["fft_lengths"]))
    length = max(size(equation.invars[0]), size(equation.outvars[0]))
    return 5.0 * length * math.log2(max(2, points))


def _triangular_solve(equation: JaxprEqn) -> float:
    return size(equation.invars[1]) * _shape(equation.invars[0])[-1]


def _matrix(leading: Callable[[int, int], float]) -> Callable[[JaxprEqn], float]:
    """A rule from leading terms in m >= n, the longer and the shorter side of the first array."""

    def rule(equation: JaxprEqn) -> float:
        *batch, rows, columns = _shape(equation.invars[0])
        return math.prod(batch) * float(leading(max(rows, columns), min(rows, columns)))

    return rule


def _householder(m: int, n: int) -> float:
    return float(2 * m * n**2 - 2 / 3 * n**3)


def _svd(equation: JaxprEqn) -> float:
    wanted = equation.params["compute_uv"], equation.params["full_matrices"]
    return _SVD[wanted](equation)


def _shape(atom: Var | Literal) -> tuple[int, ...]:
    shaped: Any = atom.aval
    return tuple(shaped.shape)


def size(atom: Var | Literal) -> float:
    """Elements of a variable."""
    return float(math.prod(_shape(atom)))


def _is_float(atom: Var | Literal) -> bool:
    shaped: Any = atom.aval
    return bool(jnp.issubdtype(shaped.dtype, jnp.inexact))


ELEMENTWISE: Final = frozenset(
    (
        *("abs", "acos", "acosh", "add", "add_any", "asin", "asinh", "atan", "atan2", "atanh"),
        *("bessel_i0e", "bessel_i1e", "cbrt", "ceil", "clamp", "cos", "cosh", "digamma", "div"),
        *("eq", "erf", "erf_inv", "erfc", "exp", "exp2", "expm1", "floor", "ge", "gt", "igamma"),
        *("igammac", "integer_pow", "is_finite", "le", "lgamma", "log", "log1p", "logistic", "lt"),
        *("max", "min", "mul", "ne", "neg", "polygamma", "pow", "regularized_incomplete_beta"),
        *("rem", "round", "rsqrt", "sign", "sin", "sinh", "sqrt", "square", "sub", "tan", "tanh"),
        "zeta",
    )
)

_REDUCTIONS: Final = (
    *("argmax", "argmin", "cumlogsumexp", "cummax", "cummin", "cumprod", "cumsum", "reduce"),
    *("reduce_max", "reduce_min", "reduce_prod", "reduce_sum", "select_and_scatter_add"),
)

# By whether the singular vectors are wanted, and all of them.
_SVD: Final = {
    (False, False): _matrix(lambda m, n: 4 * m * n**2 - 4 / 3 * n**3),
    (False, True): _matrix(lambda m, n: 4 * m * n**2 - 4 / 3 * n**3),
    (True, False): _matrix(lambda m, n: 14 * m * n**2 + 8 * n**3),
    (True, True): _matrix(lambda m, n: 4 * m**2 * n + 8 * m * n**2 + 9 * n**3),
}

FLOPS: Final[Mapping[str, Callable[[JaxprEqn], float]]] = {
    **dict.fromkeys(ELEMENTWISE, _elementwise),
    **dict.fromkeys(_REDUCTIONS, _reduction),
    **dict.fromkeys(("scatter-add", "scatter-mul", "scatter-min", "scatter-max"), _scatter),
    "dot_general": _dot,
    "conv_general_dilated": _convolution,
    "fft": _fft,
    "triangular_solve": _triangular_solve,
    "svd": _svd,
    "cholesky": _matrix(lambda _, n: n**3 / 3),
    "lu": _matrix(lambda m, n: m * n**2 - n**3 / 3),
    "qr": _matrix(lambda m, n: 2 * _householder(m, n)),
    "geqrf": _matrix(_householder),
    "householder_product": _matrix(_householder),
    "eigh": _matrix(lambda _, n: 9 * n**3),
    "eig": _matrix(lambda _, n: 25 * n**3),
}
"""Operations of a primitive by its name; what is not in the table does not count."""
