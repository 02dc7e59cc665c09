"""The native kernel: one column, in C++, compiled per instruction set and chosen at import."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from emix.kernels import _native
from emix.statistics import Statistics

if TYPE_CHECKING:
    from emix.arrays import Block, Floats, Labels, Points, Units
    from emix.covariance import ScatterForm
    from emix.kernels.protocol import Components


class NativeKernel:
    """See `emix.kernels.protocol.Kernel`; serves one column."""

    name = "native"

    def expect(
        self, components: Components, block: Block, form: ScatterForm,
        units: Units | None = None, threads: int = 1,
    ) -> Statistics:
        log_weights, means, sds = _column(components)
        shift, scale = (0.0, 1.0) if units is None else (units.shift[0], units.scale[0])
        weight, s1, s2, loglik, total = _native.expect(
            _contiguous(block.points), block.sample_weight, shift, scale,
            log_weights, means, sds, threads,
        )
        # The kernel sums whitened deviations, which cannot overflow where these could.
        first = (s1 * sds)[:, None]
        second = s2 * sds**2
        if form != "spherical":
            second = second[:, None] if form == "diagonal" else second[:, None, None]
        sample_weight = block.sample_weight
        count = block.n_rows if sample_weight is None else int(np.count_nonzero(sample_weight))
        return Statistics(components.means, weight, first, second, loglik, total, count)

    def log_density(self, components: Components, points: Points, threads: int = 1) -> Floats:
        return _native.log_density(_contiguous(points), 0.0, 1.0, *_column(components), threads)

    def responsibilities(self, components: Components, points: Points, threads: int = 1) -> Floats:
        return _native.responsibilities(
            _contiguous(points), 0.0, 1.0, *_column(components), threads
        )

    def labels(self, components: Components, points: Points, threads: int = 1) -> Labels:
        return _native.labels(_contiguous(points), 0.0, 1.0, *_column(components), threads)

    def classification(
        self, components: Components, block: Block, threads: int = 1
    ) -> tuple[float, float]:
        return _native.classification(
            _contiguous(block.points), block.sample_weight, 0.0, 1.0, *_column(components), threads
        )


def _contiguous(points: Points) -> Points:
    return np.ascontiguousarray(points[:, 0])


def _column(components: Components) -> tuple[Floats, Floats, Floats]:
    """Log-weights, means and sds, each (k,) and contiguous."""
    weights = components.weights.tolist()
    log_weights = np.array([math.log(w) if w > 0 else -math.inf for w in weights])
    means = np.ascontiguousarray(components.means[:, 0])
    return log_weights, means, components.covariance.sds  # type: ignore[attr-defined]
