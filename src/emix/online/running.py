"""Where a stream stands: a running average of statistics, and the mixture that follows from it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from emix.maximise import maximise
from emix.statistics import Statistics, scatter_shape

if TYPE_CHECKING:
    from emix.mixture import Mixture
    from emix.model import Model

# The last of the steps count for most in their average: of t, those before t/2 for a sixteenth.
# (Polynomial decay: Shamir & Zhang 2013, https://proceedings.mlr.press/v28/shamir13.html)
AVERAGING = 3.0


@dataclass(frozen=True, slots=True, eq=False)
class Running:
    """After some batches, in internal units.

    mixture     the one that the next batch is scored with
    statistics  Σ_i w_i s̄_i over batches i, s̄ per row and Σ w = 1, times `rows`
    rows        how many equal rows an average with these weights is worth (Kish 1965): all that
                were seen where rates weigh them alike, fewer where the past is forgotten
    seen        Σ w over all rows seen
    averaged    an average of such statistics over steps (Polyak & Juditsky 1992,
                doi:10.1137/0330046)
    steps       how many those are
    """

    mixture: Mixture
    statistics: Statistics
    rows: float
    seen: float
    averaged: Statistics
    steps: int

    @classmethod
    def begun(cls, mixture: Mixture, statistics: Statistics, seen: float) -> Running:
        """At a mixture that `seen` rows have led to, of which these are the statistics there."""
        return cls(mixture, statistics, statistics.total, seen, statistics, 0)

    @classmethod
    def believed(cls, mixture: Mixture, model: Model, rows: float) -> Running:
        """As if so many rows had been seen that are just as the mixture has them."""
        return cls.begun(mixture, statistics_of(mixture, model, rows), rows)

    def after(
        self, batch: Statistics, rate: float, model: Model, is_averaged: bool
    ) -> Running:
        """When a batch has been seen, of which these are the statistics at `mixture`; the first is
        all that is known, whatever its rate."""
        centre, whole, rows = self.mixture.means, batch, batch.total
        if rate < 1 and self.rows > 0:
            rows = 1 / ((1 - rate) ** 2 / self.rows + rate**2 / batch.total)
            past = self.statistics.recentred(centre)
            whole = past.scaled((1 - rate) * rows / past.total) + \
                batch.scaled(rate * rows / batch.total)
        mixture = maximise(whole, self.mixture, model)
        averaged, steps = whole, self.steps + 1
        if is_averaged:
            share = (1 + AVERAGING) / (steps + AVERAGING)
            if share < 1:
                before = self.averaged.recentred(centre)
                averaged = before.scaled((1 - share) * rows / before.total) + whole.scaled(share)
        return Running(mixture, whole, rows, self.seen + batch.total, averaged, steps)

    def settled(self, model: Model) -> Mixture:
        """The mixture that the average over steps leads to."""
        if self.averaged is self.statistics:
            return self.mixture
        return maximise(self.averaged.recentred(self.mixture.means), self.mixture, model)


def statistics_of(mixture: Mixture, model: Model, rows: float) -> Statistics:
    """What so many rows would make of which the mixture is the maximum of likelihood: weights n Φ,
    no shift, scatter n Φ Σ in the form of the structure."""
    k, d = mixture.means.shape
    form = model.structure.scatter_form
    weight = rows * mixture.weights
    nothing = Statistics.zero(mixture.means, scatter_shape(form, k, d))
    scatter = mixture.covariance.dense() * weight[:, None, None]
    if form == "pooled":
        scatter = scatter.sum(axis=0, keepdims=True)
    elif form != "full":
        diagonal = np.einsum("kii->ki", scatter)
        scatter = diagonal if form == "diagonal" else diagonal.sum(axis=1)
    return replace(nothing, weight=weight, scatter=scatter, total=rows)
