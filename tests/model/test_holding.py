"""Held values as users write them, and matrices held beside learned ones."""

from __future__ import annotations

import numpy as np
import pytest

from emix import ParameterError
from emix.covariance import STRUCTURES, Common, Dense, Diagonal, Isotropic, structure
from emix.model.holding import combined, held_covariances, held_means, held_weights

NAN = np.nan
UNKNOWN = np.full((2, 2), NAN)
A, B = np.array([[2.0, 0.5], [0.5, 1.0]]), np.array([[1.0, -0.3], [-0.3, 0.7]])
SEPARATE, COMMON = ("VII", "VVI", "VVV"), ("EII", "EEI", "EEE")


def covariances_of(name: str, covariances=None, sds=None, k: int = 2):
    return held_covariances(sds, covariances, k, 2, structure(name, 2))


# Means


@pytest.mark.parametrize(("means", "wanted"), [
    ([[1, 2], [3, 4]], [[1, 2], [3, 4]]),
    (np.array([[1.0, NAN], [NAN, 4]]), [[1, NAN], [NAN, 4]]),
    ([NAN, [3, 4]], [[NAN, NAN], [3, 4]]),
    ([[1, 2], np.float64(NAN)], [[1, 2], [NAN, NAN]]),
    ([NAN, NAN], [[NAN, NAN], [NAN, NAN]]),
    (NAN, [[NAN, NAN], [NAN, NAN]]),
    ([np.array([1, 2]), (3, NAN)], [[1, 2], [3, NAN]]),
    (np.array([[1, 2], [3, 4]], dtype=np.float32), [[1, 2], [3, 4]]),
])
def test_means_are_a_row_for_each_component_or_nan(means, wanted):
    np.testing.assert_array_equal(held_means(means, 2, 2), wanted)


@pytest.mark.parametrize(("means", "words"), [
    ([1, 2], r"means has shape \(2,\); expected \(2, 2\)"),
    (0.5, r"means is not a table|means has shape"),
    ([[1, 2], [3]], "means is not a table of numbers"),
    ([[1, 2], [3, "4"]], "means is not a table of numbers"),
    ("low", "means is not"), ({}, "means is not"), ([None, [1, 2]], "means is not"),
    (np.zeros((2, 3)), r"means has shape \(2, 3\)"),
    (np.zeros((3, 2)), r"means has shape \(3, 2\)"),
    (np.zeros((2, 2, 1)), r"means has shape \(2, 2, 1\)"),
    ([[1, 2], [3, -np.inf]], r"infinite value at \[1, 1\]"),
])
def test_other_means_are_refused(means, words):
    with pytest.raises(ParameterError, match=words):
        held_means(means, 2, 2)


def test_in_one_column_a_number_is_enough():
    for means in (1.5, [1.5, 1.5], [[1.5], [1.5]]):
        np.testing.assert_array_equal(held_means(means, 2, 1), [[1.5], [1.5]])
    np.testing.assert_array_equal(held_means([NAN, 2.0], 2, 1), [[NAN], [2.0]])


def test_what_is_given_is_not_written_to():
    means, matrices = np.array([[1.0, NAN], [NAN, 4.0]]), np.stack([A, UNKNOWN])
    copies = means.copy(), matrices.copy()
    held_means(means, 2, 2)
    found, _ = covariances_of("VVV", matrices)
    np.testing.assert_array_equal(means, copies[0])
    np.testing.assert_array_equal(matrices, copies[1])
    assert means.flags.writeable and matrices.flags.writeable
    assert not found.factors.flags.writeable


# Covariances


def test_nothing_is_held():
    found, learned = covariances_of("VVV")
    assert found is None and learned.tolist() == [True, True]


@pytest.mark.parametrize("name", STRUCTURES)
def test_all_matrices_may_be_held_in_any_structure(name):
    members = {"I": np.eye(2) * 4.0, "diagonal": np.diag([4.0, 9.0])}
    matrix = members["I"] if name[1] == "I" else \
        members["diagonal"] if name[2] == "I" else A
    for given in (matrix, [matrix, matrix], np.stack([matrix, matrix])):
        found, learned = covariances_of(name, given)
        assert not learned.any() and found.n_components == 2
        np.testing.assert_allclose(found.dense(), [matrix, matrix], rtol=1e-15)
    form = {"spherical": Isotropic, "diagonal": Diagonal}.get(
        structure(name, 2).scatter_form, Dense)
    assert type(found) is form


@pytest.mark.parametrize("name", SEPARATE)
def test_some_matrices_may_be_held_where_nothing_is_shared(name):
    matrix = {"VII": 4 * np.eye(2), "VVI": np.diag([4.0, 9.0]), "VVV": A}[name]
    found, learned = covariances_of(name, [UNKNOWN, matrix])
    assert learned.tolist() == [True, False]
    np.testing.assert_allclose(found.dense()[1], matrix, rtol=1e-15)
    # To the bit, in the form that they are held in.
    if name == "VVV":
        np.testing.assert_array_equal(found.factors[1], np.linalg.cholesky(A))
    else:
        np.testing.assert_array_equal(np.diag(found.factors[1]), np.sqrt(np.diag(matrix)))


@pytest.mark.parametrize("name", [n for n in STRUCTURES if n not in SEPARATE])
def test_matrices_that_share_something_are_held_all_or_none(name):
    with pytest.raises(ParameterError, match=f"covariance='{name}' shares .* hold all, or use VII"):
        covariances_of(name, [np.eye(2), UNKNOWN])
    found, learned = covariances_of(name, [UNKNOWN, UNKNOWN])
    assert found is None and learned.all()


@pytest.mark.parametrize("name", COMMON)
def test_one_matrix_for_all_is_one(name):
    with pytest.raises(ParameterError, match=f"covariance='{name}' has one matrix .* different"):
        covariances_of(name, [np.eye(2), 2 * np.eye(2)])


@pytest.mark.parametrize(("name", "covariances", "words"), [
    ("VVI", [A, A], r"covariances\[0\] is not of the structure VVI"),
    ("VEI", [np.eye(2), A], r"covariances\[1\] is not of the structure VEI"),
    ("VII", [np.diag([1.0, 2.0]), UNKNOWN], r"covariances\[0\] is not of the structure VII"),
    ("VVV", [A, [[1.0, NAN], [NAN, 1.0]]], r"covariances\[1\] is nan in part"),
    ("VVV", [A, [[1.0, 0.5], [0.0, 1.0]]], r"covariances\[1\] is not symmetric"),
    ("VVV", [A, [[1.0, 2.0], [2.0, 1.0]]], r"covariances\[1\] is not positive definite"),
    ("VVV", [A, [[np.inf, 0.0], [0.0, 1.0]]], r"covariances\[1\] holds an infinite value"),
    ("VVV", [[np.inf, 0.0], [0.0, 1.0]], r"covariances\[0\] holds an infinite value"),
    ("VVV", 1.0, r"covariances has shape \(\); expected \(2, 2, 2\), or \(2, 2\) for all"),
    ("VVV", [1.0, 2.0], r"covariances has shape \(2,\)"),
    ("VVV", np.ones((3, 2, 2)), r"covariances has shape \(3, 2, 2\)"),
    ("VVV", "abc", "covariances is not a table of numbers"),
    ("VVV", [A, NAN], "covariances is not a table of numbers"),
    ("VVV", [A.tolist(), [["1", "0"], ["0", "1"]]], "covariances is not a table of numbers"),
])
def test_other_covariances_are_refused_by_name(name, covariances, words):
    with pytest.raises(ParameterError, match=words):
        covariances_of(name, covariances)


def test_one_standard_deviation_for_all_columns_is_for_spheres():
    found, learned = covariances_of("VII", sds=[0.5, NAN])
    assert isinstance(found, Isotropic) and found.sds[0] == 0.5
    assert learned.tolist() == [False, True]
    common, learned = covariances_of("EII", sds=0.1)
    assert common.sds.tolist() == [0.1, 0.1] and not learned.any()
    for name in set(STRUCTURES) - {"VII", "EII"}:
        with pytest.raises(ParameterError, match=r"covariance='spherical' \(VII, EII\)"):
            covariances_of(name, sds=1.0)
    for sds in ([0.1, 0.2], [0.1, NAN]):
        with pytest.raises(ParameterError, match=r"one standard deviation .* covariance='VII'"):
            covariances_of("EII", sds=sds)
    for sds in ([0.1, 0.0], [[0.1, 0.2], [0.3, 0.4]], [0.1, -1.0], "a"):
        with pytest.raises(ParameterError, match="sds"):
            covariances_of("VII", sds=sds)
    with pytest.raises(ParameterError, match="both sds and covariances"):
        covariances_of("VII", sds=1.0, covariances=np.eye(2))


# Held and learned together


def test_combined_keeps_the_smallest_form_that_both_have():
    learned = np.array([True, False])
    spheres = Isotropic(np.array([1.0, 2.0]), 2), Isotropic(np.array([3.0, 4.0]), 2)
    axes = (Diagonal(np.array([[1.0, 2.0], [3.0, 4.0]])),
            Diagonal(np.array([[5.0, 6.0], [7.0, 8.0]])))
    dense = Dense.from_matrices(np.stack([A, B])), Dense.from_matrices(np.stack([B, A]))
    for (here, there), form in ((spheres, Isotropic), (axes, Diagonal), (dense, Dense)):
        found = combined(learned, here, there)
        assert type(found) is form
        np.testing.assert_array_equal(found.factors[0], here.factors[0])
        np.testing.assert_array_equal(found.factors[1], there.factors[1])
        assert combined(~learned | learned, here, there).dense().tolist() == here.dense().tolist()
        assert combined(learned & ~learned, here, there) is there
    mixed = combined(learned, spheres[0], dense[1])
    assert type(mixed) is Dense
    np.testing.assert_array_equal(mixed.factors, [spheres[0].factors[0], dense[1].factors[1]])
    common = Common(np.linalg.cholesky(A), 2)
    np.testing.assert_array_equal(combined(learned, common, dense[1]).factors,
                                  [common.factors[0], dense[1].factors[1]])


# Weights


@pytest.mark.parametrize(("weights", "wanted"), [
    ("equal", [1 / 3] * 3), ([0.2, NAN, 0.3], [0.2, NAN, 0.3]), ([0.2, 0.3, 0.5], [0.2, 0.3, 0.5]),
    ([0.0, NAN, NAN], [0.0, NAN, NAN]), ([0.1 + 0.2, 0.3, 0.4], [0.1 + 0.2, 0.3, 0.4]),
])
def test_weights_are_those_given(weights, wanted):
    np.testing.assert_array_equal(held_weights(weights, 3), wanted)
