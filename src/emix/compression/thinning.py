"""A sorted sample in fewer points, for a search that need not see each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from emix.arrays import Floats, Units
from emix.compression.bins import Bins
from emix.compression.surrogate import Surrogate
from emix.initialise import SortedColumn

if TYPE_CHECKING:
    from emix.initialise.column import SortedColumn as Column

# Bins for each component, and in all at least.
BINS_EACH, LEAST_BINS = 64, 256
# A bin holds more than smooth data would when it holds more than so many times what its
# neighbours on either side do, and so many points more: then there is something narrow in it.
# And so when it holds such a share of all, as the middle of a normal component does not.
MUCH_MORE, CHANCE, MOST_SHARE = 2.0, 30.0, 1 / 24


def thinned(column: Column, k: int) -> tuple[Column, float] | None:
    """A column in some hundred bins, two points each, and the width of a bin in internal units;
    None where that would not be much less, or would blur something.

    On the points that are left no component may be narrower than a bin: it would see the gaps
    between them.
    """
    most = max(LEAST_BINS, BINS_EACH * k)
    if len(column.points) < 4 * most:
        return None
    if not np.isfinite(column.sd):
        return None
    finest = int(np.frexp(np.abs(column.points).max())[1]) - 60
    bins = Bins.of(column.points, column.weight, finest).fitting(most)
    if len(bins) > most or _blurs(bins, column.weight):
        return None
    surrogate = Surrogate.of(bins, Units.identity(1))
    return SortedColumn.of(surrogate.source.block, Units.identity(1)), float(
        np.ldexp(1.0, bins.exponent[0]))


def _blurs(bins: Bins, weight: Floats) -> bool:
    """Whether a bin of several values holds much of all, or stands out from its neighbours on both
    sides."""
    held, around = bins.sums[:, 0], np.zeros(len(bins))
    for side in (1, -1):
        beside = sum((_held_at(bins, bins.index + side * step) for step in (1, 2)), np.zeros(1))
        around = np.maximum(around, beside / 2)
    _, variance, _ = bins.moments()
    chance = CHANCE * float(weight.mean())
    most = np.minimum(MUCH_MORE * around + chance, MOST_SHARE * held.sum())
    return bool(((variance > 0) & (held > most)).any())


def _held_at(bins: Bins, index: Floats) -> Floats:
    """What the bins of so many indices hold; 0 for those that are not there."""
    at = np.minimum(np.searchsorted(bins.index, index), len(bins) - 1)
    held: Floats = np.where(bins.index[at] == index, bins.sums[at, 0], 0.0)
    return held
