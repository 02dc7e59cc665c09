"""How far rows are from components, and which rows show best what a component is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from emix.arrays import Floats, Labels, Points
    from emix.mixture import Mixture


def mahalanobis(mixture: Mixture, x: Points) -> Floats:
    """|L⁻¹(x − μ_k)| of rows x (n, d), shape (n, k); exact where its square would overflow."""
    rows = np.asarray(x, dtype=np.float64)
    out = np.empty((len(x), mixture.n_components))
    with np.errstate(over="ignore", under="ignore"):
        for k, mean in enumerate(mixture.means):
            whitened = np.abs(mixture.covariance.whiten(rows - mean, k))
            largest = whitened.max(axis=1)
            unit = np.where((largest > 0) & np.isfinite(largest), largest, 1.0)
            ratios = whitened / unit[:, None]
            out[:, k] = unit * np.sqrt(np.einsum("ij,ij->i", ratios, ratios))
    return out


def most_typical(mixture: Mixture, x: Points, labels: Labels, n: int) -> tuple[Labels, ...]:
    """For each component the rows that are labelled with it and lie nearest to its mean."""
    own = mahalanobis(mixture, x)[np.arange(len(x)), labels]
    rows = np.arange(len(x), dtype=np.int64)
    found = []
    for k in range(mixture.n_components):
        mine = rows[labels == k]
        found.append(mine[np.argsort(own[mine], kind="stable")[:n]])
    return tuple(found)
