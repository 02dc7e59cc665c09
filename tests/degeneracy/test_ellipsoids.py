"""M-steps above a floor: the best there is, by moving everything that may move."""

from __future__ import annotations

import numpy as np
import pytest

from emix.covariance import Dense, structure
from emix.degeneracy.ellipsoids import by_axes, shortest_axes


def expected(covariances: np.ndarray, scatter: np.ndarray, weight: np.ndarray) -> float:
    """−½ Σ_k (n_k log |Σ_k| + tr Σ_k⁻¹ S_k)"""
    return -0.5 * sum(
        n * np.linalg.slogdet(c)[1] + np.trace(np.linalg.solve(c, s))
        for c, s, n in zip(covariances, scatter, weight, strict=True))


@pytest.mark.parametrize("floor", [0.0, 0.3, 0.7, 1.5])
@pytest.mark.parametrize("name", ["VEE", "EEE"])
def test_one_form_is_the_best_above_its_floor(name, floor):
    rng = np.random.default_rng(5)
    k, d = 3, 3
    weight = np.array([20.0, 35.0, 50.0])
    roots = rng.normal(size=(k, d, d)) * np.array([0.4, 1.0, 2.0])[:, None, None]
    scatter = roots @ roots.transpose(0, 2, 1) * weight[:, None, None]
    rule, held = by_axes(structure(name, d)), np.ones(k, dtype=bool)
    found = Dense(np.repeat(np.eye(d)[None], k, axis=0) * max(floor, 1.0))
    for _ in range(60):
        found = rule.maximise(found, scatter, weight, held, floor)
    assert (shortest_axes(found) >= floor * (1 - 1e-12)).all()
    covariances = found.dense()
    sizes = np.linalg.det(covariances) ** (1 / d)
    form = covariances[0] / sizes[0]
    np.testing.assert_allclose(covariances, sizes[:, None, None] * form, rtol=1e-9, atol=1e-9)
    best = expected(covariances, scatter, weight)
    for _ in range(400):
        move = rng.normal(size=(d, d)) * 10.0 ** rng.uniform(-4, -1)
        grown = 1 + rng.normal(size=k) * 10.0 ** rng.uniform(-4, -1) * (name == "VEE")
        turned = np.eye(d) + move
        other = (sizes * grown)[:, None, None] * (turned @ form @ turned.T)
        least = np.linalg.eigvalsh(other)[:, 0]
        # Back above the floor, all components as one.
        axes, vectors = np.linalg.eigh(other[0] / (sizes * grown)[0])
        axes = np.maximum(axes, floor**2 / (sizes * grown).min())
        if least.min() < floor**2:
            other = (sizes * grown)[:, None, None] * (vectors * axes @ vectors.T)
        assert expected(other, scatter, weight) <= best + 1e-6 * abs(best)
