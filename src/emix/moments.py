"""Moments: count, mean, spread and range of the data, as a monoid; the first look at any data."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from emix.arrays import Place
from emix.devices import device_of, first_not_finite
from emix.errors import DataError
from emix.kernels import NATIVE
from emix.sources.protocol import merge

if NATIVE is not None:
    from emix.kernels import _native

if TYPE_CHECKING:
    from emix.arrays import Block, Floats
    from emix.sources.protocol import Source


# Numbers copied at once where data must be: 8 MiB of doubles.
COPIED = 1 << 20


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Over rows of positive weight w: their count, Σ w, and per column (d,) the weighted mean,
    the scatter Σ w (x − mean)², the least and the greatest value.

    Merging is that of Chan, Golub & LeVeque (1983, doi:10.1080/00031305.1983.10483115), in which
    nothing cancels.
    """

    count: int
    weight: float
    mean: Floats
    scatter: Floats
    minimum: Floats
    maximum: Floats

    @classmethod
    @cache
    def zero(cls, n_features: int) -> Moments:
        nothing = np.zeros(n_features)
        return cls(0, 0.0, nothing, nothing, nothing + np.inf, nothing - np.inf)

    @property
    def sd(self) -> Floats:
        """(d,) standard deviations, Σ w in the denominator."""
        with np.errstate(under="ignore"):
            spread: Floats = np.sqrt(self.scatter / self.weight)
        if all(0 < s < math.inf for s in spread.tolist()):
            return spread
        # Squares beyond the doubles, or below them: the range says enough to choose units by.
        half_range: Floats = self.maximum / 2 - self.minimum / 2
        return np.where(np.isfinite(spread) & (spread > 0), spread, half_range)

    def __add__(self, other: Moments) -> Moments:
        if self.weight == 0 or other.weight == 0:
            return other if self.weight == 0 else self
        weight = self.weight + other.weight
        share = other.weight / weight
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            apart = other.mean - self.mean
            mean = self.mean + share * apart
            scatter = self.scatter + other.scatter + self.weight * share * apart**2
        return Moments(
            self.count + other.count,
            weight,
            mean,
            scatter,
            np.minimum(self.minimum, other.minimum),
            np.maximum(self.maximum, other.maximum),
        )


@dataclass(frozen=True, slots=True)
class MomentsOf:
    """From block to `Moments`, once every value in it has been seen to be finite."""

    threads: int = 1

    def __call__(self, block: Block) -> Moments:
        if not isinstance(block.points, np.ndarray):
            return _on_device(block)
        return _portably(block) if NATIVE is None else _natively(block, self.threads)


def moments_of(source: Source, threads: int = 1) -> Moments:
    """The moments of a source, once every value in it has been seen to be finite.

    Raises `DataError` naming row and column of the first NaN or infinite value, or of the first
    weight that is not a finite non-negative number, and when all weights are 0.
    """

    moments = source.reduce(MomentsOf(threads), Moments.zero(source.n_features))
    if moments.weight == 0:
        raise DataError("all sample weights are 0; at least one row must count")
    return moments


def _natively(block: Block, threads: int) -> Moments:
    parts = []
    for rows in _in_blocks(block):
        x, w = np.ascontiguousarray(rows.points), rows.sample_weight
        if rows.n_features == 1:
            count, weight, *numbers, bad = _native.moments(x[:, 0], w, threads)
            columns = list(np.array(numbers)[:, None])
        else:
            count, weight, *columns, bad = _native.moments_table(x, w, threads)
        if bad >= 0:
            _refuse(block)
        parts.append(Moments(count, weight, *columns) if count else Moments.zero(rows.n_features))
    return merge(parts, Moments.zero(block.n_features))


def _in_blocks(block: Block) -> Iterator[Block]:
    """The block itself where its rows are in C order; else as many rows as may be copied."""
    if block.points.flags.c_contiguous:
        yield block
        return
    n_rows = max(COPIED // block.n_features, 1)
    for start in range(0, block.n_rows, n_rows):
        yield block.rows(start, start + n_rows)


def _portably(block: Block) -> Moments:
    n_rows = max(COPIED // block.n_features, 1)
    parts, origin = [], None
    for start in range(0, block.n_rows, n_rows):
        x, w = _counted(block, start, start + n_rows)
        if len(x) == 0:
            continue
        # About one row, the same for all parts: so a common offset costs no digits, neither in a
        # part nor where parts are merged.
        origin = x[0].copy() if origin is None else origin
        parts.append(_about(origin, x, w))
    about = merge(parts, Moments.zero(block.n_features))
    if origin is None:
        return about
    with np.errstate(over="ignore"):
        return replace(about, mean=about.mean + origin)


def _counted(block: Block, start: int, stop: int) -> tuple[Floats, Floats | None]:
    """Rows that have weight, and their weights; refuses the block when any row of it is bad."""
    rows = block.rows(start, stop)
    x, w = rows.points, rows.sample_weight
    if not np.isfinite(x).all() or (w is not None and not (np.isfinite(w) & (w >= 0)).all()):
        _refuse(block)
    if w is not None:
        x, w = x[w > 0], w[w > 0]
    return x.astype(np.float64, copy=False), w


def _about(origin: Floats, x: Floats, w: Floats | None) -> Moments:
    """Moments of rows x, the mean about `origin`."""
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        beyond = x - origin
        mean = np.average(beyond, axis=0, weights=w)
        squares = (beyond - mean) ** 2
        scatter = squares.sum(axis=0) if w is None else w @ squares
    total = float(len(x)) if w is None else float(w.sum())
    return Moments(len(x), total, mean, scatter, x.min(axis=0), x.max(axis=0))


def _on_device(block: Block) -> Moments:
    """The same where the rows are, of which no copy is made here."""
    device = device_of(block.points)
    xp, w = device.xp, block.sample_weight
    bad = first_not_finite(block.points)
    place = Place.whole() if block.place is None else block.place
    if bad is not None:
        row, column, value = bad
        raise DataError(f"x holds {value} at {place.of_row(row)}, {place.of_column(column)}; "
                        f"missing values are not supported: drop those rows first")
    x = device.reals(block.points)
    if w is not None:
        wrong = ~(xp.isfinite(w) & (w >= 0))
        if bool(xp.any(wrong)):
            row = int(xp.argmax(xp.astype(wrong, xp.int32)))
            raise DataError(f"sample_weight holds {float(w[row])} at {place.of_row(row)}; weights "
                            f"are finite and not negative")
        x, w = x[w > 0], w[w > 0]
    if x.shape[0] == 0:
        return Moments.zero(block.n_features)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        each = xp.ones_like(x[:, 0]) if w is None else w
        origin, total = x[0, :], xp.sum(each)
        beyond = x - origin
        mean = xp.sum(beyond * each[:, None], axis=0) / total
        scatter = xp.sum((beyond - mean) ** 2 * each[:, None], axis=0)
        weight, first, mean, scatter, least, greatest = device.take([
            total, origin, mean, scatter, xp.min(x, axis=0), xp.max(x, axis=0)
        ])
        return Moments(int(x.shape[0]), float(weight), first + mean, scatter, least, greatest)


def _refuse(block: Block) -> None:
    place = Place.whole() if block.place is None else block.place
    bad = ~np.isfinite(block.points)
    if bad.any():
        row, column = (int(i) for i in np.argwhere(bad)[0])
        number = int(bad.sum())
        count = f"{number} such values in all" if block.place is None else \
            f"and {number - 1} more such values near there"
        raise DataError(
            f"x holds {block.points[row, column]} at {place.of_row(row)}, "
            f"{place.of_column(column)} ({count}); missing values are not supported: drop those "
            f"rows first"
        )
    assert block.sample_weight is not None
    w = block.sample_weight
    row = int(np.flatnonzero(~(np.isfinite(w) & (w >= 0)))[0])
    raise DataError(f"sample_weight holds {w[row]} at {place.of_row(row)}; weights are finite and "
                    f"not negative")
