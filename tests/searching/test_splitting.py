"""Components split in two, and left out."""

from __future__ import annotations

import numpy as np
import pytest

from emix import Mixture
from emix.climbing.batches import Batch
from emix.covariance import STRUCTURES, structure
from emix.searching.splitting import APART, splits, without_one


def mixture(k: int = 3, d: int = 3, seed: int = 0) -> Mixture:
    rng = np.random.default_rng(seed)
    roots = rng.normal(size=(k, d, d))
    return Mixture(rng.dirichlet(np.full(k, 5.0)), rng.normal(size=(k, d)) * 3,
                   roots @ roots.transpose(0, 2, 1) + 0.1 * np.eye(d))


def dense(batch: Batch, row: int) -> Mixture:
    return batch.mixture(row, structure("VVV", batch.n_features))


@pytest.mark.parametrize("d", [1, 2, 4])
@pytest.mark.parametrize("apart", [APART, 0.3, 0.0])
def test_a_split_keeps_weight_mean_and_covariance(d, apart):
    whole = mixture(3, d)
    batch = splits(Batch.of([whole]), 0, 2, apart)
    assert len(batch) == 3 * min(2, d) and batch.n_components == 4
    for row in range(len(batch)):
        made = dense(batch, row)
        assert made.weights.sum() == pytest.approx(1, abs=1e-12)
        np.testing.assert_allclose(made.mean, whole.mean, atol=1e-12)
        np.testing.assert_allclose(spread(made), spread(whole), atol=1e-10)


def spread(m: Mixture) -> np.ndarray:
    """The covariance matrix of the whole mixture."""
    away = m.means - m.weights @ m.means
    return np.einsum("k,kij->ij", m.weights, m.covariances) + \
        np.einsum("k,ki,kj->ij", m.weights, away, away)


def test_each_component_is_split_once_along_each_axis_the_longest_first():
    whole = mixture(2, 3)
    batch = splits(Batch.of([whole]), 0, 3)
    for row in range(6):
        j, axis = row % 2, row // 2
        made = dense(batch, row)
        variances, vectors = np.linalg.eigh(whole.covariances[j])
        step = made.means[2] - made.means[j]
        length = 2 * APART * np.sqrt(variances[2 - axis])
        assert np.linalg.norm(step) == pytest.approx(length, rel=1e-9)
        assert abs(step @ vectors[:, 2 - axis]) == pytest.approx(length, rel=1e-9)
        np.testing.assert_array_equal(made.means[1 - j], whole.means[1 - j])
        assert made.weights[j] == made.weights[2] == whole.weights[j] / 2


@pytest.mark.parametrize("name", STRUCTURES)
def test_halves_that_are_alike_have_the_density_they_came_from_in_every_structure(name):
    rule = structure(name, 3)
    rough = mixture(3, 3)
    whole = Mixture.trusted(
        rough.weights, rough.means, rule.conform(rough.covariance, rough.weights)
    )
    x = np.random.default_rng(1).normal(size=(50, 3)) * 3
    batch = splits(Batch.of([whole]), 0, 1, 0.0)
    for row in range(3):
        halves = dense(batch, row)
        conformed = rule.conform(halves.covariance, halves.weights)
        made = Mixture.trusted(halves.weights, halves.means, conformed)
        np.testing.assert_allclose(made.logpdf(x), whole.logpdf(x), atol=1e-9)


def test_a_component_of_hardly_any_width_can_be_split():
    thin = np.array([[[1.0, 0.0], [1.0, 1e-9]]])
    batch = splits(Batch(np.ones((1, 1)), np.zeros((1, 1, 2)), thin[None]), 0, 2)
    pivots = np.diagonal(batch.factors, axis1=2, axis2=3)
    assert (pivots > 0).all() and np.isfinite(batch.factors).all()


def test_each_component_is_left_out_in_turn():
    whole = mixture(4, 2)
    batch = without_one(Batch.of([whole, whole]), 1)
    assert len(batch) == 4 and batch.n_components == 3
    for j in range(4):
        kept = [i for i in range(4) if i != j]
        np.testing.assert_array_equal(batch.means[j], whole.means[kept])
        np.testing.assert_allclose(batch.weights[j],
                                   whole.weights[kept] / whole.weights[kept].sum())
        np.testing.assert_array_equal(batch.factors[j], whole.covariance.factors[kept])
