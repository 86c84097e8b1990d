import jax
import numpy as np
import pytest
from scipy import integrate, stats

from models.activations import activation, gain

NAMES = ("linear", "relu", "erf", "tanh", "gelu", "hermite:0.3,-1,0,2")


def quadrature(points: int = 40) -> tuple[np.ndarray, np.ndarray]:
    nodes, weights = np.polynomial.hermite_e.hermegauss(points)
    return nodes, weights / weights.sum()


def test_hermite_basis_is_orthonormal_under_the_gaussian():
    nodes, weights = quadrature()
    with jax.enable_x64(True):
        basis = [activation("hermite:" + "0," * k + "1")(nodes) for k in range(7)]
    gram = np.einsum("iz,jz,z->ij", basis, basis, weights)
    np.testing.assert_allclose(gram, np.eye(7), atol=1e-12)


def test_hermite_coefficients_weigh_the_basis():
    x = np.linspace(-2, 2, 9, dtype=np.float32)
    expected = 0.5 + 2 * x - 3 * (x**2 - 1) / np.sqrt(2)
    np.testing.assert_allclose(activation("hermite:0.5,2,-3")(x), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_gain_restores_the_unit_second_moment(name):
    phi = activation(name)
    with jax.enable_x64(True):
        z = np.linspace(-12, 12, 40_001)
        moment = integrate.trapezoid(np.asarray(phi(z)) ** 2 * stats.norm.pdf(z), z)
    # trapezoid step 6e-4: error O(step^2), largest at the kink of relu
    assert gain(name) * moment == pytest.approx(1, abs=1e-6)


def test_the_same_name_is_the_same_object():
    assert activation("hermite:0,1") is activation("hermite:0,1")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("rleu", "did you mean 'relu'"),
        ("hermit:0,1", "did you mean 'hermite:'"),
        ("hermite:0,x", "expected numbers"),
        ("hermite:", "expected numbers"),
        ("hermite:nan", "expected numbers"),
        ("swish", "known: linear"),
    ],
)
def test_bad_names_are_refused(name, message):
    with pytest.raises(ValueError, match=message):
        activation(name)


def test_the_zero_function_has_no_gain():
    with pytest.raises(ValueError, match="zero everywhere"):
        gain("hermite:0,0")
