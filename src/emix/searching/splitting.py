"""Neighbours of a mixture: one component split in two, or one left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from emix.climbing.batches import Batch

if TYPE_CHECKING:
    from emix.arrays import Order

# How far the halves of a component go from its mean, in its standard deviations along the axis it
# is split on; at 1 they would have no width left there.
APART = 0.8


def splits(batch: Batch, row: int, axes: int, apart: float = APART) -> Batch:
    """A mixture of a batch with each of its k components split along each of its `axes` longest
    axes, or all there are: mixtures of k + 1 components, those of the longest axis first.

    A component N(μ, Σ) of weight Φ becomes two of weight Φ/2 with means μ ± a σ v and covariance
    Σ − a² σ² v vᵀ, where v is a principal axis, σ the standard deviation along it and a = `apart`:
    together they have the same weight, mean and covariance as before. With a = 0 they have the same
    density too, which lies in every structure that the mixture lies in. One half takes the place
    of the component, the other comes last.
    """
    weights, means, factors = batch.weights[row], batch.means[row], batch.factors[row]
    k, d = means.shape
    axes = min(axes, d)
    # With L = U S Vᵀ, column m of U S is σ v, and Σ less its square is L (I − a² v_m v_mᵀ) Lᵀ, of
    # which the inside can be factored however thin the component is.
    axes_out, sds, axes_in = np.linalg.svd(factors)
    away = (apart * sds[:, None, :axes] * axes_out[:, :, :axes]).transpose(2, 0, 1)
    inner = axes_in[:, :axes].transpose(1, 0, 2)
    inside = np.eye(d) - apart**2 * inner[..., None] * inner[..., None, :]
    thinner = factors @ np.linalg.cholesky(inside)
    all_weights = np.empty((axes, k, k + 1))
    all_means = np.empty((axes, k, k + 1, d))
    all_factors = np.empty((axes, k, k + 1, d, d))
    all_weights[..., :k], all_means[..., :k, :], all_factors[..., :k, :, :] = \
        weights, means, factors
    j = np.arange(k)
    all_weights[:, j, j] = all_weights[:, j, k] = weights / 2
    all_means[:, j, j], all_means[:, j, k] = means - away, means + away
    all_factors[:, j, j] = all_factors[:, j, k] = thinner
    s = axes * k
    return Batch(all_weights.reshape(s, k + 1), all_means.reshape(s, k + 1, d),
                 all_factors.reshape(s, k + 1, d, d))


def without_one(batch: Batch, row: int) -> Batch:
    """A mixture of a batch without each of its components in turn: k mixtures of k − 1."""
    k = batch.n_components
    # Row j counts up to k and leaves out j.
    kept: Order = np.arange(k - 1) + (np.arange(k - 1) >= np.arange(k)[:, None])
    weights = batch.weights[row][kept]
    weights = weights / weights.sum(axis=1, keepdims=True)
    return Batch(weights, batch.means[row][kept], batch.factors[row][kept])
