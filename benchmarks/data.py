"""The data of the benchmarks, and the mixtures that steps and climbs begin at: the same for all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

import emix


@dataclass(frozen=True)
class Problem:
    """Rows x (n, d), a structure ("full" or "diag"), and a mixture to begin at."""

    name: str
    x: np.ndarray
    covariance: str
    start: emix.Mixture

    @property
    def shape(self) -> tuple[int, int, int]:
        """n, d, k"""
        return *self.x.shape, self.start.n_components


def overlapping(n: int) -> np.ndarray:
    """Three overlapping components: weights .5 .3 .2, means 0 2.2 6, sds 1 .6 1.5."""
    rng = np.random.default_rng(0)
    label = rng.choice(3, n, p=[0.5, 0.3, 0.2])
    return np.array([0, 2.2, 6])[label] + np.array([1, 0.6, 1.5])[label] * rng.normal(size=n)


def clusters(n: int, d: int, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows (n, d) around k centres (k, d), each cluster turned and stretched its own way."""
    rng = np.random.default_rng(0)
    means, labels = rng.normal(size=(k, d)) * 4, rng.integers(0, k, n)
    x = np.empty((n, d))
    for j in range(k):
        mine = labels == j
        turn = np.linalg.qr(rng.normal(size=(d, d)))[0] * rng.uniform(0.5, 1.5, d)
        x[mine] = means[j] + rng.normal(size=(int(mine.sum()), d)) @ turn
    return x, means + 0.3 * rng.normal(size=(k, d))


def unit(means: np.ndarray) -> emix.Mixture:
    """Equal weights and unit covariances at these means (k, d)."""
    k, d = means.shape
    return emix.Mixture(np.full(k, 1 / k), means, np.repeat(np.eye(d)[None], k, axis=0))


def column(n: int) -> Problem:
    start = emix.Mixture.univariate([0.3, 0.3, 0.4], [-1.0, 2.0, 5.0], [1.0, 1.0, 1.0])
    return Problem(f"n = {n:g}, 1 column, k = 3, overlapping", overlapping(n)[:, None], "full",
                   start)


def table(n: int, d: int, k: int, covariance: str, kind: str = "clusters") -> Problem:
    """`clusters` of which most lie apart, or one `cloud`, in which all components overlap."""
    name = f"n = {n:g}, d = {d}, k = {k}, {covariance}, {kind}"
    if kind == "clusters":
        x, means = clusters(n, d, k)
        return Problem(name, x, covariance, unit(means))
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, d))
    return Problem(name, x, covariance, unit(x[rng.choice(n, k, replace=False)]))


def bundled(name: str, k: int, seed: int) -> Problem:
    """A bundled data set, begun at k of its rows with the covariance of all."""
    x = np.ascontiguousarray(emix.datasets.load(name).data, dtype=float)
    means = x[np.random.default_rng(seed).choice(len(x), k, replace=False)]
    whole = np.repeat(np.cov(x.T).reshape(1, x.shape[1], x.shape[1]), k, axis=0)
    return Problem(f"{name}, n = {len(x)}, d = {x.shape[1]}, k = {k}", x, "full",
                   emix.Mixture(np.full(k, 1 / k), means, whole))
