"""Structures and covariance values, held to dense arithmetic."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emix import ParameterError
from emix.covariance import ONE_COLUMN, Dense, Equal, Isotropic, Varying, structure

SEEDS = st.integers(0, 2**32)


def random_value(seed: int, d: int, isotropic: bool):
    rng = np.random.default_rng(seed)
    k = int(rng.integers(1, 5))
    if isotropic:
        return Isotropic(np.exp(rng.normal(0, 2, k)), d)
    roots = rng.normal(size=(k, d, d)) + 2 * np.eye(d)
    return Dense.from_matrices(roots @ np.swapaxes(roots, 1, 2))


values = st.builds(random_value, SEEDS, st.integers(1, 4), st.booleans())


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
        np.testing.assert_allclose(value.unwhiten(whitened, j), deviations, rtol=1e-9, atol=1e-12)
        unwhitened = value.unwhiten(np.eye(d), j)
        np.testing.assert_allclose(unwhitened.T @ unwhitened, sigma, rtol=1e-11, atol=1e-13)


@given(values)
def test_log_determinants_are_those_of_the_matrices(value):
    signs, wanted = np.linalg.slogdet(value.dense())
    assert (signs == 1).all()
    np.testing.assert_allclose(value.log_determinants, wanted, rtol=1e-9, atol=1e-9)


@given(values, SEEDS)
def test_rescaled_and_reordered_as_the_matrices_would_be(value, seed):
    rng = np.random.default_rng(seed)
    d = value.n_features
    factors = np.full(d, 2.5) if isinstance(value, Isotropic) else np.exp(rng.normal(size=d))
    wanted = value.dense() * np.outer(factors, factors)
    np.testing.assert_allclose(value.rescaled(factors).dense(), wanted, rtol=1e-12)
    assert type(value.rescaled(factors)) is type(value)
    order = rng.permutation(value.n_components)
    np.testing.assert_array_equal(value.reordered(order).dense(), value.dense()[order])
    assert value.reordered(order).n_features == value.rescaled(factors).n_features == d


@given(values)
def test_values_cannot_be_written_to_nor_can_their_copies(value):
    for one in (value, copy.deepcopy(value)):
        array = one.sds if isinstance(one, Isotropic) else one.factors
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1.0
        np.testing.assert_array_equal(one.dense(), value.dense())


def test_isotropic_keeps_its_form_only_when_columns_scale_alike():
    with pytest.raises(ValueError, match="scaled alike"):
        Isotropic(np.ones(2), 2).rescaled(np.array([1.0, 2.0]))


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


# The M-step of a structure

RULES = {"E": Equal(), "V": Varying()}
every_rule = pytest.mark.parametrize("rule", RULES.values(), ids=RULES)


def statistics(seed: int, d: int, k: int):
    """Traces of scatter and expected counts, as soft assignments of points would give."""
    rng = np.random.default_rng(seed)
    r = rng.dirichlet(np.ones(k), 30)
    deviations = rng.normal(size=(30, k, d)) * np.exp(rng.normal(size=k))[:, None]
    return np.einsum("nk,nkd->k", r, deviations**2), r.sum(axis=0)


def expected_loglik(sds: np.ndarray, scatter: np.ndarray, weight: np.ndarray, d: int) -> float:
    """Σ_k −n_k d log σ_k − tr S_k / 2σ_k², from which the M-step follows."""
    return float((-weight * d * np.log(sds) - scatter / (2 * sds**2)).sum())


@every_rule
@given(SEEDS, st.integers(1, 3), st.integers(1, 4))
def test_the_m_step_is_the_maximum_of_the_expected_loglik(rule, seed, d, k):
    scatter, weight = statistics(seed, d, k)
    old, all_learned = Isotropic(np.ones(k), d), np.ones(k, dtype=bool)
    new = rule.maximise(old, scatter, weight, all_learned, 0.0)
    assert new.n_features == d and (len(set(new.sds)) == 1 or not rule.is_common)
    best = expected_loglik(new.sds, scatter, weight, d)
    for j in range(k):
        for factor in (1 - 1e-4, 1 + 1e-4, 0.5, 2.0):
            moved = new.sds * factor if rule.is_common else np.where(
                np.arange(k) == j, new.sds * factor, new.sds)
            assert expected_loglik(moved, scatter, weight, d) < best
    # What the two have in common: with one component they are one model.
    if k == 1:
        np.testing.assert_allclose(new.sds**2 * weight * d, scatter, rtol=1e-12)


@every_rule
def test_no_standard_deviation_falls_below_the_floor(rule):
    old, learned = Isotropic(np.array([1.0, 1.0])), np.ones(2, dtype=bool)
    new = rule.maximise(old, np.array([0.0, 1e-30]), np.array([3.0, 5.0]), learned, 1e-9)
    assert new.sds.tolist() == [1e-9, 1e-9]
    with np.errstate(all="raise"):
        free = rule.maximise(old, np.array([0.0, 8.0]), np.array([3.0, 5.0]), learned, 1e-9)
    wanted = [1.0, 1.0] if rule.is_common else [1e-9, np.sqrt(1.6)]
    np.testing.assert_allclose(free.sds, wanted)


@every_rule
def test_components_without_points_keep_their_spread(rule):
    old, learned = Isotropic(np.array([0.3, 0.3])), np.ones(2, dtype=bool)
    new = rule.maximise(old, np.array([0.0, 8.0]), np.array([0.0, 2.0]), learned, 1e-9)
    assert new.sds.tolist() == ([2.0, 2.0] if rule.is_common else [0.3, 2.0])
    nothing = rule.maximise(old, np.zeros(2), np.zeros(2), learned, 1e-9)
    assert nothing.sds.tolist() == [0.3, 0.3]


def test_held_components_keep_their_bits():
    old = Isotropic(np.array([0.1, 1 / 3, 1e-30]))
    scatter, weight = np.array([5.0, 6.0, 7.0]), np.array([1.0, 2.0, 3.0])
    learned = np.array([False, True, False])
    new = Varying().maximise(old, scatter, weight, learned, 1e-9)
    # Held below the floor is held all the same.
    assert new.sds[[0, 2]].tolist() == [0.1, 1e-30]
    assert new.sds[1] == pytest.approx(np.sqrt(3.0), rel=1e-15)
    none = np.zeros(3, dtype=bool)
    assert Varying().maximise(old, scatter, weight, none, 1e-9).sds.tolist() == old.sds.tolist()
    assert Equal().maximise(old, scatter, weight, none, 1e-9).sds.tolist() == old.sds.tolist()


def test_free_parameters():
    for d in (1, 2, 5):
        assert [Equal().n_parameters(k, d) for k in (0, 1, 4)] == [0, 1, 1]
        assert [Varying().n_parameters(k, d) for k in (0, 1, 4)] == [0, 1, 4]


# Names


def test_in_one_column_a_name_says_only_whether_the_spread_is_common():
    for name, rule in ONE_COLUMN.items():
        first = {"tied": "E", "full": "V", "diag": "V", "spherical": "V"}.get(name, name[0])
        assert rule.name == first and rule.is_common == (first == "E")
        assert structure(name, 1) is rule
        assert rule.scatter_form == "spherical"
    three = {a + b + c for a, b, c in
             ("EII", "VII", "EEI", "VEI", "EVI", "VVI", "EEE", "VEE", "EVE", "VVE", "EEV", "VEV",
              "EVV", "VVV")}
    assert set(ONE_COLUMN) == three | {"E", "V", "full", "tied", "diag", "spherical"}


@pytest.mark.parametrize("name", ["X", "e", "", None, 3, ["V"], "Full"])
def test_other_names_are_refused_with_those_that_are_not(name):
    with pytest.raises(ParameterError, match=r"covariance=.*'V'.*'full'.*'E'.*'tied'"):
        structure(name, 1)


def test_more_columns_wait():
    with pytest.raises(ParameterError, match=r"3 columns.*one column at a time"):
        structure("VVV", 3)
