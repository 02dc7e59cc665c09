"""Data sets drawn for a bootstrap: rows with replacement, random weights, rows of the mixture.

Draws are made a chunk at a time by one generator, in an order that the data alone decides; a chunk
is climbed before the next is drawn, so that memory stays bounded and progress can be told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from emix.climbing.replicates import climb_each, joined

if TYPE_CHECKING:
    from emix.arrays import Block, Floats, Units
    from emix.climbing.batches import Ends
    from emix.climbing.climb import Stop
    from emix.mixture import Mixture
    from emix.model import Model

# Numbers that a chunk of replicates may hold, and the replicates at most: some tenths of a second.
CHUNK_NUMBERS = 1 << 21
CHUNK_REPLICATES = 250


@dataclass(frozen=True, slots=True, eq=False)
class Draw:
    """s data sets: points (s, n, d) in internal units and weights (s, n), of either perhaps one."""

    points: Floats
    weight: Floats | None


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """What is drawn from: rows in internal units (n, d), ties in one column made one, and how many
    of the data each stands for; `total` Σ w."""

    points: Floats
    weight: Floats
    total: float

    @classmethod
    def of(cls, block: Block, units: Units) -> Rows:
        points = units.inward(block.points)
        weight = np.ones(len(points)) if block.sample_weight is None else block.sample_weight
        points, weight = points[weight > 0], weight[weight > 0]
        total = float(weight.sum())
        if points.shape[1] == 1:
            values, place = np.unique(points[:, 0], return_inverse=True)
            points, weight = values[:, None], np.bincount(place, weight).astype(np.float64)
        return cls(points, weight, total)

    @property
    def count(self) -> int:
        """How many rows a data set like this one has."""
        return max(round(self.total), 1)


def with_replacement(rows: Rows, rng: np.random.Generator, size: int) -> Draw:
    """Each row as often as it is drawn; n = Σ w draws in proportion to w."""
    counts = rng.multinomial(rows.count, rows.weight / rows.weight.sum(), size=size)
    return Draw(rows.points[None], np.asarray(counts * (rows.total / rows.count), np.float64))


def with_weights(rows: Rows, rng: np.random.Generator, size: int) -> Draw:
    """Random weights with the mean and the variance of those of a row drawn with replacement:
    exponential, of ties their sum (Newton & Raftery 1994,
    doi:10.1111/j.2517-6161.1994.tb01956.x)."""
    weight = rng.standard_gamma(rows.weight, size=(size, len(rows.weight)))
    weight *= rows.total / weight.sum(axis=1, keepdims=True)
    return Draw(rows.points[None], weight)


def without_one(rows: Rows, first: int, size: int) -> Draw:
    """The data with one point less: of row `first`, and those after it."""
    weight = np.repeat(rows.weight[None], size, axis=0)
    at = np.arange(size)
    weight[at, first + at] -= np.minimum(rows.weight[first: first + size], 1.0)
    return Draw(rows.points[None], weight)


def from_mixture(mixture: Mixture, count: int, rng: np.random.Generator, size: int) -> Draw:
    """Rows of a mixture in internal units, those of each component together."""
    d, weights = mixture.n_features, mixture.weights / mixture.weights.sum()
    numbers = rng.multinomial(count, weights, size=size)
    points = rng.standard_normal((size, count, d))
    labels = np.repeat(np.tile(np.arange(len(weights)), size), numbers.ravel()).reshape(size, count)
    if d == 1:
        points *= np.asarray(mixture.sds)[labels, None]
    else:
        for component in range(len(weights)):
            mine = labels == component
            points[mine] = mixture.covariance.unwhiten(points[mine], component)
    points += mixture.means[labels]
    return Draw(points, None)


def chunks(count: int, n_numbers: int) -> Iterator[tuple[int, int]]:
    """(first, size) of each chunk of `count` replicates of so many numbers each."""
    size = int(min(max(CHUNK_NUMBERS // max(n_numbers, 1), 1), CHUNK_REPLICATES))
    for first in range(0, count, size):
        yield first, min(size, count - first)


def refits(
    draws: Iterator[Draw], start: Mixture, model: Model, stop: Stop, threads: int,
    told: Callable[[int], None] | None = None,
) -> tuple[Ends | None, bool]:
    """Where climbs from `start` end on what is drawn, and whether Ctrl-C ended them early; `told`
    hears how many are done."""
    found: list[Ends] = []
    done = 0
    try:
        for draw in draws:
            found.append(climb_each(draw.points, draw.weight, start, model, stop, threads))
            done += len(found[-1].batch)
            if told is not None:
                told(done)
    except KeyboardInterrupt:
        return (joined(found) if found else None), True
    return joined(found), False
