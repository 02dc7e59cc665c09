"""Soft against hard: the mixture's responsibilities beside K-Means' assignment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from emix.arrays import Floats, Labels, as_points
from emix.errors import ParameterError
from emix.kmeans import optimal_breaks

if TYPE_CHECKING:
    from emix.mixture import Mixture


@dataclass(frozen=True, eq=False)
class KMeansComparison:
    """For each point of one column, K-Means' cluster and the mixture's opinion of it.

    points        (n,) as given
    hard          (n,) cluster of the best K-Means division, counted from 0 in ascending order
    soft          (n, k) responsibilities
    cuts          (k − 1,) where K-Means divides the axis: halfway between its centres
    counts        (k,) points per cluster; centres and sds (k,) are of the points in it
    """

    mixture: Mixture
    points: Floats
    hard: Labels
    soft: Floats
    counts: Labels
    centres: Floats
    sds: Floats

    @property
    def labels(self) -> Labels:
        """(n,) the mixture's most probable component."""
        labels: Labels = self.soft.argmax(axis=1).astype(np.int64)
        return labels

    @property
    def disagree(self) -> Labels:
        """Rows where the mixture's most probable component is not K-Means' cluster."""
        return np.flatnonzero(self.labels != self.hard).astype(np.int64)

    @property
    def sureness(self) -> Floats:
        """(n,) the mixture's probability for its own choice."""
        top: Floats = self.soft.max(axis=1)
        return top

    @property
    def belief_in_hard(self) -> Floats:
        """(n,) the mixture's probability for K-Means' choice."""
        return self.soft[np.arange(len(self.hard)), self.hard]

    @property
    def cuts(self) -> Floats:
        return 0.5 * (self.centres[1:] + self.centres[:-1])

    def report(self, rows: int = 10) -> str:
        """In words: what K-Means makes of the components, and where the two part."""
        m, k = self.mixture, len(self.counts)
        n = len(self.points)
        lines = [f"K-Means (best division into {k}) beside the mixture, {n} points", ""]
        lines.append(f"{'':>10} {'weight':>18} {'mean':>22} {'sd':>22}")
        pair = f"{'mixture':>11}{'K-Means':>11}"
        lines.append(f"{'component':>10} {'mixture':>9}{'K-Means':>9} {pair} {pair}")
        for j in range(k):
            lines.append(
                f"{j + 1:>10} {m.weights[j]:>9.4f}{self.counts[j] / n:>9.4f}"
                f" {m.means[j, 0]:>11.5g}{self.centres[j]:>11.5g}"
                f" {m.sds[j]:>11.5g}{self.sds[j]:>11.5g}"
            )
        lines += ["", *self._disagreement(rows)]
        return "\n".join(lines)

    def _disagreement(self, rows: int) -> list[str]:
        apart = self.disagree
        if len(apart) == 0:
            unsure = int((self.sureness < 0.9).sum())
            return [f"They agree on every point; the mixture is less than 90% sure of {unsure} of "
                    f"them, which K-Means cannot say."]
        lines = [
            f"They disagree on {len(apart)} of {len(self.points)} points. K-Means cuts where two "
            f"centres are equally near and counts every point whole; the mixture weighs how wide "
            f"and how common each component is, and says how sure it is:", "",
            f"{'row':>8} {'value':>12} {'K-Means':>8} {'mixture':>8} {'sure':>7}",
        ]
        order = apart[np.argsort(-self.sureness[apart], kind="stable")]
        for row in order[:rows]:
            lines.append(f"{row + 1:>8} {self.points[row]:>12.6g} {self.hard[row] + 1:>8} "
                         f"{self.labels[row] + 1:>8} {self.sureness[row]:>7.3f}")
        if len(order) > rows:
            lines.append(f"{'':>8} and {len(order) - rows} more")
        return lines


def compare_kmeans(mixture: Mixture, x: object) -> KMeansComparison:
    """The exact K-Means division of one column x (n,) into as many clusters as the mixture has
    components, beside the mixture's responsibilities.

    Clusters and components are both taken in ascending order, so that they can be compared.
    Raises `ParameterError` when x has fewer distinct values than there are components, and for a
    mixture of several columns, where K-Means is not solved exactly.
    """
    if mixture.n_features > 1:
        raise ParameterError(
            f"K-Means beside the mixture is for one column, the mixture has {mixture.n_features}; "
            f"compare one of them: compare_kmeans(mixture.marginal(0), x[:, 0])"
        )
    ordered = mixture.in_canonical_order()
    points = as_points(x)
    soft = ordered.responsibilities(points)
    column = points[:, 0].astype(np.float64)
    k = ordered.n_components
    distinct, inverse, counts = np.unique(column, return_inverse=True, return_counts=True)
    if len(distinct) < k:
        raise ParameterError(f"x has {len(distinct)} distinct values, too few for {k} clusters")
    breaks = optimal_breaks(distinct, k, counts.astype(np.float64))
    hard = (np.searchsorted(breaks, inverse, side="right") - 1).astype(np.int64)
    per_cluster = np.bincount(hard, minlength=k)
    centres = np.array([column[hard == j].mean() for j in range(k)])
    sds = np.array([column[hard == j].std() for j in range(k)])
    return KMeansComparison(ordered, column, hard, soft, per_cluster, centres, sds)
