"""Surrogate: the weighted points that stand for a column, and what they cost."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from emix.arrays import Floats
from emix.sources.array import ArraySource

if TYPE_CHECKING:
    from emix.arrays import Units
    from emix.compression.bins import Bins
    from emix.mixture import Mixture


@dataclass(frozen=True, eq=False)
class Surrogate:
    """Points z (m,) in internal units, from below, their weights (m,), and the standard deviation
    of what each of them stands for (m,): next to 0 where that is one value, which the point is.
    """

    points: Floats
    weight: Floats
    sds: Floats

    @classmethod
    @np.errstate(over="ignore", under="ignore", invalid="ignore")
    def of(cls, bins: Bins, units: Units) -> Surrogate:
        """Two points for each bin, or one where it holds one value.

        With γ the skewness they stand a = (γ ± √(γ² + 4)) / 2 standard deviations from the mean,
        and share the weight so that the mean is kept; then the third moment is, too.
        """
        mean, variance, third = bins.moments()
        sd, most = np.sqrt(variance), bins.most_spread()
        spread = sd > 0
        skewness = np.divide(third, variance * sd, out=np.zeros_like(sd), where=spread)
        root = np.sqrt(skewness**2 + 4)
        # The larger of the two; their product is −1.
        far = (skewness + np.copysign(root, skewness)) / 2
        above, below = np.where(skewness < 0, -1 / far, far), np.where(skewness < 0, far, -1 / far)
        share = -below / (above - below)
        weight = bins.sums[:, 0]
        # Far from 0 the difference to the shift is exact where the place itself would be rounded.
        origin = (bins.lower - units.shift[0]) * units.scale[0]
        width = np.ldexp(units.scale[0], bins.exponent)

        def pair(low: Floats, high: Floats) -> Floats:
            both = np.stack([low, high], axis=1).reshape(-1)
            return both[np.stack([np.ones_like(spread), spread], axis=1).reshape(-1)]

        return cls(
            pair(origin + width * (mean + sd * below), origin + width * (mean + sd * above)),
            pair(np.where(spread, weight * (1 - share), weight), weight * share),
            pair(width * most, width * most),
        )

    def __len__(self) -> int:
        return len(self.points)

    @cached_property
    def source(self) -> ArraySource:
        """The points as a source, in internal units."""
        return ArraySource(self.points[:, None], self.weight)

    def errors(self, mixture: Mixture) -> tuple[Floats, Floats]:
        """What the points cost the log-likelihood of a mixture in internal units, about, in nats
        by component, (k,): Σ w r (s / σ)⁴ / 30 with s the sd in a bin; and the root mean square s
        of each component's bins, (k,).

        30 makes it (h / σ)⁴ / 4320 of a bin that is evenly filled.
        """
        with np.errstate(over="ignore", under="ignore"):
            shares = mixture.responsibilities(self.points[:, None]) * self.weight[:, None]
            count = np.maximum(shares.sum(axis=0), np.finfo(float).tiny)
            ratio = self.sds[:, None] / mixture.sds
            nats = (shares * ratio**4).sum(axis=0) / 30
            width = np.sqrt((shares * self.sds[:, None] ** 2).sum(axis=0) / count)
        return nats, width
