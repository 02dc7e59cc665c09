"""Rows in several columns: what starts look at, and how a division becomes a mixture."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from emix.arrays import Block, Floats, Labels, Units
from emix.covariance import Dense
from emix.covariance.factoring import floored_cholesky, whitened_rows
from emix.kernels import NATIVE
from emix.mixture import Mixture

if NATIVE is not None:
    from emix.kernels import _native

if TYPE_CHECKING:
    from emix.initialise.draws import Draws


@dataclass(frozen=True, eq=False)
class Table:
    """Points in internal units (n, d) of positive weight (n,)."""

    points: Floats
    weight: Floats
    # What a kind of start found out that serves every k.
    memory: dict[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, block: Block, units: Units) -> Table:
        """The rows of positive weight of a block."""
        points = np.ascontiguousarray(units.inward(block.points))
        if block.sample_weight is None:
            return cls(points, np.ones(len(points)))
        counted = block.sample_weight > 0
        return cls(points[counted], block.sample_weight[counted])

    @cached_property
    def total(self) -> float:
        """Σ w"""
        return float(self.weight.sum())

    @cached_property
    def is_weighted(self) -> bool:
        return bool((self.weight != 1).any())

    @cached_property
    def mean(self) -> Floats:
        """(d,)"""
        mean: Floats = self.weight @ self.points / self.total
        return mean

    @cached_property
    def covariance(self) -> Floats:
        """(d, d), divisor Σ w."""
        away = self.points - self.mean
        covariance: Floats = (away * self.weight[:, None]).T @ away / self.total
        return covariance

    @cached_property
    def factor(self) -> Floats:
        """L, lower triangular, with L Lᵀ the covariance, a little more where that is singular.

        A column without spread (which spherical structures can do with) is given the largest.
        """
        variances = np.diag(self.covariance)
        lent = np.diag(np.where(variances == 0, variances.max() or 1.0, 0.0))
        factor: Floats = floored_cholesky((self.covariance + lent)[None])[0]
        return factor

    @cached_property
    def sphered(self) -> Floats:
        """(n, d) rows L⁻¹ (x − mean): columns without correlation, each of variance 1.

        Distances between rows do then not depend on how columns are scaled or mixed, so that
        K-Means is not led by the column with the largest numbers.
        """
        return np.ascontiguousarray(whitened_rows(self.factor, self.points - self.mean))

    @cached_property
    def steps(self) -> Floats:
        """(d,) the least distance of two different values in each column: the step in which the
        data was recorded, where it was rounded; otherwise next to nothing."""
        steps = np.zeros(self.points.shape[1])
        for j, column in enumerate(self.points.T):
            gaps = np.diff(np.sort(column))
            gaps = gaps[gaps > 0]
            steps[j] = gaps.min() if len(gaps) else 0.0
        return steps

    @cached_property
    def spread(self) -> tuple[Floats, Floats, Floats]:
        """The factor, the variances (d,), and the standard deviations of rounding in steps (d,)."""
        return self.factor, np.diag(self.covariance).copy(), self.steps / np.sqrt(12)

    @cached_property
    def cumulative(self) -> Floats:
        return np.cumsum(self.weight)

    def drawn(self, draws: Draws) -> int:
        """A row at random, in proportion to weight."""
        place = np.searchsorted(self.cumulative, draws.uniform() * self.total, side="right")
        return min(int(place), len(self.points) - 1)

    def nearest(self, centres: Floats) -> Labels:
        """The nearest of `centres` (k, d), which are sphered, for each row: (n,)."""
        # |x|² is the same for every centre.
        distance = (centres**2).sum(axis=1) - 2 * self.sphered @ centres.T
        labels: Labels = distance.argmin(axis=1)
        return labels

    def mixture_of(self, labels: Labels, k: int) -> Mixture:
        """Weights, means and covariances of a division into k groups; an empty group is as wide
        as a k-th of the data and lies in its middle."""
        if NATIVE is not None:
            return self._grouped(*_native.group_moments(self.sphered, self.weight, labels, k))
        shares = np.zeros((len(labels), k))
        shares[np.arange(len(labels)), labels] = self.weight
        return self.mixture_of_shares(shares)

    def mixture_of_shares(self, shares: Floats) -> Mixture:
        """Weights, means and covariances from shares (n, k), the row weights included."""
        k, d = shares.shape[1], self.points.shape[1]
        counts = shares.sum(axis=0)
        means = shares.T @ self.sphered / np.where(counts > 0, counts, 1.0)[:, None]
        scatter = np.empty((k, d, d))
        for j in range(k):
            away = self.sphered - means[j]
            scatter[j] = (away * shares[:, j, None]).T @ away
        return self._grouped(counts, means, scatter)

    def _grouped(self, counts: Floats, means: Floats, scatter: Floats) -> Mixture:
        """The mixture of groups of so many rows (k,), with means (k, d) and scatter (k, d, d) of
        sphered rows.

        Each group is given d + 1 imagined points of a k-th of the data's volume, so that none
        starts thinner than data can tell.
        """
        k, d = means.shape
        weights = (counts + 0.5) / (counts.sum() + 0.5 * k)
        broad = (d + 1) * k ** (-2.0 / d) * np.eye(d)
        filled = (scatter + broad) / (counts + (d + 1))[:, None, None]
        # In sphered columns nothing is singular that is not so in the data.
        return Mixture.trusted(weights, self.mean + means @ self.factor.T,
                               Dense(self.factor @ np.linalg.cholesky(filled)))
