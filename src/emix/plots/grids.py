"""Where to look: the range of a picture, the points a curve is drawn through, histogram bins."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from emix.arrays import Floats, as_points, as_sample_weight
from emix.errors import DataError, ParameterError
from emix.plots.style import counted, number

if TYPE_CHECKING:
    from emix.mixture import Mixture

# Points of a curve across the picture, and across ±REACH sds of each component.
ACROSS, WITHIN, REACH = 801, 161, 6.0
# Values from which on a few may stay outside a picture, and how many times as wide it would be
# with them.
FEWEST, FAR = 30, 6.0
# Rows among which the spacing of rounded data is looked for.
LATTICE_ROWS = 1 << 20


def column_of(mixture: Mixture, x: object) -> Floats:
    """x as (n,) float64; raises `DataError` and `ParameterError` for more than one column."""
    if mixture.n_features != 1:
        raise ParameterError(f"the mixture has {mixture.n_features} columns and this picture is "
                             f"of one: draw plot_pairs, or mixture.marginal(j) and x[:, j]")
    points = as_points(x)
    if points.shape[1] != 1:
        raise DataError(f"x has {points.shape[1]} columns; expected one, of shape (n,)")
    column: Floats = points[:, 0].astype(np.float64)
    if not np.isfinite(column).all():
        row = int(np.flatnonzero(~np.isfinite(column))[0])
        raise DataError(f"x holds {column[row]} at row {row}; expected finite numbers")
    return column


def view(column: Floats, *mixtures: Mixture) -> tuple[float, float]:
    """The range that shows the data and all but 1/500 of each mixture, with a margin.

    A few values that would leave the others less than a sixth of the picture stay outside; see
    `outside`.
    """
    near = _near(column)
    if near is not None:
        margin = 0.06 * (near[1] - near[0])
        return near[0] - margin, near[1] + margin
    ends = [column.min(), column.max()]
    for mixture in mixtures:
        ends += list(mixture.quantile([0.001, 0.999]))
    low, high = float(min(ends)), float(max(ends))
    if not high > low:
        spread = max(abs(low), 1.0) * 1e-6
        low, high = low - spread, high + spread
    margin = 0.03 * (high - low)
    return low - margin, high + margin


def _near(column: Floats) -> tuple[float, float] | None:
    """From where to where values lie that are no further from all but the outermost hundredth on
    each side than these are wide; None where that is no picture of its own."""
    n = len(column)
    if n < FEWEST:
        return None
    few = max(1, n // 100)
    low, high = (float(value) for value in np.partition(column, [few, n - 1 - few])[
        [few, n - 1 - few]])
    reach = high - low
    near = column[(column >= low - reach) & (column <= high + reach)]
    least, most = float(near.min()), float(near.max())
    far = float(column.max()) - float(column.min()) > FAR * (most - least)
    return (least, most) if most > least and far else None


def outside(column: Floats, low: float, high: float) -> str:
    """How many values a picture from low to high leaves out, and how far they reach, in words; ""
    where it leaves out none.

    >>> outside(np.array([1.0, 2.0, 500.0]), 0.0, 5.0)
    '1 beyond the picture, to 500.0'
    """
    beyond = column[(column < low) | (column > high)]
    if len(beyond) == 0:
        return ""
    far = float(beyond[np.argmax(np.abs(beyond - 0.5 * (low + high)))])
    return f"{counted(len(beyond))} beyond the picture, to {number(far, 4)}"


def curve_points(mixture: Mixture, low: float, high: float) -> Floats:
    """Points (m,) in ascending order that miss no component, however narrow: an even grid, and
    around each mean one at the scale of its own standard deviation, the mean among them."""
    steps = np.linspace(-REACH, REACH, WITHIN)
    own = mixture.means + np.outer(mixture.sds, steps)
    points = np.concatenate([np.linspace(low, high, ACROSS), own.ravel()])
    return np.unique(points[(points >= low) & (points <= high)])


def component_densities(mixture: Mixture, x: Floats) -> Floats:
    """Φ_k N(x | μ_k, σ_k²) at x (m,): shape (m, k); the rows sum to the mixture's density."""
    z = (x[:, None] - mixture.means[:, 0]) / mixture.sds
    with np.errstate(under="ignore", over="ignore"):
        density: Floats = np.exp(-0.5 * z * z) / (math.sqrt(2 * math.pi) * mixture.sds)
        weighted: Floats = mixture.weights * density
    return weighted


def weighted(rows: Floats, sample_weight: object) -> tuple[Floats, Floats | None]:
    """Rows (n,) or (n, d) that have weight, and their weights, None where all have the same.

    Raises `DataError` for what are no weights of them.
    """
    if sample_weight is None:
        return rows, None
    weight = as_sample_weight(sample_weight, len(rows))
    some = weight > 0
    return rows[some], weight[some] if (weight != weight[0]).any() else None


def histogram(
    column: Floats, mixture: Mixture, weight: Floats | None = None
) -> tuple[Floats, Floats]:
    """Edges (b + 1,) of even bins, relative to the least value, and densities (b,).

    The width is Scott's (1979, doi:10.1093/biomet/66.3.605) for the component that asks for the
    narrowest, of those that hold a twentieth of the data (or as much as any does): what suits
    the whole would blur its parts. Rounded data get bins of a whole number of roundings, or the
    bins would beat with them.
    """
    start, n = float(column.min()), len(column)
    total = float(n) if weight is None else float(weight.sum())
    spread = float(column.max()) - start
    if not spread > 0:
        width = float(mixture.sds.max())
        return np.array([-0.5, 0.5]) * width, np.array([1 / width])
    common = mixture.weights >= min(0.05, mixture.weights.max())
    asked = 3.49 * mixture.sds[common] * (n * mixture.weights[common]) ** (-1 / 3)
    most = min(max(4 * math.sqrt(n), 10), 200)
    width = min(max(float(asked.min(initial=np.inf)), spread / most), spread / 4)
    step = lattice(column)
    if step > width / 50:
        width = step * max(1, round(width / step))
        first = -step / 2
        bins = math.ceil((spread - first) / width + 1e-9)
    else:
        # One bin more than must be, so that the outermost points lie within theirs.
        bins = math.ceil(spread / width) + 1
        first = 0.5 * (spread - bins * width)
    counts, edges = np.histogram(column - start, first + width * np.arange(bins + 1),
                                 weights=weight)
    return edges, counts / (total * width)


def lattice(column: Floats) -> float:
    """The step of which all differences are whole multiples, 0.0 where there is none.

    >>> lattice(np.array([79.0, 54.0, 74.0, 55.0]))
    1.0
    """
    sample = column[:: 1 + len(column) // LATTICE_ROWS]
    gaps = np.diff(np.unique(sample))
    # Of a few values, some step is always found, by chance.
    if len(gaps) < 3:
        return 0.0
    step = float(gaps.min())
    multiples = gaps / step
    rounding = 1e-3 + 4 * np.finfo(float).eps * float(np.abs(sample).max()) / step
    return step if np.abs(multiples - np.round(multiples)).max() < rounding < 0.2 else 0.0
