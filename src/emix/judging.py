"""Soundness of an optimum on all the data, where that is more than a search looks at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from emix.arrays import Block, Floats
from emix.em import expect
from emix.soundness import left_out_gains, on_floor

if TYPE_CHECKING:
    from emix.arrays import Units
    from emix.mixture import Mixture
    from emix.model import Model
    from emix.sources.protocol import Source

# A component of this many points foretells them whatever its width: leaving one out moves it by
# a thousandth, and the log of any two doubles' ratio is less than what the rest bring.
MANY = 1000.0
ROWS = 1 << 16


@dataclass(frozen=True, slots=True, eq=False)
class _Gains:
    """Gains on left-out points, (k,), as a monoid over blocks."""

    values: Floats

    def __add__(self, other: _Gains) -> _Gains:
        return _Gains(self.values + other.values)


def worths_on(
    source: Source, units: Units, mixture: Mixture, model: Model, sd: float, threads: int = 1
) -> Floats:
    """What each component is worth on all rows of a one-column source, in nats: (k,).

    Mixture and model are in internal units, as is `sd`, the standard deviation of the data.
    Components of more than a thousand expected points are not judged: +∞.
    """
    k = mixture.n_components
    judged = model.held.learned_sds & (not model.structure.is_common)
    statistics = expect(source, mixture, model, units, threads)
    judged = judged & (statistics.weight < MANY)
    if k == 1 or not judged.any() or statistics.total <= 1:
        return np.full(k, np.inf)

    def of_block(block: Block) -> _Gains:
        total = _Gains(np.zeros(k))
        for start in range(0, block.n_rows, ROWS):
            rows = block.rows(start, start + ROWS)
            weight = np.ones(rows.n_rows) if rows.sample_weight is None else rows.sample_weight
            counted = weight > 0
            points = units.inward(rows.points)[counted, 0]
            total += _Gains(left_out_gains(
                points, weight[counted], mixture, model, statistics.weight, statistics.total
            ))
        return total

    gains = source.reduce(of_block, _Gains(np.zeros(k))).values
    place = np.maximum(np.log(sd / mixture.sds), 0.0)
    return np.where(judged, gains - place, np.inf)


def least_worth_on(
    source: Source, units: Units, mixture: Mixture, model: Model, sd: float, threads: int = 1
) -> float:
    """The least of `worths_on`; −∞ where a component rests on the floor."""
    if on_floor(mixture, model).any():
        return -np.inf
    return float(worths_on(source, units, mixture, model, sd, threads).min())
