"""Soundness of an optimum on all the data, where that is more than a search looks at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from emix.arrays import Block, Floats, Mask
from emix.devices import device_of
from emix.em import expect_each
from emix.initialise import Table
from emix.searching.plan import is_crowd
from emix.soundness.degenerate import left_out_gains, on_floor
from emix.soundness.left_out import left_out_gains_of_rows
from emix.soundness.worth import (
    are_few,
    are_thin,
    is_judged,
    on_floor_of_rows,
    place_of_rows,
)
from emix.sources.several import reduce_each

if TYPE_CHECKING:
    from emix.arrays import Units
    from emix.initialise import SortedColumn
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


@dataclass(frozen=True, slots=True, eq=False)
class LeaveOut:
    """From block to what components gain on its points when these are left out, given the expected
    points (k,) of each and Σ w over all the data; mixture and model in `units`."""

    mixture: Mixture
    model: Model
    units: Units
    counts: Floats
    total: float
    several: bool

    def __call__(self, block: Block) -> _Gains:
        device = device_of(block.points)
        # Of one column too the rows' formula serves, where only that runs.
        as_rows = self.several or not device.is_host
        gains_of = left_out_gains_of_rows if as_rows else left_out_gains
        total = _Gains(np.zeros(self.mixture.n_components))
        for start in range(0, block.n_rows, ROWS):
            rows = block.rows(start, start + ROWS)
            points, weight = device.inward(rows.points, self.units), rows.sample_weight
            if weight is None:
                weight = device.xp.ones_like(points[:, 0])
            counted = weight > 0
            points = points[counted]
            total += _Gains(gains_of(
                points if as_rows else points[:, 0], weight[counted], self.mixture,
                self.model, self.counts, self.total,
            ))
        return total


def worths_on(
    source: Source, units: Units, mixture: Mixture, model: Model, ground: SortedColumn | Table,
    threads: int = 1,
) -> Floats:
    """What each component is worth on all rows of a source, in nats: (k,).

    Mixture and model are in internal units, as is `ground`, the data or a sample of it, which says
    how spread the data is. Components of more than a thousand expected points are not judged: +∞.
    """
    return worths_of_each(source, units, [mixture], model, ground, threads)[0]


def worths_of_each(
    source: Source, units: Units, mixtures: Sequence[Mixture], model: Model,
    ground: SortedColumn | Table, threads: int = 1,
) -> list[Floats]:
    """`worths_on` of several mixtures, in as many passes over the data as of one."""
    k, several = mixtures[0].n_components, isinstance(ground, Table)
    worths = [np.full(k, np.inf) for _ in mixtures]
    if not is_judged(model):
        return worths
    if is_crowd(k, source.n_features) and isinstance(ground, Table):
        return [_worths_of_crowd(source, mixture, model, ground) for mixture in mixtures]
    found = expect_each(source, mixtures, model, units, threads)
    judged = [model.held.learned_covariances & (each.weight < MANY) for each in found]
    asked = [j for j, each in enumerate(found) if judged[j].any() and each.total > 1]
    if not asked:
        return worths
    ways = [LeaveOut(mixtures[j], model, units, found[j].weight, found[j].total, several)
            for j in asked]
    gains = reduce_each(source, ways, [_Gains(np.zeros(k))] * len(asked))
    for j, gained in zip(asked, gains, strict=True):
        worths[j] = _worth(gained.values, mixtures[j], model, ground, found[j].weight, judged[j])
    return worths


def _worth(
    gains: Floats, mixture: Mixture, model: Model, ground: SortedColumn | Table, counts: Floats,
    judged: Mask,
) -> Floats:
    """What components gain, less what their places cost."""
    if isinstance(ground, Table):
        worth = gains - place_of_rows(ground, mixture, model)
        wrong = are_few(counts, mixture, model) | are_thin(ground, mixture)
        return np.where(judged, np.where(wrong, -np.inf, worth), np.inf)
    return np.where(judged, gains - np.maximum(np.log(ground.sd / mixture.sds), 0.0), np.inf)


def _worths_of_crowd(source: Source, mixture: Mixture, model: Model, ground: Table) -> Floats:
    """Of so many components those count as degenerate that have too few points or are too thin;
    leaving points out of each of them would take as long as all of the climb."""
    total = source.reduce(_weight_of, _Gains(np.zeros(1))).values
    wrong = are_few(mixture.weights * total, mixture, model) | are_thin(ground, mixture)
    return np.where(model.held.learned_covariances & wrong, -np.inf, np.inf)


def _weight_of(block: Block) -> _Gains:
    weight = block.sample_weight
    if weight is None:
        return _Gains(np.array([float(block.n_rows)]))
    return _Gains(np.array([float(device_of(weight).xp.sum(weight))]))


def least_worth_on(
    source: Source, units: Units, mixture: Mixture, model: Model, ground: SortedColumn | Table,
    threads: int = 1,
) -> float:
    """The least of `worths_on`; −∞ where a component rests on the floor."""
    return least_worths_on(source, units, [mixture], model, ground, threads)[0]


def least_worths_on(
    source: Source, units: Units, mixtures: Sequence[Mixture], model: Model,
    ground: SortedColumn | Table, threads: int = 1,
) -> list[float]:
    """`least_worth_on` of several mixtures, in as many passes over the data as of one."""
    least = [-np.inf] * len(mixtures)
    stand = [j for j, each in enumerate(mixtures) if not rests_on_floor(each, model, ground).any()]
    if stand:
        worths = worths_of_each(source, units, [mixtures[j] for j in stand], model, ground, threads)
        for j, worth in zip(stand, worths, strict=True):
            least[j] = float(worth.min())
    return least


def rests_on_floor(mixture: Mixture, model: Model, ground: SortedColumn | Table) -> Mask:
    """Which learned spreads rest on the floor, (k,)."""
    if isinstance(ground, Table):
        return on_floor_of_rows(mixture, model)
    return on_floor(mixture, model)
