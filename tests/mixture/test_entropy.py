"""Entropy in more columns: exact where it can be, and honest about its error elsewhere."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from scipy import stats

from emix import Mixture, ParameterError
from emix.covariance import Dense, Diagonal

TWO = Mixture([0.4, 0.6], [[0.0, 1.0], [3.0, -1.0]],
              [[[4.0, 1.0], [1.0, 2.0]], [[0.5, -0.2], [-0.2, 0.3]]])


def of_normals(mixture: Mixture) -> np.ndarray:
    return np.array([stats.multivariate_normal(m, s).entropy() for m, s in
                     zip(mixture.means, mixture.covariances, strict=True)])


def test_one_component_is_exact():
    one = Mixture([1.0], [[3.0, 4.0]], [[[4.0, 1.0], [1.0, 2.0]]])
    assert one.entropy() == pytest.approx(of_normals(one)[0], rel=1e-14)
    assert one.entropy_estimate().standard_error == 0.0
    alone = Mixture([0.0, 1.0], TWO.means, TWO.covariances)
    assert alone.entropy() == pytest.approx(of_normals(TWO)[1], rel=1e-14)
    tiny = Mixture.univariate([1.0], [1e300], [1e-300])
    assert tiny.entropy() == pytest.approx(0.5 * math.log(2 * math.pi * math.e)
                                           - 300 * math.log(10), rel=1e-15)


def test_components_far_apart_are_exact():
    far = Mixture([0.1, 0.9], [[0.0, 0.0], [1e3, -1e3]], TWO.covariances)
    value, error = far.entropy_estimate()
    wanted = far.weights @ (of_normals(far) - np.log(far.weights))
    assert value == pytest.approx(wanted, rel=1e-13) and error < 1e-15


def test_components_that_coincide_are_exact():
    same = Mixture([0.1, 0.3, 0.6], [[1.0, 2.0]] * 3, [TWO.covariances[0]] * 3)
    value, error = same.entropy_estimate()
    assert value == pytest.approx(of_normals(same)[0], rel=1e-13) and error < 1e-14


def grid_entropy(mixture: Mixture) -> float:
    """−∫ f log f in two columns by Gauss-Legendre panels."""
    nodes, weights = np.polynomial.legendre.leggauss(24)
    axes = []
    for j in range(2):
        spread = 9 * np.sqrt(mixture.covariances[:, j, j])
        low, high = (mixture.means[:, j] - spread).min(), (mixture.means[:, j] + spread).max()
        edges = np.linspace(low, high, 25)
        x = np.concatenate([(b - a) / 2 * nodes + (a + b) / 2 for a, b in pairwise(edges)])
        w = np.concatenate([(b - a) / 2 * weights for a, b in pairwise(edges)])
        axes.append((x, w))
    (x, u), (y, v) = axes
    points = np.stack(np.meshgrid(x, y, indexing="ij"), axis=-1).reshape(-1, 2)
    logs = mixture.logpdf(points)
    return -float(np.outer(u, v).ravel() @ (np.exp(logs) * logs))


@pytest.mark.parametrize("apart", [0.3, 1.0, 2.0, 4.0])
def test_two_columns_agree_with_the_integral_within_the_error(apart):
    mixture = Mixture([0.3, 0.5, 0.2], [[0.0, 0.0], [apart, 0.0], [0.0, apart]],
                      [[[1.0, 0.6], [0.6, 1.0]], np.eye(2), [[0.3, -0.1], [-0.1, 0.2]]])
    value, error = mixture.entropy_estimate()
    wanted = grid_entropy(mixture)
    assert error < 2e-4
    assert abs(value - wanted) < 4 * error
    assert abs(value - wanted) < 2e-4


def test_independent_columns_add_up():
    """Four columns, of which each is a mixture of two for itself: 16 components."""
    column = Mixture.univariate([0.3, 0.7], [-1.0, 1.0], [0.7, 0.5])
    bits = np.array([[c >> j & 1 for j in range(4)] for c in range(16)])
    product = Mixture.trusted(
        column.weights[bits].prod(axis=1), column.means[:, 0][bits], Diagonal(column.sds[bits])
    )
    value, error = product.entropy_estimate()
    assert abs(value - 4 * column.entropy()) < max(4 * error, 1e-9)
    assert error < 1e-3


def test_the_same_number_each_time_and_units_add_a_jacobian():
    assert TWO.entropy() == TWO.entropy() == TWO.entropy_estimate().value
    factors = np.array([1e-100, 1e150])
    scaled = Mixture.trusted(TWO.weights, TWO.means * factors, TWO.covariance.rescaled(factors))
    assert scaled.entropy() == pytest.approx(TWO.entropy() + np.log(factors).sum(), abs=1e-9)


def test_many_columns_take_fewer_points(monkeypatch):
    from emix.mixture import entropy

    drawn = []
    label_entropy = entropy._label_entropy
    monkeypatch.setattr(entropy, "_label_entropy",
                        lambda m, z: drawn.append(len(z)) or label_entropy(m, z))
    for d, points in ((2, 4096), (300, 64)):
        monkeypatch.setattr(entropy, "WORK", 1e8)
        drawn.clear()
        Mixture.trusted(np.full(2, 0.5), np.zeros((2, d)),
                        Dense(np.array([np.eye(d), 1.1 * np.eye(d)]))).entropy()
        assert drawn == [points] * entropy.SHIFTS


def test_more_columns_than_sobol_sequences():
    wide = Mixture.trusted(np.full(2, 0.5), np.zeros((2, 21202)), Diagonal(np.ones((2, 21202))))
    with pytest.raises(ParameterError, match="at most 21201"):
        wide.entropy()
    one = Mixture.trusted(np.ones(1), np.zeros((1, 21202)), Diagonal(np.ones((1, 21202))))
    assert one.entropy() == pytest.approx(21202 * 0.5 * math.log(2 * math.pi * math.e))
