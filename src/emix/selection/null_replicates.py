"""The likelihood ratio of k + 1 components to k on data that has k: what chance alone makes of it.

Each replicate is drawn from the mixture of k and refitted with k from there and with k + 1 from the
mixture fitted to the data and, when thorough, from that of k with each component split in two. A
maximum at which a component is degenerate is none, on the data (`fit` refuses it) or here; so of
replicates that reach the observed statistic each is judged as `fit` judges. (McLachlan 1987,
doi:10.2307/2347790.)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from emix.arrays import Units
from emix.climbing.batches import Batch, Ends
from emix.climbing.climb import Outcome, Stop
from emix.climbing.replicates import climb_each
from emix.inference.resampling import Draw, chunks, from_mixture
from emix.searching.judging import least_worth_on
from emix.searching.splitting import splits
from emix.searching.terrain import terrain_of
from emix.soundness.degenerate import LEAST_WORTH
from emix.soundness.worth import is_judged
from emix.sources.array import ArraySource

if TYPE_CHECKING:
    from emix.arrays import Floats
    from emix.mixture import Mixture
    from emix.model import Model

# Log-likelihoods to some hundredths of a nat: far below the spread of the statistic.
STOP = Stop(1e-5, 1000)


@dataclass(frozen=True, slots=True, eq=False)
class Contestants:
    """Mixtures of k and of k + 1 fitted to the data, their models, in internal units."""

    smaller: Mixture
    larger: Mixture
    smaller_model: Model
    larger_model: Model
    thorough: bool

    @property
    def starts(self) -> list[Mixture]:
        """Where the larger is climbed from."""
        found = [self.larger]
        if self.thorough:
            halves = splits(Batch.of([self.smaller]), 0, 1)
            model = self.larger_model
            found += [model.conforming(halves.mixture(row, model.structure))
                      if halves.n_features == 1 else model.conforming(_dense(halves, row))
                      for row in range(len(halves))]
        return found


def _dense(batch: Batch, row: int) -> Mixture:
    from emix.covariance import Dense
    from emix.mixture import Mixture

    return Mixture.trusted(batch.weights[row].copy(), batch.means[row].copy(),
                           Dense(batch.factors[row].copy()))


def null_statistics(
    contestants: Contestants, count: int, n_replicates: int, observed: float, seed: int,
    threads: int, told: Callable[[int], None] | None = None,
) -> tuple[Floats, int]:
    """The statistics of replicates with `count` rows, (n,), and how many are left out since the
    smaller mixture itself could not be refitted. Raises KeyboardInterrupt."""
    rng, d = np.random.default_rng(seed), contestants.smaller.n_features
    found, done = [], 0
    for _, size in chunks(n_replicates, count * d):
        draw = from_mixture(contestants.smaller, count, rng, size)
        found.append(_of_draw(draw, contestants, observed, threads))
        done += size
        if told is not None:
            told(done)
    statistics = np.concatenate(found)
    usable = np.isfinite(statistics)
    return statistics[usable], int((~usable).sum())


def _of_draw(draw: Draw, c: Contestants, observed: float, threads: int) -> Floats:
    smaller = climb_each(draw.points, None, c.smaller, c.smaller_model, STOP, threads)
    runs = [climb_each(draw.points, None, start, c.larger_model, STOP, threads)
            for start in c.starts]
    base = np.where(_ended(smaller, c.smaller_model), smaller.objective, np.nan)
    tops = np.stack([
        np.where(_ended(run, c.larger_model), 2 * (run.objective - base), -np.inf) for run in runs
    ])
    if is_judged(c.larger_model):
        for row in np.flatnonzero(tops.max(axis=0) >= observed):
            _judge(tops, int(row), runs, draw, c.larger_model, observed)
    # The larger mixture can always be the smaller one.
    best: Floats = np.maximum(tops.max(axis=0), 0.0)
    return np.where(np.isfinite(base), best, np.nan)


def _judge(
    tops: Floats, row: int, runs: list[Ends], draw: Draw, model: Model, observed: float
) -> None:
    """Strikes out tops that reach the observed statistic by a degenerate component."""
    source = ArraySource(draw.points[row])
    units = Units.identity(source.n_features)
    ground = terrain_of(source.block, units, model.prior.imagined is not None).ground
    for run in np.argsort(-tops[:, row]):
        if tops[run, row] < observed:
            return
        mixture = runs[run].batch.mixture(row, model.structure)
        if least_worth_on(source, units, mixture, model, ground) >= LEAST_WORTH:
            return
        tops[run, row] = -np.inf


def _ended(ends: Ends, model: Model) -> Floats:
    ended = np.array([o in (Outcome.CONVERGED, Outcome.NOT_CONVERGED) for o in ends.outcome])
    return np.asarray(ended & np.isfinite(ends.objective))
