"""The native kernel, in C++, compiled per instruction set and chosen at import.

One column has loops of its own; tables of more columns, whatever holds their covariances, share
theirs. Rows are read where they lie when they are in C order, as `ArraySource` keeps them; in any
other order they are copied a bounded number at a time.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np

from emix.arrays import Block
from emix.covariance import Common, Diagonal, Isotropic
from emix.kernels import _native
from emix.statistics import Statistics
from emix.vicinity import Surveyed

if TYPE_CHECKING:
    from emix.arrays import Floats, Labels, Points, Units
    from emix.covariance import ScatterForm
    from emix.kernels.protocol import Components
    from emix.vicinity import Leads, Places, Vicinity

# Rows copied at once where they are not in C order.
ROWS = 1 << 16

# In the order of SpreadForm and ScatterForm in native/kernel.hpp.
ISOTROPIC, DIAGONAL, COMMON, FULL = range(4)
SCATTER_FORMS: tuple[ScatterForm, ...] = ("spherical", "diagonal", "full", "pooled")


class NativeKernel:
    """See `emix.kernels.protocol.Kernel`."""

    name = "native"

    def expect(
        self, components: Components, block: Block, form: ScatterForm,
        units: Units | None = None, threads: int = 1,
    ) -> Statistics:
        if _is_column(components):
            return _expect_column(components, block, form, units, threads)
        spread, mixture = _table(components)
        shift, scale = _shift_and_scale(units)
        parts = []
        for rows in _in_c_order(block):
            weight, first, second, loglik, total = _native.expect_table(
                rows.points, rows.sample_weight, shift, scale, spread, *mixture,
                SCATTER_FORMS.index(form), threads,
            )
            parts.append(Statistics(components.means, weight, first, second, loglik, total,
                                    _count(rows)))
        return reduce(Statistics.__add__, parts)

    def log_density(self, components: Components, points: Points, threads: int = 1) -> Floats:
        if _is_column(components):
            return _native.log_density(_contiguous(points), 0.0, 1.0, *_column(components), threads)
        density: Floats = _by_row(_native.log_density_table, components, points, threads)
        return density

    def responsibilities(self, components: Components, points: Points, threads: int = 1) -> Floats:
        if _is_column(components):
            return _native.responsibilities(
                _contiguous(points), 0.0, 1.0, *_column(components), threads
            )
        shares: Floats = _by_row(_native.responsibilities_table, components, points, threads)
        return shares

    def labels(self, components: Components, points: Points, threads: int = 1) -> Labels:
        if _is_column(components):
            return _native.labels(_contiguous(points), 0.0, 1.0, *_column(components), threads)
        labels: Labels = _by_row(_native.labels_table, components, points, threads)
        return labels

    def classification(
        self, components: Components, block: Block, threads: int = 1
    ) -> tuple[float, float]:
        if _is_column(components):
            return _native.classification(
                _contiguous(block.points), block.sample_weight, 0.0, 1.0, *_column(components),
                threads,
            )
        spread, mixture = _table(components)
        parts = [
            _native.classification_table(
                rows.points, rows.sample_weight, spread, *mixture, threads
            )
            for rows in _in_c_order(block)
        ]
        return sum(hard for hard, _ in parts), sum(soft for _, soft in parts)

    def expect_near(
        self, components: Components, block: Block, form: ScatterForm, vicinity: Vicinity,
        units: Units | None = None, threads: int = 1,
    ) -> tuple[Statistics, Leads, Floats]:
        spread, mixture = _table(components)
        shift, scale = _shift_and_scale(units)
        weight, first, second, loglik, total, lead, share = _native.expect_vicinity(
            np.ascontiguousarray(block.points), block.sample_weight, shift, scale, spread,
            *mixture, SCATTER_FORMS.index(form), vicinity.lead, vicinity.begin, vicinity.near,
            threads,
        )
        statistics = Statistics(components.means, weight, first, second, loglik, total,
                                _count(block))
        return statistics, lead, share

    def survey(
        self, components: Components, block: Block, rows: Places, least: float,
        vicinity: Vicinity | None = None, units: Units | None = None, threads: int = 1,
    ) -> Surveyed:
        spread, mixture = _table(components)
        shift, scale = _shift_and_scale(units)
        v = vicinity
        lead, begin, near = (None, None, None) if v is None else (v.lead, v.begin, v.near)
        return Surveyed(*_native.survey(
            np.ascontiguousarray(block.points), shift, scale, spread, *mixture, rows, least,
            lead, begin, near, threads,
        ))

    def seeds(
        self, points: Floats, weight: Floats, uniforms: Floats, threads: int = 1
    ) -> Places:
        return _native.draw_seeds(points, weight, uniforms, threads)


# One column


def _is_column(components: Components) -> bool:
    return components.means.shape[1] == 1 and isinstance(components.covariance, Isotropic)


def _column(components: Components) -> tuple[Floats, Floats, Floats]:
    """Log-weights, means and sds, each (k,) and contiguous."""
    means = np.ascontiguousarray(components.means[:, 0])
    return _log_weights(components), means, components.covariance.sds  # type: ignore[attr-defined]


def _contiguous(points: Points) -> Points:
    return np.ascontiguousarray(points[:, 0])


def _expect_column(
    components: Components, block: Block, form: ScatterForm, units: Units | None, threads: int
) -> Statistics:
    log_weights, means, sds = _column(components)
    shift, scale = (0.0, 1.0) if units is None else (units.shift[0], units.scale[0])
    weight, s1, s2, loglik, total = _native.expect(
        _contiguous(block.points), block.sample_weight, shift, scale,
        log_weights, means, sds, threads,
    )
    # The kernel sums whitened deviations, which cannot overflow where these could. Of a component
    # that hardly any point belongs to they may be less than any double.
    with np.errstate(under="ignore"):
        first, second = (s1 * sds)[:, None], s2 * sds**2
    if form == "pooled":
        second = second.sum(keepdims=True)[:, None, None]
    elif form != "spherical":
        second = second[:, None] if form == "diagonal" else second[:, None, None]
    return Statistics(components.means, weight, first, second, loglik, total, _count(block))


# Tables


def _table(components: Components) -> tuple[int, tuple[Floats, Floats, Floats]]:
    """The form that covariances are held in; log-weights (k,), means (k, d), and what holds them:
    standard deviations (k,) or (k, d), one factor (d, d) or factors (k, d, d)."""
    covariance = components.covariance
    if isinstance(covariance, Isotropic):
        form, spreads = ISOTROPIC, covariance.sds
    elif isinstance(covariance, Diagonal):
        form, spreads = DIAGONAL, covariance.sds
    elif isinstance(covariance, Common):
        form, spreads = COMMON, covariance.factor
    else:
        form, spreads = FULL, covariance.factors
    means = np.ascontiguousarray(components.means)
    return form, (_log_weights(components), means, np.ascontiguousarray(spreads))


def _by_row(verb: Any, components: Components, points: Points, threads: int) -> Any:
    spread, mixture = _table(components)
    parts = [verb(rows.points, spread, *mixture, threads) for rows in _in_c_order(Block(points))]
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _in_c_order(block: Block) -> Iterator[Block]:
    """The block itself, or copies of its rows, `ROWS` at a time."""
    if block.points.flags.c_contiguous or block.n_rows == 0:
        yield Block(np.ascontiguousarray(block.points), block.sample_weight)
        return
    for start in range(0, block.n_rows, ROWS):
        rows = block.rows(start, start + ROWS)
        yield Block(np.ascontiguousarray(rows.points), rows.sample_weight)


def _shift_and_scale(units: Units | None) -> tuple[Floats, Floats] | tuple[None, None]:
    return (None, None) if units is None else (_row(units.shift), _row(units.scale))


def _row(values: Floats) -> Floats:
    return np.ascontiguousarray(values, dtype=np.float64)


# Both


def _log_weights(components: Components) -> Floats:
    weights = components.weights.tolist()
    return np.array([math.log(w) if w > 0 else -math.inf for w in weights])


def _count(block: Block) -> int:
    sample_weight = block.sample_weight
    return block.n_rows if sample_weight is None else int(np.count_nonzero(sample_weight))
