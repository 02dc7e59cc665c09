"""Covariance values, held to dense arithmetic."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from members import VALUES, value

from emix import ParameterError
from emix.covariance import Common, Dense, Diagonal, Isotropic, Oriented

SEEDS = st.integers(0, 2**32)


def random_value(kind: str, seed: int, d: int):
    rng = np.random.default_rng(seed)
    return value(kind, rng, int(rng.integers(1, 5)), d)


values = st.builds(random_value, st.sampled_from(VALUES), SEEDS, st.integers(1, 4))


@given(values, SEEDS)
def test_whitening_is_a_square_root_of_the_inverse(value, seed):
    k, d = value.n_components, value.n_features
    matrices = value.dense()
    assert matrices.shape == (k, d, d)
    deviations = np.random.default_rng(seed).normal(size=(7, d))
    for j, sigma in enumerate(matrices):
        whitened = value.whiten(deviations, j)
        distance = np.einsum("ni,ij,nj->n", deviations, np.linalg.inv(sigma), deviations)
        np.testing.assert_allclose((whitened**2).sum(axis=1), distance, rtol=1e-7)
        np.testing.assert_allclose(value.unwhiten(whitened, j), deviations, rtol=1e-9, atol=1e-11)
        unwhitened = value.unwhiten(np.eye(d), j)
        size = np.abs(sigma).max()
        np.testing.assert_allclose(unwhitened.T @ unwhitened, sigma, rtol=1e-11, atol=1e-14 * size)


@given(values)
def test_factors_are_those_of_cholesky(value):
    factors, matrices = value.factors, value.dense()
    assert factors.shape == matrices.shape
    np.testing.assert_array_equal(factors, np.tril(factors))
    assert (np.diagonal(factors, axis1=1, axis2=2) > 0).all()
    for factor, sigma in zip(factors, matrices, strict=True):
        np.testing.assert_allclose(factor @ factor.T, sigma, rtol=1e-10,
                                   atol=1e-13 * np.abs(sigma).max())


@given(values)
def test_log_determinants_are_those_of_the_factors(value):
    signs, wanted = np.linalg.slogdet(value.factors)
    assert (signs == 1).all()
    np.testing.assert_allclose(value.log_determinants, 2 * wanted, rtol=1e-9, atol=1e-9)


@given(values, SEEDS, st.booleans())
def test_rescaled_as_the_matrices_would_be(value, seed, alike):
    d = value.n_features
    factors = np.exp(np.random.default_rng(seed).normal(size=d))
    if alike:
        factors[:] = factors[0]
    found = value.rescaled(factors)
    scaled = np.outer(factors, factors)
    for before, after in zip(value.dense(), found.dense(), strict=True):
        wanted = before * scaled
        sds = np.sqrt(np.diag(wanted))
        np.testing.assert_allclose(after / np.outer(sds, sds), wanted / np.outer(sds, sds),
                                   rtol=1e-9, atol=1e-9)
    apart = {"Isotropic": Diagonal, "Oriented": Dense}.get(type(value).__name__, type(value))
    assert type(found) is (type(value) if alike or d == 1 else apart)
    assert found.n_features == d


@given(values, SEEDS)
def test_reordered_as_the_matrices_would_be(value, seed):
    order = np.random.default_rng(seed).permutation(value.n_components)
    found = value.reordered(order)
    assert type(found) is type(value)
    np.testing.assert_array_equal(found.dense(), value.dense()[order])


@given(values, st.data())
def test_marginal_is_the_block_of_the_matrices(value, data):
    d = value.n_features
    columns = data.draw(st.permutations(range(d)))[:data.draw(st.integers(1, d))]
    found = value.marginal(np.array(columns))
    assert (found.n_components, found.n_features) == (value.n_components, len(columns))
    wanted = value.dense()[:, columns][:, :, columns]
    for one, two in zip(found.dense(), wanted, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-9, atol=1e-12 * np.abs(two).max())
    assert found.is_common == value.is_common


@given(values)
def test_what_is_known_to_be_common_is(value):
    expected = value.n_components == 1 or isinstance(value, Common)
    assert value.is_common is expected
    if value.is_common:
        np.testing.assert_array_equal(value.dense(), value.dense()[[0] * value.n_components])


@given(values)
def test_values_cannot_be_written_to_nor_can_their_copies(value):
    for one in (value, copy.deepcopy(value), pickle.loads(pickle.dumps(value))):
        names = {Isotropic: ["sds"], Diagonal: ["sds"], Common: ["factor"], Dense: ["factors"],
                 Oriented: ["axes", "orientations"]}[type(value)]
        for name in [*names, "factors" if isinstance(value, Common) else names[0]]:
            with pytest.raises(ValueError, match="read-only"):
                getattr(one, name)[0] = 1.0
        np.testing.assert_array_equal(one.dense(), value.dense())


@given(SEEDS)
def test_volumes_and_shapes_are_the_matrix_again(seed):
    oriented = random_value("Oriented", seed, 3)
    np.testing.assert_allclose(oriented.shapes.prod(axis=1), 1, rtol=1e-12)
    np.testing.assert_allclose(oriented.volumes**3, np.exp(oriented.log_determinants), rtol=1e-12)
    np.testing.assert_allclose(oriented.volumes[:, None] * oriented.shapes, oriented.axes**2,
                               rtol=1e-12)


def test_on_the_floor():
    floor = 2.0**-44
    rests = np.array([[1.0, floor], [1.0, 1.0], [floor * (1 + 1e-12), 1.0], [2 * floor, 1.0]])
    wanted = [True, False, True, False]
    assert Isotropic(rests.min(axis=1), 2).at_floor(floor).tolist() == wanted
    assert Diagonal(rests).at_floor(floor).tolist() == wanted
    # In a full matrix, a column that is a combination of others has a floor relative to its own
    # variance, and an axis one relative to the longest.
    matrices = np.eye(2) * np.array([1, 1, 1, 1])[:, None, None]
    factors = np.array(matrices)
    factors[:, 1, 0] = 1.0
    factors[:, 1, 1] = [2.0**-20, 0.5, 2.0**-21, 2.0**-19]
    assert Dense(factors).at_floor(floor).tolist() == wanted
    assert Common(factors[0].copy(), 3).at_floor(floor).tolist() == [True] * 3
    assert Common(factors[3].copy(), 3).at_floor(floor).tolist() == [False] * 3
    axes = np.array([[1.0, 2.0**-24], [1.0, 0.5], [2.0**-25, 1.0], [1.0, 2.0**-23]])
    turned = Oriented(axes, np.stack([np.eye(2)] * 4))
    assert turned.at_floor(floor).tolist() == wanted
    assert Oriented(floor * axes, turned.orientations.copy()).at_floor(floor).all()


def test_no_overflow_where_the_determinant_would():
    assert Isotropic(np.array([1e-300]), 4).log_determinants[0] == pytest.approx(
        8 * np.log(1e-300))
    tiny = Dense.from_matrices(np.eye(50)[None] * 1e-200)
    assert tiny.log_determinants[0] == pytest.approx(50 * np.log(1e-200))


@pytest.mark.parametrize(("matrix", "words"), [
    ([[1, 0.1], [0.2, 1]], "not symmetric"), ([[1, 2], [2, 1]], "eigenvalue -1"),
    ([[0, 0], [0, 1]], "not positive definite"), ([[-1, 0], [0, 1]], "not positive definite"),
])
def test_no_covariance_matrices(matrix, words):
    with pytest.raises(ParameterError, match=f"covariances\\[1\\].*{words}"):
        Dense.from_matrices(np.array([np.eye(2), matrix], dtype=float))
